"""The outbox: store an event as one row for each tool that the visitor's consent allows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from consent.events.models import NAME_LENGTH, Delivery
from consent.events.tasks import deliver_soon
from consent.models import Tool
from consent.models.times import to_utc
from consent.policy import CompiledTool
from consent.visitor import VisitorSnapshot

MAX_BODY = 64 * 1024
"""The largest size of an event in bytes, as JSON and with everything that the app adds."""

RESERVED = "consent."
"""Names of events that begin with this are reserved for the app."""

TEST = f"{RESERVED}test"


class EventError(ValueError):
    """The name or the data of an event is invalid."""


def check_name(name: str) -> None:
    """Raise EventError for what is no name that a website may give its events."""
    if not isinstance(name, str) or not name.strip() or len(name) > NAME_LENGTH:
        raise EventError(f"An event's name has 1 to {NAME_LENGTH} characters; {name!r} has not.")
    if not name.isprintable():
        raise EventError(f"The event's name {name!r} has characters that cannot be printed.")
    if name.startswith(RESERVED):
        raise EventError(f"Names that begin with “{RESERVED}” are the app's own, as {name!r} does.")


def store(
    visitor: VisitorSnapshot,
    name: str,
    data: Mapping[str, Any] | None,
    tools: Iterable[CompiledTool],
) -> frozenset[str]:
    """Store an event about ``visitor`` for each of ``tools`` that they allow; return their keys.

    In the transaction that is open. Raises EventError where ``data`` cannot be written as JSON, and
    django.db.Error where the database fails.
    """
    allows = visitor.standing.selection.allows
    allowed = [tool for tool in tools if allows(tool.key)]
    event = uuid4()
    body = _body(event, name, data, _consent_of(visitor))
    decision = visitor.standing.decision
    written = Delivery.objects.bulk_create(
        Delivery(
            event=event,
            tool_id=tool.pk,
            tool_name=tool.name,
            name=name,
            body=body,
            policy=visitor.policy.key,
            decision=decision.text if decision else "",
            regime=visitor.regime,
            gpc=visitor.gpc,
            subject=visitor.subject,
            user=visitor.user,
            **_now(),
        )
        for tool in allowed
    )
    if written:
        deliver_soon()
    return frozenset(tool.key for tool in allowed)


def store_test(tool: Tool) -> Delivery:
    """Store a test event, which is about no visitor; return its delivery."""
    event = uuid4()
    policy = tool.category.policy
    data = {"message": "This is a test. It is about no visitor."}
    delivery = Delivery.objects.create(
        event=event,
        tool=tool,
        tool_name=tool.name,
        name=TEST,
        body=_body(event, TEST, data, None),
        is_test=True,
        policy=policy.key,
        regime=policy.regime,
        gpc=False,
        **_now(),
    )
    deliver_soon()
    return delivery


def _consent_of(visitor: VisitorSnapshot) -> dict[str, Any]:
    """Return what a receiver gets to know of the visitor's consent."""
    policy, decision = visitor.policy, visitor.standing.decision
    allows = visitor.standing.selection.allows
    return {
        "categories": {each.key: allows(each.key) for each in policy.categories},
        "revision": decision.revision if decision else policy.revision,
        "decided_on": decision.decided_on.isoformat() if decision else None,
        "regime": visitor.regime,
        "gpc": visitor.gpc,
    }


def _now() -> dict[str, Any]:
    now = timezone.now()
    return {"created_at": now, "due_at": now}


def _body(
    event: UUID, name: str, data: Mapping[str, Any] | None, context: Mapping[str, Any] | None
) -> str:
    """Return what is sent, each time the same: ``type``, ``timestamp`` and ``data`` as
    Standard Webhooks has them, the event's id for who cannot read headers, and the consent.
    """
    found = {
        "id": Delivery(event=event).message_id,
        "type": name,
        "timestamp": to_utc(timezone.now()),
        "data": dict(data or {}),
        "consent": context,
    }
    try:
        body = json.dumps(found, cls=DjangoJSONEncoder, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise EventError(f"What the event “{name}” holds cannot be written as JSON: {error}") from (
            error
        )
    if len(body) > MAX_BODY:
        raise EventError(
            f"The event “{name}” has {len(body):,} bytes as JSON; at most {MAX_BODY:,} are sent."
        )
    return body
