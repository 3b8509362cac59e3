"""The OpenAPI description, where drf-spectacular is installed; without it, nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from rest_framework import serializers

from consent.api.serializers import (
    ChoicesSerializer,
    OutcomeSerializer,
    PolicySerializer,
    PreferencesSerializer,
    ReceiptSerializer,
)

try:
    from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

    HAS_SPECTACULAR = True
except ImportError:
    HAS_SPECTACULAR = False

View = TypeVar("View", bound=Callable[..., Any])


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request was refused."""

    detail = serializers.CharField()


_REASONS = {"type": "array", "items": {"type": "string"}}
# Why choices were refused: by category key, or all together; in `detail` where none were found.
_CHOICES_PROBLEM = {
    "type": "object",
    "properties": {
        "choices": {"oneOf": [{"type": "object", "additionalProperties": _REASONS}, _REASONS]},
        "revision": _REASONS,
        "detail": {"type": "string"},
    },
}

_WHY = {
    304: "The policy is still the one that the client has.",
    400: "The body is no JSON object, or a choice is none of the policy's: see the named field.",
    403: "The request was not sent by a page of this site.",
    404: "There is no such receipt, or it is somebody else's.",
    406: "Only application/json is served.",
    412: "The precondition (such as If-Match) does not hold.",
    413: "The body is longer than 10,000 bytes.",
    415: "The body has to be application/json.",
    429: "Too many writes; Retry-After says when to try again.",
    503: "What was allowed cannot be recorded, or the policy not be read: nothing is granted.",
}


def describe_policy(view: View) -> View:
    """Describe ``GET policy``."""
    return _describe(
        view,
        {200: PolicySerializer, 304: None, **_problems(406, 412)},
        operation_id="policy_retrieve",
        headers={"If-None-Match": "The ETag of an earlier answer; 304 where it still holds."},
    )


def describe_preferences(view: View) -> View:
    """Describe ``GET preferences``."""
    return _describe(
        view, {200: PreferencesSerializer, **_problems(406)}, operation_id="preferences_retrieve"
    )


def describe_write(view: View) -> View:
    """Describe PUT and PATCH: choices in, what follows from them out."""
    return _describe(
        view,
        {
            200: OutcomeSerializer,
            400: _CHOICES_PROBLEM,
            **_problems(403, 406, 413, 415, 429, 503),
        },
        request=ChoicesSerializer,
        operation_id=f"preferences_{'update' if view.__name__ == 'put' else 'partial_update'}",
    )


def describe_withdraw(view: View) -> View:
    """Describe DELETE."""
    return _describe(
        view,
        {200: OutcomeSerializer, **_problems(403, 406)},
        request=None,
        queries={"forget": "true: the browser also drops the cookie that leads to its receipts."},
        operation_id="preferences_withdraw",
    )


def describe_receipts(view: View) -> View:
    """Describe ``GET receipts``."""
    return _describe(
        view,
        {200: ReceiptSerializer(many=True), **_problems(406)},
        operation_id="receipts_list",
    )


def describe_receipt(view: View) -> View:
    """Describe ``GET receipts/{receipt}``."""
    return _describe(
        view, {200: ReceiptSerializer, **_problems(404, 406)}, operation_id="receipts_retrieve"
    )


def _problems(*statuses: int) -> dict[int, Any]:
    return dict.fromkeys(statuses, ProblemSerializer)


def _describe(
    view: View,
    responses: dict[int, Any],
    headers: dict[str, str] | None = None,
    queries: dict[str, str] | None = None,
    **options: Any,
) -> View:
    if not HAS_SPECTACULAR:
        return view
    described = {
        status: OpenApiResponse(response=body, description=_WHY.get(status, ""))
        for status, body in responses.items()
    }
    parameters = [
        *(
            OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text)
            for name, text in (headers or {}).items()
        ),
        *(
            OpenApiParameter(name, str, OpenApiParameter.QUERY, description=text)
            for name, text in (queries or {}).items()
        ),
    ]
    return extend_schema(responses=described, parameters=parameters, **options)(view)
