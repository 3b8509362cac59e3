"""The policy as frozen plain data, and what each choice makes of it.

A process builds it from the models once and keeps it. It looks whether somebody changed the
policy at most every CONSENT_POLICY_MAX_AGE seconds, by reading one row.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError, Error, models

from consent import snippets
from consent.conf import conf
from consent.decision import Decision
from consent.models import Category, Policy, Tool
from consent.recipes import DeclaredCookie, Recipe, RecipeError, catalogue

logger = logging.getLogger("consent")

T = TypeVar("T")


class Memo(Generic[T]):
    """Remembers results by key, at most ``size`` of them: strangers choose the keys."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._results: dict[Hashable, T] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what ``make`` returned for ``key``, calling it where that is not known."""
        found = self._results.get(key)
        if found is None:
            found = make()
            if len(self._results) >= self._size:
                self._results.clear()
            self._results[key] = found
        return found


@dataclass(frozen=True, slots=True)
class CompiledTool:
    """An enabled tool. ``since``: the revision that a grant must have seen to cover it.

    ``markup``: its code with the NUL character where the request's nonce goes; empty for a
    server-side tool, and for one that cannot be started (`consent.checks` says why).
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


@dataclass(frozen=True, slots=True)
class CompiledCategory:
    """A category with its enabled tools.

    ``thresholds``: the revisions, ascending, from which on a grant covers more of it; the first
    is the category's own.
    """

    key: str
    name: str
    purpose: str
    essential: bool
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

    def allowed(self, level: int) -> tuple[CompiledTool, ...]:
        """Return the tools that ``level`` covers."""
        if self.essential or level == len(self.thresholds):
            return self.tools
        newest = self.thresholds[level - 1] if level else 0
        return tuple(tool for tool in self.tools if tool.since <= newest)


@dataclass(frozen=True)
class Selection:
    """The tools that one state of consent allows.

    ``levels``: the state, one `CompiledCategory.level` a category. ``keys``: keys of the
    categories and tools that it allows.
    """

    levels: tuple[int, ...]
    tools: tuple[CompiledTool, ...]
    keys: frozenset[str]

    def placed(self, placement: str) -> tuple[CompiledTool, ...]:
        """Return those with code that goes to ``placement`` (head, body or manual)."""
        return tuple(tool for tool in self.tools if tool.placement == placement and tool.markup)


@dataclass(frozen=True)
class CompiledPolicy:
    """A policy as plain data. ``stamp`` says of which row, and when that was last changed."""

    stamp: tuple[int, datetime] | None = None
    name: str = ""
    regime: str = Policy.Regime.OPT_IN
    revision: int = 0
    lifetime_days: int = 182
    notice_text: str = ""
    introduction: str = ""
    explanation: str = ""
    policy_url: str = ""
    privacy_url: str = ""
    categories: tuple[CompiledCategory, ...] = ()
    rendered: Memo[str] = field(default_factory=lambda: Memo[str](), compare=False, repr=False)
    _selections: Memo[Selection] = field(
        default_factory=lambda: Memo[Selection](), compare=False, repr=False
    )

    def __bool__(self) -> bool:
        """Say whether there is a policy: without one, nothing is known and nothing runs."""
        return self.stamp is not None

    @cached_property
    def optional(self) -> tuple[CompiledCategory, ...]:
        """The categories that a visitor chooses."""
        return tuple(category for category in self.categories if not category.essential)

    @cached_property
    def tools(self) -> Mapping[str, CompiledTool]:
        """Every enabled tool by its key."""
        return {tool.key: tool for category in self.categories for tool in category.tools}

    @cached_property
    def refused(self) -> Selection:
        """What runs where nothing optional is allowed, or nothing is clear."""
        return self._selection(tuple(0 for _ in self.categories))

    def select(self, decision: Decision | None) -> Selection:
        """Return what ``decision`` allows (None: the visitor has not decided)."""
        if decision is not None:
            granted = decision.granted
            return self._selection(tuple(c.level(granted(c.key)) for c in self.categories))
        if self.regime == Policy.Regime.IMPLIED:
            return self._selection(tuple(len(c.thresholds) for c in self.categories))
        return self.refused

    def _selection(self, levels: tuple[int, ...]) -> Selection:
        return self._selections.get(levels, lambda: self._select(levels))

    def _select(self, levels: tuple[int, ...]) -> Selection:
        states = list(zip(self.categories, levels, strict=True))
        tools = tuple(tool for category, level in states for tool in category.allowed(level))
        allowed = {category.key for category, level in states if level or category.essential}
        # A tool never lends its allowance to a category that has the same key.
        keys = {tool.key for tool in tools} - {category.key for category in self.categories}
        return Selection(levels, tools, frozenset(allowed | keys))


NO_POLICY = CompiledPolicy()


def build() -> CompiledPolicy:
    """Compile the default policy from the database, in five queries whatever its size.

    Returns NO_POLICY where there is none. Raises DatabaseError where the database fails, or
    where the policy was changed again each time that it was read.
    """
    for _attempt in range(3):
        compiled = _build_once()
        if compiled.stamp == read_stamp():
            return compiled
    raise DatabaseError("The policy was changed while it was compiled, three times over.")


def read_stamp() -> tuple[int, datetime] | None:
    """Return the default policy's primary key and ``changed_at``: the one row that is looked at."""
    return Policy.objects.in_use().values_list("pk", "changed_at").first()


