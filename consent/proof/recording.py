"""The draft of a record: who decided, what, where, and on which text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import router

from consent.conf import conf
from consent.models import Record, granted_in
from consent.models.lock_timeout import lock_timeout
from consent.models.primary import primary
from consent.models.times import to_utc
from consent.policy import CompiledPolicy
from consent.policy.decision import SECONDS_PER_DAY, Decision
from consent.policy.versions import Version, version_of
from consent.proof import storing
from consent.proof.commitment import Commitment, after_commit
from consent.proof.identifiers import (
    new_secret,
    receipt_for,
    receipts_for,
    subject_of,
)
from consent.proof.stored_versions import find_version
from consent.signals import DecisionMade, consent_withdrawn, decision_made


@dataclass(frozen=True, slots=True)
class Occasion:
    """How a decision came about.

    ``source``: one of `Record.Source`. ``version``: what the visitor's page called what it showed
    (see `consent.policy.versions`), "" where that is not known. ``key``: the sender's, by which a
    request that comes twice is known; a random one. ``withdraws``: whether the visitor said so.
    """

    source: str = Record.Source.CODE
    version: str = ""
    key: UUID | None = None
    withdraws: bool = False


IN_CODE = Occasion()


@dataclass
class Draft:
    """A decision that is about to be recorded.

    ``held``: the decision that held up to now; ``before``: the last one, whether it held or not.
    ``shown``: the policy's revision that the visitor was shown. ``secret``: what the subject's
    cookie holds; a new one, where that is "", as soon as the decision is stored, if it grants
    anything: a refusal leaves no identifier. ``regime``: what held for the visitor before they
    decided. ``gpc``: whether their browser opted out.
    """

    decision: Decision
    held: Decision | None
    before: Decision | None
    shown: int
    occasion: Occasion
    policy: CompiledPolicy
    secret: str
    regime: str
    gpc: bool
    user: str
    decided_at: datetime
    receipt: UUID | None = None
    is_new: bool = True
    _version: Version | None = None
    _commitment: Commitment | None = None

    def store(self) -> None:
        """Store its record. Raises django.db.Error where that fails."""
        self._version = find_version(self.occasion.version, version_of(self.policy, self.regime))
        secret, receipt = self._identifiers()
        record = self._record(secret, self._version, receipt)
        self._commitment = storing.store(record, self._version)
        self.secret, self.receipt = secret, record.receipt
        self.is_new = record.pk is not None

    def is_committed(self) -> bool:
        """Return whether the record was committed."""
        return self._commitment is not None and self._commitment.is_committed()

    def refusal(self) -> Draft | None:
        """Return the part of it that holds without a record; None where it refuses nothing."""
        held = self.held or Decision(0, 0)
        # To refuse a tool no longer is a grant, too.
        lifted = self._refused_tools(held) - self._refused_tools(self.decision)
        decision = self.decision.without_grants(self.held).refusing(
            sorted(self._tools_in(self.decision.allowed, lifted))
        )
        refused = [key for key, granted in decision.choices.items() if not granted]
        is_all = decision.choices == self.decision.choices
        if is_all or any(
            self.held is None or self.held.choice(key) is not False for key in refused
        ):
            return replace(self, decision=decision, receipt=None, _commitment=None)
        return None

    def postpone(self) -> None:
        """Keep its record until the database can be reached again."""
        version = self._version or version_of(self.policy, self.regime)
        secret = self.secret or self._first_secret()
        self.receipt = receipt_for(self.occasion.key, _answers(self.decision))
        storing.postpone(self._record(secret, version, self.receipt), version)

    def announce(self) -> None:
        """Send the signals, once what is stored is committed; not twice for the same record."""
        heard = decision_made.has_listeners(Record) or consent_withdrawn.has_listeners(Record)
        if self.is_new and heard:
            event = self.event
            after_commit(lambda: _send(event), router.db_for_write(Record))

    @property
    def event(self) -> DecisionMade:
        """What receivers of the signals learn about it."""
        held = self.held or Decision(0, 0)
        had, has = held.allowed, self.decision.allowed
        before, now = self._refused_tools(held), self._refused_tools(self.decision)
        return DecisionMade(
            choices=_answers(self.decision),
            # A tool counts by itself only where its category was granted before and is now.
            granted=(has - had) | self._tools_in(had & has, before - now),
            withdrawn=(had - has) | self._tools_in(had & has, now - before),
            revision=self.shown,
            action=self.action,
            source=self.occasion.source,
            decided_at=self.decided_at,
            receipt=self.receipt,
            user=self.user,
            is_first=self.held is None,
        )

    def _refused_tools(self, decision: Decision) -> frozenset[str]:
        return frozenset(key for key in self.policy.refusable if decision.choice(key) is False)

    def _tools_in(self, categories: frozenset[str], tools: frozenset[str]) -> frozenset[str]:
        return frozenset(key for key in tools if self.policy.tools[key].category in categories)

    @property
    def action(self) -> Record.Action:
        """What was done: "all" only if every optional category was answered that way."""
        allowed, choices = self.decision.allowed, self.decision.choices
        is_complete = all(category.key in choices for category in self.policy.optional)
        if self.occasion.withdraws or (not allowed and self.held and self.held.allowed):
            return Record.Action.WITHDRAWN
        if self.before and _answers(self.before) == _answers(self.decision):
            return Record.Action.RENEWED
        if is_complete and not allowed:
            return Record.Action.REJECT_ALL
        is_all = is_complete and len(allowed) == len(choices)
        return Record.Action.ACCEPT_ALL if is_all else Record.Action.CHOSEN

    def _first_secret(self) -> str:
        """Return a new secret; "" for a refusal, which leaves none, and for an account's choice."""
        is_of_account = conf.LOGIN_SYNC and self.user
        return new_secret() if self.decision.allowed and not is_of_account else ""

    def _identifiers(self) -> tuple[str, UUID]:
        """Return the secret, if any, and the receipt.

        The receipt is that of the same submission, if it came before, also if another signing key
        was the first then.
        """
        key, answers = self.occasion.key, _answers(self.decision)
        receipts = [receipt_for(None, answers)] if key is None else receipts_for(key, answers)
        came = 0
        if key is not None and len(receipts) > 1:
            stored = primary(Record).filter(receipt__in=receipts).values_list("receipt", flat=True)
            with lock_timeout(stored.db):
                came = min(map(receipts.index, stored), default=0)
        return self.secret or self._first_secret(), receipts[came]

    def _record(self, secret: str, version: Version, receipt: UUID) -> Record:
        return Record(
            receipt=receipt,
            subject=subject_of(secret) if secret else None,
            user=self.user,
            revision=self.shown,
            choices=dict(self.decision.choices),
            granted=granted_in(self.decision.choices),
            action=self.action,
            source=self.occasion.source,
            language=version.language,
            regime=self.regime,
            gpc=self.gpc,
            decided_at=self.decided_at,
        )


def _answers(decision: Decision) -> dict[str, bool]:
    return {key: granted > 0 for key, granted in decision.choices.items()}


def _send(event: DecisionMade) -> None:
    decision_made.send_robust(sender=Record, event=event)
    if event.withdrawn:
        consent_withdrawn.send_robust(sender=Record, event=event)


def decision_of(record: Record) -> Decision:
    """Return the decision that ``record`` proves, as the preference cookie had it.

    The cookie knows only the day of the decision.
    """
    day = int(to_utc(record.decided_at).timestamp() // SECONDS_PER_DAY)
    revision = max([record.revision, *record.choices.values()])
    return Decision(revision, day, record.choices, opt_out=record.gpc)
