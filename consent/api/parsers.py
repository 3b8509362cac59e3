"""Reads request bodies that strangers send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MAX_BYTES = 10_000


class TooLargeError(APIException):
    """413: the body is longer than any real choice."""

    status_code = 413
    default_detail = _("The body is too long: at most 10,000 bytes are read.")
    default_code = "too_large"


class SmallJSONParser(BaseParser):
    """A JSON object of at most 10,000 bytes, in UTF-8 whatever charset is claimed (RFC 8259, 8.1).

    Raises ParseError for anything else (nested too deeply included), TooLargeError for too much.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the object that the body holds."""
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLargeError
        try:
            found = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError(_("The body is no valid JSON.")) from error
        if not isinstance(found, dict):
            raise ParseError(_("The body is no JSON object."))
        return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
