"""Script bundles: the files that start the allowed tools on pages that are the same for everybody.

The page's script requests a bundle by an address that names the policy and what is granted: the
directory of the policy's version, and ``<category>_<revision>`` for each category of which
something is allowed, with ``<tool>_0`` for each tool that was refused in it, all joined by full
stops. *Revision* is the newest that the grant covers and at which something in the category took
its present meaning, so that many decisions share few files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from django.urls import reverse

from consent.pages.consent_signals import code_for_script
from consent.policy import CompiledPolicy, Selection
from consent.policy.decision import NUMBER
from consent.recipes.keys import KEY

_CHOICE = rf"{KEY}_{NUMBER}"
_CHOICES = re.compile(rf"{_CHOICE}(?:\.{_CHOICE})*")


def bundle_directory(policy: CompiledPolicy) -> str:
    """Return the address, up to the last slash, of the bundles of ``policy``."""
    return reverse("consent:tools", args=[policy.fingerprint, "-"]).removesuffix("-.js")


def bundle_url(policy: CompiledPolicy, name: str) -> str:
    """Return the address of the bundle that `bundle_name` calls ``name``."""
    return f"{bundle_directory(policy)}{name}.js"


def bundle_name(selection: Selection) -> str:
    """Return the name of the bundle for ``selection``: what it allows of optional categories."""
    states = zip(selection.policy.categories, selection.levels, strict=True)
    return ".".join(
        name
        for category, level in states
        if level and not category.essential
        for name in (
            f"{category.key}_{category.thresholds[level - 1]}",
            *(f"{tool.key}_0" for tool in category.tools if tool.key in selection.without),
        )
    )


def selection_of(policy: CompiledPolicy, text: str) -> Selection | None:
    """Parse the name of a bundle: what it allows under ``policy``; None if it is invalid."""
    if not _CHOICES.fullmatch(text):
        return None
    pairs = (choice.split("_") for choice in text.split("."))
    choices = {key: int(revision) for key, revision in pairs}
    # Its revisions are rounded: which tools were hidden from the visitor, the name says itself.
    refused = [key for key, at in choices.items() if not at and key in policy.refusable]
    return policy.select(choices, refused)


def tools_to_start(selection: Selection, without: Collection[str] = ()) -> list[dict[str, str]]:
    """Return the data from which the page's script starts the tools of ``selection``.

    ``without``: keys of tools to leave out.
    """
    return [
        {
            "tool": tool.key,
            "placement": tool.placement,
            "html": code_for_script(tool.markup, selection),
        }
        for tool in selection.tools
        if tool.markup and tool.key not in without
    ]


def bundle(selection: Selection) -> str:
    """Return the bundle that starts the optional tools of ``selection``."""

    def make() -> list[str]:
        essential = {tool.key for tool in selection.policy.refused.tools}
        return [call("start", tools_to_start(selection, essential))]

    return selection.policy.rendered.get(("script", selection.state), make)[0]


def call(function: str, argument: object) -> str:
    """Return a script that calls a function of ``window.consent`` with ``argument``, as JSON."""
    return f"consent.{function}({json.dumps(argument)});\n"
