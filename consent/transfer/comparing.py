"""The difference between two documents, in lines that a person reads.

``+`` is added, ``~`` changed, ``-`` removed; everything is named by its key.
"""

from __future__ import annotations

from collections.abc import Iterator

from consent.transfer.document import (
    CategoryData,
    CookieData,
    Document,
    RegionRuleData,
    ToolData,
    is_secret,
    values,
)
from consent.transfer.showing import MASK, change, masked_change, shown


def differences(before: Document | None, after: Document) -> Iterator[str]:
    """Say what turns ``before`` into ``after``; nothing where they are the same."""
    policy = after.policy
    if before is None:
        yield f"+ policy {policy.key} {shown(policy.name)}"
    else:
        yield from _changed(f"policy {policy.key}", before.policy, policy)
    yield from _of_region_rules(policy.key, before.region_rules if before else (), after)
    yield from _of_categories(before.by_category if before else {}, after.by_category)
    yield from _of_tools(before.by_tool if before else {}, after.by_tool)


def _of_region_rules(
    key: str, before: tuple[RegionRuleData, ...], after: Document
) -> Iterator[str]:
    """Say what becomes of the rules as a whole: each means what it does after those before it."""
    old, new = (
        "; ".join(f"{rule.regions}: {rule.regime}" for rule in rules)
        for rules in (before, after.region_rules)
    )
    if old != new:
        yield f"~ policy {key}: region_rules: {change(old, new)}"


def _of_categories(
    before: dict[str, CategoryData], after: dict[str, CategoryData]
) -> Iterator[str]:
    for key, category in after.items():
        if key not in before:
            what = "essential" if category.essential else "optional"
            yield f"+ category {key} {shown(category.name)} ({what}): {shown(category.purpose)}"
        else:
            yield from _changed(f"category {key}", before[key], category)
    for key in before.keys() - after.keys():
        yield f"- category {key} {shown(before[key].name)}"


def _of_tools(
    before: dict[str, tuple[CategoryData, ToolData]],
    after: dict[str, tuple[CategoryData, ToolData]],
) -> Iterator[str]:
    for key, (category, tool) in after.items():
        if key not in before:
            yield from _added(category, tool)
            continue
        category_before, tool_before = before[key]
        if category_before.key != category.key:
            yield f"~ tool {key}: category: {category_before.key} → {category.key}"
        yield from _changed(f"tool {key}", tool_before, tool)
        yield from _of_parameters(tool_before, tool)
        yield from _of_cookies(tool_before, tool)
    for key in before.keys() - after.keys():
        yield f"- {_described(*before[key])}"


def _added(category: CategoryData, tool: ToolData) -> Iterator[str]:
    yield f"+ {_described(category, tool)}"
    for name, value in sorted(tool.parameters.items()):
        told = MASK if is_secret(tool, name) else shown(value)
        yield f"+ tool {tool.key}: parameters.{name}: {told}"


def _changed(what: str, before: object, after: object) -> Iterator[str]:
    old = values(before)
    for name, new in values(after).items():
        if new != old[name]:
            yield f"~ {what}: {name}: {change(old[name], new)}"


def _of_parameters(before: ToolData, after: ToolData) -> Iterator[str]:
    for name in sorted({*before.parameters, *after.parameters}):
        old, new = before.parameters.get(name), after.parameters.get(name)
        if old != new:
            hidden = is_secret(before, name) or is_secret(after, name)
            told = masked_change(old, new) if hidden else change(old, new)
            yield f"~ tool {after.key}: parameters.{name}: {told}"


def _of_cookies(before: ToolData, after: ToolData) -> Iterator[str]:
    old, new = before.by_cookie, after.by_cookie
    for key, cookie in new.items():
        if key not in old:
            yield f"+ {_named(cookie, after)}"
        else:
            yield from _changed(_named(cookie, after), old[key], cookie)
    for key in sorted(old.keys() - new.keys()):
        yield f"- {_named(old[key], after)}"


def _described(category: CategoryData, tool: ToolData) -> str:
    facts = [
        f"vendor {shown(tool.vendor)}",
        f"recipe {tool.recipe}" if tool.recipe else "custom snippet",
        "enabled" if tool.enabled else "disabled",
        f"{len(tool.cookies)} cookie{'' if len(tool.cookies) == 1 else 's'}",
    ]
    return f"tool {tool.key} {shown(tool.name)} in {category.key} ({', '.join(facts)})"


def _named(cookie: CookieData, tool: ToolData) -> str:
    return f"{cookie.kind} {cookie.name} of {tool.key}"
