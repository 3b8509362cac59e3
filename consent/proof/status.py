"""Figures for monitoring: what waits, what is overdue, and what somebody has stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils import timezone

from consent.conf import conf
from consent.models import Policy, Record
from consent.models.primary import primary
from consent.proof import storing

# Days for which records may be beyond their retention before that is a problem.
GRACE_DAYS = 7


@dataclass(frozen=True)
class Figure:
    """A figure. ``problem``: what is wrong with it and what to do; "" where nothing is."""

    value: object
    problem: str = ""


Source = Callable[[], Mapping[str, Figure]]

_sources: dict[str, Source] = {}


def register(name: str, source: Source) -> None:
    """Have `figures` include those of ``source``. For the ``ready`` of another app."""
    _sources[name] = source


def figures() -> dict[str, Figure]:
    """Return all figures by name. Raises django.db.Error if the database fails."""
    found = {
        "stopped_policies": _stopped_policies(),
        "oldest_record_days": _oldest_record(),
        "refusals_waiting": _refusals_waiting(),
    }
    for source in _sources.values():
        found.update(source())
    return found


def _stopped_policies() -> Figure:
    keys = list(primary(Policy).filter(stopped_at__isnull=False).values_list("key", flat=True))
    return Figure(keys, "Optional tools are stopped: run consent_stop --undo." if keys else "")


def _oldest_record() -> Figure:
    oldest = primary(Record).order_by("decided_at").values_list("decided_at", flat=True).first()
    if oldest is None:
        return Figure(None)
    days = (timezone.now() - oldest).days
    is_overdue = days > conf.RETENTION_DAYS + GRACE_DAYS
    problem = f"Records are {days} days old: run consent_purge every day." if is_overdue else ""
    return Figure(days, problem)


def _refusals_waiting() -> Figure:
    waiting = len(storing.waiting)
    return Figure(waiting, "Refusals wait for the database." if waiting else "")
