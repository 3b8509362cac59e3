"""Who is asked again because of an import, and why: from the stamps that it left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from consent.models import Category, Policy, Tool
from consent.transfer.document import CategoryData, Document, ToolData
from consent.transfer.showing import shown


def asked_again(policy: Policy, before: Document, revision: int) -> Iterator[str]:
    """Say who is asked again about a stored ``policy`` that stays in use.

    ``before`` and ``revision``: what it was. The rule is the visitor's own: something in a
    category that they granted, or never saw, is newer than their decision.
    """
    categories = policy.categories.order_by("order", "pk").prefetch_related("tools")
    stored, tools = before.by_category, before.by_tool
    for category in categories:
        enabled = [tool for tool in category.tools.all() if tool.enabled]
        newer = [tool for tool in enabled if tool.since > revision]
        reasons = [f"{shown(tool.name)} {_why_tool(tool, tools.get(tool.key))}" for tool in newer]
        if category.essential:
            yield from _of_essential(category, reasons)
        elif enabled and category.since > revision:
            why = _why_category(category, stored.get(category.key))
            yield f"visitors who have not refused {shown(category.name)}: it {why}"
        elif newer:
            yield (
                f"visitors who have allowed {shown(category.name)}, "
                f"or were not asked about it yet: {', '.join(reasons)}"
            )
    if policy.lifetime_days < before.policy.lifetime_days:
        yield (
            f"visitors who chose {policy.lifetime_days} days ago or earlier: "
            "choices are kept for a shorter time"
        )


def has_something_to_ask(policy: Policy) -> bool:
    """Say whether ``policy`` has an enabled tool that a visitor can refuse."""
    return Tool.objects.filter(policy=policy, enabled=True, category__essential=False).exists()


def _of_essential(category: Category, reasons: Iterable[str]) -> Iterator[str]:
    if told := ", ".join(reasons):
        yield f"nobody about {shown(category.name)}, which always runs: {told}"


def _why_category(category: Category, before: CategoryData | None) -> str:
    if before is None:
        return "is new"
    if before.essential:
        return "was essential and can be refused now"
    if before.sale != category.sale:
        return "is sold or shared now" if category.sale else "is not sold or shared any more"
    return "has another purpose"


def _why_tool(tool: Tool, before: tuple[CategoryData, ToolData] | None) -> str:
    if before is None:
        return "is new"
    category, stored = before
    if not stored.enabled:
        return "is enabled now"
    if category.key != tool.category.key:
        return f"was moved here from {shown(category.name)}"
    if stored.recipe != tool.recipe:
        return "is of another kind"
    return "has another vendor"
