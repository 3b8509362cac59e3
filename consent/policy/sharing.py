"""Texts that are kept once in the memory of the process."""

from __future__ import annotations

import sys


def shared(text: str) -> str:
    """Return ``text``, kept once for all that say the same: thousands of cookies do."""
    return sys.intern(text) if type(text) is str else text
