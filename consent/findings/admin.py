"""The admin's inbox of findings: the most serious first, each with what can be done about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.base import NOTHING, SectionAdmin, tell
from consent.admin.generic import Fieldsets
from consent.findings import vendors
from consent.findings.forms import FindingForm
from consent.findings.models import Finding
from consent.findings.storing import never_seen, settle
from consent.models import Category
from consent.models.default_texts import localized

# Days after which a tool whose cookies nobody brings is asked about.
UNSEEN_DAYS = 90


class StateFilter(admin.SimpleListFilter):
    """Shows the open findings unless another state is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states, and all of them."""
        rest = [(v, label) for v, label in Finding.State.choices if v != Finding.State.OPEN]
        return [*rest, ("all", _("All"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Name the first entry for what it shows."""
        first, *rest = super().choices(changelist)
        yield {**first, "display": Finding.State.OPEN.label}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the chosen state."""
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value() or Finding.State.OPEN)


@admin.register(Finding)
class FindingAdmin(SectionAdmin[Finding]):
    """The inbox of findings."""

    introduction = _(
        "Cookies, storage keys and hosts that were seen on your website and that no tool declares, "
        "or that were there although the visitor had not allowed their tool. The most serious come "
        "first. What only a browser says is unverified: anybody can forge it."
    )
    form = FindingForm
    list_display = ("name", "problem", "known", "place", "last_seen", "source", "offers")
    list_filter = (StateFilter, "problem", "kind", "source")
    list_per_page = 50
    ordering = ("severity", "-last_seen", "pk")
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("name",)
    actions = ("is_ours",)
    fieldsets = (
        (None, {"fields": ("name", "kind", "problem", "known", "offers")}),
        (_("Seen"), {"fields": ("place", "directive", "first_seen", "last_seen", "source")}),
    )
    readonly_fields = (
        *("name", "kind", "problem", "known", "offers"),
        *("place", "directive", "first_seen", "last_seen", "source"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: the website finds them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Finding | None = None) -> bool:
        """Refuse: what is there would be found again. Call it your own, or ignore it."""
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Finding | None = None) -> Fieldsets:
        """Offer to declare it only to those who may change the tool that would."""
        decided = ["tool"] if obj and _may_declare(request, obj) else []
        return [
            *(self.fieldsets or ()),
            (_("What to do"), {"fields": [*decided, "state", "reason"]}),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the inbox, and name the tools whose cookies nobody has."""
        settle()
        if request.method == "GET" and (warning := _never_seen()):
            tell(request, messages.WARNING, warning)
        return super().changelist_view(request, extra_context)

    def save_model(self, request: HttpRequest, obj: Finding, form: Any, change: bool) -> None:
        """Save it, and what declares it."""
        super().save_model(request, obj, form, change)
        if form.declaration is not None:
            form.declaration.save()

    @admin.action(description=_("It is ours"), permissions=["change"])
    def is_ours(self, request: HttpRequest, queryset: Any) -> None:
        """Put the chosen ones on the site's own list."""
        Finding.objects.filter(pk__in=queryset.values("pk")).update(state=Finding.State.OWN)
        tell(request, messages.SUCCESS, gettext("They are on your website's own list now."))

    @admin.display(description=_("What it is"))
    def known(self, finding: Finding) -> str:
        """Vendor, purpose and usual category, as a recipe knows them."""
        found = vendors.known(finding.kind, finding.name)
        if found is None:
            return NOTHING
        parts = (found.recipe.name, found.recipe.vendor, found.purpose, _category(found))
        return " · ".join(filter(None, parts))

    @admin.display(description=_("Add tool"))
    def offers(self, finding: Finding) -> SafeString | str:
        """A link to the form that adds the tool, filled in by its recipe where one knows it."""
        if finding.state != Finding.State.OPEN or finding.problem != Finding.Problem.UNDECLARED:
            return NOTHING
        found = vendors.known(finding.kind, finding.name)
        key = found.recipe.key if found else "declared"
        label = gettext("Add %s") % found.recipe.name if found else gettext("Declare a tool")
        return format_html('<a href="{}?recipe={}">{}</a>', reverse(_ADD), key, label)


_ADD = "admin:consent_tool_add"


def _may_declare(request: HttpRequest, finding: Finding) -> bool:
    is_host = finding.kind == Finding.Kind.HOST
    needed = ["consent.change_tool", *(["consent.edit_snippet"] if is_host else [])]
    return request.user.has_perms(needed)


def _category(found: vendors.Known) -> str:
    """Return the usual category as the policy in use calls it."""
    row = Category.objects.filter(key=found.recipe.category, policy__is_default=True).first()
    return localized(row.name) if row else found.recipe.category


def _never_seen() -> str:
    """Return which tools nobody seems to use any more, as a sentence; "" for none."""
    since = timezone.now().date() - timedelta(days=UNSEEN_DAYS)
    names = ", ".join(tool.name for tool in never_seen(since))
    if not names:
        return ""
    return (
        gettext(
            "Declared but never seen in 90 days: %s. If your website does not use it any more, "
            "disable it."
        )
        % names
    )


def _plural() -> str:
    """Return the name of the section, with the number of open findings for whoever looks by."""
    try:
        number = Finding.objects.open().count()
    except Exception:
        # This is a label: where there is no database, or none may be asked, it has no number.
        return gettext("Findings")
    return gettext("Findings (%d)") % number if number else gettext("Findings")


# The list of the admin's sections shows this name; migrations keep the model's own.
Finding._meta.verbose_name_plural = lazy(_plural, str)()
