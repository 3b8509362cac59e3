"""The records of what visitors decided: found by date, action, category or receipt; exported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin import export
from consent.admin.base import NOTHING, REGIMES, ReadOnlyAdmin, category_names, tell, verdict_of
from consent.models import Counter, Record
from consent.models.signing import Verdict
from consent.models.times import local_today, midnight

FORMAT_VAR = "format"
FORMATS = {"csv": "CSV", "jsonl": "JSON Lines"}
# Each page further back takes the database longer: who looks for older records says of what date.
MAX_PAGES = 100
# What may stand in the address. Each has an index, which patterns and the like have not.
LOOKUPS = {"from", "to", "category", "action__exact", "subject", "user"}
# What the list reads of a record.
SHOWN = ("decided_at", "action", "granted", "source", "language", "regime", "gpc", "receipt")

VERDICTS = {
    Verdict.GENUINE: ("✓", "genuine", _("Genuine: it is exactly as it was stored.")),
    Verdict.ALTERED: ("✗", "altered", _("Altered: it is not what was signed when it was stored.")),
    Verdict.UNKNOWN_KEY: (
        "?",
        "unknown",
        _("Cannot be checked: it was signed with a key that the settings do not have (any more)."),
    ),
}


class RecordList(ChangeList):
    """A page of records, read without counting how many there are."""

    has_older = False
    is_last_page = False

    def get_results(self, request: HttpRequest) -> None:
        """Read one record more than the page shows: it says whether there are older ones."""
        self.page_num = min(max(self.page_num, 1), MAX_PAGES)
        start = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset.only(*SHOWN)[start : start + self.list_per_page + 1])
        self.has_older = len(rows) > self.list_per_page
        self.is_last_page = self.page_num == MAX_PAGES
        self.result_list: Any = rows[: self.list_per_page]
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return the one order that every filter's index has, whatever the address says."""
        return ["-decided_at", "-id"]

    @property
    def newer_url(self) -> str:
        """The address of the page before; "" on the first one."""
        return self.get_query_string({PAGE_VAR: self.page_num - 1}) if self.page_num > 1 else ""

    @property
    def older_url(self) -> str:
        """The address of the next page; "" on the last one."""
        if not self.has_older or self.is_last_page:
            return ""
        return self.get_query_string({PAGE_VAR: self.page_num + 1})


