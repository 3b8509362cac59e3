"""Reads pasted HTML as a browser would, and notes what would change the page around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# https://html.spec.whatwg.org/multipage/syntax.html#void-elements, and those of former days.
_VOID = _words(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source "
    "track wbr"
)
# Browsers close them where their parent ends. A <p> they also close before the next block.
_CLOSED_WITH_PARENT = _words(
    "p li dt dd option optgroup tr td th tbody thead tfoot colgroup caption rt rp"
)
_ALLOWED_IN_HEAD = _words(
    "base basefont bgsound link meta noframes noscript script style template title"
)
_OF_THE_PAGE = _words("html head body frameset")
_NEVER_OPEN = _VOID | _OF_THE_PAGE | {"plaintext"}
# In them `<a />` is a whole element, except below those in which HTML begins again.
_FOREIGN = _words("svg math")
_HTML_AGAIN = _words("foreignobject desc annotation-xml mi mn mo ms mtext")

_QUOTED_VALUE = re.compile(r"""=\s*("[^"]*"|'[^']*')""")
# Quotes and blanks of word processors, and what nobody sees: U+2018 to U+201F are quotes.
_INVISIBLE = r"\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
_TYPOGRAPHIC = re.compile(
    rf"[«»\uff02\u2033\u2018-\u201f\xa0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000{_INVISIBLE}]"
)
_BLANK = re.compile(rf"[\s{_INVISIBLE}]*")

HTML_SPACE = " \t\n\f\r"
"""What is blank to a browser."""


class Found(NamedTuple):
    """One thing that was found: its text, such as the name of a tag, and its line."""

    text: str
    line: int


class HTMLScanner(HTMLParser):
    """Finds where code starts, and what would damage a page. Never changes or rejects anything."""

    # As in browsers, and in newer versions of Python: tags in these are text.
    CDATA_CONTENT_ELEMENTS = (  # type: ignore[misc]
        *("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"),
    )

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        lines = html.split("\n")
        self._line_starts = [0]
        for line in lines[:-1]:
            self._line_starts.append(self._line_starts[-1] + len(line) + 1)
        self._code: list[tuple[int, str]] = []
        self._first: tuple[int, str] | None = None
        self._open: list[Found] = []
        # How many elements of each name are open.
        self._open_names: dict[str, int] = {}
        self._closed_by_parent: list[Found] = []
        self.stray_ends: list[Found] = []
        """End tags of elements that are not open."""
        self.page_tags: list[Found] = []
        """Tags of which each page has one, such as ``</body>``."""
        self.typographic: list[Found] = []
        """Tags with curly quotes around a value, or with characters that look like a blank."""
        self.plaintext: list[Found] = []
        """The element that nothing ends."""
        self.not_of_head: list[Found] = []
        """Elements at which browsers end a page's head."""
        self.loose_text: list[Found] = []
        """Text outside of all elements, at which they end it, too."""
        self.blanks: list[tuple[int, str]] = []
        """Offset and text of what looks blank there, and is not to a browser."""
        self.feed(html)

    @property
    def marked(self) -> list[tuple[int, str]]:
        """Offset and name of each start tag that runs code or sets style, or else of the first."""
        return self._code or ([self._first] if self._first else [])

    @property
    def saw_markup(self) -> bool:
        """Whether there is any element."""
        return self._first is not None

    @property
    def unfinished(self) -> str:
        """What is left at the end, because a tag or a comment in it does not end."""
        return "" if self.cdata_elem else self.rawdata

    @property
    def unclosed(self) -> list[Found]:
        """The elements that would take in what follows, in the order of their start tags."""
        return sorted((*self._closed_by_parent, *self._left_open()), key=lambda found: found.line)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Read `<![` as browsers do."""
        # HTMLParser raises AssertionError for `<![anything[`; to a browser it is a comment.
        return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a start tag."""
        found = self._note_start(tag)
        if tag not in _NEVER_OPEN:
            self._open.append(found)
            self._open_names[tag] = self._open_names.get(tag, 0) + 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that ends with a slash."""
        # `<script src="…" />` is a start tag to a browser: the slash means nothing in HTML.
        if tag in _FOREIGN or self._is_foreign():
            self._note_start(tag)
        else:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Note an end tag, and which elements it closes."""
        line = self.getpos()[0]
        if tag in _OF_THE_PAGE:
            self.page_tags.append(Found(f"/{tag}", line))
        elif tag == "p":
            self._end_paragraph()
        elif self._open_names.get(tag):
            while (inner := self._pop()).text != tag:
                if inner.text not in _CLOSED_WITH_PARENT:
                    self._closed_by_parent.append(inner)
        elif tag not in _NEVER_OPEN:
            self.stray_ends.append(Found(tag, line))

    def handle_data(self, data: str) -> None:
        """Note text outside of all elements."""
        if self._open:
            return
        if not _BLANK.fullmatch(data):
            before = len(data) - len(data.lstrip())
            line = self.getpos()[0] + data.count("\n", 0, before)
            self.loose_text.append(Found(data.strip(), line))
        elif data.strip(HTML_SPACE):
            self.blanks.append((self._offset(), data))

    def handle_entityref(self, name: str) -> None:
        """Note it as text."""
        self.handle_data(f"&{name}")

    def handle_charref(self, name: str) -> None:
        """Note it as text."""
        self.handle_data(f"&#{name}")

    def _note_start(self, tag: str) -> Found:
        """Note what is to be known of a start tag, but not that its element is open."""
        here, found = (self._offset(), tag), Found(tag, self.getpos()[0])
        # Other letters may change their number when HTMLParser makes them small.
        if self._first is None and tag.isascii():
            self._first = here
        if tag in ("script", "style"):
            self._code.append(here)
        if tag == "plaintext":
            self.plaintext.append(found)
        if tag in _OF_THE_PAGE:
            self.page_tags.append(found)
        elif not self._open and tag not in _ALLOWED_IN_HEAD:
            self.not_of_head.append(found)
        source = self.get_starttag_text() or ""
        if _TYPOGRAPHIC.search(_QUOTED_VALUE.sub("", source)):
            self.typographic.append(Found(source, found.line))
        return found

    def _end_paragraph(self) -> None:
        # Where a block is in it, browsers have closed it before that, and its end does no harm.
        if self._open and self._open[-1].text == "p":
            self._pop()

    def _pop(self) -> Found:
        closed = self._open.pop()
        self._open_names[closed.text] -= 1
        return closed

    def _is_foreign(self) -> bool:
        for name, _ in reversed(self._open):
            if name in _FOREIGN or name in _HTML_AGAIN:
                return name in _FOREIGN
        return False

    def _left_open(self) -> Iterator[Found]:
        is_in_another = False
        for found in self._open:
            if found.text not in _CLOSED_WITH_PARENT:
                is_in_another = True
                yield found
            elif not is_in_another and found.text != "p":
                yield found

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._line_starts[line - 1] + column
