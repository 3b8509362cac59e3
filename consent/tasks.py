"""What a website has to do from time to time, as a task where there is a library for tasks."""

from __future__ import annotations

from consent.proof import retention
from consent.tasking import task

__all__ = ["purge"]


@task
def purge(older_than: str | None = None) -> int:
    """Delete the records that are older than ``older_than``, and return how many they were.

    Also what other apps keep for a limited time. ``older_than``: as in
    ``consent_purge --older-than``. Raises `consent.proof.retention.PeriodError` where decisions may
    hold for longer than that.
    """
    cutoff = retention.cutoff_of(older_than)
    retention.check(cutoff)
    for other in retention.purgeables():
        other.delete(retention.BATCH)
    return retention.purge(cutoff).records
