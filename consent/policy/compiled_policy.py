"""A policy as frozen plain data, and what each choice makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from django.utils.functional import cached_property
from django.utils.http import is_same_domain

from consent.conf import conf
from consent.models.legal_basis import basis_of
from consent.policy.data import CompiledCategory, CompiledTool
from consent.policy.decision import Decision, parse
from consent.policy.fingerprint import fingerprint_of
from consent.policy.memo import Memo
from consent.policy.regimes import RegimesByRegion
from consent.policy.selection import NOTHING, Selection, Standing

# Characters of markup that the memo of a small policy keeps, whatever cookies visitors invent.
RENDERED_LENGTH = 2_000_000

# A memo of a large policy has room for the code, or the texts, of all of its tools so many times:
# eight states of three categories, with and without a nonce; or some languages.
COPIES = 16

# About how many characters dialog and policy page have for each tool.
TEXTS_LENGTH = 1_000


@dataclass(frozen=True)
class CompiledPolicy:
    """A policy as plain data. ``stamp`` says of which row, and when that was last changed."""

    stamp: tuple[int, datetime] | None = None
    key: str = ""
    hosts: tuple[str, ...] = ()
    name: str = ""
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
    regimes: RegimesByRegion = field(default_factory=RegimesByRegion)
    categories: tuple[CompiledCategory, ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is a policy: without one, nothing is known and nothing runs."""
        return self.stamp is not None

    @cached_property
    def parts(self) -> Memo:
        """Markup that is the same for every visitor: what visitors invent cannot evict it."""
        return Memo(RENDERED_LENGTH + COPIES * TEXTS_LENGTH * len(self.tools))

    @cached_property
    def rendered(self) -> Memo:
        """Markup that differs by state of consent."""
        code = sum(len(tool.markup) for tool in self.tools.values())
        return Memo(RENDERED_LENGTH + COPIES * code)

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
        """What decides which code a browser gets, as 16 hex digits: see `fingerprint_of`."""
        return fingerprint_of(self)

    @property
    def regime(self) -> str:
        """The regime where no rule for regions fits."""
        return self.regimes.elsewhere

    @cached_property
    def refused(self) -> Selection:
        """What runs where nothing optional is allowed, or nothing is clear."""
        return Selection(self, tuple(0 for _ in self.categories))

    @cached_property
    def everything(self) -> Selection:
        """What runs where all is allowed."""
        return self._granting(NOTHING)

    @cached_property
    def sales(self) -> frozenset[str]:
        """The keys of the categories whose data is sold or shared, if there is any."""
        return frozenset(c.key for c in self.optional if c.sale and c.tools)

    @property
    def has_rules(self) -> bool:
        """Whether it depends on the region what holds."""
        return len(self.regimes.in_use) > 1

    @property
    def strictest(self) -> str:
        """The strictest regime that holds anywhere: where a visitor may be anywhere, this."""
        return self.regimes.in_use[0]

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

    @cached_property
    def runs_first(self) -> bool:
        """Whether tools run before a first decision, anywhere."""
        return any(basis_of(regime).runs_first for regime in self.regimes.in_use)

    def undecided(self, regime: str, *, signal: bool = False) -> Selection:
        """Return what a visitor allows who has not decided."""
        if not basis_of(regime).runs_first:
            return self.refused
        return self._granting(self.sales if signal else NOTHING)

    def _granting(self, off: frozenset[str]) -> Selection:
        """Return what is allowed where all categories but those in ``off`` are."""
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
