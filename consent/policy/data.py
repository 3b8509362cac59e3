"""Tools and categories as frozen plain data."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from consent.policy.decision import Decision
from consent.recipes import DeclaredCookie, Embed


@dataclass(frozen=True, slots=True)
class CompiledTool:
    """An enabled tool. ``since``: the revision that a grant must have seen to cover it.

    ``markup``: its code with marks for what a request and a state of consent bring (see
    `consent.recipes.markers`); empty for a server-side tool, for one that is only declared,
    and for one that cannot be started (`consent.checks` says why). ``sources``: what it loads from,
    by CSP directive. ``embed``: what a template may show of it, if it is for that. ``hidden``: the
    first revision at which pages did not show it, and the first at which they did again.
    """

    key: str
    name: str
    vendor: str
    privacy_url: str
    category: str
    since: int
    placement: str
    server: bool
    markup: str
    cookies: tuple[DeclaredCookie, ...]
    sources: Mapping[str, tuple[str, ...]] = field(hash=False)
    embed: Embed | None = None
    pk: int | None = None
    hears_decisions: bool = False
    hidden: tuple[int, int] = (0, 0)

    def was_hidden(self, revision: int) -> bool:
        """Say whether pages at ``revision`` did not show it, as it was paused then."""
        first, end = self.hidden
        return first <= revision < end

    def is_covered(self, granted: int) -> bool:
        """Say whether a grant of its category at revision ``granted`` was told of it."""
        return self.since <= granted and not self.was_hidden(granted)


@dataclass(frozen=True, slots=True)
class CompiledCategory:
    """A category with its enabled tools.

    ``thresholds``: the revisions, ascending, from which on a grant covers more of it; the first
    is the category's own. ``sale``: whether its data is sold or shared. ``consent_types``: what
    Google's Consent Mode calls it.
    """

    key: str
    name: str
    purpose: str
    essential: bool
    sale: bool
    consent_types: tuple[str, ...]
    tools: tuple[CompiledTool, ...]
    thresholds: tuple[int, ...]

    @property
    def since(self) -> int:
        """The revision from which on a grant covers all of it."""
        return self.thresholds[-1]

    def was_shown(self, revision: int | None) -> bool:
        """Say whether a page at ``revision`` (None: of now) showed it with its present meaning."""
        return revision is None or self.thresholds[0] <= revision

    def level(self, granted: int) -> int:
        """Return how many thresholds a grant at revision ``granted`` passes (0: nothing)."""
        return bisect_right(self.thresholds, granted) if granted else 0

    def has_news(self, decision: Decision) -> bool:
        """Say whether it was not refused and has something that is newer than ``decision``."""
        return (
            bool(self.tools)
            and decision.choice(self.key) is not False
            and not self.is_covered(decision.granted(self.key))
        )

    def is_covered(self, granted: int) -> bool:
        """Say whether a grant at revision ``granted`` covers all of it."""
        return granted >= self.since and not self.hidden_at(granted)

    def hidden_at(self, granted: int) -> frozenset[str]:
        """Return the keys of the tools that pages at revision ``granted`` did not show."""
        return frozenset(tool.key for tool in self.tools if tool.was_hidden(granted))

    def needed(self, since: int) -> int:
        """Return the least level that covers what took its present meaning at ``since``."""
        return 0 if self.essential else bisect_right(self.thresholds, since)

    def allowed(self, level: int) -> tuple[CompiledTool, ...]:
        """Return the tools that ``level`` covers."""
        if self.essential or level == len(self.thresholds):
            return self.tools
        newest = self.thresholds[level - 1] if level else 0
        return tuple(tool for tool in self.tools if tool.since <= newest)
