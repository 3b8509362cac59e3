"""Categories, editable in place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin import advice
from consent.admin.base import CosmeticForm, DatedAdmin, RowForm
from consent.admin.catalogue import may_edit_snippets
from consent.admin.confirming import AdvisedForm
from consent.admin.consent_types import ConsentTypesField
from consent.admin.generic import AnyField, Fieldsets, ModelForm
from consent.admin.keys import free_key, keys_in
from consent.models import Category, Policy
from consent.recipes.keys import CATEGORY_KEY_LENGTH

SIGNALS = _(
    "If a visitor allows this category, these signals are granted to the tools of Google and "
    "Microsoft. A signal that several categories have is granted only if all of them are allowed; "
    "a signal that no category has is always denied."
)


class EssentialForm(AdvisedForm[Category]):
    """A form by which a category may become essential, so that its tools run for everybody."""

    may_edit_code: ClassVar[bool] = True

    def clean(self) -> dict[str, Any]:
        """Refuse that tools come to run for everybody, unless the user may change code."""
        cleaned = super().clean() or self.cleaned_data
        becomes = "essential" in self.changed_data and cleaned.get("essential")
        if becomes and not self.may_edit_code and self.instance.pk and self.instance.tools.exists():
            self.add_error(
                "essential",
                gettext(
                    "Only users with the permission to edit custom snippets may make a category "
                    "with tools essential: they would run for everybody."
                ),
            )
        return cleaned

    def advice(self) -> Iterable[str]:
        """Warn of tools that would run for everybody."""
        became_essential = "essential" in self.changed_data and self.instance.essential
        return advice.on_category(self.instance) if became_essential else ()


class CategoryForm(EssentialForm, CosmeticForm[Category]):
    """A category; if its key is left empty, it is made from the name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "key" in self.fields:
            self.fields["key"].required = False

    def clean(self) -> dict[str, Any]:
        """Make the key from the name if it was left empty."""
        cleaned = super().clean()
        if cleaned.get("key") == "":
            taken = keys_in(cleaned.get("policy"))
            name = cleaned.get("name", "")
            cleaned["key"] = free_key(name, taken, longest=CATEGORY_KEY_LENGTH)
        return cleaned


class CategoryRowForm(EssentialForm, RowForm[Category]):
    """A category in the list."""


def _form_for(request: HttpRequest, form: type[EssentialForm]) -> type[EssentialForm]:
    """Return ``form`` for what the user may do."""
    return type(form.__name__, (form,), {"may_edit_code": may_edit_snippets(request)})


@admin.register(Category)
class CategoryAdmin(DatedAdmin[Category]):
    """The categories. Order, purpose and both boxes can be changed in the list."""

    form = CategoryForm
    introduction = _(
        "The purposes of data collection, in the order in which visitors see them. Visitors allow "
        "or refuse each category as a whole; essential categories always run."
    )
    list_display = ("name", "order", "purpose", "essential", "sale", "tools_enabled")
    list_editable = ("order", "purpose", "essential", "sale")
    list_filter = ("policy",)
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        """Count the enabled tools with the categories."""
        enabled = Count("tools", filter=Q(tools__enabled=True))
        categories: QuerySet[Category] = super().get_queryset(request)
        return categories.select_related("policy").annotate(enabled=enabled)

    def get_changelist_form(
        self, request: HttpRequest, **kwargs: object
    ) -> type[ModelForm[Category]]:
        """Ask in the list, too."""
        form = _form_for(request, CategoryRowForm)
        return super().get_changelist_form(request, **{"form": form, **kwargs})

    def get_form(
        self, request: HttpRequest, obj: Category | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[Category]]:
        """Return the form for what the user may do."""
        form = _form_for(request, CategoryForm)
        return super().get_form(request, obj, change, **{"form": form, **kwargs})

    @admin.display(description=_("Enabled tools"), ordering="enabled")
    def tools_enabled(self, category: Category) -> int:
        """The number of its enabled tools."""
        enabled: int = getattr(category, "enabled", 0)
        return enabled

    def get_fieldsets(self, request: HttpRequest, obj: Category | None = None) -> Fieldsets:
        """Return first what everybody fills in, last what only developers need."""
        return [
            (None, {"fields": ("name", "purpose", "essential", "sale", "order")}),
            (_("Signals to Google and Microsoft"), {"fields": ("consent_types",)}),
            (_("Technical details"), {"classes": ("collapse",), "fields": ("key", "policy")}),
        ]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Category | None = None
    ) -> tuple[str, ...]:
        """Protect key and policy of a stored category, by which visitors may have chosen."""
        return ("key", "policy") if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the active policy."""
        return {"policy": Policy.objects.default()}

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Return a text area for the purpose, and a box for each signal."""
        if db_field.name == "consent_types":
            return ConsentTypesField(label=_("Signals granted here"), help_text=SIGNALS)
        if db_field.name == "purpose":
            kwargs["widget"] = forms.Textarea(attrs={"rows": 4, "cols": 60})
        if db_field.name == "order":
            kwargs["help_text"] = _("The category with the smallest number comes first.")
        return super().formfield_for_dbfield(db_field, request, **kwargs)
