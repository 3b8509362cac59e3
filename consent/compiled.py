"""The policy as frozen plain data, and what each choice makes of it.

A process builds it from the models once and keeps it. It looks whether somebody changed the
policy at most every CONSENT_POLICY_MAX_AGE seconds, by reading one row.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, Error, models, transaction
from django.utils.functional import cached_property

from consent import snippets
from consent.conf import conf
from consent.decision import Decision, parse
from consent.markup import without_nonce
from consent.models import Category, Policy, Tool
from consent.recipes import DeclaredCookie, Recipe, RecipeError, catalogue

logger = logging.getLogger("consent")

# Characters of markup that are kept for one policy, whatever states of consent strangers invent.
RENDERED_LENGTH = 2_000_000

# Policies that are kept beyond their time.
SUPERSEDED = 3


class Memo:
    """Remembers markup, in pieces, by key; so many characters in all: strangers choose the keys."""

    # What an entry takes beside its markup, so that empty ones are bounded, too.
    ENTRY = 500

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._known: dict[Hashable, Sequence[str]] = {}
        self._length = 0

    def get(self, key: Hashable, make: Callable[[], Sequence[str]]) -> Sequence[str]:
        """Return what ``make`` returned for ``key``, calling it where that is not known."""
        found = self._known.get(key)
        if found is None:
            found = make()
            self._keep(key, found)
        return found

    def _keep(self, key: Hashable, pieces: Sequence[str]) -> None:
        length = self.ENTRY + sum(map(len, pieces))
        if self._length + length > self._capacity:
            self._known, self._length = {}, 0
        self._known[key] = pieces
        self._length += length


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

    @property
    def code(self) -> str:
        """Exactly what a page gets of it, but for the nonce, which is the page's own."""
        return without_nonce(self.markup)


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

    def has_news(self, decision: Decision) -> bool:
        """Say whether it was not refused and has something that is newer than ``decision``."""
        return (
            bool(self.tools)
            and decision.choice(self.key) is not False
            and decision.granted(self.key) < self.since
        )

    def needed(self, since: int) -> int:
        """Return the least level that covers what took its present meaning at ``since``."""
        return 0 if self.essential else bisect_right(self.thresholds, since)

    def allowed(self, level: int) -> tuple[CompiledTool, ...]:
        """Return the tools that ``level`` covers."""
        if self.essential or level == len(self.thresholds):
            return self.tools
        newest = self.thresholds[level - 1] if level else 0
        return tuple(tool for tool in self.tools if tool.since <= newest)


class Selection:
    """The tools that one state of consent allows.

    ``levels``: the state, one `CompiledCategory.level` for each category of ``policy``.
    """

    __slots__ = ("levels", "policy")

    def __init__(self, policy: CompiledPolicy, levels: tuple[int, ...]) -> None:
        self.policy = policy
        self.levels = levels

    @property
    def tools(self) -> tuple[CompiledTool, ...]:
        """The allowed tools, in the policy's order."""
        states = zip(self.policy.categories, self.levels, strict=True)
        return tuple(tool for category, level in states for tool in category.allowed(level))

    def allows(self, key: str) -> bool:
        """Say whether the category or tool with this key is allowed; takes no time per tool."""
        needed = self.policy.needed.get(key)
        return needed is not None and self.levels[needed[0]] >= needed[1]


@dataclass(frozen=True, slots=True)
class Standing:
    """What one text of the preference cookie comes to, on one day.

    ``decision``: the decision that holds, if any. ``choices``: for each optional category True
    (granted), False (refused) or None (not asked yet). ``must_ask``: whether to ask the visitor.
    ``key``: all that a page shows of it.
    """

    decision: Decision | None
    selection: Selection
    choices: tuple[bool | None, ...]
    must_ask: bool
    key: Hashable


