"""Base classes of the admin's sections, and what their pages share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, TypeAlias, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest
from django.db import DataError, models
from django.http import HttpRequest
from django.http.response import HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.confirming import AdvisedForm
from consent.admin.fields import LinesField
from consent.admin.generic import AnyField, BaseInlineFormSet, ModelAdmin, ModelForm, TabularInline
from consent.admin.skins import dress
from consent.admin.wording import WORDING_ONLY, History, Text, asked_again, from_revision
from consent.models import Category, Dated, Policy
from consent.models.default_texts import localized

M = TypeVar("M", bound=models.Model)
Parent = TypeVar("Parent", bound=models.Model)
D = TypeVar("D", bound=Dated)

Context: TypeAlias = dict[str, object]
"""Variables of a template."""

COSMETIC = "cosmetic"
# Stands where there is nothing to say.
NOTHING = "–"  # noqa: RUF001


class CosmeticForm(AdvisedForm[D]):
    """A form whose editor can say that a change of wording changes nothing for visitors."""

    cosmetic = forms.BooleanField(
        label=_("Cosmetic change: don't ask visitors again"), required=False
    )

    @cached_property
    def changed_data(self) -> list[str]:
        """Names of the changed fields, without the tick itself, which is not stored."""
        return [name for name in super().changed_data if name != COSMETIC]


class RowForm(AdvisedForm[M]):
    """A row that is edited in its list: each field is named for who cannot see the columns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_fields(self)


