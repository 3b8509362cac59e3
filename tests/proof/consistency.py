"""Check that records, their sequences and their counters agree, by reading all of them."""

from __future__ import annotations

from collections import Counter as Count
from typing import Any

from consent.models import Counter, Record, Sequence
from consent.models.signing import Verdict

DIMENSIONS = ("day", "event", "source", "regime", "granted")


def inconsistencies() -> dict[str, Any]:
    """Return what is wrong with the stored records, by kind; empty if nothing is."""
    records = list(Record.objects.select_related("version"))
    found = {"forged": _forged(records), "gaps": _gaps(records), "miscounts": _miscounts(records)}
    return {kind: wrong for kind, wrong in found.items() if wrong}


def _forged(records: list[Record]) -> list[str]:
    """Return the records and sequences whose signature is not genuine."""
    return [
        str(row)
        for row in (*records, *Sequence.objects.all())
        if row.verdict() is not Verdict.GENUINE
    ]


def _gaps(records: list[Record]) -> list[str]:
    """Return the sequences that do not have each number once, from their first to their last."""
    numbers: dict[int, list[int]] = {}
    for record in records:
        numbers.setdefault(record.sequence, []).append(record.number)
    return [
        str(sequence)
        for sequence in Sequence.objects.all()
        if sorted(numbers.pop(sequence.number, []))
        != list(range(sequence.first, sequence.last + 1))
    ] + [f"{number}: no such sequence" for number in numbers]


def _miscounts(records: list[Record]) -> list[str]:
    """Return the counters that differ from a recount: one by one, and by each dimension."""
    fields = ("sequence", *DIMENSIONS)
    recounted = Count(tuple(record.counted[field] for field in fields) for record in records)
    ways = (fields, *((field,) for field in DIMENSIONS))
    wrong = []
    for way in ways:
        expected: Count[tuple[Any, ...]] = Count()
        for kind, number in recounted.items():
            expected[tuple(kind[fields.index(field)] for field in way)] += number
        if dict(Counter.objects.exclude(event=Counter.SHOWN).per(*way)) != dict(expected):
            wrong.append(" ".join(way))
    return wrong
