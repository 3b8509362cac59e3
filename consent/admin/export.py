"""Records as a file: CSV or JSON Lines, written while it is sent."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from io import StringIO
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.response import StreamingHttpResponse

from consent.models import RecordQuerySet
from consent.models.times import local_today, to_utc

# Rows that are in memory at a time.
BATCH = 2_000

# Column of the file to field of the record.
COLUMNS = {
    "receipt": "receipt",
    "subject": "subject",
    "user": "user",
    "decided_at": "decided_at",
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


def response(
    request: HttpRequest, records: RecordQuerySet, file_format: str
) -> StreamingHttpResponse:
    """Return the response that streams ``records`` as a file.

    ``file_format`` is a key of FORMATS. It asks the database for BATCH rows at a time, each time
    by the primary key, so that neither this process nor the database has to hold all of them.
    """
    content_type, write = FORMATS[file_format]
    chunks = write(_batches(records))
    answer = StreamingHttpResponse(
        # A server of the other kind would collect all of it first.
        _asynchronous(chunks) if isinstance(request, ASGIRequest) else chunks,
        content_type=content_type,
    )
    name = f"consent-records-{local_today().isoformat()}.{file_format}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


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


async def _asynchronous(chunks: Iterator[str]) -> AsyncIterator[str]:
    following = sync_to_async(lambda: next(chunks, ""))
    while chunk := await following():
        yield chunk


Writer = Callable[[Iterator[list[Row]]], Iterator[str]]

FORMATS: dict[str, tuple[str, Writer]] = {
    "csv": ("text/csv; charset=utf-8; header=present", _csv),
    "jsonl": ("application/jsonl; charset=utf-8", _json_lines),
}
