"""What one state of consent allows of a policy."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consent.policy.data import CompiledTool
from consent.policy.decision import Decision
from consent.recipes.csp import merge_sources

if TYPE_CHECKING:
    from consent.policy.compiled_policy import CompiledPolicy

NOTHING: frozenset[str] = frozenset()


class Selection:
    """The tools that one state of consent allows.

    ``levels``: one `CompiledCategory.level` for each category of ``policy``. ``without``: the keys
    of tools that were refused in a category that was granted. ``state``: both; equal for visitors
    who allow the same.
    """

    __slots__ = ("_sources", "levels", "policy", "state", "without")

    def __init__(
        self, policy: CompiledPolicy, levels: tuple[int, ...], without: frozenset[str] = NOTHING
    ) -> None:
        self.policy = policy
        self.levels = levels
        self.without = without
        self.state = (levels, without) if without else levels
        self._sources: Mapping[str, tuple[str, ...]] | None = None

    @property
    def tools(self) -> tuple[CompiledTool, ...]:
        """The allowed tools, in the policy's order."""
        states = zip(self.policy.categories, self.levels, strict=True)
        allowed = (tool for category, level in states for tool in category.allowed(level))
        return tuple(tool for tool in allowed if tool.key not in self.without)

    @property
    def sources(self) -> Mapping[str, tuple[str, ...]]:
        """What the allowed tools load from, by CSP directive; put together once."""
        if self._sources is None:
            self._sources = merge_sources(tool.sources for tool in self.tools)
        return self._sources

    def allows(self, key: str) -> bool:
        """Say whether the category or tool with this key is allowed; takes no time per tool."""
        needed = self.policy.needed.get(key)
        return (
            needed is not None and self.levels[needed[0]] >= needed[1] and key not in self.without
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What one text of the preference cookie comes to, on one day, in one region.

    ``decision``: the decision that holds, if any. ``choices``: for each optional category True
    (granted), False (refused) or None (not asked yet). ``must_ask``: whether to ask the visitor.
    ``opted_out``: whether something is off because the browser asks not to sell or share data.
    ``key``: all that a page shows of it.
    """

    decision: Decision | None
    selection: Selection
    choices: tuple[bool | None, ...]
    must_ask: bool
    opted_out: bool
    key: Hashable
