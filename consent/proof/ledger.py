"""Append a record to the ledger: number it, sign it, and count it, all in one transaction.

A decision that is sent twice, because its sender did not receive the first response, is stored
once: its receipt is the same.
"""

from __future__ import annotations

import threading
from contextlib import suppress

from django.db import router, transaction
from django.db.models import Q

from consent.models import (
    SEQUENCES,
    OvertakenError,
    Record,
    RecordQuerySet,
    Sequence,
    SequenceQuerySet,
    signing,
)
from consent.models.lock_timeout import lock_timeout
from consent.models.signing import Verdict
from consent.policy.versions import Version
from consent.proof import stored_versions
from consent.proof.commitment import Commitment

# Databases in which the sequences are certainly stored.
_with_sequences: set[str] = set()


class _Thread(threading.local):
    """The sequences as this thread left them, by database and number.

    Most often nobody else has used one since; whoever did is noticed as a record is stored.
    """

    def __init__(self) -> None:
        self.sequences: dict[tuple[str, int], Sequence] = {}


_thread = _Thread()


def forget() -> None:
    """Forget what this process knows about the database: it may be another one by now."""
    _with_sequences.clear()
    stored_versions.forget()


def append(record: Record, version: Version, using: str) -> Commitment:
    """Store ``record``, which lacks only its number and signature.

    If a record with its receipt is there already, nothing is stored, and ``record.pk`` is None.
    Raises django.db.Error if it cannot be stored; it waits for no lock longer than LOCK_TIMEOUT.
    """
    records, sequences = Record.objects.using(using), Sequence.objects.using(using)
    place = (using, _number())
    if transaction.get_connection(using).in_atomic_block:
        # A version that was purged meanwhile would fail the whole block, with no second attempt.
        stored_versions.forget()
    else:
        _ensure_sequences(sequences)
        remembered = _thread.sequences.get(place)
        if remembered and records.appends_at_once and stored_versions.is_stored(version):
            # One statement without a transaction around it: one round trip to the database.
            with suppress(OvertakenError):
                return _append(record, version, records, remembered)
    with lock_timeout(using):
        sequence = _thread.sequences[place] = sequences.locked(_number())
        return _append(record, version, records, sequence)


def _ensure_sequences(sequences: SequenceQuerySet) -> None:
    """Store the sequences before anybody locks one: visitors who all did so would deadlock."""
    if sequences.db not in _with_sequences:
        with lock_timeout(sequences.db):
            if not sequences.exists():
                sequences.begin()
        _with_sequences.add(sequences.db)


def _number() -> int:
    """Return the number of this thread's sequence; threads with different ones never wait."""
    # The workers of a server have consecutive ids; those of two machines have other addresses.
    return (threading.get_native_id() + (threading.get_ident() >> 12)) % SEQUENCES


def _append(
    record: Record, version: Version, records: RecordQuerySet, sequence: Sequence
) -> Commitment:
    # An earlier attempt may have set these before its connection was lost.
    record.pk, record._state.adding = None, True
    record.version_id = stored_versions.primary_key_of(version, records.db)
    while not records.append(record, sequence, version.digest) and _is_another(record, records):
        record.receipt = signing.uuid_of(signing.derive("receipt", str(record.receipt)))
    return Commitment(records.db)


def _is_another(record: Record, records: RecordQuerySet) -> bool:
    """Return whether the stored record with this receipt is another decision.

    This one then needs another receipt. A visitor may choose this, then that, then this again, and
    receive none of the responses; the policy may have changed; and somebody else may send the same
    key. Who has no record yet is taken for the sender of the first, and learns nothing of them.
    """
    found = records.filter(receipt=record.receipt).first()
    if found is None:
        return False
    if found.user != record.user or found.choices != record.choices:
        return True
    if found.subject == record.subject:
        return _of_sender(found, records).filter(decided_at__gt=found.decided_at).exists()
    return record.subject is not None and records.filter(subject=record.subject).exists()


def _of_sender(record: Record, records: RecordQuerySet) -> RecordQuerySet:
    """Return the records of the subject and of the user of ``record``; none if it names nobody."""
    subject = Q(subject=record.subject) if record.subject else Q()
    user = Q(user=record.user) if record.user else Q()
    return records.filter(subject | user) if subject | user else records.none()


def accept_sequences() -> int:
    """Sign the sequences as they are now, and return how many had no genuine signature.

    For somebody who has examined what a verification found: it is not found again.
    """
    using = router.db_for_write(Record)
    with transaction.atomic(using=using):
        sequences = Sequence.objects.using(using).all_locked()
        wrong = [s for s in sequences if s.verdict() is not Verdict.GENUINE]
        for sequence in wrong:
            sequence.sign()
            sequence.advance()
    return len(wrong)
