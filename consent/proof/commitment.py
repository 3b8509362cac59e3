"""Run a callable after the commit, and find out whether a transaction was committed."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from consent.policy.open_transactions import is_kept_in_test


def after_commit(action: Callable[[], object], using: str) -> None:
    """Call ``action`` once the open transaction is committed; at once if there is none.

    Unlike `transaction.on_commit`, it does not connect to a database that is down.
    """
    if transaction.get_connection(using).in_atomic_block:
        transaction.on_commit(action, using=using, robust=True)
    else:
        action()


class Commitment:
    """Knows whether what was stored in the open transaction was committed."""

    def __init__(self, using: str) -> None:
        # Kept, since an event loop has a connection of its own.
        self._connection = transaction.get_connection(using)
        self._committed = False
        after_commit(self._commit, using)

    def is_committed(self) -> bool:
        """Return whether it was committed; in a test's own transaction, whether it was kept."""
        return self._committed or is_kept_in_test(self._connection, self._commit)

    def _commit(self) -> None:
        self._committed = True
