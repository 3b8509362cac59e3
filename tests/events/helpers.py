"""Helpers for tests of events: a small website that sends them, delivery, and their states."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.http import HttpRequest

import consent
from consent.events.delivery import Deliverer
from consent.events.models import Delivery
from consent.models import Category, Tool
from consent.policy import policies
from tests.events.receiver import Receiver
from tests.factories import ToolFactory, store_as_is
from tests.helpers import grant, page_request, small_site

WEBHOOKS = "webhooks"
MARKETING = "marketing-analytics"
State, Reason = Delivery.State, Delivery.Reason


def events_site(address: str = "https://hooks.example/in", **policy: Any) -> Tool:
    """Make the small site, with Webhooks in Marketing & Analytics, and return that tool."""
    small_site(**policy)
    return webhooks(MARKETING, address)


def webhooks(
    category: str, address: str = "https://hooks.example/in", key: str = WEBHOOKS, **fields: Any
) -> Tool:
    """Add a tool that gets events at ``address``; a decision at revision 2 covers it.

    It is stored as a restored backup is.
    """
    tool = ToolFactory.build(
        server=True,
        key=key,
        name=key.capitalize(),
        category=Category.objects.get(key=category),
        parameters={"url": address},
        since=2,
        **fields,
    )
    tool.policy = tool.category.policy
    store_as_is([tool])
    policies.forget()
    return tool


def visitor(*granted: str, **extra: Any) -> HttpRequest:
    """Return the request of a visitor who granted these categories and refused the others."""
    return page_request(grant(*granted), **extra)


def track(number: int = 1, *granted: str) -> list[Delivery]:
    """Have ``number`` visitors who allow ``granted``, else Marketing, send an event each."""
    for position in range(number):
        consent.track(visitor(*(granted or (MARKETING,))), "Signed Up", {"n": position})
    return list(Delivery.objects.order_by("pk"))


def deliver() -> dict[str, int]:
    """Deliver what is due, and return the number of events by outcome."""
    with Deliverer() as deliverer:
        deliverer.run()
    return dict(deliverer.counts)


def time_passes(**period: float) -> None:
    """Make waiting deliveries due earlier by this period."""
    Delivery.objects.waiting().update(due_at=F("due_at") - timedelta(**period))


def states() -> list[str]:
    """Return the state of each delivery, in the order in which they were written."""
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def ids(receiver: Receiver) -> list[str]:
    """Return the ids of the received events, in the order of their arrival."""
    return [each.headers["webhook-id"] for each in list(receiver.received)]
