"""Custom snippets: HTML as a vendor's page gives it, made ready for the page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.utils.text import Truncator
from django.utils.translation import gettext

from consent.recipes.html_scanner import HTML_SPACE, Found, HTMLScanner
from consent.recipes.markers import code_attributes, without_marks

_TAG_BEGINS = re.compile(r"<[a-zA-Z/!?]")
_SHOWN_CHARACTERS = 60
# An editor corrects one after the other; thousands would be the size of the snippet again.
_SHOWN_PROBLEMS = 10


def prepare(html: str, tool_key: str) -> str:
    """Return ``html`` with a nonce and the tool's key on each ``<script>`` and ``<style>``.

    Where it has neither, its first element gets them: the page's script must see that the tool
    is there, so as not to start it once more.

    Invisible characters between its elements, such as a byte order mark, are left out: in a page's
    head browsers take them for the beginning of the body. All else stays as it was pasted, byte for
    byte, apart from the characters that are marks.
    """
    html = without_marks(html)
    scanner, attributes = HTMLScanner(html), code_attributes(tool_key)
    # Where each change begins and ends, and what is there then.
    changes = [(at, at + len(blank), _plain(blank)) for at, blank in scanner.blanks]
    for at, tag in scanner.marked:
        name_ends = at + len(tag) + 1
        changes.append((name_ends, name_ends, attributes))
    pieces, done = [], 0
    for begins, ends, text in sorted(changes):
        pieces += [html[done:begins], text]
        done = ends
    return "".join([*pieces, html[done:]])


def problems(html: str) -> list[str]:
    """Return sentences that say what in ``html`` would damage the page around it; [] if nothing."""
    found = list(_problems(html, HTMLScanner(html)))
    return found[:_SHOWN_PROBLEMS]


def misplaced(html: str, placement: str) -> list[str]:
    """Return sentences that say what in ``html`` cannot be at its place; [] if nothing.

    Where a page's head has text, or an element of the body, browsers end the head, so that the
    site's own tags after it count no more.
    """
    if placement != "head":
        return []
    scanner = HTMLScanner(html)
    found = [
        gettext(
            "<%(tag)s> in line %(line)d cannot be in the page's head: browsers would ignore what "
            "the head has after it. As the place on the page, choose the end of the body."
        )
        % {"tag": tag, "line": line}
        for tag, line in scanner.not_of_head[:1]
    ]
    if scanner.saw_markup:
        found += [
            gettext(
                "The text “%(text)s” in line %(line)d cannot be in the page's head: browsers would "
                "ignore what the head has after it. Remove it from the snippet."
            )
            % {"text": _shorten(text), "line": line}
            for text, line in scanner.loose_text[:1]
        ]
    return found


def _problems(html: str, scanner: HTMLScanner) -> Iterator[str]:
    yield from _each(
        scanner.unclosed,
        gettext("<%(text)s> is opened in line %(line)d and never closed; add </%(text)s>."),
    )
    yield from _each(
        scanner.stray_ends,
        gettext(
            "</%(text)s> in line %(line)d closes an element that the snippet does not open; "
            "remove it."
        ),
    )
    yield from _each(
        scanner.page_tags,
        gettext("<%(text)s> in line %(line)d is the page's own, not a snippet's; remove it."),
    )
    yield from _each(
        scanner.plaintext,
        gettext("Nothing closes <%(text)s> in line %(line)d, not even </%(text)s>; use <pre>."),
    )
    yield from _each(
        scanner.typographic,
        gettext(
            "“%(text)s” in line %(line)d has curly quotes or invisible characters, which browsers "
            'do not read as quotes and blanks; type " and blanks instead.'
        ),
    )
    if html.rfind("<!--") > html.rfind("-->") or scanner.unfinished.startswith("<!--"):
        yield gettext("A comment (<!--) is never closed; add -->.")
    elif _TAG_BEGINS.match(scanner.unfinished):
        yield (
            gettext("The tag “%s” is never finished; add what is missing, such as a quote or >.")
            % _shorten(scanner.unfinished)
        )
    if html.strip() and not scanner.saw_markup:
        yield gettext(
            "There is no HTML element in it; paste the whole code, with its <script> tags."
        )


def _each(found: list[Found], sentence: str) -> Iterator[str]:
    for text, line in found:
        yield sentence % {"text": _shorten(text), "line": line}


def _plain(blank: str) -> str:
    """Return ``blank`` with the spaces that browsers know, and without what is invisible."""
    kept = (sign for sign in blank if sign in HTML_SPACE or sign.isspace())
    return "".join(sign if sign in HTML_SPACE else " " for sign in kept)


def _shorten(text: str) -> str:
    return Truncator(text).chars(_SHOWN_CHARACTERS)
