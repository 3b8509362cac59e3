"""What a tool's own code is told of the visitor's consent, now and at each change of it.

A recipe writes `{{consent_signals}}` or `{{consent_choices}}` where it wants a JavaScript function
that takes one of its own; that one is called at once, and again whenever what it was told has
changed. Its first argument:

- of signals: the types of Google's Consent Mode, each ``"granted"`` or ``"denied"``. A type is
  granted where all categories that claim it are allowed, and denied where none claims it.
- of choices: ``{categories: {key: boolean}, tools: {key: {name, allowed}}}``.

The second comes with the first call alone: of signals the policy's settings of Consent Mode,
``{wait, redact, passthrough}``; of choices ``{}``.

What is told at once is written by the server, for the state of consent that the code is sent for:
the code may run long before the page's script, or without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from consent.policy import Selection
from consent.recipes import CONSENT_TYPES
from consent.recipes.escaping import javascript_value
from consent.recipes.markers import CHOICES, SIGNALS, without_nonce

# `now`: what is told at once; `read`: what there is to tell, by a function that says whether a
# category is allowed, one for tools, and what was told before. The page's script goes by what this
# page has shown, the server by what is true now: allowed is what both allow. The page's script
# knows better where a page is the same for everybody (the dialog has data-tools), and where the
# back button brought it back as it was left.
_FOLLOW = """(function (now, first, read) {
  return function (tell) {
    function look(choices, tools) {
      var allows = (window.consent || {}).allows;
      if (!allows) return;
      var next = read(function (key) {
        return choices[key] !== false && allows(key);
      }, function (key) {
        return tools ? tools.indexOf(key) >= 0 : allows(key);
      }, now);
      if (JSON.stringify(next) !== JSON.stringify(now)) tell(copy(now = next));
    }
    function look_again(event) {
      var dialog = document.querySelector("dialog[data-api]");
      if (dialog && (event.persisted || dialog.dataset.tools)) look({});
    }
    function copy(value) { return JSON.parse(JSON.stringify(value)); }
    tell(copy(now), first);
    document.addEventListener("consent:change", function (event) {
      look(event.detail.choices, event.detail.allowed);
    });
    document.addEventListener("DOMContentLoaded", look_again);
    window.addEventListener("pageshow", look_again);
  };
})"""

_READ_SIGNALS = """function (category) {
  var types = %s, told = {};
  Object.keys(types).forEach(function (type) {
    told[type] = types[type].length && types[type].every(category) ? "granted" : "denied";
  });
  return told;
}"""

_READ_CHOICES = """function (category, tool, now) {
  var told = { categories: {}, tools: {} };
  Object.keys(now.categories).forEach(function (key) { told.categories[key] = category(key); });
  Object.keys(now.tools).forEach(function (key) {
    told.tools[key] = { name: now.tools[key].name, allowed: tool(key) };
  });
  return told;
}"""


def told(markup: str, selection: Selection) -> str:
    """Return ``markup`` of tools with the marks for what they are told filled in.

    That is made once for each state of consent. Only the mark of the nonce is left.
    """
    for mark, expression in _EXPRESSIONS.items():
        if mark in markup:
            markup = markup.replace(mark, _expression(mark, expression, selection))
    return markup


def code(markup: str, selection: Selection) -> str:
    """Return exactly what a page gets of ``markup``, but for the nonce, which is the page's own."""
    return without_nonce(told(markup, selection))


def _expression(mark: str, expression: Callable[[Selection], str], selection: Selection) -> str:
    key = ("told", mark, selection.state)
    return selection.policy.rendered.get(key, lambda: [expression(selection)])[0]


def _signals(selection: Selection) -> str:
    """Return the JavaScript function that tells of signals."""
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
    return _function(now, settings, _READ_SIGNALS % javascript_value(claims))


def _choices(selection: Selection) -> str:
    """Return the JavaScript function that tells of categories and tools."""
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


def _function(now: Any, first: Any, read: str) -> str:
    arguments = ", ".join([javascript_value(now), javascript_value(first), read])
    return f"{_FOLLOW}({arguments})"


_EXPRESSIONS = {SIGNALS: _signals, CHOICES: _choices}