def _build_once() -> CompiledPolicy:
    tools = Tool.objects.filter(enabled=True).prefetch_related("cookies")
    categories = Category.objects.prefetch_related(models.Prefetch("tools", queryset=tools))
    policies = Policy.objects.prefetch_related(models.Prefetch("categories", queryset=categories))
    policy = policies.default()
    if policy is None:
        return NO_POLICY
    return compile_policy(policy)


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Return ``policy``, its categories and their prefetched enabled tools as plain data."""
    recipes = _recipes()
    return CompiledPolicy(
        stamp=(policy.pk, policy.changed_at),
        name=policy.name,
        regime=policy.regime,
        revision=policy.revision,
        lifetime_days=policy.lifetime_days,
        notice_text=policy.notice_text,
        introduction=policy.introduction,
        explanation=policy.explanation,
        policy_url=policy.policy_url,
        privacy_url=policy.privacy_url,
        categories=tuple(
            _compile_category(category, recipes) for category in policy.categories.all()
        ),
    )


def _recipes() -> Mapping[str, Recipe]:
    try:
        return catalogue()
    except RecipeError:
        logger.exception("The catalogue of recipes is broken: no tool with a recipe runs.")
        return {}


def _compile_category(category: Category, recipes: Mapping[str, Recipe]) -> CompiledCategory:
    tools = tuple(
        compile_tool(tool, category, recipes)
        for tool in sorted(category.tools.all(), key=lambda tool: (tool.order, tool.name, tool.pk))
    )
    return CompiledCategory(
        key=category.key,
        name=category.name,
        purpose=category.purpose,
        essential=category.essential,
        tools=tools,
        thresholds=tuple(sorted({category.since, *(tool.since for tool in tools)})),
    )


def compile_tool(
    tool: Tool, category: Category, recipes: Mapping[str, Recipe] | None = None
) -> CompiledTool:
    """Return ``tool`` of ``category`` as plain data; ``recipes``: the catalogue, if at hand."""
    recipe = (_recipes() if recipes is None else recipes).get(tool.recipe)
    return CompiledTool(
        key=tool.key,
        name=tool.name,
        vendor=tool.vendor,
        privacy_url=tool.privacy_url,
        category=category.key,
        since=max(tool.since, category.since),
        placement=tool.placement,
        server=recipe is not None and recipe.kind == "server",
        markup=_markup(tool, recipe),
        cookies=tuple(
            DeclaredCookie(c.name, c.kind, c.party, c.retention, c.purpose)
            for c in (tool.cookies.all() if tool.pk else ())
        ),
    )


def _markup(tool: Tool, recipe: Recipe | None) -> str:
    """Render the tool's code; a tool that is not clearly right gets none."""
    if not tool.recipe:
        return snippets.prepare(tool.snippet, tool.key)
    values: Any = tool.parameters
    if recipe is None or not isinstance(values, dict) or recipe.errors(values):
        logger.error("Tool %s does not fit its recipe %s and does not run.", tool.key, tool.recipe)
        return ""
    return recipe.render(values, tool.key)


class CompiledPolicies:
    """The process's compiled policy, kept fresh."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._policy: CompiledPolicy | None = None
        self._looked = 0.0
        self._forgotten = True

    def current(self) -> CompiledPolicy:
        """Return the policy, looking for changes where the last look is too long ago.

        In an event loop it returns what is there, without a look: the middleware looks first.
        NO_POLICY where none was ever compiled.
        """
        if self.is_stale() and not _in_event_loop():
            self.refresh()
        return self._policy or NO_POLICY

    def is_stale(self) -> bool:
        """Say whether a look is due."""
        return self._forgotten or time.monotonic() - self._looked >= conf.POLICY_MAX_AGE

    def forget(self) -> None:
        """Make the next request compile the policy anew."""
        self._forgotten = True

    def refresh(self) -> None:
        """Look at the policy's row and compile anew where it changed.

        One thread does; others go on with what is there, or wait where nothing is. A database
        that fails leaves the last policy in place.
        """
        if not self._lock.acquire(blocking=self._policy is None):
            return
        try:
            if self.is_stale():
                self._look()
        except Error:
            logger.exception("Cannot read the policy; the last one that was compiled stays.")
        finally:
            self._looked = time.monotonic()
            self._lock.release()

    async def arefresh(self) -> None:
        """Do what `refresh` does, away from the event loop."""
        await sync_to_async(self.refresh)()

    def _look(self) -> None:
        # Cleared first: an edit that is committed meanwhile sets it again. A failure does not, so
        # that a database that is down is asked again only after CONSENT_POLICY_MAX_AGE.
        forgotten, self._forgotten = self._forgotten, False
        if forgotten or self._policy is None or self._policy.stamp != read_stamp():
            self._policy = build()


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


policies = CompiledPolicies()
