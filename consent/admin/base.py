"""What the admin's sections share: the live policy's address, and who is asked again."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from itertools import chain, count
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest
from django.db import DataError
from django.http import HttpRequest
from django.http.response import HttpResponse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from consent.models import Category, Dated, Policy, Tool
from consent.models.default_texts import localized

COSMETIC = "cosmetic"
# The regimes' own words are sentences, too long for a table.
REGIMES: dict[str, Any] = {
    Policy.Regime.OPT_IN: _("Opt-in"),
    Policy.Regime.IMPLIED: _("Implied"),
    Policy.Regime.NOTICE_ONLY: _("Notice only"),
}
# Stands where there is nothing to say.
NOTHING = "–"  # noqa: RUF001
# Words of the history; they are stored in English and translated when it is shown.
REVISION = gettext_noop("revision")
WORDING_ONLY = gettext_noop("wording only, as a cosmetic change")


class CosmeticForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose editor can say that a change of wording changes nothing for visitors."""

    cosmetic = forms.BooleanField(
        label=_("Cosmetic change: don't ask visitors again"), required=False
    )

    @cached_property
    def changed_data(self) -> list[str]:
        """Without the tick itself, which is no part of what is stored."""
        return [name for name in super().changed_data if name != COSMETIC]


class RowForm(forms.ModelForm):  # type: ignore[type-arg]
    """A row that is edited in its list: each field is named for who cannot see the columns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_fields(self)


class SectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A section of the app: says what it is for, links the live policy and refuses junk."""

    introduction: ClassVar[Any] = ""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list under its plain name. Raises BadRequest for ids and numbers that are none.

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
            raise BadRequest("The address or the form holds what is no value.") from error

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add the live policy's address to the form's page."""
        context = {**live_policy(), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse patterns in the address: not every database survives every one of them."""
        return "regex" not in lookup and super().lookup_allowed(lookup, value, request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Leave out the icons that open another section in a pop-up: each has its own entry."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field


class ReadOnlyAdmin(SectionAdmin):
    """A section to look at: nothing in it can be added, changed or deleted, whoever asks."""

    actions: Sequence[Any] | None = None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return each field that the sections of its page name."""
        return flatten_fieldsets(self.fieldsets or ())

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


class DatedAdmin(SectionAdmin):
    """Saves what may have visitors asked again, tells the editor so and notes it in the history."""

    def save_model(self, request: HttpRequest, obj: Dated, form: Any, change: bool) -> None:
        """Save, as a cosmetic change where the editor ticked that."""
        before = obj.since
        cosmetic = COSMETIC in request.POST
        obj.save(cosmetic=cosmetic)
        form.revision = obj.since if obj.since != before else None
        if form.revision:
            tell(request, messages.INFO, asked_again(obj))
        elif cosmetic and change:
            tell(request, messages.INFO, gettext("Visitors are not asked again."))

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Also note the revision from which visitors are asked, or that wording alone changed."""
        message = super().construct_change_message(request, form, formsets, add)
        if form.revision:
            return [*message, *from_revision(form.revision)]
        if COSMETIC in request.POST and not add:
            return [*message, {"changed": {"fields": [WORDING_ONLY]}}]
        return message

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Name each field in the list."""
        return super().get_changelist_form(request, **{"form": RowForm, **kwargs})


def live_policy() -> dict[str, str]:
    """Return the address of the page that visitors see, for the admin's templates."""
    policy = Policy.objects.default()
    return {"live_policy_url": policy.get_absolute_url()} if policy else {}


def category_names() -> dict[str, str]:
    """Return the optional categories of the policy in use, in their order: key to name."""
    rows = Category.objects.filter(policy__is_default=True, essential=False)
    names = rows.order_by("order", "pk").values_list("key", "name")
    return {key: localized(name) for key, name in names}


def verdict_of(sign: str, name: str, words: Any) -> SafeString:
    """Return a verdict in words, after a sign that nobody has to hear; the colour says no more."""
    return format_html(
        '<span class="dcp-admin-verdict dcp-admin-{}"><span aria-hidden="true">{}</span> {}</span>',
        name,
        sign,
        words,
    )


def name_fields(form: forms.ModelForm) -> None:  # type: ignore[type-arg]
    """Give each field of a row a name that says which row it is in: a table's head is no label."""
    for field in form.fields.values():
        # A table has no element for the help that the field would point to.
        field.help_text = ""
        if field.label and not field.widget.is_hidden:
            name = str(form.instance)
            field.widget.attrs["aria-label"] = f"{field.label}: {name}" if name else field.label


def tell(request: HttpRequest, level: int, text: str) -> None:
    """Show ``text`` on the next page; once, however many rows of a list it is true of."""
    said: set[str] = request.__dict__.setdefault("_consent_said", set())
    if text not in said:
        said.add(text)
        messages.add_message(request, level, text)


def asked_again(changed: Dated) -> str:
    """Say which visitors are asked again because of what was changed."""
    category = changed.category if isinstance(changed, Tool) else changed
    if not isinstance(category, Category):
        return ""
    if not category.policy.is_default:
        return gettext("The policy is not in use: nobody is asked for now.")
    if category.essential:
        return gettext("“%s” always runs: nobody is asked; the policy page shows the change.") % (
            category
        )
    if isinstance(changed, Tool):
        return gettext(
            "Visitors who had allowed “%s” are asked again; until they agree, what is new in it "
            "stays off for them."
        ) % (category)
    if not category.tools.filter(enabled=True).exists():
        return gettext("“%s” has no tool that is enabled: visitors are asked once it has.") % (
            category
        )
    return gettext(
        "Visitors are asked again about “%s”, unless they refused it; until they agree, it stays "
        "off for them."
    ) % (category)


def from_revision(revision: int) -> list[dict[str, Any]]:
    """Return the history's words for a revision that visitors are asked about."""
    return [{"added": {"name": REVISION, "object": str(revision)}}]


def keys_in(policy: Policy | None) -> set[str]:
    """Return the keys that the categories and tools of ``policy`` have."""
    return {
        *Category.objects.filter(policy=policy).values_list("key", flat=True),
        *Tool.objects.filter(policy=policy).values_list("key", flat=True),
    }


def free_key(wanted: str, taken: Container[str], *, longest: int = 40) -> str:
    """Return ``wanted`` as a key of at most ``longest`` characters that is not taken."""
    words = "-".join(re.findall("[a-z0-9]+", slugify(wanted)))
    stem = words[: longest - len("-999")].strip("-") or "custom"
    candidates = chain([stem], (f"{stem}-{number}" for number in count(2)))
    return next(candidate for candidate in candidates if candidate not in taken)
