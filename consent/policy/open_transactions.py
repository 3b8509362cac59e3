"""Edits in a transaction that is still open: nobody may see them before the commit.

This module alone relies on how Django keeps the callbacks of `transaction.on_commit`, and on how
it marks the atomic blocks around a test case: there is no public way to ask for either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction


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


def _outermost_block(using: str) -> object:
    """Return the outermost atomic block that is open; those around a test never end by a commit."""
    blocks = transaction.get_connection(using).atomic_blocks
    return next((block for block in blocks if not block._from_testcase), None)
