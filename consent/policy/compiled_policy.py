"""A compiled policy: its plain data, and what each choice makes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.functional import cached_property

from consent.models.legal_basis import basis_of
from consent.policy.decision import Decision, parse
from consent.policy.fingerprint import fingerprint_of
from consent.policy.policy_data import PolicyData
from consent.policy.selection import NOTHING, Selection, Standing

logger = logging.getLogger("consent")

# A website has a few URLconfs; one that makes them for each request must not fill the memory.
MOST_URLCONFS = 64


class CompiledPolicy(PolicyData):
    """A policy that says what a cookie, a region and a signal allow."""

    @cached_property
    def fingerprint(self) -> str:
        """What decides which code a browser gets, as 16 hex digits: see `fingerprint_of`."""
        return fingerprint_of(self)

    def at_addresses(self) -> CompiledPolicy:
        """Return the policy with what is kept for the active URLconf and script prefix.

        Rendered markup contains addresses, so each of them keeps its own.
        """
        addresses = (get_urlconf(), get_script_prefix())
        found = self._by_addresses.get(addresses)
        if found is None:
            if len(self._by_addresses) >= MOST_URLCONFS:
                self._by_addresses.clear()
            found = self._by_addresses[addresses] = self._for_these_addresses()
        return found

    @cached_property
    def _by_addresses(self) -> dict[tuple[str | None, str], CompiledPolicy]:
        return {}

    def _for_these_addresses(self) -> CompiledPolicy:
        try:
            reverse("consent:preferences")
        except NoReverseMatch:
            logger.error(
                "The URLconf %s does not include consent.urls, so visitors cannot choose there: "
                "only essential tools run.",
                get_urlconf() or "ROOT_URLCONF",
            )
            return replace(self, has_addresses=False)
        return replace(self) if self._by_addresses else self

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
        decision = self.decision_in_force(None if text is None else parse(text), day)
        if decision is not None:
            return self.stand(decision, signal=signal)
        # A cookie that is there but not clear, or no longer holds, allows only what is essential,
        # also where the regime would let tools run before a first decision.
        selection = self.undecided(regime, signal=signal) if text is None else self.refused
        return self.stand(None, selection, signal=signal)

    def decision_in_force(self, decision: Decision | None, day: int) -> Decision | None:
        """Return what holds of ``decision`` on ``day``; None where nothing does.

        A grant at a revision that this policy never issued is void: it was made before a backup was
        restored, or about another policy.
        """
        if decision is None or not decision.stands(lifetime_days=self.lifetime_days, today=day):
            return None
        return decision.granting_only(self.issued)

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
        if self.is_stopped:
            return self.refused
        levels = (0 if c.essential or c.key in off else len(c.thresholds) for c in self.categories)
        return Selection(self, tuple(levels))

    def grant(self, choices: Mapping[str, int]) -> Selection:
        """Return what is allowed where categories were granted at these revisions (0: refused).

        A tool of a granted category is refused by its own key, and 0: also where the policy no
        longer lets visitors choose so.
        """
        refused = (key for key, at in choices.items() if not at and key in self.refusable)
        hidden = (
            key
            for category in self.paused
            for key in category.hidden_at(choices.get(category.key, 0))
        )
        return self.select(choices, [*refused, *hidden])

    def select(self, choices: Mapping[str, int], without: Iterable[str]) -> Selection:
        """Return what is allowed of categories granted at these revisions, ``without`` tools."""
        if self.is_stopped:
            return self.refused
        granted = choices.get
        levels = tuple([c.level(granted(c.key, 0)) for c in self.categories])
        left_out = frozenset(key for key in without if levels[self.needed[key][0]])
        return Selection(self, levels, left_out or NOTHING)


NO_POLICY = CompiledPolicy()
