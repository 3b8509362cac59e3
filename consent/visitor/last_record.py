"""What the records know of the visitor's last decision, so that nothing is stored in vain."""

from __future__ import annotations

from datetime import timedelta

from django.db import Error, router
from django.db.models import Q
from django.utils import timezone

from consent.models import Record
from consent.models.lock_timeout import is_lock_timeout, lock_timeout
from consent.models.primary import primary
from consent.policy.decision import Decision
from consent.proof import storing
from consent.proof.identifiers import subject_of
from consent.proof.recording import Occasion, decision_of
from consent.visitor.state import ConsentState

# Who decides the same again within this time has one record of it.
SAME_DECISION = timedelta(minutes=1)


def is_repeated(state: ConsentState, decision: Decision, occasion: Occasion) -> bool:
    """Say whether the visitor has just decided the same, so that nothing has to be written.

    Without a key, which tells two submissions apart, at any time: a form was sent twice. A refusal
    that names nobody cannot be looked up: it is the same for a day, unless its record may wait.
    Raises django.db.Error if the records are locked.
    """
    if decision != state.decision or bool(state.account) != state.cookie.is_of_account:
        return False
    if state.reader.user:
        # They may have decided otherwise in another browser.
        return _is_just_recorded(Q(user=state.reader.user), decision)
    if not state.secret:
        return not decision.allowed and not storing.waiting
    whose = Q(subject=subject_of(state.secret))
    return occasion.key is None or _is_just_recorded(whose, decision)


def _is_just_recorded(whose: Q, decision: Decision) -> bool:
    try:
        latest = _latest(whose)
    except Error as error:
        if is_lock_timeout(error):
            raise
        # To store it opens a new connection if this one is dead.
        return False
    return (
        latest is not None
        and latest.choices == dict(decision.choices)
        and timezone.now() - latest.decided_at < SAME_DECISION
    )


def takes_back_a_record(state: ConsentState, decision: Decision) -> bool:
    """Return whether the last record of the user or of the subject grants what it does not.

    Of those two, the ones that the record of ``decision`` names, so that it happens once.
    """
    user = state.reader.user
    named = [Q(user=user)] if user else []
    if state.secret and not state.account:
        named.append(Q(subject=subject_of(state.secret)))
    return any(_takes_back(whose, decision) for whose in named)


def _takes_back(whose: Q, decision: Decision) -> bool:
    try:
        latest = _latest(whose)
    except Error:
        return False
    if latest is None:
        return False
    before = decision_of(latest)
    takes_nothing = decision.refused <= before.refused and before.allowed <= set(decision.choices)
    return bool(before.allowed) and not takes_nothing


def _latest(whose: Q) -> Record | None:
    with lock_timeout(router.db_for_write(Record)):
        found: Record | None = primary(Record).filter(whose).first()
    return found
