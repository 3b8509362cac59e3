"""Send records as a file: CSV or JSON Lines, written while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.response import StreamingHttpResponse

from consent.models import RecordQuerySet
from consent.models.times import local_today
from consent.proof.record_files import FORMATS, chunks


def response(
    request: HttpRequest, records: RecordQuerySet, file_format: str
) -> StreamingHttpResponse:
    """Return the response that streams ``records`` as a file.

    ``file_format`` is a key of `consent.proof.record_files.FORMATS`.
    """
    text = chunks(records, file_format)
    answer = StreamingHttpResponse(
        # A server of the other kind would collect all of it first.
        _asynchronous(text) if isinstance(request, ASGIRequest) else text,
        content_type=FORMATS[file_format].content_type,
    )
    name = f"consent-records-{local_today().isoformat()}.{file_format}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _asynchronous(chunks: Iterator[str]) -> AsyncIterator[str]:
    following = sync_to_async(lambda: next(chunks, ""))
    while chunk := await following():
        yield chunk