class SectionAdmin(ModelAdmin[M]):
    """A section of the admin: an introduction, a link to the live policy, strict addresses."""

    introduction: ClassVar[Text] = ""
    formfield_overrides = {models.TextField: {"form_class": LinesField}}

    def changelist_view(
        self, request: HttpRequest, extra_context: Context | None = None
    ) -> HttpResponse:
        """Show the list under its plain name. Raises BadRequest for invalid ids and numbers.

        Django's own view passes those on to the database.
        """
        context = {
            **live_policy(),
            "title": capfirst(str(self.opts.verbose_name_plural)),
            "introduction": self.introduction,
            **(extra_context or {}),
        }
        try:
            return super().changelist_view(request, context)
        except (DataError, OverflowError, ValueError) as error:
            raise BadRequest("The address or the form has an invalid value.") from error

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        """Add the live policy's address to the form's page."""
        context = {**live_policy(), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def page(
        self,
        request: HttpRequest,
        template: str,
        context: Context,
        thing: M | None = None,
    ) -> HttpResponse:
        """Return a page about ``thing`` that is not a form, but has the context of a form's page.

        Skins of the admin read more of it than Django's own templates do.
        """
        form: Any = forms.Form()
        complete = {
            **self.admin_site.each_context(request),
            **live_policy(),
            "adminform": AdminForm(form, [], {}),
            "inline_admin_formsets": [],
            "errors": [],
            "media": self.media,
            "original": thing,
            "object_id": thing.pk if thing else None,
            "is_popup": "_popup" in request.GET or "_popup" in request.POST,
            "to_field": None,
            "preserved_filters": self.get_preserved_filters(request),
            **context,
        }
        exists = thing is not None
        page: Any = super().render_change_form(
            request, complete, add=not exists, change=exists, obj=thing
        )
        return TemplateResponse(request, template, page.context_data)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse patterns in the address: not every database survives every one of them."""
        return "regex" not in lookup and super().lookup_allowed(lookup, value, request)

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Leave out the icons that open another section in a pop-up: each has its own entry."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        if field is not None:
            dress(field)
        return field


class ReadOnlyAdmin(SectionAdmin[M]):
    """A read-only section: nobody can add, change or delete anything in it."""

    actions: Any = None

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        """Show the page without a link to the history: read-only objects have none."""
        context = {"written_once": True, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def get_readonly_fields(self, request: HttpRequest, obj: M | None = None) -> list[str]:
        """Return all fields of the page."""
        return flatten_fieldsets(self.fieldsets or ())

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse."""
        return False


class NamedFormSet(BaseInlineFormSet[M, Parent, ModelForm[M]]):
    """The rows of an object, each field with a name of its own."""

    def add_fields(self, form: ModelForm[M], index: int | None) -> None:
        """Name the fields, and the box for deletion."""
        super().add_fields(form, index)
        name_fields(form)


class OwnedInline(TabularInline[M, Parent]):
    """Rows that are part of another object: the permissions are those of that object.

    Whoever may change the object may add, change and delete its rows.
    """

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Return a field that looks as those of the skin do."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            dress(field)
        return field

    def has_view_permission(self, request: HttpRequest, obj: Parent | None = None) -> bool:
        """Say whether the user may see the object."""
        return self._may(request, "view") or self._may(request, "change")

    def has_add_permission(self, request: HttpRequest, obj: Parent | None = None) -> bool:
        """Say whether the user may change the object, or add it with its rows."""
        return self._may(request, "change" if obj else "add")

    def has_change_permission(self, request: HttpRequest, obj: Parent | None = None) -> bool:
        """Say whether the user may change the object."""
        return self._may(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Parent | None = None) -> bool:
        """Say whether the user may change the object: its rows are part of it."""
        return self._may(request, "change")

    def _may(self, request: HttpRequest, action: str) -> bool:
        opts = self.parent_model._meta
        return request.user.has_perm(f"{opts.app_label}.{action}_{opts.model_name}")


class DatedAdmin(SectionAdmin[D]):
    """A section whose changes may ask visitors again: says so to the editor and in the history."""

    def save_model(self, request: HttpRequest, obj: D, form: Any, change: bool) -> None:
        """Save, as a cosmetic change if the editor ticked that."""
        before = obj.since
        cosmetic = COSMETIC in request.POST
        obj.save(cosmetic=cosmetic)
        form.revision = obj.since if obj.since != before else None
        if form.revision:
            tell(request, messages.INFO, asked_again(obj))
        elif cosmetic and change:
            tell(request, messages.INFO, gettext("Visitors are not asked again."))

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Iterable[forms.BaseFormSet[Any]],
        add: bool = False,
    ) -> History:
        """Also note the revision from which visitors are asked, or that only wording changed."""
        message = super().construct_change_message(request, form, formsets, add)
        if form.revision:
            return [*message, *from_revision(form.revision)]
        if COSMETIC in request.POST and not add:
            return [*message, {"changed": {"fields": [WORDING_ONLY]}}]
        return message

    def get_changelist_form(self, request: HttpRequest, **kwargs: object) -> type[ModelForm[D]]:
        """Name each field in the list."""
        return super().get_changelist_form(request, **{"form": RowForm, **kwargs})


def live_policy() -> dict[str, str]:
    """Return the address of the page that visitors see, for the admin's templates."""
    policy = Policy.objects.default()
    return {"live_policy_url": policy.get_absolute_url()} if policy else {}


def category_names() -> dict[str, str]:
    """Return the optional categories of the active policy, in their order: key to name."""
    rows = Category.objects.filter(policy__is_default=True, essential=False)
    names = rows.order_by("order", "pk").values_list("key", "name")
    return {key: localized(name) for key, name in names}


def name_fields(form: ModelForm[M]) -> None:
    """Give each field of a row a name that says which row it is in: a table's head is no label."""
    for field in form.fields.values():
        # A table has no element for the help that the field would point to.
        field.help_text = ""
        if field.label and not field.widget.is_hidden:
            name = str(form.instance) if form.instance.pk else ""
            field.widget.attrs["aria-label"] = f"{field.label}: {name}" if name else field.label


def tell(request: HttpRequest, level: int, text: str) -> None:
    """Show ``text`` on the next page; once, however many rows of a list it is true of."""
    said: set[str] = request.__dict__.setdefault("_consent_said", set())
    if text not in said:
        said.add(text)
        messages.add_message(request, level, text)
