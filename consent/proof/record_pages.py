"""Read records page by page for a verification, whatever their columns contain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db import router
from django.db.models import QuerySet

from consent.models import Record

# What Django raises if a column contains a value that its type cannot represent.
UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError)


class Row(NamedTuple):
    """A record as it is read. ``record``: None if its columns cannot be read."""

    number: int
    pk: int
    signature: str
    record: Record | None

    @property
    def name(self) -> str:
        """Its name in a report: its receipt, or its primary key."""
        return str(self.record.receipt) if self.record else f"id {self.pk}"

    @property
    def identity(self) -> tuple[object, ...]:
        """What no other row shares; in a partitioned table two rows may have one primary key."""
        return (self.pk, self.signature, self.record and self.record.decided_at)


def pages(records: QuerySet[Record], size: int) -> Iterator[list[Row]]:
    """Yield ``records`` in the order of their numbers; also those that wrongly share a number."""
    records = records.order_by("number", "pk", "decided_at")
    number = -1
    seen: set[tuple[object, ...]] = set()
    while True:
        # From the last number on, not after it: another record may have the same.
        limit = size + len(seen)
        rows = _read(records.filter(number__gte=number)[:limit])
        if page := [row for row in rows if row.identity not in seen]:
            yield page
        if len(rows) < limit:
            return
        number = rows[-1].number
        seen = {row.identity for row in rows if row.number == number}


def _read(records: QuerySet[Record]) -> list[Row]:
    try:
        return [_row(record) for record in records]
    except UNREADABLE:
        # SQLite stores any text in any column. Find out which record it is.
        places = records.values_list("number", "pk", "signature")
        return [Row(*place, _read_one(place[1])) for place in places]


def _row(record: Record) -> Row:
    return Row(record.number, record.pk, record.signature, record)


def _read_one(pk: int) -> Record | None:
    try:
        return Record.objects.using(router.db_for_write(Record)).filter(pk=pk).first()
    except UNREADABLE:
        return None