@dataclass(frozen=True)
class CompiledPolicy:
    """A policy as plain data. ``stamp`` says of which row, and when that was last changed."""

    stamp: tuple[int, datetime] | None = None
    key: str = ""
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
    # What is the same for every visitor, and what is not: the latter never crowds out the former.
    parts: Memo = field(default_factory=lambda: Memo(RENDERED_LENGTH), compare=False, repr=False)
    rendered: Memo = field(default_factory=lambda: Memo(RENDERED_LENGTH), compare=False, repr=False)

    def __bool__(self) -> bool:
        """Say whether there is a policy: without one, nothing is known and nothing runs."""
        return self.stamp is not None

    @cached_property
    def optional(self) -> tuple[CompiledCategory, ...]:
        """The categories that a visitor chooses."""
        return tuple(category for category in self.categories if not category.essential)

    @cached_property
    def asks(self) -> bool:
        """Whether there is anything to ask a visitor about."""
        return any(category.tools for category in self.optional)

    @cached_property
    def tools(self) -> Mapping[str, CompiledTool]:
        """Every enabled tool by its key."""
        return {tool.key: tool for category in self.categories for tool in category.tools}

    @cached_property
    def needed(self) -> Mapping[str, tuple[int, int]]:
        """Key of a category or tool to the category's position and the level that allows it.

        A tool never lends its allowance to a category that has the same key.
        """
        tools = {
            tool.key: (position, category.needed(tool.since))
            for position, category in enumerate(self.categories)
            for tool in category.tools
        }
        categories = {
            category.key: (position, category.needed(category.thresholds[0]))
            for position, category in enumerate(self.categories)
        }
        return {**tools, **categories}

    @cached_property
    def fingerprint(self) -> str:
        """What is allowed at which revision, and its code, as 16 hex digits of a SHA-256."""
        digest = sha256(b"1")
        for category in self.categories:
            digest.update(repr((category.key, category.essential, category.thresholds)).encode())
            for tool in category.tools:
                digest.update(repr((tool.key, tool.since, tool.placement, tool.markup)).encode())
        return digest.hexdigest()[:16]

    @cached_property
    def refused(self) -> Selection:
        """What runs where nothing optional is allowed, or nothing is clear."""
        return Selection(self, tuple(0 for _ in self.categories))

    @cached_property
    def everything(self) -> Selection:
        """What runs where all is allowed."""
        levels = (0 if c.essential else len(c.thresholds) for c in self.categories)
        return Selection(self, tuple(levels))

    @cached_property
    def standing(self) -> Callable[[str | None, int], Standing]:
        """Function of a cookie's text (None: there is no cookie) and a day: what it comes to.

        It keeps the last 1,024 results, whoever invents texts, and takes none of more than 512
        characters: see `Decision`'s ``MAX_LENGTH``.
        """
        return lru_cache(maxsize=1024)(self._standing)

    def _standing(self, text: str | None, day: int) -> Standing:
        cookie = None if text is None else parse(text)
        if cookie is not None and cookie.stands(
            revision=self.revision, lifetime_days=self.lifetime_days, today=day
        ):
            return self.stand(cookie)
        # A cookie that is there but not clear, or no longer holds, allows only what is essential,
        # also where the regime would let tools run before a first decision.
        return self.stand(None, self.select(None) if text is None else self.refused)

    def stand(self, decision: Decision | None, selection: Selection | None = None) -> Standing:
        """Return how a visitor with ``decision`` stands."""
        selection = self.select(decision) if selection is None else selection
        keys = [category.key for category in self.optional]
        choices = tuple([None if decision is None else decision.choice(key) for key in keys])
        return Standing(
            decision=decision,
            selection=selection,
            choices=choices,
            must_ask=self.asks
            and (decision is None or any(c.has_news(decision) for c in self.optional)),
            key=(selection.levels, decision is None, choices),
        )

    def select(self, decision: Decision | None) -> Selection:
        """Return what ``decision`` allows (None: the visitor has not decided)."""
        if decision is not None:
            return self.grant(decision.choices)
        return self.everything if self.regime == Policy.Regime.IMPLIED else self.refused

    def grant(self, choices: Mapping[str, int]) -> Selection:
        """Return what is allowed where categories were granted at these revisions (0: refused)."""
        granted = choices.get
        return Selection(self, tuple([c.level(granted(c.key, 0)) for c in self.categories]))


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
        key=policy.key,
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
        placement=_shared(tool.placement),
        server=recipe is not None and recipe.kind == "server",
        markup=_markup(tool, recipe),
        cookies=tuple(
            DeclaredCookie(*map(_shared, (c.name, c.kind, c.party, c.retention, c.purpose)))
            for c in (tool.cookies.all() if tool.pk else ())
        ),
    )


def _shared(text: str) -> str:
    """Return ``text``, kept once for all that say the same: thousands of cookies do."""
    return sys.intern(text) if type(text) is str else text


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
        # Pages that show them may come back.
        self._superseded: deque[CompiledPolicy] = deque(maxlen=SUPERSEDED)
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

    def recent(self) -> list[CompiledPolicy]:
        """Return the policy and those that it superseded last, the newest first."""
        return [self.current(), *self._superseded]

    def is_stale(self) -> bool:
        """Say whether a look is due."""
        return self._forgotten or time.monotonic() - self._looked >= conf.POLICY_MAX_AGE

    def forget(self) -> None:
        """Make the next request compile the policy anew."""
        self._forgotten = True

    def forget_on_commit(self, using: str) -> None:
        """Have an edit in the database ``using`` show once it is committed, and never before."""
        transaction.on_commit(_Edit(self.forget, _open_block(using)), using=using)

    def refresh(self) -> None:
        """Look at the policy's row and compile anew where it changed.

        One thread does; others go on with what is there, or wait where nothing is. A database
        that fails leaves the last policy in place, and so does a transaction that has edited the
        policy: it sees what may be rolled back.
        """
        if _sees_own_edits(Policy.objects.db):
            return
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
            superseded, self._policy = self._policy, build()
            if superseded and superseded.stamp != self._policy.stamp:
                self._superseded.appendleft(superseded)


@dataclass(frozen=True)
class _Edit:
    """Told of a commit. ``block``: the outermost atomic block that the edit was made in."""

    forget: Callable[[], None]
    block: object

    def __call__(self) -> None:
        self.forget()


def _open_block(using: str) -> object:
    """Return the outermost atomic block that is open; those around a test never end by a commit."""
    blocks = transaction.get_connection(using).atomic_blocks
    return next((block for block in blocks if not block._from_testcase), None)


def _sees_own_edits(using: str) -> bool:
    """Say whether the transaction that is open, if any, has edited the policy."""
    connection = transaction.get_connection(using)
    return any(
        isinstance(entry[1], _Edit) and entry[1].block in connection.atomic_blocks
        for entry in connection.run_on_commit
    )


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


policies = CompiledPolicies()
