"""The statement by which PostgreSQL stores a record, numbers it and counts it at once."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from django.db import connections, models

from consent.models.counter import Counter
from consent.models.lock_timeout import LOCK_TIMEOUT
from consent.models.sequence import OvertakenError, Sequence

if TYPE_CHECKING:
    from consent.models.record import Record


def store_at_once(record: Record, sequence: Sequence, *, using: str) -> bool:
    """Store ``record``, which is signed as the next of ``sequence``, advance that and count it.

    Returns whether it was stored: it is not where its receipt is there already. Where the sequence
    went on since it was read, this brings ``sequence`` up to date and raises OvertakenError.
    """
    connection = connections[using]
    ends = copy(sequence)
    ends.move(last=record.number)
    values = [
        sequence.number,
        *(
            field.get_db_prep_save(getattr(record, field.attname), connection)
            if isinstance(field, models.JSONField)
            # The driver takes these as they are; to ask each field for it takes longer.
            else getattr(record, field.attname)
            for field in _fields(type(record))
        ),
        sequence.signature,
        sequence.last,
        record.receipt,
        ends.last,
        ends.signature,
        ends.number,
        *record.counted.values(),
    ]
    statement = _sql(type(record), tuple(record.counted))
    if not connection.in_atomic_block:
        # For this statement alone, in the same round trip: both are one transaction.
        statement = f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'; {statement}"
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if cursor.description is None:
            cursor.nextset()
        row = cursor.fetchone()
    if row is None:
        raise OvertakenError
    pk, first, last, signature = row
    if (last, signature) != (sequence.last, sequence.signature):
        sequence.first, sequence.last, sequence.signature = first, last, signature
        raise OvertakenError
    if pk is None:
        return False
    record.pk, record._state.adding, record._state.db = pk, False, using
    sequence.last, sequence.signature = ends.last, ends.signature
    return True


def _fields(record: type[Record]) -> list[models.Field[object, object]]:
    return [field for field in record._meta.local_concrete_fields if not field.primary_key]


def _sql(record: type[Record], counted: tuple[str, ...]) -> str:
    """Return what stores a record, and only where it does so advances its sequence and counts.

    For PostgreSQL. It stores nothing where the sequence is not as it was read, or the receipt is
    there: not by a conflict, since a partitioned table has no unique index of receipts alone. Its
    parameters: the sequence's number; the record's fields; the sequence's signature and last
    number; the receipt; the sequence's new last number and signature, and its number; the fields
    of a counter that ``counted`` names. It returns the record's primary key, if any, and the
    sequence as it was.
    """
    records, sequences, counters = (
        f'"{model._meta.db_table}"' for model in (record, Sequence, Counter)
    )
    columns = ", ".join(f'"{field.column}"' for field in _fields(record))
    values = ", ".join(["%s"] * len(_fields(record)))
    kind = ", ".join(f'"{name}"' for name in counted)
    return f"""
        WITH held AS (
            SELECT "first", "last", "signature" FROM {sequences} WHERE "number" = %s FOR UPDATE
        ), stored AS (
            INSERT INTO {records} ({columns}) SELECT {values} FROM held
            WHERE held."signature" = %s AND held."last" = %s
            AND NOT EXISTS (SELECT FROM {records} WHERE "receipt" = %s)
            RETURNING "id"
        ), advanced AS (
            UPDATE {sequences} SET "last" = %s, "signature" = %s
            WHERE "number" = %s AND EXISTS (SELECT FROM stored)
        ), counted AS (
            INSERT INTO {counters} AS counter ({kind}, "number")
            SELECT {", ".join(["%s"] * len(counted))}, 1 FROM stored
            ON CONFLICT ({kind}) DO UPDATE SET "number" = counter."number" + 1
        )
        SELECT (SELECT "id" FROM stored), held.* FROM held
    """  # noqa: S608
