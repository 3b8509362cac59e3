"""Counts the pages that asked: in the process, and now and then in the database."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter as Numbers

from django.db import Error, router, transaction

from consent.models import SEQUENCES, Counter, Record, Sequence
from consent.policy.decision import date_of, today
from consent.proof.background import do_later

logger = logging.getLogger("consent")

# Seconds that a page may have to wait before it is counted.
PATIENCE = 60

_numbers: Numbers[tuple[int, str]] = Numbers()
_lock = threading.Lock()


def count_notice(regime: str) -> None:
    """Count a page that was served with the notice. No I/O: that is done in a thread, later."""
    with _lock:
        _numbers[today(), regime] += 1
    do_later(store, PATIENCE)


def store() -> None:
    """Store what was counted; where the database fails, it is kept for the next time."""
    with _lock:
        taken = _numbers.copy()
        _numbers.clear()
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
        logger.exception("The pages that asked could not be counted; they will be, next time.")
        with _lock:
            _numbers.update(taken)


def forget() -> None:
    """Forget what was counted and not stored yet."""
    with _lock:
        _numbers.clear()
