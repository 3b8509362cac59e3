"""Cacheable delivery: which script file holds the tools of which visitor.

A page that is the same for everybody cannot hold a visitor's tools. Its script asks for them at an
address that says of which policy they are and what is granted: the directory of the policy's
version, and ``<category>_<revision>`` for each category of which something is allowed, with
``<tool>_0`` for each tool that was refused in it, all joined by full stops. *Revision* is the
newest that the grant covers and at which something in the category took its meaning: many
decisions, few files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from django.urls import reverse

from consent.pages.consent_signals import code
from consent.policy import CompiledPolicy, Selection
from consent.recipes.keys import KEY

_CHOICE = rf"{KEY}_(?:0|[1-9][0-9]{{0,8}})"
_CHOICES = re.compile(rf"{_CHOICE}(?:\.{_CHOICE})*")


def directory(policy: CompiledPolicy) -> str:
    """Return the address, up to the last slash, of the script files of ``policy``."""
    return reverse("consent:tools", args=[policy.fingerprint, "-"]).removesuffix("-.js")


def address(policy: CompiledPolicy, name: str) -> str:
    """Return the address of the script file that `grants` calls ``name``."""
    return f"{directory(policy)}{name}.js"


def grants(selection: Selection) -> str:
    """Return what ``selection`` allows of optional categories, as the file's name says it."""
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


def select(policy: CompiledPolicy, text: str) -> Selection | None:
    """Return what ``text`` allows under ``policy``; None where it is no list of grants."""
    if not _CHOICES.fullmatch(text):
        return None
    pairs = (choice.split("_") for choice in text.split("."))
    return policy.grant({key: int(revision) for key, revision in pairs})


def start(selection: Selection, without: Collection[str] = ()) -> list[dict[str, str]]:
    """Return what the page's script needs to start each tool of ``selection`` that has code.

    ``without``: keys of tools to leave out.
    """
    return [
        {"tool": tool.key, "placement": tool.placement, "html": code(tool.markup, selection)}
        for tool in selection.tools
        if tool.markup and tool.key not in without
    ]


def script(selection: Selection) -> str:
    """Return the script file that starts what ``selection`` allows of optional categories."""

    def make() -> list[str]:
        essential = {tool.key for tool in selection.policy.refused.tools}
        return [f"consent.start({json.dumps(start(selection, essential))});\n"]

    return selection.policy.rendered.get(("script", selection.state), make)[0]
