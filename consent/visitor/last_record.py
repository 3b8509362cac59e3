"""What the records know of the visitor's last decision, so that nothing is stored in vain."""

from __future__ import annotations

from datetime import timedelta

from django.db import Error, router
from django.db.models import Q
from django.utils import timezone

from consent.models import Record
from consent.models.primary import primary
from consent.policy.decision import Decision
from consent.proof import storing
from consent.proof.identifiers import subject_of
from consent.proof.lock_timeout import lock_timeout
from consent.proof.recording import Occasion
from consent.visitor.state import ConsentState

# Who decides the same again within this time has one record of it.
SAME_DECISION = timedelta(minutes=1)


def is_repeated(state: ConsentState, decision: Decision, occasion: Occasion) -> bool:
    """Say whether the visitor has just decided the same, so that nothing has to be written.

    Without a key, which tells two submissions apart, at any time: a form was sent twice. A refusal
    that names nobody cannot be looked up: it is the same for a day, unless its record may wait.
    Raises django.db.Error.
    """
    if decision != state.decision or bool(state.account) != state.cookie.is_of_account:
        return False
    if state.account:
        return _is_just_recorded(Q(user=state.account), decision)
    if not state.secret:
        return not decision.allowed and not storing.waiting
    whose = Q(subject=subject_of(state.secret))
    return occasion.key is None or _is_just_recorded(whose, decision)


def _is_just_recorded(whose: Q, decision: Decision) -> bool:
    latest = _latest(whose)
    return (
        latest is not None
        and latest.choices == dict(decision.choices)
        and timezone.now() - latest.decided_at < SAME_DECISION
    )


def takes_back_a_record(state: ConsentState, decision: Decision) -> bool:
    """Return whether the visitor's last record grants what ``decision`` does not."""
    user = state.reader.user
    whose = Q(user=user) if user else Q()
    if state.secret:
        whose |= Q(subject=subject_of(state.secret))
    if not whose:
        return False
    try:
        latest = _latest(whose)
    except Error:
        return False
    if latest is None or not any(latest.choices.values()):
        return False
    kept = {key for key, granted in latest.choices.items() if granted}
    return any(
        not granted and latest.choices.get(key) != 0 for key, granted in decision.choices.items()
    ) or not kept <= set(decision.choices)


def _latest(whose: Q) -> Record | None:
    with lock_timeout(router.db_for_write(Record)):
        found: Record | None = primary(Record).filter(whose).first()
    return found
