"""Count the pages that were served with the notice.

The numbers are kept in the process and stored by a background thread, so that no page waits.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter as Numbers

from django.db import Error, router, transaction

from consent.models import SEQUENCES, Counter, Record, Sequence
from consent.policy.decision import date_of, today
from consent.proof.background import run_at_end, run_in_background

logger = logging.getLogger("consent")

# Seconds after which a page is counted in the database.
STORE_SECONDS = 60

_numbers: Numbers[tuple[int, str]] = Numbers()
_lock = threading.Lock()


def count_notice(regime: str) -> None:
    """Count a page that was served with the notice; it does no I/O."""
    with _lock:
        _numbers[today(), regime] += 1
    run_in_background(store_counts, STORE_SECONDS)


def store_counts() -> None:
    """Store the numbers; if the database fails, they are kept until the next time."""
    with _lock:
        taken = _numbers.copy()
        _numbers.clear()
    if not taken:
        return
    using = router.db_for_write(Counter)
    try:
        with transaction.atomic(using=using):
            sequence = Sequence.objects.using(using).locked(os.getpid() % SEQUENCES)
            for (day, regime), number in taken.items():
                Counter.objects.using(using).add(
                    number,
                    day=date_of(day),
                    sequence=sequence.number,
                    event=Counter.SHOWN,
                    source=Record.Source.NOTICE,
                    regime=regime,
                    granted="",
                )
    except Error:
        logger.exception("The numbers of notices could not be stored; they are kept.")
        with _lock:
            _numbers.update(taken)


def forget() -> None:
    """Forget the numbers that are not stored yet."""
    with _lock:
        _numbers.clear()


def _start_anew() -> None:
    """Forget the numbers in a forked process: its parent stores them, and may hold the lock."""
    global _lock
    _lock = threading.Lock()
    _numbers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)

run_at_end(store_counts)
