"""Scripts and styles that are written into pages and answers; built of consent/browser/."""

from __future__ import annotations

from pathlib import Path


def text_of(name: str) -> str:
    """Return the text that ``make assets`` built of the source ``name``."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8").rstrip("\n")
