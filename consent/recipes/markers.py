"""What every piece of a tool's code carries in a page."""

from html import escape

TOOL = "data-consent-tool"
"""The attribute of each element that runs the code of a tool; the value is the tool's key."""

NONCE = "\0"
"""Stands for the request's nonce in markup that is rendered once and reused.

No value or text can smuggle it in: it is removed or encoded wherever one lands.
"""

SIGNALS = "\1"
"""Stands for the function that passes consent signals: see `consent.pages.consent_signals`."""

CHOICES = "\2"
"""Stands for one by which it learns of categories and tools. As safe from texts as NONCE is."""

MARKS = {"consent_signals": SIGNALS, "consent_choices": CHOICES}
"""What recipes call those two."""

PAGE_HOST = "page_host"
"""What embeds call the host of the page that shows them."""

FILLED_IN = frozenset((*MARKS, PAGE_HOST))
"""Placeholders that are no parameters."""

_MARKS = str.maketrans(dict.fromkeys((NONCE, *MARKS.values())))


def without_marks(text: str) -> str:
    """Return ``text``, which somebody else wrote, without what would be taken for a mark."""
    return text.translate(_MARKS)


def code_attributes(tool_key: str) -> str:
    """Return the attributes of an element that runs a tool's code: its nonce, whose it is."""
    return f' nonce="{NONCE}" {TOOL}="{escape(tool_key)}"'


def without_nonce(markup: str) -> str:
    """Return ``markup`` for a page that has no nonce, or whose script puts it there."""
    return markup.replace(f' nonce="{NONCE}"', "")
