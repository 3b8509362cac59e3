"""Text made safe for the place where it lands: a JavaScript literal, an address, an attribute.

Knows nothing of recipes. `{{name}}` is the placeholder that recipes write; its pattern is here
because what a value becomes depends on where its placeholder stands.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from urllib.parse import quote

from consent.markup import code_attributes

PLACEHOLDER = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")

# A literal must not end its script element, open an HTML comment in it, or break its line. The
# line separators are already escaped by json.dumps, which writes ASCII only.
_IN_SCRIPT = str.maketrans({"<": "\\u003C", ">": "\\u003E", "&": "\\u0026"})


def javascript_literal(value: str) -> str:
    """Return `value` as a JavaScript string literal with its quotes, or `null` for ""."""
    return json.dumps(value).translate(_IN_SCRIPT) if value else "null"


def url_part(value: str) -> str:
    """Return `value` percent-encoded, so that it stays one part of a path or query."""
    return quote(value, safe="", errors="replace")


def fill(text: str, values: Mapping[str, str], escaped: Callable[[str], str]) -> str:
    """Return `text` with each placeholder replaced by its value, passed through `escaped`."""
    return PLACEHOLDER.sub(lambda found: escaped(values[found[1]]), text)


def script_tag(tool_key: str, attributes: Iterable[tuple[str, str | None]], code: str) -> str:
    """Return a script element that carries the nonce mark and the key of its tool.

    `attributes` are added in their order; None makes one without a value, as in `async`.
    `code` is written as it is: it must hold nothing that ends a script element.
    """
    written = "".join(
        f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in attributes
    )
    return f"<script{code_attributes(tool_key)}{written}>{code}</script>"
