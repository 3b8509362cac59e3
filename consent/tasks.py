"""Periodic work as background tasks, or as plain functions if no task library is installed."""

from __future__ import annotations

from consent.proof import retention
from consent.tasking import task

__all__ = ["purge"]


@task
def purge(older_than: str | None = None) -> int:
    """Delete records that are older than ``older_than``, and return their number.

    Also deletes expired data of other apps, such as deliveries of events. ``older_than`` has the
    format of ``consent_purge --older-than``. Raises `consent.proof.retention.PeriodError` if
    decisions may be valid for longer than that.
    """
    cutoff = retention.cutoff_of(older_than)
    retention.check(cutoff)
    for other in retention.purgeables():
        other.delete(retention.BATCH)
    return retention.purge(cutoff).records
