"""What a website has to do from time to time, as a task where its Django knows tasks."""

from __future__ import annotations

from consent import retention

try:
    from django.tasks import task
except ImportError:
    # Before Django 6.0: a function like any other.
    def task(function):  # type: ignore[no-untyped-def, no-redef]
        """Return ``function``."""
        return function


@task
def purge(older_than: str | None = None) -> int:
    """Delete the records that are older than ``older_than``, and return how many they were.

    ``older_than``: as in ``consent_purge --older-than``. Raises `consent.retention.PeriodError`
    where decisions may hold for longer than that.
    """
    cutoff = retention.cutoff_of(older_than)
    retention.check(cutoff)
    return retention.purge(cutoff).records
