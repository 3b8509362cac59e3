"""What the panel shows of events: the visitor's own, and what the receiver got.

The app forgets whose an event was as soon as it has arrived. So that the panel can go on showing it
to its visitor, and to nobody else, the demo remembers that for an hour.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.core.cache import cache

from consent.events.models import Delivery
from consent.models import Policy, Record, Tool
from consent.signals import DecisionMade, decision_made
from demo_site.receiver import HOST

SHOWN = 5
# Seconds for which it is remembered whose an event was.
REMEMBERED = 3_600
# The receiver is on this machine: it answers at once, or it is not there.
PATIENCE = 0.5


@dataclass(frozen=True)
class EventLine:
    """A delivery. ``got``: what its receiver says of it, "" where that has not heard of it."""

    name: str
    tool: str
    state: str
    waits: bool
    arrived: bool
    remark: str
    got: str


def remember_events(subject: UUID | None) -> None:
    """Note which events on their way are of ``subject``; None, a visitor who is not known."""
    if subject is None:
        return
    waiting = Delivery.objects.waiting().filter(subject=subject).order_by("-pk")[:SHOWN]
    events = [*waiting.values_list("event", flat=True), *cache.get(_key(subject), [])]
    cache.set(_key(subject), list(dict.fromkeys(events))[:SHOWN], REMEMBERED)


def remember_decisions() -> None:
    """From now on do so for the events of decisions, too."""
    decision_made.connect(_remember_decision)


def _remember_decision(event: DecisionMade, **kwargs: Any) -> None:
    record = Record.objects.filter(receipt=event.receipt).first() if event.receipt else None
    if record:
        remember_events(record.subject)


def _key(subject: UUID) -> str:
    return f"demo_site.events.{subject.hex}"


def events_of(subject: UUID | None) -> list[EventLine]:
    """Return the last deliveries of what ``subject`` is remembered for, the newest first."""
    events = cache.get(_key(subject), []) if subject else []
    found = Delivery.objects.filter(event__in=events).select_related("tool")
    deliveries = list(found.order_by("-pk")[:SHOWN])
    got = _got() if deliveries else {}
    return [
        EventLine(
            name=each.name,
            tool=each.tool_name,
            state=str(each.get_state_display()).lower(),
            waits=each.state == Delivery.State.WAITING,
            arrived=each.state == Delivery.State.DELIVERED,
            remark=str(each.get_reason_display()) if each.reason else "",
            got=got.get(_received(each), "") if each.state == Delivery.State.DELIVERED else "",
        )
        for each in deliveries
    ]


def _received(delivery: Delivery) -> tuple[str, bool]:
    """Return the event's id, and whether Zapier gets it: an event has one id for all its tools."""
    return delivery.message_id, delivery.tool is not None and delivery.tool.recipe == "zapier"


def point_webhooks_at(address: str) -> bool:
    """Have the demo's Webhooks send to ``address``; not where somebody has entered one of theirs.

    Nobody is asked again: who receives the data is the same.
    """
    tool = _webhooks()
    if tool is None:
        return False
    recipe, host = tool.get_recipe(), urlsplit(_address_of(tool)).hostname
    examples = [each.example for each in recipe.parameters] if recipe else []
    if host != HOST and _address_of(tool) not in examples:
        return False
    values = {**tool.parameters, "url": address}
    # With its number, since visitors were told of nothing new.
    Tool.objects.filter(pk=tool.pk).update(parameters=values, since=tool.since)
    return True


def _webhooks() -> Tool | None:
    policy = Policy.objects.default()
    return Tool.objects.filter(policy=policy, recipe="webhooks").order_by("pk").first()


def _address_of(tool: Tool) -> str:
    return str(tool.parameters.get("url", "")) if isinstance(tool.parameters, dict) else ""


def _got() -> dict[tuple[str, bool], str]:
    """Ask the receiver, if it is ours, what it got, for which of its two tools, and how."""
    tool = _webhooks()
    address = _address_of(tool) if tool else ""
    if not address.startswith(f"http://{HOST}:"):
        return {}
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310
            found: list[dict[str, Any]] = json.load(answer)
    except (OSError, ValueError):
        return {}
    return {(each["id"], each["zapier"]): _verdict(each) for each in found}


def _verdict(received: dict[str, Any]) -> str:
    if received["zapier"]:
        return "by a stand-in for Zapier's host"
    return "its signature is genuine" if received["genuine"] else "its signature is wrong"
