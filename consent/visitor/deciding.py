"""A visitor's decision: check it, record it, and let it count.

A grant counts only once its record is stored. A refusal always counts; if its record cannot be
stored, it is stored later.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import Error, router
from django.utils import timezone

from consent.conf import conf
from consent.models import Record
from consent.models.lock_timeout import lock_timeout
from consent.policy import policies
from consent.policy.decision import Decision
from consent.proof.recording import Draft, Occasion
from consent.visitor import decision_events
from consent.visitor.choices import (
    check_choices,
    check_shown,
    decision_from,
    refusal_without_policy,
)
from consent.visitor.errors import (
    NotRecordedError,
    PolicyUnavailableError,
    TooManyDecisionsError,
)
from consent.visitor.last_record import is_repeated, takes_back_a_record
from consent.visitor.state import ConsentState
from consent.visitor.write_limit import seconds_to_wait


def decide(
    state: ConsentState,
    choices: Mapping[str, bool],
    *,
    partial: bool,
    shown: int | None,
    occasion: Occasion,
) -> None:
    """Do what `consent.visitor.Consent.decide` promises."""
    if state.is_blind:
        raise PolicyUnavailableError
    if not state.policy:
        state.take(refusal_without_policy(state, choices))
        # A record refers to the policy that was shown, which nobody can read now.
        state.is_recorded = not conf.RECORDS
        return
    if state.cookie.is_of_account and not state.account:
        # The session has ended: who decides now is not who chose for the account.
        state.leave_account()
    if any(choices.values()):
        _catch_up(state, shown)
        check_shown(state, shown)
    check_choices(state, choices, partial=partial, shown=shown)
    revision = _recorded_revision(state, shown)
    decision = decision_from(state, choices, partial=partial, revision=revision)
    record_and_take(state, decision, revision, occasion)


def _catch_up(state: ConsentState, shown: int | None) -> None:
    """Look at the policy if the visitor's page showed a later revision than this process knows."""
    if shown is not None and shown > state.policy.revision:
        policies.look()
        state.forget_policy()


def _recorded_revision(state: ConsentState, shown: int | None) -> int:
    """Return the revision that the visitor was shown; 0 where this policy never issued it."""
    revision = state.policy.revision if shown is None else shown
    return revision if revision in state.policy.issued else 0


def record_and_take(
    state: ConsentState, decision: Decision, shown: int, occasion: Occasion
) -> None:
    """Record ``decision`` and let it count.

    Raises NotRecordedError if the record cannot be stored and something is granted; what is
    refused counts all the same.
    """
    draft = _draft(state, decision, shown, occasion)
    try:
        repeats = is_repeated(state, decision, occasion)
    except Error as error:
        # What a read waits for, a write waits for as well.
        _do_without_record(state, draft, error)
        return
    if repeats:
        state.take(decision)
    elif seconds := seconds_to_wait(state.reader.request):
        _take_beyond_the_limit(state, draft, seconds)
    elif not conf.RECORDS:
        state.take(decision)
        draft.announce()
        decision_events.send_without_record(state, draft)
    else:
        _record(state, draft)


def _take_beyond_the_limit(state: ConsentState, draft: Draft, seconds: int) -> None:
    """Take what ``draft`` refuses. It is recorded only where it takes back a recorded grant.

    Whoever reads the records, as the delivery of events does, must know of that; and each grant,
    whose number is limited, can be taken back once. Raises TooManyDecisionsError if ``draft``
    grants something as well.
    """
    refusal = draft.refusal()
    if refusal is not None and conf.RECORDS and takes_back_a_record(state, refusal.decision):
        _record(state, refusal)
    else:
        take_refusal(state, draft)
    if refusal is None or refusal.decision.choices != draft.decision.choices:
        raise TooManyDecisionsError(seconds)


def fall_back(state: ConsentState, draft: Draft) -> bool:
    """Take what of a decision counts without a record, which is stored later.

    Returns whether that is all of it.
    """
    state.undo()
    refusal = draft.refusal()
    if refusal is not None:
        refusal.postpone()
        state.outcome.receipt = refusal.receipt
        refusal.announce()
    return take_refusal(state, draft)


def take_refusal(state: ConsentState, draft: Draft) -> bool:
    """Take what of a decision counts without a record; return whether that is all of it."""
    refusal = draft.refusal()
    if refusal is None:
        return False
    state.is_recorded = False
    state.take(refusal.decision)
    return refusal.decision.choices == draft.decision.choices


def _draft(state: ConsentState, decision: Decision, shown: int, occasion: Occasion) -> Draft:
    return Draft(
        decision=decision,
        held=state.decision,
        before=state.last_decision,
        shown=shown,
        occasion=occasion,
        policy=state.policy,
        # The same subject, also if one request decides twice. An account's choice has its user.
        secret="" if state.account else state.current_secret,
        regime=state.regime,
        gpc=state.opts_out,
        decided_at=timezone.now(),
        user=state.reader.user,
    )


def _record(state: ConsentState, draft: Draft) -> None:
    try:
        _store(state, draft)
    except Error as error:
        _do_without_record(state, draft, error)
        return
    state.outcome.draft, state.outcome.receipt = draft, draft.receipt
    state.take(draft.decision)
    draft.announce()


def _do_without_record(state: ConsentState, draft: Draft, error: Error) -> None:
    if not fall_back(state, draft):
        raise NotRecordedError from error


def _store(state: ConsentState, draft: Draft) -> None:
    """Store the record together with what receivers of `decision_stored` store, or neither."""
    if not decision_events.are_wanted(state.policy):
        draft.store()
        return
    with lock_timeout(router.db_for_write(Record)):
        draft.store()
        if draft.is_new:
            decision_events.send(state, draft)
