"""Where the proof of decisions is stored: record, number, signature and counter.

All of one decision in one transaction. A decision that comes twice, because its sender did not see
the first answer, is stored once: by its receipt. Refusals that cannot be stored wait in the
process, and are stored with the next decision that can.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from django.db import Error, IntegrityError, router, transaction

from consent.models import (
    SEQUENCES,
    OvertakenError,
    PolicyVersion,
    Record,
    RecordQuerySet,
    Sequence,
    SequenceQuerySet,
    signing,
)
from consent.policy.versions import Version, version_called
from consent.proof.background import do_later

logger = logging.getLogger("consent")

_VERSION_NAME = re.compile(r"[0-9a-f]{16}")

# Databases whose sequences are there for certain.
_begun: set[str] = set()

# Primary keys of the versions that are stored for certain, by digest.
_stored: dict[str, int] = {}


def forget() -> None:
    """Forget what this process knows of the database, which may be another one by now."""
    _begun.clear()
    _stored.clear()


class Commitment:
    """Knows whether what the open transaction did holds."""

    def __init__(self, using: str) -> None:
        # Not asked for again: in an event loop there is another one.
        self._connection = transaction.get_connection(using)
        self._committed = False
        after_commit(self._commit, using)

    def holds(self) -> bool:
        """Say whether it was committed; in a test's own transaction, whether it was kept."""
        if self._committed:
            return True
        return all(block._from_testcase for block in self._connection.atomic_blocks) and any(
            entry[1] == self._commit for entry in self._connection.run_on_commit
        )

    def _commit(self) -> None:
        self._committed = True


def after_commit(action: Callable[[], object], using: str) -> None:
    """Do ``action`` once the open transaction is committed; at once where there is none.

    Unlike Django's own function, it asks nothing of a database that is down.
    """
    if transaction.get_connection(using).in_atomic_block:
        transaction.on_commit(action, using=using, robust=True)
    else:
        action()


def find_version(name: str, current: Version) -> Version:
    """Return the version that the visitor's page called ``name``; ``current`` where nobody knows.

    Raises django.db.Error where the database fails.
    """
    if name in ("", current.name) or not _VERSION_NAME.fullmatch(name):
        return current
    remembered = version_called(name, current.policy)
    if remembered is not None:
        return remembered
    stored = PolicyVersion.objects.filter(digest__startswith=name, policy=current.policy).first()
    return Version(stored.digest, stored.language, stored.content) if stored else current


def store(record: Record, version: Version) -> Commitment:
    """Store ``record``, which has all but its place, and return whether that holds.

    Where a record with its receipt is there already, that one is it. Raises django.db.Error where
    it cannot be stored. A connection that turns out to be dead is opened anew, once.
    """
    using = router.db_for_write(Record)
    if any(kept.receipt == record.receipt for kept, _ in waiting):
        # The first of the two counts.
        store_waiting()
    try:
        commitment = _store(record, version, using)
    except Error:
        connection = transaction.get_connection(using)
        if connection.in_atomic_block:
            raise
        # It may be stored already, with the answer lost: it is looked for then. A version that
        # was thought to be there may have gone, too.
        forget()
        connection.close()
        commitment = _store(record, version, using)
    if waiting:
        after_commit(store_waiting, using)
    return commitment


def _store(record: Record, version: Version, using: str) -> Commitment:
    records, sequences = Record.objects.using(using), Sequence.objects.using(using)
    if transaction.get_connection(using).in_atomic_block:
        # What is remembered cannot be corrected here: the whole block would have failed.
        _stored.clear()
    else:
        _begin(sequences)
        if records.appends_at_once:
            # Neither begins nor ends a transaction: the database is waited for once.
            with suppress(OvertakenError):
                return _append(record, version, records, _remembered(sequences))
    with transaction.atomic(using=using):
        return _append(record, version, records, sequences.locked(_number()))


def _begin(sequences: SequenceQuerySet) -> None:
    """Have the sequences there before anybody locks one: the first, all at once, would deadlock."""
    if sequences.db not in _begun:
        if not sequences.exists():
            sequences.begin()
        _begun.add(sequences.db)


def _number() -> int:
    """Return this thread's sequence: who has another one waits for nobody here."""
    # The workers of a server have numbers in a row; those of two machines have other addresses.
    return (threading.get_native_id() + (threading.get_ident() >> 12)) % SEQUENCES


def _remembered(sequences: SequenceQuerySet) -> Sequence:
    """Return the sequence as this thread left it: nobody else, most often, has gone on with it.

    Raises OvertakenError where there is none yet.
    """
    place = (sequences.db, _number())
    if place not in _left.sequences:
        _left.sequences[place] = sequences.seen(_number())
    return _left.sequences[place]


class _Left(threading.local):
    """What a thread remembers of its sequences, by database and number."""

    def __init__(self) -> None:
        self.sequences: dict[tuple[str, int], Sequence] = {}


_left = _Left()


def _append(
    record: Record, version: Version, records: RecordQuerySet, sequence: Sequence
) -> Commitment:
    # It may have been stored before, and lost with the connection.
    record.pk, record._state.adding = None, True
    record.version_id = _version_pk(version, records.db)
    while not records.append(record, sequence, version.digest) and _is_another(record, records):
        record.receipt = signing.uuid_of(signing.derive("receipt", str(record.receipt)))
    return Commitment(records.db)


def _is_another(record: Record, records: RecordQuerySet) -> bool:
    """Say whether what is there under the receipt is another decision: then it has a new receipt.

    For a visitor may choose this, then that, then this again, and see none of the answers; and
    somebody else may send the same key.
    """
    found = records.filter(receipt=record.receipt).first()
    return found is not None and (
        found.subject != record.subject
        or records.filter(subject=found.subject, decided_at__gt=found.decided_at).exists()
    )


def _version_pk(version: Version, using: str) -> int:
    known = _stored.get(version.digest)
    if known is not None:
        return known
    row, _ = PolicyVersion.objects.using(using).get_or_create(
        digest=version.digest,
        defaults={
            "policy": version.policy,
            "language": version.language,
            "revision": version.revision,
            "content": version.content,
        },
    )
    pk: int = row.pk
    after_commit(lambda: _stored.__setitem__(version.digest, pk), using)
    return pk


# Refusals are so few, and an outage so short, that this is far more than either needs.
waiting: deque[tuple[Record, Version]] = deque(maxlen=10_000)

# Seconds between two attempts to store what waits, where no decision comes before.
PATIENCE = 10


def postpone(record: Record, version: Version) -> None:
    """Keep a refusal for later: it holds whether it is recorded or not.

    It is stored with the next decision that reaches the database, or by a thread that tries again
    and again. One that waits is lost where the process ends.
    """
    logger.error("A refusal could not be recorded; it holds, and waits for the database.")
    waiting.append((record, version))
    do_later(store_waiting, PATIENCE)


def store_waiting() -> None:
    """Store what waits, until nothing does or the database fails."""
    # A version that was thought to be there may have been purged; here nothing is tried twice.
    _stored.clear()
    while waiting:
        try:
            record, version = waiting.popleft()
        except IndexError:
            # Another thread has stored the last one.
            return
        try:
            _store(record, version, router.db_for_write(Record))
        except IntegrityError:
            logger.exception("A refusal that waited cannot be recorded.")
        except Error:
            waiting.appendleft((record, version))
            do_later(store_waiting, PATIENCE)
            return
