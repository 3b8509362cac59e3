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
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import Any, TypeAlias

from asgiref.sync import sync_to_async
from django.db import DatabaseError, Error, models, transaction
from django.utils.functional import cached_property
from django.utils.http import is_same_domain

from consent import regions
from consent.conf import conf
from consent.models import Category, Policy, PolicyQuerySet, Tool, parameter_errors
from consent.policy.decision import Decision, parse
from consent.recipes import (
    DeclaredCookie,
    Embed,
    Recipe,
    RecipeError,
    catalogue,
    csp_sources,
    google,
    snippets,
)
from consent.recipes.csp import merged

logger = logging.getLogger("consent")

# Characters of markup that are kept for one policy, whatever states of consent strangers invent.
RENDERED_LENGTH = 2_000_000

# Seconds for which a request waits for another that compiles what this process has edited.
EDIT_PATIENCE = 1.0

# Policies that are kept beyond their time.
SUPERSEDED = 3

NOTHING: frozenset[str] = frozenset()

# The strictest first.
STRICTNESS = (Policy.Regime.OPT_IN, Policy.Regime.IMPLIED, Policy.Regime.NOTICE_ONLY)


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

    ``markup``: its code with marks for what a request and a state of consent bring (see
    `consent.recipes.markers`); empty for a server-side tool, and for one that cannot be started
    (`consent.checks` says why). ``sources``: what it loads from, by CSP directive. ``embed``: what
    a template may show of it, if it is for that.
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
            self._sources = merged(tool.sources for tool in self.tools)
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


