"""Records as the text of a file: CSV or JSON Lines, in batches."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Any, NamedTuple

from consent.models import RecordQuerySet
from consent.models.times import to_utc

# Rows that are in memory at a time.
BATCH = 2_000

# Column of the file to field of the record.
COLUMNS = {
    "receipt": "receipt",
    "subject": "subject",
    "user": "user",
    "decided_at": "decided_at",
    "erased_at": "erased_at",
    "action": "action",
    "source": "source",
    "revision": "revision",
    "version": "version__digest",
    "language": "language",
    "regime": "regime",
    "gpc": "gpc",
    "choices": "choices",
    "sequence": "sequence",
    "number": "number",
    "signature": "signature",
}

# By these a spreadsheet takes a text for a formula, the wide ones included. Source:
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001

Row = Mapping[str, object]


def chunks(records: RecordQuerySet, file_format: str) -> Iterator[str]:
    """Yield the text of a file with ``records``, one batch after the other.

    ``file_format`` is a key of FORMATS. It asks the database for BATCH rows at a time, each time
    by the primary key, so that neither this process nor the database has to hold all of them.
    """
    return FORMATS[file_format].write(_batches(records))


def _batches(records: RecordQuerySet) -> Iterator[list[Row]]:
    rows = records.order_by("pk").values_list("pk", *COLUMNS.values())
    last = 0
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        last = batch[-1][0]
        yield [_row(values) for _, *values in batch]


def _row(values: list[Any]) -> Row:
    """Return the row in JSON's types."""
    row = dict(zip(COLUMNS, values, strict=True))
    return {
        **row,
        "receipt": str(row["receipt"]),
        "subject": str(row["subject"] or ""),
        "decided_at": to_utc(row["decided_at"]).isoformat(),
        "erased_at": to_utc(row["erased_at"]).isoformat() if row["erased_at"] else "",
    }


def _csv(batches: Iterator[list[Row]]) -> Iterator[str]:
    """Write as RFC 4180 has it, with a line of names first."""
    yield _lines([list(COLUMNS)])
    for batch in batches:
        yield _lines([[_cell(value) for value in row.values()] for row in batch])


def _lines(rows: list[list[str]]) -> str:
    file = StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    return file.getvalue()


def _cell(value: object) -> str:
    """Return ``value`` as a cell that no spreadsheet takes for a formula."""
    text = value if isinstance(value, str) else json.dumps(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _json_lines(batches: Iterator[list[Row]]) -> Iterator[str]:
    for batch in batches:
        yield "".join(f"{json.dumps(row)}\n" for row in batch)


class Format(NamedTuple):
    """A type of file: its media type, and what writes batches of rows."""

    content_type: str
    write: Callable[[Iterator[list[Row]]], Iterator[str]]


FORMATS = {
    "csv": Format("text/csv; charset=utf-8; header=present", _csv),
    "jsonl": Format("application/jsonl; charset=utf-8", _json_lines),
}
