"""What a visitor allows, read from the request's preference cookie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils.functional import cached_property

from consent.conf import conf
from consent.policy import CompiledPolicy, Selection, Standing, policies
from consent.policy.decision import Decision, parse, today
from consent.policy.selection import NOTHING
from consent.proof import identifiers
from consent.visitor import cookie_cleanup
from consent.visitor.additions import Addition, added_since
from consent.visitor.cookie_cleanup import CleanUp
from consent.visitor.outcome import Outcome
from consent.visitor.preference_cookie import PreferenceCookie, cookie_that_counts, own_cookie
from consent.visitor.regime import regime_of
from consent.visitor.request_reader import RequestReader


class ConsentState:
    """What one visitor allows; everything is read when it is first asked for."""

    # Each makes the text of every visitor's cookie; the last one counts. See `consent.testing`.
    cookie_overrides: ClassVar[list[Callable[[CompiledPolicy], str]]] = []

    def __init__(self, request: HttpRequest | None) -> None:
        self.reader = RequestReader(request)
        self.outcome = Outcome()
        # False while a refusal's record waits to be stored.
        self.is_recorded = True
        # What the app writes into the page: see `consent.pages.page`.
        self.page: Any = None
        # True if the page's Content-Security-Policy lets only those tools load that are allowed
        # now: a tool that is allowed later then needs a new page.
        self.is_guarded = False

    # The request

    @property
    def is_blind(self) -> bool:
        """Whether there is no request, and so no visitor: neither to ask nor to answer."""
        return self.reader.request is None

    @property
    def can_ask(self) -> bool:
        """Whether there is a visitor who can choose: a request, and addresses of the app."""
        return not self.is_blind and self.policy.has_addresses

    @cached_property
    def address(self) -> str:
        """The page's path and query, escaped for an attribute."""
        request = self.reader.request
        return "" if request is None else escape(request.get_full_path())

    @property
    def opts_out(self) -> bool:
        """Whether the browser asks not to sell or share data, by Sec-GPC or DNT."""
        return self.reader.opts_out

    @cached_property
    def policy(self) -> CompiledPolicy:
        """The policy for this request: where there are several, by its host."""
        return policies.current(lambda: self.reader.host).at_addresses()

    @cached_property
    def regime(self) -> str:
        """The regime that applies until the visitor decides: that of their region."""
        return regime_of(self.reader, self.policy)

    @cached_property
    def secret(self) -> str:
        """The text of the subject's cookie; "" if there is none, or if its format is invalid."""
        secret = self.reader.cookie(self.policy.subject_cookie_name) or ""
        return secret if identifiers.is_secret(secret) else ""

    @property
    def current_secret(self) -> str:
        """The text that the subject's cookie has once the response has set it."""
        return self.outcome.draft.secret if self.outcome.draft else self.secret

    @property
    def account(self) -> str:
        """The primary key of the signed-in user whose choices login sync keeps; else ""."""
        return self.reader.user if conf.LOGIN_SYNC else ""

    # The decision

    @cached_property
    def cookie(self) -> PreferenceCookie:
        """The preference cookie that counts."""
        return cookie_that_counts(self.reader, self.policy)

    @cached_property
    def standing(self) -> Standing:
        """What the cookie means today; only essential tools run where nobody can choose."""
        if not self.can_ask:
            return replace(self.policy.stand(None, self.policy.refused), must_ask=False)
        return self._standing_of(self._cookie())

    @property
    def decision(self) -> Decision | None:
        """The decision that counts now; None while undecided, and if the cookie is not clear."""
        return self.standing.decision

    @cached_property
    def last_decision(self) -> Decision | None:
        """What the visitor decided before this request, whether it still counts or not."""
        return parse(self._cookie() or "")

    @property
    def is_read(self) -> bool:
        """Whether anything asked what the visitor allows, so that the response depends on it."""
        return "standing" in self.__dict__ and self.can_ask

    @property
    def selection(self) -> Selection:
        """The tools that are allowed now."""
        return self.standing.selection

    @property
    def is_opted_out(self) -> bool:
        """Whether something is off because the browser asks not to sell or share data."""
        return self.standing.opted_out

    @property
    def choices(self) -> dict[str, bool | None]:
        """Each optional category's key: True granted, False refused, None not asked yet."""
        keys = (category.key for category in self.policy.optional)
        return dict(zip(keys, self.standing.choices, strict=True))

    @property
    def refused_tools(self) -> frozenset[str]:
        """Keys of the tools that the visitor refused in categories that they did not refuse.

        Also where the grant of the category is void or outdated: it does not take these with it.
        """
        decision, policy = self.decision, self.policy
        if decision is None:
            return NOTHING
        refused = (key for key in decision.refused if key in policy.refusable)
        return frozenset(
            key for key in refused if decision.choice(policy.tools[key].category) is not False
        )

    def allows(self, key: str) -> bool:
        """Return whether the category or tool with this key may run for this visitor."""
        return self.selection.allows(key)

    @property
    def must_ask(self) -> bool:
        """Whether the visitor has to be asked: undecided, or something is newer."""
        return self.policy.asks and self.standing.must_ask

    @property
    def additions(self) -> tuple[Addition, ...]:
        """What was added after the decision: to granted categories, and categories never shown.

        What was refused is not asked about again before the refusal expires.
        """
        return added_since(self.policy, self.decision) if self.decision else ()

    @cached_property
    def clean_up(self) -> CleanUp:
        """What the tools that are not allowed now may have stored in the browser."""
        return cookie_cleanup.clean_up(self.policy, self.selection)

    # Changes during the request

    @property
    def overrides_opt_out(self) -> bool:
        """Whether a decision made now is made although the browser opts out; it counts for more."""
        return bool(self.policy.sales) and self.opts_out

    def take(self, decision: Decision) -> None:
        """Let ``decision`` count from now on, and have the response set the cookie."""
        self.__dict__.pop("clean_up", None)
        self.standing = self.policy.stand(decision, signal=self.overrides_opt_out)
        self.outcome.decision = decision
        self.outcome.is_of_account = bool(self.account)

    def forget_policy(self) -> None:
        """Take the policy as the process knows it now, and what the cookie means under it."""
        for name in ("policy", "cookie", "regime", "standing", "clean_up"):
            self.__dict__.pop(name, None)

    def undo(self) -> None:
        """Let the request's cookie count again, as if nothing had been decided."""
        self.outcome.draft = self.outcome.decision = self.outcome.receipt = None
        self.__dict__.pop("standing", None)

    def leave_account(self) -> None:
        """Let this browser's own decision count again; the account's cookie is deleted."""
        for name in ("last_decision", "standing", "clean_up"):
            self.__dict__.pop(name, None)
        self.cookie = own_cookie(self.reader, self.policy)
        self.outcome = Outcome(leaves_account=True)

    def enter_account(self, decision: Decision) -> None:
        """Let the account's ``decision`` count in this browser, beside its own."""
        self.leave_account()
        self.standing = self._standing_of(decision.text)
        self.outcome = Outcome(decision=decision, is_of_account=True)

    def _cookie(self) -> str | None:
        text = self.cookie.text
        if self.cookie_overrides and not self.is_blind:
            return self.cookie_overrides[-1](self.policy)
        return text

    def _standing_of(self, text: str | None) -> Standing:
        """Return what ``text`` means here and now; reads no header that makes no difference."""
        policy = self.policy
        regime = self.regime if text is None else policy.regime
        if policy.sales:
            self.reader.depends_on("Sec-GPC")
            if conf.DNT:
                self.reader.depends_on("DNT")
        return policy.standing(text, today(), regime, bool(policy.sales) and self.opts_out)