@dataclass(frozen=True)
class CompiledPolicy:
    """A policy as plain data. ``stamp`` says of which row, and when that was last changed."""

    stamp: tuple[int, datetime] | None = None
    key: str = ""
    hosts: tuple[str, ...] = ()
    name: str = ""
    regime: str = Policy.Regime.OPT_IN
    revision: int = 0
    lifetime_days: int = 182
    notice_text: str = ""
    introduction: str = ""
    explanation: str = ""
    policy_url: str = ""
    privacy_url: str = ""
    tool_choices: bool = False
    wait_for_update: int = 0
    ads_data_redaction: bool = True
    url_passthrough: bool = False
    rules: tuple[tuple[frozenset[str], str], ...] = ()
    categories: tuple[CompiledCategory, ...] = ()
    # What is the same for every visitor, and what is not: the latter never crowds out the former.
    parts: Memo = field(default_factory=lambda: Memo(RENDERED_LENGTH), compare=False, repr=False)
    rendered: Memo = field(default_factory=lambda: Memo(RENDERED_LENGTH), compare=False, repr=False)

    def __bool__(self) -> bool:
        """Say whether there is a policy: without one, nothing is known and nothing runs."""
        return self.stamp is not None

    @property
    def cookie_name(self) -> str:
        """Name of the preference cookie: a policy for some hosts has one of its own.

        So that a choice under one policy is never taken for one under another.
        """
        return self._own_name(conf.COOKIE_NAME)

    @property
    def subject_cookie_name(self) -> str:
        """Name of the subject's cookie: one for each policy, as with the preference cookie.

        So that no policy's records are read, or go on under the same pseudonym, under another's.
        """
        return self._own_name(conf.SUBJECT_COOKIE_NAME)

    def _own_name(self, name: str) -> str:
        return f"{name}_{self.key}" if self.hosts else name

    def cookie_domain(self, host: str) -> str | None:
        """Return ``Domain`` of the cookies that ``host`` sets.

        Hosts that are written as ``.example.com`` share a choice; no browser takes a cookie for a
        domain that the host is not in.
        """
        if not self.hosts:
            return conf.COOKIE_DOMAIN
        shared = [h[1:] for h in self.hosts if h.startswith(".") and is_same_domain(host, h)]
        return min(shared, key=len, default=None)

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
    def refusable(self) -> frozenset[str]:
        """The keys of the tools that a visitor can refuse one by one."""
        return frozenset(tool.key for category in self.optional for tool in category.tools)

    @cached_property
    def has_embeds(self) -> bool:
        """Whether an enabled tool is one that templates show."""
        return any(tool.embed for tool in self.tools.values())

    @cached_property
    def server_tools(self) -> tuple[CompiledTool, ...]:
        """The enabled tools that this website's server sends events to."""
        return tuple(tool for tool in self.tools.values() if tool.server)

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
        """What is allowed at which revision, its code and what that is told, as 16 hex digits.

        They begin a SHA-256.
        """
        digest = sha256(b"2")

        def add(*parts: object) -> None:
            digest.update(repr(parts).encode())

        add(self.wait_for_update, self.ads_data_redaction, self.url_passthrough)
        for category in self.categories:
            add(category.key, category.essential, category.thresholds, category.consent_types)
            for tool in category.tools:
                add(tool.key, tool.name, tool.since, tool.placement, tool.markup)
        return digest.hexdigest()[:16]

    @cached_property
    def refused(self) -> Selection:
        """What runs where nothing optional is allowed, or nothing is clear."""
        return Selection(self, tuple(0 for _ in self.categories))

    @cached_property
    def everything(self) -> Selection:
        """What runs where all is allowed."""
        return self.undecided(Policy.Regime.NOTICE_ONLY)

    @cached_property
    def sales(self) -> frozenset[str]:
        """The keys of the categories whose data is sold or shared, if there is any."""
        return frozenset(c.key for c in self.optional if c.sale and c.tools)

    @cached_property
    def regimes(self) -> tuple[str, ...]:
        """The regimes that hold anywhere, the strictest first."""
        found = {self.regime, *(regime for _, regime in self.rules)}
        return tuple(regime for regime in STRICTNESS if regime in found)

    @property
    def has_rules(self) -> bool:
        """Whether it depends on the region what holds."""
        return len(self.regimes) > 1

    @cached_property
    def strictest(self) -> str:
        """The strictest regime that holds anywhere: where a visitor may be anywhere, this."""
        return self.regimes[0]

    @cached_property
    def regime_in(self) -> Callable[[str], str]:
        """Function of a region (``DE``, ``US-CA``; "" where it is unknown): the regime there.

        The first rule that fits counts, then the policy's own regime. Where a rule may fit, since
        not all is known of the region, the strictest of what may hold does.
        """
        return lru_cache(maxsize=1024)(self._regime_in)

    def _regime_in(self, region: str) -> str:
        possible = []
        for covered, regime in self.rules:
            if regions.may_cover(covered, region):
                possible.append(regime)
            if regions.covers(covered, region):
                break
        else:
            possible.append(self.regime)
        return min(possible, key=STRICTNESS.index)

    @cached_property
    def standing(self) -> Callable[[str | None, int, str, bool], Standing]:
        """Function of a cookie's text (None: there is no cookie), a day, a regime and a signal.

        It says what they come to. The regime holds for who has not decided; the signal is whether
        the browser asks not to sell or share data. It keeps the last 1,024 results, whoever invents
        texts, and takes none of more than 512 characters: see `Decision`'s ``MAX_LENGTH``.
        """
        return lru_cache(maxsize=1024)(self._standing)

    def _standing(self, text: str | None, day: int, regime: str, signal: bool) -> Standing:
        cookie = None if text is None else parse(text)
        if cookie is not None and cookie.stands(
            revision=self.revision, lifetime_days=self.lifetime_days, today=day
        ):
            return self.stand(cookie, signal=signal)
        # A cookie that is there but not clear, or no longer holds, allows only what is essential,
        # also where the regime would let tools run before a first decision.
        selection = self.undecided(regime, signal=signal) if text is None else self.refused
        return self.stand(None, selection, signal=signal)

    def stand(
        self,
        decision: Decision | None,
        selection: Selection | None = None,
        *,
        signal: bool = False,
    ) -> Standing:
        """Return how a visitor with ``decision`` stands; ``signal`` as for `standing`.

        The signal counts for more than a decision that was made without it.
        """
        if decision is not None and signal and not decision.opt_out:
            decision = decision.refusing(self.sales)
        if selection is None:
            selection = self.refused if decision is None else self.grant(decision.choices)
        keys = [category.key for category in self.optional]
        choices = tuple([None if decision is None else decision.choice(key) for key in keys])
        opted_out = signal and not all(map(selection.allows, self.sales))
        return Standing(
            decision=decision,
            selection=selection,
            choices=choices,
            must_ask=self.asks
            and (decision is None or any(c.has_news(decision) for c in self.optional)),
            opted_out=opted_out,
            key=(selection.state, decision is None, choices, opted_out),
        )

    def undecided(self, regime: str, *, signal: bool = False) -> Selection:
        """Return what a visitor allows who has not decided."""
        if regime == Policy.Regime.OPT_IN:
            return self.refused
        off = self.sales if signal else NOTHING
        levels = (0 if c.essential or c.key in off else len(c.thresholds) for c in self.categories)
        return Selection(self, tuple(levels))

    def grant(self, choices: Mapping[str, int]) -> Selection:
        """Return what is allowed where categories were granted at these revisions (0: refused).

        A tool of a granted category is refused by its own key, and 0: also where the policy no
        longer lets visitors choose so.
        """
        granted = choices.get
        levels = tuple([c.level(granted(c.key, 0)) for c in self.categories])
        refused = (key for key, at in choices.items() if not at and key in self.refusable)
        without = frozenset(key for key in refused if levels[self.needed[key][0]])
        return Selection(self, levels, without or NOTHING)


