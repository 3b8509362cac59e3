"""Figures for monitoring: what waits, what is overdue, and what somebody has stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone

from consent.conf import conf
from consent.models import Policy, Record, last_run
from consent.models.primary import primary
from consent.proof import storing

# Days for which records may be beyond their retention before that is a problem.
GRACE_DAYS = 7
# Days for which the records may stay unverified.
VERIFY_DAYS = 35


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


class Report(NamedTuple):
    """The values of all figures. ``problems``: what is wrong and what to do, a line each."""

    values: dict[str, object]
    problems: list[str]


def report() -> Report:
    """Return the values of all figures and what is wrong. Raises django.db.Error as `figures`."""
    found = figures()
    values = {name: figure.value for name, figure in found.items()}
    return Report(values, [figure.problem for figure in found.values() if figure.problem])


def figures() -> dict[str, Figure]:
    """Return all figures by name. Raises django.db.Error if the database fails."""
    found = {
        "stopped_policies": _stopped_policies(),
        "oldest_record_days": _oldest_record(),
        "last_purge_days": Figure(_days_since("consent_purge")),
        "last_verify_days": _last_verify(),
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


def _days_since(command: str) -> int | None:
    ended_at = last_run(command)
    return None if ended_at is None else (timezone.now() - ended_at).days


def _last_verify() -> Figure:
    """Return how long ago the records were verified; a problem if some are older than that."""
    days, limit = _days_since("consent_verify"), timezone.now() - timedelta(days=VERIFY_DAYS)
    is_overdue = (days is None or days > VERIFY_DAYS) and primary(Record).filter(
        decided_at__lt=limit
    ).exists()
    when = "never verified" if days is None else f"last verified {days} days ago"
    problem = f"The records were {when}: run consent_verify." if is_overdue else ""
    return Figure(days, problem)


def _refusals_waiting() -> Figure:
    waiting = len(storing.waiting)
    return Figure(waiting, "Refusals wait for the database." if waiting else "")
