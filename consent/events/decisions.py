"""Events about decisions: stored with the decision's record, for tools that are sent decisions."""

from __future__ import annotations

from typing import Any

from consent.events import outbox
from consent.events.outbox import RESERVED
from consent.models import Record
from consent.signals import DecisionMade, decision_stored
from consent.visitor import VisitorSnapshot

GRANTED, CHANGED, WITHDRAWN = (f"{RESERVED}{what}" for what in ("granted", "changed", "withdrawn"))


def store_decision(event: DecisionMade, visitor: VisitorSnapshot, **kwargs: Any) -> None:
    """Receiver of ``decision_stored``: store the event for each tool that the decision allows."""
    name = name_of(event)
    if name:
        tools = [tool for tool in visitor.policy.server_tools if tool.hears_decisions]
        outbox.store(visitor, name, _data(event), tools)


def name_of(event: DecisionMade) -> str:
    """Return the name of the event; "" for a decision that only confirms the one before."""
    if event.action == Record.Action.RENEWED:
        return ""
    if event.action == Record.Action.WITHDRAWN:
        return WITHDRAWN
    return GRANTED if event.is_first and any(event.choices.values()) else CHANGED


def _data(event: DecisionMade) -> dict[str, Any]:
    """Return the data of the event; nothing in it identifies the visitor."""
    return {
        "choices": dict(event.choices),
        "granted": sorted(event.granted),
        "withdrawn": sorted(event.withdrawn),
        "action": event.action,
        "source": event.source,
        "decided_at": event.decided_at,
    }


def connect() -> None:
    """Connect the receiver, once."""
    decision_stored.connect(store_decision, dispatch_uid="consent.events.decisions")
