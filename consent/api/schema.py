"""The OpenAPI description, made with drf-spectacular; without that package, no description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from rest_framework import serializers

try:
    from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

    HAS_SPECTACULAR = True
except ImportError:
    HAS_SPECTACULAR = False

Handler = TypeVar("Handler", bound=Callable[..., object])


class ProblemSerializer(serializers.Serializer[object]):
    """Why a request was refused."""

    detail = serializers.CharField()


_REASONS = {"type": "array", "items": {"type": "string"}}
# Reasons by category key, or for all choices together; `detail` if the body has no choices.
_CHOICES_PROBLEM = {
    "type": "object",
    "properties": {
        "choices": {"oneOf": [{"type": "object", "additionalProperties": _REASONS}, _REASONS]},
        "revision": _REASONS,
        "detail": {"type": "string"},
    },
}

WRITE_PROBLEMS = (400, 403, 413, 415, 429, 503)
"""The statuses of a write of choices that was refused."""

_PROBLEMS = {
    304: "The client already has the current policy.",
    400: "The body is not a JSON object, or a choice is invalid: see the named field.",
    403: "The request was not sent by a page of this site.",
    404: "There is no such receipt, or it belongs to another visitor.",
    406: "The API only serves application/json.",
    412: "The precondition (such as If-Match) failed.",
    413: "The body is longer than 10,000 bytes.",
    415: "The body has to be application/json.",
    429: "Too many writes; Retry-After says when to try again.",
    503: "The grant cannot be recorded, or the policy cannot be read: nothing is granted.",
}


def describe(
    operation: str,
    answer: object,
    *problems: int,
    request: object = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> Callable[[Handler], Handler]:
    """Return a decorator that describes a view's method in the OpenAPI schema.

    ``operation`` names it, ``answer`` and ``request`` are the serializers of its bodies,
    ``problems`` the statuses of its other answers (406 is one of each method), and ``headers`` and
    ``query`` map the names of parameters to their descriptions.
    """
    if not HAS_SPECTACULAR:
        return lambda handler: handler
    bodies = {200: answer} | {status: _problem(status) for status in (*problems, 406)}
    decorate: Callable[[Handler], Handler] = extend_schema(
        operation_id=operation,
        request=request,
        responses={
            status: OpenApiResponse(response=body, description=_PROBLEMS.get(status, ""))
            for status, body in bodies.items()
        },
        parameters=[
            *_parameters(OpenApiParameter.HEADER, headers),
            *_parameters(OpenApiParameter.QUERY, query),
        ],
    )
    return decorate


def _parameters(
    place: Literal["header", "query"], described: Mapping[str, str] | None
) -> list[OpenApiParameter]:
    return [
        OpenApiParameter(name, str, place, description=text)
        for name, text in (described or {}).items()
    ]


def _problem(status: int) -> object:
    """Return the body of an answer with this status."""
    return {304: None, 400: _CHOICES_PROBLEM}.get(status, ProblemSerializer)
