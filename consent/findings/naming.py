"""Names of cookies and storage keys without the identifiers that they contain.

A vendor, or a website, may put an account's id, a visitor's id or even an address of e-mail into
the *name* of a cookie. A finding must not hold it, and a thousand names must not be a thousand
findings: so each such part becomes ``*``, as in a declared name.
"""

from __future__ import annotations

import re

# As long as a declared name may be.
LONGEST = 120

_SEPARATORS = re.compile(r"([^A-Za-z0-9]+)")
_STARS = re.compile(r"\*(?:[^A-Za-z0-9]*\*)+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# A hash or a number, as a whole part of a name.
_NUMBER = re.compile(r"[0-9]{3,}")
_HEX = re.compile(r"(?=[a-f]*[0-9])[0-9a-f]{8,}", re.IGNORECASE)
# As Google's containers and properties: capitals and digits.
_CODE = re.compile(r"(?=[A-Z]*[0-9])(?=[0-9]*[A-Z])[0-9A-Z]{6,}")
_MOST_LETTERS = 24
_FEW_LETTERS, _FEW_DIGITS = 8, 3
_ADDRESS = re.compile(r"@|%40", re.IGNORECASE)


def folded(name: str) -> str:
    """Return ``name`` with every part that looks like an identifier replaced by ``*``.

    A name that contains an address of e-mail, or is all identifier, is ``*`` alone.
    """
    if _ADDRESS.search(name):
        return "*"
    parts = _SEPARATORS.split(_UUID.sub("*", name[:LONGEST]))
    folded_parts = ("*" if _is_identifier(part) else part for part in parts)
    text = "".join(_visible(part) for part in folded_parts)
    return _STARS.sub("*", text) or "*"


def _is_identifier(part: str) -> bool:
    if _NUMBER.fullmatch(part) or _HEX.fullmatch(part) or _CODE.fullmatch(part):
        return True
    digits = sum(letter.isdigit() for letter in part)
    return len(part) > _MOST_LETTERS or (len(part) >= _FEW_LETTERS and digits >= _FEW_DIGITS)


def _visible(text: str) -> str:
    """Return ``text`` without what cannot be in the name of a cookie, or shown as a line."""
    return re.sub(r"[^!-~]|[\s;,=\"\\<>]", "", text)


def folded_host(host: str) -> str:
    """Return ``host`` with everything up to its last part that looks like an identifier as ``*``.

    The last two parts stay, so that it can be declared: ``*.example.net`` for
    ``1234567.example.net``.
    """
    parts = host.split(".")
    wide = [at for at, part in enumerate(parts[:-2]) if _is_identifier(part)]
    return ".".join(["*", *parts[wide[-1] + 1 :]]) if wide else host