NO_POLICY = CompiledPolicy()


Stamp: TypeAlias = tuple[tuple[int, datetime], ...]


@dataclass(frozen=True)
class CompiledSites:
    """The policies in use: that of any host, and those of some hosts alone."""

    default: CompiledPolicy = NO_POLICY
    others: tuple[CompiledPolicy, ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is any policy."""
        return bool(self.default or self.others)

    @property
    def stamp(self) -> Stamp:
        """Of which rows it was built, and when those were last changed."""
        return tuple(policy.stamp for policy in (self.default, *self.others) if policy.stamp)

    @cached_property
    def at(self) -> Callable[[str], CompiledPolicy]:
        """Function of a host's name: its policy. Of several that fit, the one that says most."""
        return lru_cache(maxsize=1024)(self._at)

    def _at(self, host: str) -> CompiledPolicy:
        fitting = [
            ((pattern == host, len(pattern)), policy)
            for policy in self.others
            for pattern in policy.hosts
            if is_same_domain(host, pattern)
        ]
        return max(fitting, key=itemgetter(0))[1] if fitting else self.default


def build() -> CompiledSites:
    """Compile the policies in use from the database, in six queries whatever their size.

    Raises DatabaseError where the database fails, or where a policy was changed again each time
    that it was read.
    """
    for _attempt in range(3):
        compiled = _build_once()
        if compiled.stamp == read_stamp():
            return compiled
    raise DatabaseError("The policy was changed while it was compiled, three times over.")


def read_stamp() -> Stamp:
    """Return primary key and ``changed_at`` of each policy in use: what is looked at."""
    return tuple(Policy.objects.followed().values_list("pk", "changed_at"))


def _build_once() -> CompiledSites:
    policies = with_tools(Policy.objects.followed())
    compiled = [(policy.is_default, compile_policy(policy)) for policy in policies]
    return CompiledSites(
        default=next((policy for is_default, policy in compiled if is_default), NO_POLICY),
        others=tuple(policy for is_default, policy in compiled if not is_default),
    )


def with_tools(policies: PolicyQuerySet) -> PolicyQuerySet:
    """Return the same policies, to be read with what `compile_policy` needs of them."""
    tools = Tool.objects.filter(enabled=True).prefetch_related("cookies")
    categories = Category.objects.prefetch_related(models.Prefetch("tools", queryset=tools))
    return policies.prefetch_related(
        "region_rules", models.Prefetch("categories", queryset=categories)
    )


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Return ``policy``, its categories and their prefetched enabled tools as plain data."""
    recipes = _recipes()
    return CompiledPolicy(
        stamp=(policy.pk, policy.changed_at),
        key=policy.key,
        hosts=() if policy.is_default else tuple(policy.host_list),
        name=policy.name,
        regime=policy.regime,
        revision=policy.revision,
        lifetime_days=policy.lifetime_days,
        notice_text=policy.notice_text,
        introduction=policy.introduction,
        explanation=policy.explanation,
        policy_url=policy.policy_url,
        privacy_url=policy.privacy_url,
        tool_choices=policy.tool_choices,
        wait_for_update=policy.wait_for_update,
        ads_data_redaction=policy.ads_data_redaction,
        url_passthrough=policy.url_passthrough,
        rules=compile_rules((rule.regions, rule.regime) for rule in policy.region_rules.all()),
        categories=tuple(
            _compile_category(category, recipes) for category in policy.categories.all()
        ),
    )


def compile_rules(rules: Iterable[tuple[str, str]]) -> tuple[tuple[frozenset[str], str], ...]:
    """Return ``rules`` (regions as an editor writes them, and a regime), each without what is lost.

    A region that a rule before names, or its country, never comes to it; so what the strictest of
    all may be is not said by a rule that holds nowhere.
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
        sale=category.sale,
        consent_types=tuple(category.consent_types.split()),
        tools=tools,
        thresholds=tuple(sorted({category.since, *(tool.since for tool in tools)})),
    )


