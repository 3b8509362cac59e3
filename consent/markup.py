"""What every piece of a tool's code carries in a page."""

from html import escape

NONCE = "\0"
"""Stands for the request's nonce in markup that is rendered once and reused.

No value or text can smuggle it in: it is removed or encoded wherever one lands.
"""


def code_attributes(tool_key: str) -> str:
    """Return the attributes of an element that runs a tool's code: its nonce, whose it is."""
    return f' nonce="{NONCE}" data-consent-tool="{escape(tool_key)}"'


def without_nonce(markup: str) -> str:
    """Return ``markup`` for a page that has no nonce, or whose script puts it there."""
    return markup.replace(f' nonce="{NONCE}"', "")
