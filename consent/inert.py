"""Markup that waits in a ``<template>`` of ours, and whether it stays there."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_MARK = re.compile(r"</?template", re.IGNORECASE)
# Their content is text, or follows rules of its own: what looks like a template in them is none.
_OPAQUE = re.compile(
    "iframe|math|noembed|noframes|noscript|plaintext|script|style|svg|textarea|title|xmp"
)


def stays(html: str) -> bool:
    """Say whether ``html`` cannot end the ``<template>`` around it.

    Each of its own templates must be closed in it. Where parsers could differ on whether something
    is a template's tag at all (in a comment, a script, an attribute), the answer is no.
    """
    marks = len(_MARK.findall(html))
    if not marks:
        return True
    scanner = _Templates(convert_charrefs=False)
    scanner.feed(html)
    return scanner.depth == 0 and scanner.sound and scanner.seen == marks


class _Templates(HTMLParser):
    """Counts the tags of templates, and follows how deep they are.

    ``sound``: each was where it is one to every parser, and none ended what it did not begin.
    """

    depth = seen = 0
    sound = True
    # The names of the opaque elements that are open.
    opaque: tuple[str, ...] = ()

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        # HTMLParser raises AssertionError for `<![anything[`; to a browser it is a comment.
        return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "template":
            self._count(1)
        elif _OPAQUE.fullmatch(tag):
            self.opaque += (tag,)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # The slash means nothing in HTML.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._count(-1)
        elif tag in self.opaque:
            self.opaque = self.opaque[: self.opaque.index(tag)]

    def _count(self, step: int) -> None:
        self.seen += 1
        self.depth += step
        self.sound = self.sound and self.depth >= 0 and not self.opaque