def compile_tool(
    tool: Tool, category: Category, recipes: Mapping[str, Recipe] | None = None
) -> CompiledTool:
    """Return ``tool`` of ``category`` as plain data; ``recipes``: the catalogue, if at hand."""
    recipe = (_recipes() if recipes is None else recipes).get(tool.recipe)
    markup = _markup(tool, recipe)
    embed = recipe.embed if recipe is not None else None
    return CompiledTool(
        key=tool.key,
        name=tool.name,
        vendor=tool.vendor,
        privacy_url=tool.privacy_url,
        category=category.key,
        since=max(tool.since, category.since),
        placement=_shared(tool.placement),
        server=recipe is not None and recipe.kind == "server",
        markup=markup,
        cookies=tuple(
            DeclaredCookie(*map(_shared, (c.name, c.kind, c.party, c.retention, c.purpose)))
            for c in (tool.cookies.all() if tool.pk else ())
        ),
        # What does not run loads nothing.
        sources=_sources(tool, recipe) if markup or embed else {},
        embed=embed,
        pk=tool.pk,
        hears_decisions=tool.hears_decisions,
    )


def _shared(text: str) -> str:
    """Return ``text``, kept once for all that say the same: thousands of cookies do."""
    return sys.intern(text) if type(text) is str else text


def _markup(tool: Tool, recipe: Recipe | None) -> str:
    """Render the tool's code; a tool that is not clearly right gets none."""
    if not tool.recipe:
        told = google.prelude(tool.key) if google.needs_prelude(tool.snippet) else ""
        return told + snippets.prepare(tool.snippet, tool.key)
    values: Any = tool.parameters
    if recipe is None or not isinstance(values, dict) or parameter_errors(recipe, values):
        logger.error("Tool %s does not fit its recipe %s and does not run.", tool.key, tool.recipe)
        return ""
    return recipe.render(values, tool.key)


def _sources(tool: Tool, recipe: Recipe | None) -> Mapping[str, tuple[str, ...]]:
    """Return what a tool that fits its recipe, or has none, loads from: only what can be named."""
    if recipe is None:
        return csp_sources.read(tool.sources)
    try:
        return recipe.csp_sources(tool.parameters)
    except ValueError:
        logger.exception("Tool %s adds nothing to a Content-Security-Policy.", tool.key)
        return {}


