"""Undoes what mail programs and word processors do to code."""

from __future__ import annotations

import re
from html import unescape

MOST_CHARACTERS = 50_000
"""What is longer than this is not read: vendors' snippets have some thousand characters."""

_DOUBLE = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02"
_SINGLE = "\u2018\u2019\u201a\u201b\u2032"
_STRAIGHT = str.maketrans({**dict.fromkeys(_DOUBLE, '"'), **dict.fromkeys(_SINGLE, "'")})
_BLANKS = "\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_INVISIBLE = "\xad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_PLAIN_BLANKS = str.maketrans({**dict.fromkeys(_BLANKS, " "), **dict.fromkeys(_INVISIBLE, "")})

_TAG = re.compile(r"<[a-zA-Z!/]")
_ESCAPED_TAG = re.compile(r"&(?:amp;)?lt;[a-zA-Z!/]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_BLOCK_COMMENT = re.compile(r"/\*|\*/")
# Not the slashes of an address, which come after a colon, a quote or an equals sign.
_LINE_COMMENT = re.compile(r"(?<![:\"'`=\\/\w])//[^\n]*")
_BACKSLASHES = re.compile(r"\\(?=[/\"'])")


def mended(pasted: str) -> str:
    """Return pasted code as the vendor wrote it, with straight quotes and real tags."""
    text = pasted[:MOST_CHARACTERS].replace("\r\n", "\n").replace("\0", "")
    text = _without_quote_marks(text).translate(_PLAIN_BLANKS)
    if not _TAG.search(text) and _ESCAPED_TAG.search(text):
        text = _unescaped(_unescaped(text)) if "&amp;lt;" in text else _unescaped(text)
    if _has_curly_code(text):
        text = straightened(text)
    return text


def straightened(text: str) -> str:
    """Return the text with straight quotes, and with the dashes that comments begin and end by."""
    return text.translate(_STRAIGHT).replace("<!\u2013", "<!--").replace("\u2013>", "-->")


def readable(code: str) -> str:
    """Return code without its comments and escapes: for reading, no longer for running."""
    text = _unescaped(straightened(code))
    text = _BACKSLASHES.sub("", text).replace("<!--", " ").replace("-->", " ")
    return _LINE_COMMENT.sub("", _without_block_comments(text))


def _has_curly_code(text: str) -> bool:
    """Say whether the quotes of the code are curly, and not only those in one of its texts."""
    curly = sum(text.count(quote) for quote in _DOUBLE + _SINGLE)
    return curly > text.count('"') + text.count("'")


def _without_quote_marks(text: str) -> str:
    """Return the text without the “>” by which mail programs mark each line of an answer."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 2 or not all(line.startswith(">") for line in lines):
        return text
    return "\n".join(line.removeprefix(">").removeprefix(" ") for line in text.split("\n"))


def _unescaped(text: str) -> str:
    # Without the semicolon, “&region=” in an address would become “®ion=”.
    return _ENTITY.sub(lambda found: unescape(found[0]), text)


def _without_block_comments(text: str) -> str:
    kept, begins, at = [], -1, 0
    for mark in _BLOCK_COMMENT.finditer(text):
        if begins < 0 and mark[0] == "/*":
            begins = mark.start()
        elif begins >= 0 and mark[0] == "*/":
            kept += [text[at:begins], " "]
            begins, at = -1, mark.end()
    return "".join([*kept, text[at:]])
