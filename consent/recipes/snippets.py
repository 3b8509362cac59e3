"""Custom snippets: HTML as a vendor's page gives it, made ready for the page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from django.utils.translation import gettext

from consent.recipes.markers import code_attributes, without_marks

_UNCLOSABLE = ("script", "style", "noscript", "template", "iframe", "textarea", "title")
_TAG_BEGINS = re.compile(r"<[a-zA-Z/!?]")


def prepare(html: str, tool_key: str) -> str:
    """Return ``html`` with a nonce and the tool's key on each ``<script>`` and ``<style>``.

    Where it has neither, its first element gets them: the page's script must see that the tool
    is there, so as not to start it once more.

    All else stays as it was pasted, byte for byte, apart from the characters that are marks.
    """
    html = without_marks(html)
    attributes = code_attributes(tool_key)
    pieces, done = [], 0
    for position, tag in _Scanner.of(html).marked:
        name_ends = position + len(tag) + 1
        pieces += [html[done:name_ends], attributes]
        done = name_ends
    return "".join([*pieces, html[done:]])


def problems(html: str) -> list[str]:
    """Return sentences that say what in ``html`` would damage the page around it; [] if nothing."""
    scanner = _Scanner.of(html)
    found = [
        gettext("<%(tag)s> is opened in line %(line)d and never closed; add </%(tag)s>.")
        % {"tag": tag, "line": line}
        for tag, line in scanner.unclosed
    ]
    if html.rfind("<!--") > html.rfind("-->") or scanner.unread.startswith("<!--"):
        found.append(gettext("A comment (<!--) is never closed; add -->."))
    elif not scanner.unclosed and _TAG_BEGINS.match(scanner.unread):
        found.append(
            gettext("The tag “%s” is never finished; add what is missing, such as a quote or >.")
            % scanner.unread[:60]
        )
    if html.strip() and not scanner.saw_markup:
        found.append(
            gettext("There is no HTML element in it; paste the whole code, with its <script> tags.")
        )
    return found


class _Scanner(HTMLParser):
    """Finds where code starts, and what is left open. Never changes or rejects anything."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        lines = html.split("\n")
        self._line_starts = [0]
        for line in lines[:-1]:
            self._line_starts.append(self._line_starts[-1] + len(line) + 1)
        self._open: list[tuple[str, int]] = []
        self._code: list[tuple[int, str]] = []
        self._first: tuple[int, str] | None = None

    @classmethod
    def of(cls, html: str) -> _Scanner:
        scanner = cls(html)
        scanner.feed(html)
        return scanner

    @property
    def marked(self) -> list[tuple[int, str]]:
        """Offset and name of each start tag that runs code or sets style, or else of the first."""
        return self._code or ([self._first] if self._first else [])

    @property
    def saw_markup(self) -> bool:
        """Whether there is any element."""
        return self._first is not None

    @property
    def unread(self) -> str:
        """What is left at the end, because a tag or a comment in it does not end."""
        return self.rawdata

    @property
    def unclosed(self) -> list[tuple[str, int]]:
        """Names and lines of the elements that would swallow the rest of the page."""
        return self._open

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        # HTMLParser raises AssertionError for `<![anything[`; to a browser it is a comment.
        return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, column = self.getpos()
        here = (self._line_starts[line - 1] + column, tag)
        # Other letters may change their number when HTMLParser makes them small.
        if self._first is None and tag.isascii():
            self._first = here
        if tag in ("script", "style"):
            self._code.append(here)
        if tag in _UNCLOSABLE:
            self._open.append((tag, line))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # `<script src="…" />` is a start tag to a browser: the slash means nothing in HTML.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index][0] == tag:
                del self._open[index:]
                return
