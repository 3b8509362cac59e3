"""How visitors decided: figures from the daily counters, which name nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.base import REGIMES, ReadOnlyAdmin, category_names, live_policy
from consent.admin.records import FORMATS, export_url, may_export
from consent.models import Counter, Record, day_of
from consent.models.times import local_today

DAYS_VAR = "days"
PERIODS = {7: _("7 days"), 30: _("30 days"), 90: _("90 days"), 365: _("12 months")}
USUAL = 30

# A chart's bars, in its own units: those of a day, and the least that can be seen.
BAR_STEP, BAR_WIDTH, BAR_LEAST = 10, 8, 2


@dataclass
class Tally:
    """Some decisions: how many, and how many of them allow each category."""

    decisions: int = 0
    allowing: dict[str, int] = field(default_factory=dict)

    def add(self, granted: str, number: int) -> None:
        """Count ``number`` more that allow the categories in ``granted``."""
        self.decisions += number
        for key in granted.split():
            self.allowing[key] = self.allowing.get(key, 0) + number

    def share(self, key: str) -> int:
        """Return how many of a hundred decisions allow the category; 0 where there are none."""
        return share(self.allowing.get(key, 0), self.decisions)

    def cells(self, keys: Iterable[str]) -> list[dict[str, Any]]:
        """Return share and number for each category, as tables show them."""
        return [
            {"share": percent(self.share(key)), "number": self.allowing.get(key, 0)} for key in keys
        ]


class Figures:
    """What the counters say of the last ``days``, today included.

    It takes six queries, however many categories, days and counters there are.
    """

    def __init__(self, days: int) -> None:
        today = day_of(timezone.now())
        self.days = [today - timedelta(days=ago) for ago in reversed(range(days))]
        counters = Counter.objects.filter(day__gte=self.days[0])
        shown = counters.filter(event=Counter.SHOWN)
        decided = counters.exclude(event=Counter.SHOWN)
        self._events = {event: number for (event,), number in decided.per("event").items()}
        self._notices = {day: number for (day,), number in shown.per("day").items()}
        self._daily = tallies(decided.per("day", "granted"))
        self._by_regime = tallies(decided.per("regime", "granted"))
        self._by_source = tallies(decided.per("source", "granted"))
        self._total = Tally(sum(self._events.values()))
        for tally in self._daily.values():
            for key, number in tally.allowing.items():
                self._total.allowing[key] = self._total.allowing.get(key, 0) + number

    @property
    def notices(self) -> int:
        """How often the notice was shown."""
        return sum(self._notices.values())

    @property
    def decisions(self) -> int:
        """How many decisions were made."""
        return self._total.decisions

    @property
    def undecided(self) -> int:
        """How often the notice was shown without a decision."""
        return max(self.notices - self.decisions, 0)

    @cached_property
    def categories(self) -> dict[str, str]:
        """The categories, key to name: those of the policy in use, and others that were allowed."""
        names = category_names()
        return names | {key: key for key in sorted(self._total.allowing) if key not in names}

    @property
    def names(self) -> list[str]:
        """The names of the categories, as tables have them in their heads."""
        return list(self.categories.values())

    @property
    def charts(self) -> list[dict[str, Any]]:
        """For each category: how many allow it, in words, figures and a bar for each day."""
        return [self._chart(key, name) for key, name in self.categories.items()]

    @property
    def daily(self) -> list[dict[str, Any]]:
        """The days on which anything was counted, the latest first."""
        return [
            {"notices": self._notices.get(day, 0), **self._row(day, self._daily.get(day, Tally()))}
            for day in reversed(self.days)
            if day in self._daily or day in self._notices
        ]

    @property
    def breakdowns(self) -> list[dict[str, Any]]:
        """Acceptance by regime and by source."""
        sources = dict(Record.Source.choices)
        return [
            {
                "title": gettext("By regime"),
                "column": gettext("Regime"),
                "rows": [self._row(REGIMES.get(k, k), t) for k, t in self._by_regime.items()],
            },
            {
                "title": gettext("By source"),
                "column": gettext("Source"),
                "rows": [self._row(sources.get(k, k), t) for k, t in self._by_source.items()],
            },
        ]

    @property
    def actions(self) -> list[dict[str, Any]]:
        """How often each action was taken."""
        return [
            {
                "label": label,
                "number": self._events.get(key, 0),
                "share": percent(share(self._events.get(key, 0), self.decisions)),
            }
            for key, label in Record.Action.choices
        ]

    def _row(self, label: Any, tally: Tally) -> dict[str, Any]:
        return {
            "label": label,
            "decisions": tally.decisions,
            "cells": tally.cells(self.categories),
        }

    def _chart(self, key: str, name: str) -> dict[str, Any]:
        shares = {day: tally.share(key) for day, tally in self._daily.items() if tally.decisions}
        heights = [max(shares[day], BAR_LEAST) if day in shares else 0 for day in self.days]
        return {
            "name": name,
            "share": percent(self._total.share(key)),
            "number": self._total.allowing.get(key, 0),
            "least": percent(min(shares.values(), default=0)),
            "most": percent(max(shares.values(), default=0)),
            "width": BAR_STEP * len(self.days),
            "bar": BAR_WIDTH,
            "bars": [
                {"x": BAR_STEP * place + 1, "y": 100 - height, "height": height}
                for place, height in enumerate(heights)
                if height
            ],
        }


@admin.register(Counter)
class CounterAdmin(ReadOnlyAdmin):
    """Shows what the counters come to; the counters themselves are nothing to look at."""

    introduction = _(
        "How visitors decided, from counters that name nobody. Days begin at midnight UTC."
    )

    def get_urls(self) -> list[Any]:
        """Return the dashboard alone: no counter has a page of its own."""
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="consent_counter_changelist")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the figures of the last ``days``. Raises BadRequest for a period not offered."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get(DAYS_VAR, str(USUAL))
        days = next((days for days in PERIODS if str(days) == asked), None)
        if days is None:
            raise BadRequest("There is no such period.")
        context = {
            **self.admin_site.each_context(request),
            **live_policy(),
            "figures": Figures(days),
            "periods": [
                {"label": label, "query": f"?{DAYS_VAR}={each}", "is_shown": each == days}
                for each, label in PERIODS.items()
            ],
            "title": capfirst(str(self.opts.verbose_name_plural)),
            "introduction": self.introduction,
            "opts": self.opts,
            "exports": exports_of(days) if may_export(request) else [],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/consent/counter/dashboard.html", context)


def exports_of(days: int) -> list[tuple[Any, str]]:
    """Return the addresses of the records' files of the last ``days``, each after its label."""
    first = local_today() - timedelta(days=days - 1)
    selected = QueryDict(f"from={first.isoformat()}")
    return [(label, export_url(selected, key)) for key, label in FORMATS.items()]


def tallies(numbers: Mapping[tuple[Any, ...], int]) -> dict[Any, Tally]:
    """Return a tally for each first value of ``numbers``, of which the second one is a set."""
    found: dict[Any, Tally] = {}
    for (value, granted), number in numbers.items():
        found.setdefault(value, Tally()).add(granted, number)
    return found


def share(part: int, whole: int) -> int:
    """Return how many of a hundred ``part`` is; 0 where there is nothing."""
    return round(100 * part / whole) if whole else 0


def percent(number: int) -> str:
    """Return so many of a hundred as the active language writes it."""
    return gettext("%d%%") % number
