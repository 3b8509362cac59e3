"""What was done in a transaction that is still open: edits of the policy, and stored records.

This module alone relies on how Django keeps the callbacks of `transaction.on_commit`, and on how
it marks the atomic blocks around a test case: there is no public way to ask for either. Its tests
fail if Django changes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class _Edit:
    """Callback for the commit of an edit. ``block``: the outermost atomic block around the edit."""

    callback: Callable[[], None]
    block: object

    def __call__(self) -> None:
        self.callback()


def call_on_commit(callback: Callable[[], None], using: str) -> None:
    """Call ``callback`` once an edit of the policy in the database ``using`` is committed."""
    transaction.on_commit(_Edit(callback, _outermost_block(using)), using=using)


def sees_own_edits(using: str) -> bool:
    """Say whether the transaction that is open, if any, has edited the policy."""
    connection = transaction.get_connection(using)
    return any(
        isinstance(entry[1], _Edit) and entry[1].block in connection.atomic_blocks
        for entry in connection.run_on_commit
    )


def is_kept_in_test(connection: BaseDatabaseWrapper, callback: Callable[[], None]) -> bool:
    """Return whether only a test's own transaction is open, in which ``callback`` still waits.

    What was done together with `transaction.on_commit(callback)` was then not rolled back, and
    counts as committed: a test's transaction never is.
    """
    only_tests = all(_is_of_test(block) for block in connection.atomic_blocks)
    return only_tests and any(entry[1] == callback for entry in connection.run_on_commit)


def _outermost_block(using: str) -> object:
    """Return the outermost atomic block that is open; those around a test never end by a commit."""
    blocks = transaction.get_connection(using).atomic_blocks
    return next((block for block in blocks if not _is_of_test(block)), None)


def _is_of_test(block: object) -> bool:
    return bool(block._from_testcase)  # type: ignore[attr-defined]
