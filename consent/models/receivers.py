"""The hosts that receive the data which a tool collects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consent.models.tool import Tool

RECEIVING = ("parameters", "snippet", "sources")
"""The fields of a tool in which a host may be named."""

_HOST = re.compile(r"(?<![\w:])(?:(?:https?|wss?):)?//([a-z0-9.*-]+)", re.IGNORECASE)


def receivers_of(tool: Tool) -> frozenset[str]:
    """Return the hosts that a tool's recipe, snippet and sources name, in lower case.

    For parameters that do not fit the recipe, so that the tool does not run, the hosts that they
    name.
    """
    texts = [tool.snippet, tool.sources, *map(str, _addresses(tool))]
    return frozenset(host.lower() for text in texts for host in _HOST.findall(text))


def _addresses(tool: Tool) -> list[str]:
    recipe = tool.get_recipe()
    if not tool.recipe:
        return []
    try:
        directives = recipe.csp_sources(tool.parameters) if recipe else None
    except (ValueError, AttributeError, TypeError):
        directives = None
    if directives is None:
        return [str(tool.parameters)]
    return [source for sources in directives.values() for source in sources]
