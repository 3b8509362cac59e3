"""The one place that has server-side tools hear of a decision, in the record's transaction."""

from __future__ import annotations

import logging

from django.db import Error, router, transaction

from consent.events import writing
from consent.events.writing import Origin
from consent.models import Delivery
from consent.policy import CompiledPolicy, CompiledTool
from consent.proof.identifiers import subject_of
from consent.proof.recording import Draft
from consent.visitor.state import ConsentState

logger = logging.getLogger("consent")


def are_wanted(policy: CompiledPolicy) -> bool:
    """Return whether any server-side tool is sent decisions."""
    return bool(_receivers(policy))


def store(state: ConsentState, draft: Draft) -> None:
    """Store the event of the decision for those tools that it allows."""
    name, receivers = draft.event_name, _receivers(state.policy)
    if not name or not receivers:
        return
    standing = state.policy.stand(draft.decision, signal=state.overrides_opt_out)
    subject = subject_of(draft.secret) if draft.secret else None
    origin = Origin(state.policy, standing, draft.regime, draft.gpc, subject, draft.user)
    writing.write(origin, name, draft.event.told, receivers)


def store_without_record(state: ConsentState, draft: Draft) -> None:
    """Store the event if CONSENT_RECORDS is off: the decision counts even if that fails."""
    if not are_wanted(state.policy):
        return
    try:
        # In a savepoint, so that a transaction that is open goes on after a failure.
        with transaction.atomic(using=router.db_for_write(Delivery)):
            store(state, draft)
    except Error:
        logger.exception("The events about a decision could not be stored.")


def _receivers(policy: CompiledPolicy) -> tuple[CompiledTool, ...]:
    return tuple(tool for tool in policy.server_tools if tool.hears_decisions)
