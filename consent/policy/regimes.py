"""Which regime holds in which region."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

from consent import regions
from consent.models import legal_basis

Rules: TypeAlias = tuple[tuple[frozenset[str], str], ...]


@dataclass(frozen=True)
class RegimesByRegion:
    """The regime of each region: that of ``rules``, else ``elsewhere``. See `compile_rules`."""

    elsewhere: str = legal_basis.OPT_IN
    rules: Rules = ()

    @cached_property
    def in_use(self) -> tuple[str, ...]:
        """The regimes that hold anywhere, the strictest first."""
        found = {self.elsewhere, *(regime for _, regime in self.rules)}
        return legal_basis.by_strictness(found)

    @cached_property
    def at(self) -> Callable[[str], str]:
        """Function of a region (``DE``, ``US-CA``; "" where it is unknown): the regime there.

        The first rule that fits counts, then ``elsewhere``. Where a rule may fit, since not all is
        known of the region, the strictest of what may hold does.
        """
        return lru_cache(maxsize=1024)(self._at)

    def _at(self, region: str) -> str:
        possible = []
        for covered, regime in self.rules:
            if regions.may_cover(covered, region):
                possible.append(regime)
            if regions.covers(covered, region):
                break
        else:
            possible.append(self.elsewhere)
        return legal_basis.by_strictness(possible)[0]


def compile_rules(rules: Iterable[tuple[str, str]]) -> Rules:
    """Compile ``rules``: pairs of regions, as an editor writes them, and a regime.

    A rule keeps only the regions that no earlier rule covers. A rule that keeps none is left out,
    so that it has no influence on which regime is the strictest one.
    """
    taken: frozenset[str] = frozenset()
    found = []
    for text, regime in rules:
        named = regions.expand(text)
        fresh = frozenset(code for code in named if not regions.covers(taken, code))
        taken |= named
        if fresh:
            found.append((fresh, regime))
    return tuple(found)
