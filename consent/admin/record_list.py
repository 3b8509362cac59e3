"""The list of records: its pages, its order, and its filters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.base import category_names
from consent.admin.generic import ModelAdmin
from consent.models import Counter, PolicyVersion, Record, RecordQuerySet
from consent.models.times import local_today, midnight

# Pages further back take the database longer: older records are found by their date.
MAX_PAGES = 100
# What the list reads of a record.
SHOWN = ("decided_at", "action", "granted", "source", "language", "regime", "gpc", "receipt")


class RecordList(ChangeList):
    """A page of records, read without counting all of them."""

    has_older = False
    is_last_page = False

    def get_results(self, request: HttpRequest) -> None:
        """Read one record more than the page shows: it says whether there are older ones."""
        self.page_num = min(max(self.page_num, 1), MAX_PAGES)
        start = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset.only(*SHOWN)[start : start + self.list_per_page + 1])
        self.has_older = len(rows) > self.list_per_page
        self.is_last_page = self.page_num == MAX_PAGES
        self.result_list = rows[: self.list_per_page]
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
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
    """Records of a range of days: a preset, or from one day to another."""

    title = _("date")
    # Themes of the admin read it of each filter.
    parameter_name = "period"
    template = "admin/consent/record/period_filter.html"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Record],
        model_admin: ModelAdmin[Record],
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
        """Return the parameters of the address: the first and the last day."""
        return ["from", "to"]

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, object]]:
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

    def queryset(self, request: HttpRequest, queryset: QuerySet[Record]) -> QuerySet[Record]:
        """Return the records of these days, in the time zone of the website."""
        if self.first is not None:
            queryset = queryset.filter(decided_at__gte=midnight(self.first))
        if self.last is not None:
            queryset = queryset.filter(decided_at__lt=midnight(self.last + timedelta(days=1)))
        return queryset


class CategoryFilter(admin.SimpleListFilter):
    """Records that allow a category (its key) or do not (its key after a hyphen)."""

    title = _("category")
    parameter_name = "category"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Record]
    ) -> list[tuple[str, str]]:
        """Return both for each category of the active policy, and for its former categories."""
        names = category_names()
        once = {key for keys in Counter.objects.sets() for key in keys.split()} - names.keys()
        found = []
        for key, name in {**names, **{key: key for key in sorted(once)}}.items():
            found.append((key, gettext("%s: allowed") % name))
            found.append((f"-{key}", gettext("%s: not allowed") % name))
        return found

    def queryset(self, request: HttpRequest, queryset: QuerySet[Record]) -> QuerySet[Record]:
        """Return the records that allow it, or do not."""
        value = self.value()
        if not value or not isinstance(queryset, RecordQuerySet):
            return queryset
        if value.startswith("-"):
            return queryset.refusing(value[1:])
        return queryset.granting(value)


class LanguageFilter(admin.SimpleListFilter):
    """Records of decisions on pages in a language."""

    title = _("language")
    parameter_name = "language"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Record]
    ) -> list[tuple[str, str]]:
        """Return the languages of the stored versions: each record has the one of its version."""
        names = dict(settings.LANGUAGES)
        codes = PolicyVersion.objects.order_by("language").values_list("language", flat=True)
        return [(code, names.get(code, code)) for code in codes.distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Record]) -> QuerySet[Record]:
        """Return the records in that language."""
        return queryset.filter(language=self.value()) if self.value() else queryset


def _day(text: str) -> date | None:
    """Return the day that ``text`` is, in ISO's form; raises ValueError otherwise."""
    return date.fromisoformat(text) if text else None
