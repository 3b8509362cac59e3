"""Consent signals: how the code of a tool learns what the visitor allows, now and at each change.

A recipe writes `{{consent_signals}}` or `{{consent_choices}}` where it needs a JavaScript function
that takes a callback. The callback is called at once, and again whenever its first argument
changes:

- for signals: the types of Google's Consent Mode, each ``"granted"`` or ``"denied"``. A type is
  granted where all categories that claim it are allowed, and denied where none claims it.
- for choices: ``{categories: {key: boolean}, tools: {key: {name, allowed}}}``.

The second argument comes with the first call alone: for signals the policy's settings of Consent
Mode, ``{wait, redact, passthrough}``; for choices ``{}``.

The arguments of the first call are written by the server, for the state of consent that the code is
sent for: the code may run long before the page's script, or without it.
"""

from __future__ import annotations

from collections.abc import Callable

from consent.pages.inline import text_of
from consent.policy import Selection
from consent.recipes import CONSENT_TYPES
from consent.recipes.escaping import javascript_value
from consent.recipes.markers import CHOICES, SIGNALS, without_nonce

# Built of the sources with these names in consent/browser/.
_FOLLOW = text_of("follow_consent.js")
_READ_SIGNALS = text_of("read_signals.js")
_READ_CHOICES = text_of("read_choices.js")


def insert_consent(markup: str, selection: Selection) -> str:
    """Replace the marks for signals and choices in the ``markup`` of tools.

    The replacement is made once for each state of consent. The mark of the nonce stays.
    """
    for mark, expression in _EXPRESSIONS.items():
        if mark in markup:
            markup = markup.replace(mark, _expression(mark, expression, selection))
    return markup


def code_for_script(markup: str, selection: Selection) -> str:
    """Return ``markup`` as a page gets it, without the nonce, which the page's script adds."""
    return without_nonce(insert_consent(markup, selection))


def _expression(mark: str, expression: Callable[[Selection], str], selection: Selection) -> str:
    key = ("consent signals", mark, selection.state)
    return selection.policy.rendered.get(key, lambda: [expression(selection)])[0]


def _signals(selection: Selection) -> str:
    """Return the JavaScript function that passes signals."""
    policy = selection.policy
    claims = {
        name: [category.key for category in policy.categories if name in category.consent_types]
        for name in CONSENT_TYPES
    }
    now = {
        name: "granted" if keys and all(map(selection.allows, keys)) else "denied"
        for name, keys in claims.items()
    }
    settings = {
        "wait": policy.wait_for_update,
        "redact": policy.ads_data_redaction,
        "passthrough": policy.url_passthrough,
    }
    return _function(now, settings, _READ_SIGNALS.replace("TYPES", javascript_value(claims)))


def _choices(selection: Selection) -> str:
    """Return the JavaScript function that passes which categories and tools are allowed."""
    policy = selection.policy
    allowed = {tool.key for tool in selection.tools}
    now = {
        "categories": {c.key: selection.allows(c.key) for c in policy.categories},
        "tools": {
            tool.key: {"name": tool.name, "allowed": tool.key in allowed}
            for tool in policy.tools.values()
        },
    }
    return _function(now, {}, _READ_CHOICES)


def _function(now: object, first: object, read: str) -> str:
    arguments = ", ".join([javascript_value(now), javascript_value(first), read])
    return f"{_FOLLOW}({arguments})"


_EXPRESSIONS = {SIGNALS: _signals, CHOICES: _choices}