class CompiledPolicies:
    """The process's compiled policies, kept fresh."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sites: CompiledSites | None = None
        # Pages that show them may come back.
        self._superseded: deque[CompiledSites] = deque(maxlen=SUPERSEDED)
        self._looked = 0.0
        # The last edit in this process, and the last one that was looked at: each an object alone.
        self._edit = object()
        self._seen: object = None

    def current(self, host: Callable[[], str] | None = None) -> CompiledPolicy:
        """Return the policy, looking for changes where the last look is too long ago.

        ``host``: returns the name of the host that is asked; called where several policies are in
        use. In an event loop it returns what is there, without a look: the middleware looks first.
        NO_POLICY where none was ever compiled.
        """
        if self.is_stale() and not _in_event_loop():
            self.refresh()
        sites = self._sites
        if sites is None:
            return NO_POLICY
        return sites.at(host()) if sites.others and host else sites.default

    def called(self, key: str) -> CompiledPolicy:
        """Return the policy in use with this key, as it is now; NO_POLICY where there is none.

        As last looked at: see `look`.
        """
        sites = self._sites
        found = (sites.default, *sites.others) if sites is not None else ()
        return next((policy for policy in found if policy and policy.key == key), NO_POLICY)

    def look(self) -> None:
        """Look for changes now, however short a time ago the last look was."""
        self._looked = float("-inf")
        self.refresh()

    def recent(self) -> Iterator[CompiledPolicy]:
        """Go through all policies in use, and then those that they superseded last."""
        for sites in (self._sites, *self._superseded):
            if sites is not None:
                yield from (sites.default, *sites.others)

    def is_stale(self) -> bool:
        """Say whether a look is due."""
        return self._edited or time.monotonic() - self._looked >= conf.POLICY_MAX_AGE

    @property
    def _edited(self) -> bool:
        return self._edit is not self._seen

    def forget(self) -> None:
        """Make the next request compile the policy anew."""
        self._edit = object()

    def forget_on_commit(self, using: str) -> None:
        """Have an edit in the database ``using`` show once it is committed, and never before."""
        transaction.on_commit(_Edit(self.forget, _open_block(using)), using=using)

    def refresh(self) -> None:
        """Look at the policy's row and compile anew where it changed.

        One thread does; others go on with what is there. They wait where nothing is, and a moment
        where this process has edited it: an edit shows at once. A database that fails leaves the
        last policy in place, and so does a transaction that has edited the policy: it sees what
        may be rolled back.
        """
        if _sees_own_edits(Policy.objects.db):
            return
        if not self._acquire():
            return
        try:
            if self.is_stale():
                self._look()
        except Error:
            logger.exception("Cannot read the policy; the last one that was compiled stays.")
        finally:
            self._looked = time.monotonic()
            self._lock.release()

    def _acquire(self) -> bool:
        """Take the lock, and say whether that was possible in the time that there is for it."""
        if self._sites is None:
            return self._lock.acquire()
        return self._lock.acquire(timeout=EDIT_PATIENCE if self._edited else 0)

    async def arefresh(self) -> None:
        """Do what `refresh` does, away from the event loop."""
        await sync_to_async(self.refresh)()

    def _look(self) -> None:
        # Not that of afterwards: one that is committed meanwhile has to be looked at once more.
        edit = self._edit
        try:
            if self._edited or self._sites is None or self._sites.stamp != read_stamp():
                superseded, self._sites = self._sites, build()
                if superseded and superseded.stamp != self._sites.stamp:
                    self._superseded.appendleft(superseded)
        finally:
            # Also after a failure, so that a database that is down is asked again only after
            # CONSENT_POLICY_MAX_AGE.
            self._seen = edit


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
