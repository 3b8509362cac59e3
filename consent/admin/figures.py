"""Figures on visitors' decisions, computed from the daily counters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.utils.translation import gettext

from consent.admin.base import Context, category_names
from consent.models import Counter, Record, legal_basis
from consent.models.times import local_today

# A chart's bars, in its own units: the step and width of a day, and the least visible height.
BAR_STEP, BAR_WIDTH, BAR_LEAST = 10, 8, 2


@dataclass
class Tally:
    """The number of some decisions, and how many of them allow each category."""

    decisions: int = 0
    allowing: dict[str, int] = field(default_factory=dict)

    def add(self, granted: str, number: int) -> None:
        """Count ``number`` more that allow the categories in ``granted``."""
        self.decisions += number
        for key in granted.split():
            self.allowing[key] = self.allowing.get(key, 0) + number

    def share(self, key: str) -> int:
        """Return the percentage of decisions that allow the category; 0 if there are none."""
        return share(self.allowing.get(key, 0), self.decisions)

    def cells(self, keys: Iterable[str]) -> list[Context]:
        """Return share and number for each category, as tables show them."""
        return [
            {"share": percent(self.share(key)), "number": self.allowing.get(key, 0)} for key in keys
        ]


class Figures:
    """The figures of the last ``days``, with today.

    It takes six queries for any number of categories, days and counters.
    """

    def __init__(self, days: int) -> None:
        today = local_today()
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
        """Number of times that the notice was shown."""
        return sum(self._notices.values())

    @property
    def decisions(self) -> int:
        """Number of decisions."""
        return self._total.decisions

    @property
    def undecided(self) -> int:
        """Number of times that the notice was shown without a decision."""
        return max(self.notices - self.decisions, 0)

    @cached_property
    def categories(self) -> dict[str, str]:
        """The categories of the active policy, and former ones that were allowed: key to name."""
        names = category_names()
        return names | {key: key for key in sorted(self._total.allowing) if key not in names}

    @property
    def names(self) -> list[str]:
        """The names of the categories, for the heads of tables."""
        return list(self.categories.values())

    @property
    def charts(self) -> list[Context]:
        """For each category, the share that allows it, with a bar for each day."""
        return [self._chart(key, name) for key, name in self.categories.items()]

    @property
    def daily(self) -> list[Context]:
        """The days on which anything was counted, the latest first."""
        return [
            {"notices": self._notices.get(day, 0), **self._row(day, self._daily.get(day, Tally()))}
            for day in reversed(self.days)
            if day in self._daily or day in self._notices
        ]

    @property
    def breakdowns(self) -> list[Context]:
        """Acceptance by regime and by source."""
        sources = dict(Record.Source.choices)
        return [
            {
                "title": gettext("By regime"),
                "column": gettext("Regime"),
                "rows": [
                    self._row(legal_basis.short_label(key), tally)
                    for key, tally in self._by_regime.items()
                ],
            },
            {
                "title": gettext("By source"),
                "column": gettext("Source"),
                "rows": [self._row(sources.get(k, k), t) for k, t in self._by_source.items()],
            },
        ]

    @property
    def actions(self) -> list[Context]:
        """The number of each action."""
        return [
            {
                "label": label,
                "number": self._events.get(key, 0),
                "share": percent(share(self._events.get(key, 0), self.decisions)),
            }
            for key, label in Record.Action.choices
        ]

    def _row(self, label: object, tally: Tally) -> Context:
        return {
            "label": label,
            "decisions": tally.decisions,
            "cells": tally.cells(self.categories),
        }

    def _chart(self, key: str, name: str) -> Context:
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


def tallies(numbers: Mapping[tuple[Any, ...], int]) -> dict[Any, Tally]:
    """Return a tally for each first value of a key; the second is a set of categories."""
    found: dict[Any, Tally] = {}
    for (value, granted), number in numbers.items():
        found.setdefault(value, Tally()).add(granted, number)
    return found


def share(part: int, whole: int) -> int:
    """Return ``part`` as a percentage of ``whole``; 0 if that is 0."""
    return round(100 * part / whole) if whole else 0


def percent(number: int) -> str:
    """Return the percentage as the active language writes it."""
    return gettext("%d%%") % number
