"""Text made safe for where it lands: a JavaScript literal, an address, an attribute, a CSP.

Knows nothing of recipes. `{{name}}` is the placeholder that recipes write; its pattern is here
because what a value becomes depends on where its placeholder stands.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from urllib.parse import quote

from consent.recipes.markers import MARKS, code_attributes

PLACEHOLDER = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")

# Scheme, host and port of an https address, in the characters of a CSP's host source: there is no
# white space, comma, semicolon or quote among them.
# https://www.w3.org/TR/CSP3/#grammardef-host-source
_ORIGIN = re.compile(r"https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?(?=[/?#]|\Z)")

# Some of them are marks: see `consent.recipes.markers`.
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")

# A literal must not end its script element, open an HTML comment in it, or break its line. The
# line separators are already escaped by json.dumps, which writes ASCII only.
_IN_SCRIPT = str.maketrans({"<": "\\u003C", ">": "\\u003E", "&": "\\u0026"})


def javascript_literal(value: str) -> str:
    """Return `value` as a JavaScript string literal with its quotes, or `null` for ""."""
    return javascript_value(value) if value else "null"


def javascript_value(value: object) -> str:
    """Return what JSON can say, written so that it can stand in a script element."""
    return json.dumps(value, separators=(",", ":")).translate(_IN_SCRIPT)


def url_part(value: str) -> str:
    """Return `value` percent-encoded, so that it stays one part of a path or query."""
    return quote(value, safe="", errors="replace")


def attribute_text(value: str) -> str:
    """Return `value` as an attribute can have it; `written` escapes its quotes and brackets."""
    readable = value.encode("utf-8", errors="replace").decode("utf-8")
    return _CONTROL_CHARACTER.sub("", readable)


def base_address(address: str) -> str:
    """Return an https address without a slash at its end, to which a path can be added.

    Raises ValueError where `csp_origin` does, or where a query or fragment follows the host.
    """
    origin = csp_origin(address)
    path = address[len(origin) :]
    if path[:1] not in ("", "/"):
        raise ValueError(f"“{address}” is not an address to which a path can be added.")
    return origin + quote(path.rstrip("/"), safe="/", errors="replace")


def csp_origin(address: str) -> str:
    """Return scheme, host and port of an https address, as a Content-Security-Policy names them.

    Raises ValueError where `address` is no https address with a host of ASCII letters, digits,
    hyphens and dots.
    """
    found = _ORIGIN.match(address)
    if found is None:
        raise ValueError(f"“{address}” is not an https address that a CSP can name.")
    return found[0]


def fill(text: str, values: Mapping[str, str], escaped: Callable[[str], str]) -> str:
    """Return `text` with each placeholder replaced by its value, passed through `escaped`.

    Those of `MARKS` become their marks, which no escaped value can hold.
    """
    return PLACEHOLDER.sub(lambda found: MARKS.get(found[1]) or escaped(values[found[1]]), text)


def is_filled(text: str, values: Mapping[str, str]) -> bool:
    """Say whether no placeholder in `text` has a blank value."""
    return all(values[name] for name in PLACEHOLDER.findall(text))


def fill_address(text: str, values: Mapping[str, str]) -> str:
    """Return the address `text` with its placeholders replaced.

    One at its start stands for an https address; each other value stays one part of a path or
    query. Raises ValueError where `base_address` does.
    """
    start = PLACEHOLDER.match(text)
    if start is None:
        return fill(text, values, url_part)
    return base_address(values[start[1]]) + fill(text[start.end() :], values, url_part)


def script_tag(tool_key: str, attributes: Iterable[tuple[str, str | None]], code: str) -> str:
    """Return a script element that carries the nonce mark and the key of its tool.

    `attributes` are added in their order; None makes one without a value, as in `async`.
    `code` is written as it is: it must hold nothing that ends a script element.
    """
    return f"<script{code_attributes(tool_key)}{written(attributes)}>{code}</script>"


def written(attributes: Iterable[tuple[str, str | None]]) -> str:
    """Return the attributes as they stand in a tag; None makes one without a value."""
    return "".join(
        f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in attributes
    )
