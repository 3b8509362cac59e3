"""What a website has to do from time to time, as a task where there is a library for tasks."""

from __future__ import annotations

from consent.events.tasks import deliver
from consent.proof import retention
from consent.tasking import task

__all__ = ["deliver", "purge"]


@task
def purge(older_than: str | None = None) -> int:
    """Delete the records that are older than ``older_than``, and return how many they were.

    Also the deliveries that are older than CONSENT_EVENTS_RETENTION_DAYS. ``older_than``: as in
    ``consent_purge --older-than``. Raises `consent.proof.retention.PeriodError` where decisions may
    hold for longer than that.
    """
    cutoff = retention.cutoff_of(older_than)
    retention.check(cutoff)
    retention.purge_deliveries()
    return retention.purge(cutoff).records
