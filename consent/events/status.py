"""Figures of events for `consent_status`."""

from __future__ import annotations

from collections.abc import Mapping

from consent.events import delivery
from consent.events.models import Delivery
from consent.models.primary import primary
from consent.proof import status
from consent.proof.status import Figure


def figures() -> Mapping[str, Figure]:
    """Return how many events wait, for how long one has been due, and how many were given up."""
    deliveries = primary(Delivery)
    dead = deliveries.filter(state=Delivery.State.DEAD).count()
    return {
        "events_waiting": Figure(deliveries.waiting().count()),
        "events_overdue_seconds": _overdue(),
        "events_given_up": Figure(dead, f"{dead} events were given up." if dead else ""),
    }


def _overdue() -> Figure:
    overdue = delivery.overdue()
    if overdue is None:
        return Figure(0)
    seconds = int(overdue.total_seconds())
    problem = f"An event has been due for {seconds} seconds: run consent_deliver --watch."
    return Figure(seconds, problem)


def register() -> None:
    """Have ``consent_status`` print these figures, too."""
    status.register("events", figures)
