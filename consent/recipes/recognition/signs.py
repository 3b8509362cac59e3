"""Signs in code that no recipe knows: what it loads, what it stores, what it calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from consent.recipes import csp
from consent.recipes.recognition.addresses import Address, addresses_in
from consent.recipes.recognition.pieces import Piece

MOST_SIGNS = 50
"""How many signs of one kind are looked at in one piece of code."""

_TAG = re.compile(r"<([a-zA-Z]{1,20})\b([^<>]{0,3000})>")
_ATTRIBUTE = re.compile(r"\s(src|href|action)\s{0,5}=\s{0,5}[\"']?([^\s\"'<>]{1,2000})", re.I)
_STYLESHEET = re.compile(r"rel\s{0,5}=\s{0,5}[\"']?stylesheet", re.I)
_MAKES_SCRIPT = re.compile(r"[\"'`]script[\"'`]", re.I)
_HANDLER = re.compile(r"<[a-zA-Z][^<>]{0,1000}?\s(on[a-z]{3,20})\s{0,5}=", re.I)
_WRITES = re.compile(r"\bdocument\s{0,5}\.\s{0,5}(write|writeln|open)\s{0,5}\(")
_STORED = (
    ("cookie", re.compile(r"document\.cookie\s{0,10}=\s{0,10}[\"'`]([\w.-]{1,100})=")),
    ("cookie", re.compile(r"(?:Cookies\.set|[sS]etCookie)\(\s{0,10}[\"'`]([\w.-]{1,100})[\"'`]")),
    ("storage", re.compile(r"Storage\.(?:set|get)Item\(\s{0,10}[\"'`]([^\s\"'`;=,]{1,120})[\"'`]")),
)
_DIRECTIVE_OF_TAG = {
    "script": "script-src",
    "img": "img-src",
    "iframe": "frame-src",
    "embed": "frame-src",
    "video": "media-src",
    "audio": "media-src",
    "source": "media-src",
    "form": "form-action",
}
_DIRECTIVE_OF_FILE = (
    (re.compile(r"\.m?js\Z"), "script-src"),
    (re.compile(r"\.css\Z"), "style-src"),
    (re.compile(r"\.(?:gif|png|jpe?g|svg|webp|avif)\Z"), "img-src"),
    (re.compile(r"\.(?:woff2?|ttf|otf)\Z"), "font-src"),
)


class StoredName(NamedTuple):
    """A name under which code keeps something. `kind`: "cookie" or "storage"."""

    kind: str
    name: str


def stored_names(pieces: Sequence[Piece]) -> Iterator[StoredName]:
    """Yield the names of cookies and storage keys in the code."""
    for piece in pieces:
        for kind, pattern in _STORED:
            for found in islice(pattern.finditer(piece.text), MOST_SIGNS):
                yield StoredName(kind, found[1])


def writing_call(pieces: Sequence[Piece]) -> str:
    """Return the first call that would replace a page that has loaded, or ""."""
    found = next(filter(None, (_WRITES.search(piece.text) for piece in pieces)), None)
    return f"document.{found[1]}()" if found else ""


def event_handler(pieces: Sequence[Piece]) -> str:
    """Return the name of the first attribute with code in it, or ""."""
    markup = (piece.html.partition(">")[0] + ">" for piece in pieces if piece.kind)
    other = (piece.html for piece in pieces if not piece.kind)
    found = next(filter(None, map(_HANDLER.search, (*other, *markup))), None)
    return found[1].lower() if found else ""


def insecure_host(pieces: Sequence[Piece]) -> str:
    """Return the first host that is asked without encryption, or ""."""
    addresses = (address for piece in pieces for address in piece.addresses)
    return next((each.host for each in addresses if each.text.startswith("http:")), "")


def csp_lines(pieces: Sequence[Piece]) -> str:
    """Return what a Content-Security-Policy has to allow: a line for each directive."""
    found: dict[str, dict[str, None]] = {}
    for directive, origin in _sources(pieces):
        found.setdefault(directive, {})[origin] = None
    lines = (f"{name} {' '.join(found[name])}" for name in csp.DIRECTIVES if name in found)
    return "\n".join(line for line in lines if not csp.source_errors(line))


def _sources(pieces: Sequence[Piece]) -> Iterator[tuple[str, str]]:
    for piece in pieces:
        if piece.kind not in ("script", "style"):
            yield from _sources_of_tags(piece.text)
            continue
        opening, _, code = piece.text.partition(">")
        yield from _sources_of_tags(opening + ">")
        makes_script = _MAKES_SCRIPT.search(code) is not None
        for address in addresses_in(code):
            if not address.is_bare:
                yield _directive_in_code(address, makes_script=makes_script), address.origin


def _sources_of_tags(markup: str) -> Iterator[tuple[str, str]]:
    for tag, attributes in islice(_TAG.findall(markup), MOST_SIGNS):
        directive = _DIRECTIVE_OF_TAG.get(tag.lower(), "")
        if tag.lower() == "link" and _STYLESHEET.search(attributes):
            directive = "style-src"
        for _, value in _ATTRIBUTE.findall(attributes) if directive else ():
            for address in addresses_in(value):
                yield directive, address.origin


def _directive_in_code(address: Address, *, makes_script: bool) -> str:
    for ending, directive in _DIRECTIVE_OF_FILE:
        if ending.search(address.path):
            return directive
    is_script = makes_script and not address.origin.startswith("wss")
    return "script-src" if is_script else "connect-src"
