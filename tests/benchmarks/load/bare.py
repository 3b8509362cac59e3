"""The website that is compared with: its view reads a choice, inserts one row and answers."""

from __future__ import annotations

import json
import os
from itertools import count
from uuid import UUID, uuid4

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from consent.models import PolicyVersion
from tests.benchmarks.load.models import Row

_SIGNATURE = f"{'0' * 8}:{'0' * 64}"
# No two processes take the same number.
_numbers = count(os.getpid() << 32)


@csrf_exempt
def insert(request: HttpRequest) -> JsonResponse:
    """Store the choices as one row."""
    body = json.loads(request.body)
    granted = sorted(key for key, allowed in body["choices"].items() if allowed)
    subject = uuid4()
    row = Row.objects.create(
        receipt=UUID(body["key"]),
        subject=subject,
        user="",
        version_id=_version(),
        revision=1,
        choices={key: int(allowed) for key, allowed in body["choices"].items()},
        granted=" ".join(granted),
        action="chosen",
        source=body["source"],
        language="en",
        regime="opt_in",
        gpc=False,
        decided_at=timezone.now(),
        sequence=subject.int % 16,
        number=next(_numbers),
        signature=_SIGNATURE,
    )
    return JsonResponse({"recorded": True, "receipt": str(row.receipt)})


_known: list[int] = []


def _version() -> int:
    """Return the primary key of a version, looked up once."""
    if not _known:
        _known.append(PolicyVersion.objects.earliest("pk").pk)
    return _known[0]


urlpatterns = [path("consent/api/preferences/", insert)]
