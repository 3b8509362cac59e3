"""Cuts pasted code into its elements, so that each can be explained on its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from consent.recipes.recognition.addresses import Address, addresses_in
from consent.recipes.recognition.text import readable

_OPENS = re.compile(r"<!--|<(script|noscript|iframe|style)\b", re.IGNORECASE)
_CLOSES = {
    name: re.compile(rf"</{name}[^<>]{{0,20}}>", re.IGNORECASE)
    for name in ("script", "noscript", "iframe", "style")
}
# An element that scripts look for, not one that only gives a frame its place.
_MARKUP = re.compile(r"<link\b|<[a-zA-Z][^<>]{0,500}?\s(?:class|id|data-[\w-]{1,60})\s{0,5}=")
_LOADED = re.compile(r"\ssrc\s{0,5}=\s{0,5}[\"']?(?:https?:)?//([\w.-]{1,253})", re.IGNORECASE)
_CODE = re.compile(r"[\w$]\(|[={]")
_WORD = re.compile(r"[\w$]+")


@dataclass(frozen=True)
class Piece:
    """One element of pasted code, or what stands between two of them.

    `kind`: "script", "noscript", "iframe" or "style"; "" for all else. `html`: as it was pasted.
    """

    kind: str
    html: str

    @cached_property
    def text(self) -> str:
        """Its code without comments and escapes."""
        return readable(self.html)

    @cached_property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses in it."""
        return tuple(addresses_in(self.text))

    @cached_property
    def words(self) -> frozenset[str]:
        """The names and words in it."""
        return frozenset(_WORD.findall(self.text))

    @property
    def has_code(self) -> bool:
        """Whether it is more than words, an end tag or what gives a frame its place."""
        if self.kind or self.loaded_hosts or _MARKUP.search(self.html):
            return True
        return "<" not in self.html and _CODE.search(self.text) is not None

    @cached_property
    def loaded_hosts(self) -> frozenset[str]:
        """The hosts from which its elements load something."""
        return frozenset(host.lower() for host in _LOADED.findall(self.text))


def pieces_of(html: str) -> list[Piece]:
    """Return the pieces of pasted code in their order, without blanks and HTML comments."""
    return [piece for piece in _cut(html) if piece.html.strip()]


def _cut(html: str) -> Iterator[Piece]:
    at = 0
    while opens := _OPENS.search(html, at):
        yield Piece("", html[at : opens.start()])
        if opens[1] is None:
            at = html.find("-->", opens.end()) + len("-->")
            if at < opens.end():
                at = opens.start()
                break
        else:
            kind = opens[1].lower()
            closes = _CLOSES[kind].search(html, opens.end())
            ends = closes.end() if closes else len(html)
            yield Piece(kind, html[opens.start() : ends])
            at = ends
    yield Piece("", html[at:])