class PeriodFilter(admin.ListFilter):
    """Records of some days: one of the usual ranges, or from one day to another."""

    title = _("date")
    template = "admin/consent/record/period_filter.html"

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.first = _day(params.pop("from", [""])[-1])
        self.last = _day(params.pop("to", [""])[-1])
        # For the form: what else the address selects.
        self.kept: dict[str, str] = {}

    def has_output(self) -> bool:
        """Show it always."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """Return what it takes from the address: the first and the last day."""
        return ["from", "to"]

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Yield the usual ranges."""
        self.kept = {
            name: value
            for name, value in changelist.params.items()
            if name not in self.expected_parameters()
        }
        today = local_today()
        ranges = (
            (_("Any date"), None),
            (_("Today"), today),
            (_("Past 7 days"), today - timedelta(days=6)),
            (_("This month"), today.replace(day=1)),
            (_("This year"), today.replace(month=1, day=1)),
        )
        for display, first in ranges:
            chosen = {"from": first and first.isoformat(), "to": None}
            yield {
                "selected": (self.first, self.last) == (first, None),
                "query_string": changelist.get_query_string(chosen),
                "display": display,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the records of these days, in the time zone of the website."""
        if self.first is not None:
            queryset = queryset.filter(decided_at__gte=midnight(self.first))
        if self.last is not None:
            queryset = queryset.filter(decided_at__lt=midnight(self.last + timedelta(days=1)))
        return queryset


class CategoryFilter(admin.SimpleListFilter):
    """Records that allow a category, or do not: its key, with a hyphen before it for the latter."""

    title = _("category")
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return both for each category of the policy in use, and for those that it once had."""
        names = category_names()
        once = {key for keys in Counter.objects.sets() for key in keys.split()} - names.keys()
        found = []
        for key, name in {**names, **{key: key for key in sorted(once)}}.items():
            found.append((key, gettext("%s: allowed") % name))
            found.append((f"-{key}", gettext("%s: not allowed") % name))
        return found

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the records that allow it, or do not."""
        value = self.value()
        if not value:
            return queryset
        if value.startswith("-"):
            return queryset.refusing(value[1:])
        return queryset.granting(value)


@admin.register(Record)
class RecordAdmin(ReadOnlyAdmin):
    """Looks at records; nobody changes one."""

    introduction = _(
        "What each visitor decided, when, and on which text. Nothing here can be changed. A record "
        "names no visitor: the receipt that a visitor has leads to theirs."
    )
    list_display = (
        "decided_at",
        "action",
        "allowed",
        "source",
        "language",
        "short_regime",
        "short_gpc",
        "short_receipt",
    )
    list_filter = (PeriodFilter, "action", CategoryFilter)
    list_per_page = 50
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    search_fields = ("receipt",)
    search_help_text = _("Search by a whole receipt")
    fieldsets = (
        (None, {"fields": ("receipt", "verdict", "decided_at", "action", "source")}),
        (_("Decision"), {"fields": ("allowed", "refused", "regime", "gpc_sent")}),
        (_("What was shown"), {"fields": ("shown_version", "revision", "language")}),
        (_("Who decided"), {"fields": ("subject", "others", "user_link")}),
        (_("Technical details"), {"fields": ("choices", "sequence", "number", "signature")}),
    )

    def get_urls(self) -> list[Any]:
        """Add the export."""
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="consent_record_export"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that does not count."""
        return RecordList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow what has an index, and nothing else."""
        return lookup in LOOKUPS

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; say what is needed where the search is for anything but a receipt."""
        term = request.GET.get(SEARCH_VAR, "").strip()
        if term and read_receipt(term) is None:
            text = gettext(
                "That is no receipt. Type all of it, such as %s: its 32 letters and digits, with "
                "the hyphens or without."
            )
            tell(request, messages.WARNING, text % "0b5f6a52-9c1e-4d3f-8a70-2f4e6d8c1b3a")
        return super().changelist_view(request, {**exports(request), **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the one record with this receipt; none, where the term is no receipt."""
        term = search_term.strip()
        if not term:
            return queryset, False
        receipt = read_receipt(term)
        return (queryset.none() if receipt is None else queryset.filter(receipt=receipt)), False

    def export_view(self, request: HttpRequest) -> Any:
        """Send what the list's filters select, as the file that ``format`` names.

        Raises PermissionDenied where the user may not export, and BadRequest for what is no value.
        """
        if not may_export(request):
            raise PermissionDenied
        selected = request.GET.copy()
        file_format = selected.pop(FORMAT_VAR, [""])[-1]
        if file_format not in export.FORMATS:
            raise BadRequest(f"There is no such format. There are: {', '.join(export.FORMATS)}.")
        request.GET = selected  # type: ignore[assignment]
        try:
            records = self.get_changelist_instance(request).queryset
        except (IncorrectLookupParameters, DataError, OverflowError, ValueError) as error:
            raise BadRequest("The address holds what is no value.") from error
        return export.response(request, records, file_format)

    @admin.display(description=_("allowed"))
    def allowed(self, record: Record) -> str:
        """The keys of the categories that were allowed."""
        return record.granted.replace(" ", ", ") or NOTHING

    @admin.display(description=_("not allowed"))
    def refused(self, record: Record) -> str:
        """The keys of the categories that were refused."""
        # Whoever altered it may have stored anything.
        choices = record.choices if isinstance(record.choices, dict) else {}
        return ", ".join(sorted(key for key, granted in choices.items() if not granted)) or NOTHING

    @admin.display(description=_("regime"))
    def short_regime(self, record: Record) -> Any:
        """The regime in a word."""
        return REGIMES.get(record.regime, record.regime)

    @admin.display(description=_("GPC"))
    def short_gpc(self, record: Record) -> Any:
        """Whether the browser sent the Global Privacy Control; no icon that looks like an error."""
        return _("Yes") if record.gpc else NOTHING

    @admin.display(description=_("Global Privacy Control"))
    def gpc_sent(self, record: Record) -> Any:
        """The same, in words."""
        if record.gpc:
            return _("Yes: the browser asked not to sell or share data.")
        return _("No")

    @admin.display(description=_("receipt"))
    def short_receipt(self, record: Record) -> str:
        """As much of the receipt as tells two records apart at a glance."""
        return f"{str(record.receipt)[:8]}…"

    @admin.display(description=_("signature"))
    def verdict(self, record: Record) -> SafeString:
        """What the signature says, in words."""
        return verdict_of(*VERDICTS[record.verdict()])

    @admin.display(description=_("version of the policy"))
    def shown_version(self, record: Record) -> SafeString:
        """The version, linked to what it looked like."""
        address = reverse("admin:consent_policyversion_change", args=[record.version.pk])
        return format_html('<a href="{}">{}</a>', address, record.version)

    @admin.display(description=_("other records"))
    def others(self, record: Record) -> SafeString:
        """A link to all that the same browser decided."""
        return _list_link(gettext("Records of the same subject"), "subject", record.subject)

    @admin.display(description=_("user"))
    def user_link(self, record: Record) -> SafeString | str:
        """The primary key of who was logged in, linked to all that they decided."""
        return _list_link(record.user, "user", record.user) if record.user else NOTHING


def read_receipt(text: str) -> UUID | None:
    """Return the receipt that ``text`` is; None where it is none, or not all of one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def may_export(request: HttpRequest) -> bool:
    """Say whether the user may take records away, which takes looking at them, too."""
    user: Any = request.user
    return bool(user.has_perms(("consent.view_record", "consent.export_record")))


def exports(request: HttpRequest) -> dict[str, Any]:
    """Return the addresses by which what ``request`` selects is exported, for templates."""
    if not may_export(request):
        return {}
    selected = request.GET.copy()
    selected.pop(PAGE_VAR, None)
    return {"exports": [(label, export_url(selected, key)) for key, label in FORMATS.items()]}


def export_url(selected: QueryDict, file_format: str) -> str:
    """Return the address of a file with what the list shows under the address ``selected``."""
    query = selected.copy()
    query[FORMAT_VAR] = file_format
    return f"{reverse('admin:consent_record_export')}?{query.urlencode()}"


def _list_link(text: str, field: str, value: Any) -> SafeString:
    address = reverse("admin:consent_record_changelist")
    return format_html('<a href="{}?{}">{}</a>', address, urlencode({field: value}), text)


def _day(text: str) -> date | None:
    """Return the day that ``text`` is, in ISO's form; raises ValueError where it is none."""
    return date.fromisoformat(text) if text else None
