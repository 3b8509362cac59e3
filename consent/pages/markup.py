"""Markup that the page's script looks for, and the names of its attributes."""

from __future__ import annotations

import re
from html import escape

from django.utils.safestring import SafeString

from consent.policy import CompiledTool

# A blank that is no single space: a line break, or one of several.
_CHANGED_BLANK = re.compile(r"[^\S ]| (?=\s)|(?<=\s) ")

SLOT = "data-consent-slot"
"""A place where a tool starts once it is allowed; the value is its key."""

IF = "data-consent-if"
"""Begins what is replaced if a category or tool is allowed; the value is its key."""

END = "data-consent-end"
"""Ends it."""

MARKUP = "data-consent-markup"
"""On the same element as IF: the markup that replaces it."""

EMBED = "data-consent-embed"
"""The frame of an embed or block; the value is the key of its category or tool."""

LOADED_ONCE = "data-consent-once"
"""A frame whose content was loaded without allowing it for other pages."""

STATUS_ID = "dcp-status"
"""The element that reports what was saved; as the fragment of an address it shows the report."""


def inert_tool(tool: CompiledTool, markup: str) -> str:
    """Return the place of ``tool``, with its code or without, from which a script may start it."""
    return f'<template {SLOT}="{escape(tool.key)}">{markup}</template>'


def conditional_markup(key: str, allowed: str, otherwise: str) -> SafeString:
    """Return ``otherwise``, for the page's script to replace by ``allowed`` if ``key`` may run.

    Both are safe HTML. The marks are templates, since these are valid anywhere in a page.
    ``allowed`` is in an attribute: if it were the template's content, Firefox would fetch its
    scripts, styles and images ahead (https://bugzilla.mozilla.org/show_bug.cgi?id=1441044), some
    markup could end the template, and minifiers of HTML would join its lines.
    """
    return SafeString(
        f'<template {IF}="{escape(key)}" {MARKUP}="{_in_attribute(allowed)}"></template>'
        f"{otherwise}<template {END}></template>"
    )


def _in_attribute(markup: str) -> str:
    """Return ``markup`` escaped, with the blanks that minifiers change as references."""
    return _CHANGED_BLANK.sub(lambda found: f"&#{ord(found[0])};", escape(markup))
