"""Parses request bodies that anybody may send."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import IO

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from consent.models.texts_language import gettext_lazy as _

MAX_BYTES = 10_000


class TooLargeError(APIException):
    """413: the body is longer than any real choice."""

    status_code = 413
    default_detail = _("The body is too long: at most 10,000 bytes are read.")
    default_code = "too_large"


class SmallJSONParser(BaseParser):
    """Parses a JSON object of at most 10,000 bytes, in UTF-8 by RFC 8259 (8.1).

    Raises ParseError for anything else (such as deep nesting, or the same key twice, of which
    another reader could take the other), and TooLargeError for a longer body.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """Return the object that the body holds."""
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLargeError
        try:
            found = json.loads(
                body.decode("utf-8"),
                parse_constant=_refuse_constant,
                object_pairs_hook=_unique,
            )
        except (ValueError, RecursionError) as error:
            raise ParseError(_("The body is not valid JSON.")) from error
        if not isinstance(found, dict):
            raise ParseError(_("The body is not a JSON object."))
        if not _are_unicode(found.values()):
            raise ParseError(_("The body is not valid JSON."))
        return found


def _are_unicode(values: Iterable[object]) -> bool:
    """Say whether no text has half of a surrogate pair, which an answer could not repeat."""
    try:
        "".join(value for value in values if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError(_("The body has the same key twice in an object."))
    return found
