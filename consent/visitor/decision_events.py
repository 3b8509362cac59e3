"""Send the signal `decision_stored`, in the transaction that stores a decision's record."""

from __future__ import annotations

import logging

from django.db import Error, router, transaction

from consent.models import Record
from consent.policy import CompiledPolicy
from consent.proof.identifiers import subject_of
from consent.proof.recording import Draft
from consent.signals import decision_stored
from consent.visitor.snapshot import VisitorSnapshot
from consent.visitor.state import ConsentState

logger = logging.getLogger("consent")


def are_wanted(policy: CompiledPolicy) -> bool:
    """Return whether a server-side tool is sent decisions, and the signal has a receiver."""
    is_sent = any(tool.hears_decisions for tool in policy.server_tools)
    return is_sent and decision_stored.has_listeners(Record)


def send(state: ConsentState, draft: Draft) -> None:
    """Send the signal. Raises django.db.Error if a receiver fails, whatever it raises."""
    standing = state.policy.stand(draft.decision, signal=state.overrides_opt_out)
    subject = subject_of(draft.secret) if draft.secret else None
    visitor = VisitorSnapshot(state.policy, standing, draft.regime, draft.gpc, subject, draft.user)
    try:
        decision_stored.send(sender=Record, event=draft.event, visitor=visitor)
    except Error:
        raise
    except Exception as error:
        logger.exception("A receiver of the signal decision_stored failed.")
        raise Error("A receiver of the signal decision_stored failed.") from error


def send_without_record(state: ConsentState, draft: Draft) -> None:
    """Send the signal if CONSENT_RECORDS is off: the decision counts even if a receiver fails."""
    if not are_wanted(state.policy):
        return
    try:
        # In a savepoint, so that a transaction that is open goes on after a failure.
        with transaction.atomic(using=router.db_for_write(Record)):
            send(state, draft)
    except Error:
        logger.exception("What a receiver of decision_stored does could not be stored.")
