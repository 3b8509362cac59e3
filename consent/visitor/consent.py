"""``request.consent``: what a visitor allows, and the decisions that change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from asgiref.sync import sync_to_async
from django.http.response import HttpResponseBase

from consent.proof.identifiers import subject_of
from consent.proof.recording import IN_CODE, Occasion
from consent.visitor import deciding
from consent.visitor.errors import PolicyUnavailableError
from consent.visitor.response import write_response
from consent.visitor.snapshot import VisitorSnapshot
from consent.visitor.state import ConsentState


class Consent(ConsentState):
    """What one visitor allows, read from the request's preference cookie when first asked for.

    ``Consent(None)`` knows no visitor: it allows only what is essential and never asks.
    """

    def without_vary(self) -> Consent:
        """Return the same visitor for code on which the response does not depend: no ``Vary``."""
        return self if "standing" in self.__dict__ else Consent(self.reader.request)

    @property
    def is_overridden(self) -> bool:
        """Whether the browser sent preference cookies that differ: another host has set one."""
        return self.cookie.has_different_copies

    @property
    def snapshot(self) -> VisitorSnapshot:
        """The visitor as they stand now, for what outlives the request."""
        subject = subject_of(self.current_secret) if self.current_secret else None
        return VisitorSnapshot(
            self.policy, self.standing, self.regime, self.opts_out, subject, self.reader.user
        )

    def decide(
        self,
        choices: Mapping[str, bool],
        *,
        partial: bool = False,
        shown: int | None = None,
        occasion: Occasion = IN_CODE,
    ) -> None:
        """Take the visitor's choices: category key to True (granted) or False (refused).

        If the policy lets visitors choose single tools, also tool key to False (refused in a
        category that is granted) or True (no longer refused); a tool that is not named stays as
        it was. ``partial``: categories that are not named stay as they were, and cover no more
        than before. Otherwise each optional category has to be named. ``shown``: the policy's
        revision that the visitor's page showed (0: none), if that is known; what came later is not
        granted. The decision is recorded, and the response sets the cookies. If the transaction in
        which it is made is rolled back, only what was refused counts.

        Raises InvalidChoicesError if the policy does not allow a choice, and
        PolicyUnavailableError if there is no policy to grant by; neither changes anything. Raises
        NotRecordedError if a grant cannot be recorded; what was refused with it counts.
        """
        deciding.decide(self, choices, partial=partial, shown=shown, occasion=occasion)

    def accept_all(self, *, shown: int | None = None, occasion: Occasion = IN_CODE) -> None:
        """Grant every optional category; ``shown`` as in `decide`.

        Raises PolicyUnavailableError if no policy could be read, and NotRecordedError if the
        decision cannot be recorded.
        """
        if not self.policy:
            raise PolicyUnavailableError
        categories = {category.key: True for category in self.policy.optional}
        choices = {**categories, **dict.fromkeys(self.refused_tools, True)}
        self.decide(choices, shown=shown, occasion=occasion)

    def reject_all(self, *, occasion: Occasion = IN_CODE) -> None:
        """Refuse every optional category; this works without a policy and without a database."""
        choices = {category.key: False for category in self.policy.optional}
        self.decide(choices, occasion=occasion)

    def withdraw(self, *, forget: bool = False, occasion: Occasion = IN_CODE) -> None:
        """Withdraw whatever the visitor granted.

        ``forget``: the browser also deletes the cookie by which it reads its own records.
        """
        self.reject_all(occasion=replace(occasion, withdraws=True))
        self.outcome.forgets_subject = forget

    async def adecide(self, choices: Mapping[str, bool], **options: Any) -> None:
        """Do what `decide` does, in async code."""
        await sync_to_async(self.decide)(choices, **options)

    async def aaccept_all(self, **options: Any) -> None:
        """Do what `accept_all` does, in async code."""
        await sync_to_async(self.accept_all)(**options)

    async def areject_all(self, **options: Any) -> None:
        """Do what `reject_all` does, in async code."""
        await sync_to_async(self.reject_all)(**options)

    async def awithdraw(self, **options: Any) -> None:
        """Do what `withdraw` does, in async code."""
        await sync_to_async(self.withdraw)(**options)

    def finish(self, response: HttpResponseBase) -> None:
        """Write to ``response``: the cookies of a decision, and which headers it depends on.

        A grant whose record was rolled back does not count.
        """
        draft = self.outcome.draft
        if draft is not None and not draft.is_committed():
            deciding.fall_back(self, draft)
        write_response(self, response)
