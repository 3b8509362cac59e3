"""Store records, and retry later what must not be lost.

A connection that turns out to be dead is opened anew, once. A refusal counts whether it is stored
or not: if its record cannot be stored, it waits in the process, and is stored with the next
decision, or by a background thread.
"""

from __future__ import annotations

import logging
import sys
from collections import deque

from django.db import DataError, Error, IntegrityError, router, transaction

from consent.models import Record
from consent.models.lock_timeout import is_lock_timeout
from consent.policy.versions import Version
from consent.proof import ledger, stored_versions
from consent.proof.background import run_at_end, run_in_background
from consent.proof.commitment import Commitment, after_commit

logger = logging.getLogger("consent")

# Refusals that wait. Far more than an outage brings, so that the memory is bounded.
waiting: deque[tuple[Record, Version]] = deque(maxlen=10_000)

# Seconds between two attempts to store what waits, if no decision comes before.
RETRY_SECONDS = 10


def store(record: Record, version: Version) -> Commitment:
    """Store ``record``, which lacks only its number and signature.

    If a record with its receipt is there already, that one counts. Raises django.db.Error if it
    cannot be stored.
    """
    using = router.db_for_write(Record)
    if any(kept.receipt == record.receipt for kept, _ in waiting):
        # The first of the two counts.
        store_waiting()
    commitment = _store_or_reconnect(record, version, using)
    if waiting:
        after_commit(store_waiting, using)
    return commitment


def postpone(record: Record, version: Version) -> None:
    """Store the record of a refusal later, at the latest when the process ends."""
    logger.error(
        "A refusal could not be recorded; it counts, and its record is stored later. Reason: %s",
        sys.exc_info()[1] or "its transaction was rolled back.",
    )
    if len(waiting) == waiting.maxlen:
        logger.error(
            "More than %d refusals wait to be recorded: the record of the oldest is lost.",
            waiting.maxlen,
        )
    waiting.append((record, version))
    run_in_background(store_waiting, RETRY_SECONDS)


def store_waiting() -> None:
    """Store the records that wait, until none does or the database fails."""
    # There is no second attempt here, so a version that was purged must not be taken as stored.
    stored_versions.forget()
    while waiting:
        try:
            record, version = waiting.popleft()
        except IndexError:
            # Another thread has stored the last one.
            return
        try:
            ledger.append(record, version, router.db_for_write(Record))
        except (IntegrityError, DataError):
            logger.exception("The record of a refusal cannot be stored, and is lost.")
        except Error:
            # At the end: it must not hold up the others if it is the reason.
            waiting.append((record, version))
            run_in_background(store_waiting, RETRY_SECONDS)
            return


def store_at_exit() -> None:
    """Store the records that wait, as the process ends, and log how many are lost."""
    if waiting:
        store_waiting()
    if waiting:
        logger.error("%d refusals could not be recorded before the process ended.", len(waiting))


def _store_or_reconnect(record: Record, version: Version, using: str) -> Commitment:
    try:
        return ledger.append(record, version, using)
    except Error as error:
        connection = transaction.get_connection(using)
        if connection.in_atomic_block or is_lock_timeout(error):
            raise
        # It may be stored, with the answer lost: the second attempt looks for its receipt. A
        # version that was taken as stored may have been purged, too.
        ledger.forget()
        connection.close()
        return ledger.append(record, version, using)


run_at_end(store_at_exit)
