"""What a policy gained after a visitor's decision, for the notice that asks them again."""

from __future__ import annotations

from dataclasses import dataclass, field

from consent.policy import CompiledPolicy
from consent.policy.decision import Decision


@dataclass(frozen=True, slots=True)
class Addition:
    """Something that was added after the visitor's decision.

    ``name``: the tool's name; None if the whole category is new. ``category``: its name.
    ``tool_key`` ("" for a category) and ``category_key``: their keys.
    """

    name: str | None
    category: str
    tool_key: str = field(default="", compare=False)
    category_key: str = field(default="", compare=False)


def added_since(policy: CompiledPolicy, decision: Decision) -> tuple[Addition, ...]:
    """Return what was added to granted categories, and each category that was never shown."""
    found: list[Addition] = []
    for category in policy.optional:
        granted = decision.granted(category.key)
        if not category.has_news(decision):
            continue
        if category.level(granted):
            tools = (tool for tool in category.tools if not tool.is_covered(granted))
            found += [Addition(t.name, category.name, t.key, category.key) for t in tools]
        else:
            found.append(Addition(None, category.name, "", category.key))
    return tuple(found)
