"""What an import does, in lines that a person reads: the difference, and who is asked again.

``+`` is added, ``~`` changed, ``-`` removed; everything is named by its key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.db import models

from consent.models import Policy, Tool
from consent.transfer import translations
from consent.transfer.tools import Changes, Row, is_secret
from consent.transfer.wording import MASK, change, masked_change, shown


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an import did, or, as a dry run, would do.

    ``differences``: what is added, changed and removed. ``kept``: what is there and not in the
    file. ``notes``: tools that stay off because a secret is missing. ``asked``: who is asked again.
    """

    key: str
    differences: tuple[str, ...]
    kept: tuple[str, ...]
    notes: tuple[str, ...]
    asked: tuple[str, ...]
    dry_run: bool

    @property
    def lines(self) -> list[str]:
        """The report as a terminal shows it."""
        lines = [f"Policy {self.key}:", *_indented(self.differences or ["no difference"])]
        if self.kept:
            lines += ["Not in the file, and kept (--delete removes it):", *_indented(self.kept)]
        if self.notes:
            lines += ["Without its secret:", *_indented(self.notes)]
        lines += ["Asked again:", *_indented(self.asked or ["nobody"])]
        if self.dry_run:
            return [*lines, "Dry run: nothing was changed."]
        return [*lines, "Imported." if self.differences else "Nothing to do: nothing was changed."]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def assign(row: models.Model, data: Row) -> Changes:
    """Set the fields of ``row``, and return those that differ; of a new row that is all."""
    changes = {
        name: (getattr(row, name, None), value)
        for name, value in data.items()
        if row._state.adding or getattr(row, name) != value
    }
    for name, (_, new) in changes.items():
        setattr(row, name, new)
    return changes


def changes(what: str, fields: Changes, recipe: str = "") -> Iterator[str]:
    """Return a line for each field of a stored row that changed; secrets are masked."""
    for name, (old, new) in fields.items():
        if name == "category":
            yield f"~ {what}: category: {old.key} → {new.key}"
        elif name == "parameters":
            recipes = fields.get("recipe", (recipe,))
            yield from _parameters(what, old, new, recipes)
        elif name == translations.FIELD:
            yield from translations.changes(what, old, new)
        else:
            yield f"~ {what}: {name}: {change(old, new)}"


def _parameters(what: str, old: Row, new: Row, recipes: Iterable[str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            hidden = any(is_secret(recipe, name) for recipe in recipes)
            difference = (masked_change if hidden else change)(old.get(name), new.get(name))
            yield f"~ {what}: parameters.{name}: {difference}"


def rules(rows: list[Row]) -> str:
    """Return all rules for regions as one text."""
    return "; ".join(f"{rule['regions']}: {rule['regime']}" for rule in rows)


def added_tool(tool: Tool, cookies: int) -> Iterator[str]:
    """Return the lines for a new tool with its parameters."""
    yield f"+ {described(tool, cookies)}"
    for name, value in sorted(tool.parameters.items()):
        visible = MASK if is_secret(tool.recipe, name) else shown(value)
        yield f"+ tool {tool.key}: parameters.{name}: {visible}"


def described(tool: Tool, cookies: int) -> str:
    """Return a tool in one line, with how many cookies it declares."""
    facts = [
        f"vendor {shown(tool.vendor)}",
        _code_of(tool),
        "enabled" if tool.enabled else "disabled",
        f"{cookies} cookie{'' if cookies == 1 else 's'}",
    ]
    return f"tool {tool.key} {shown(tool.name)} in {tool.category.key} ({', '.join(facts)})"


def _code_of(tool: Tool) -> str:
    if tool.is_only_declared:
        return "only declared"
    return f"recipe {tool.recipe}" if tool.recipe else "custom snippet"


def lacking(tool: str, secrets: list[str]) -> str:
    """Return that a tool was disabled because of missing secrets, and what to do."""
    return (
        f"tool {tool} is disabled: {', '.join(secrets)} is neither in the file nor stored "
        "here. Fill it in in the admin and enable the tool, or export with --with-secrets."
    )


def asked_again(
    policy: Policy, reasons: Mapping[str, str], revision: int, lifetime: int
) -> Iterator[str]:
    """Say who is asked again about a stored ``policy`` that stays in use.

    ``revision`` and ``lifetime``: what they were before. The rule is the visitor's own: something
    in a category that they granted, or never saw, is newer than their decision.
    """
    for category in policy.categories.order_by("order", "pk").prefetch_related("tools"):
        enabled = [tool for tool in category.tools.all() if tool.enabled]
        newer = [tool for tool in enabled if tool.since > revision]
        why = ", ".join(f"{shown(tool.name)} {reasons[tool.key]}" for tool in newer)
        name = shown(category.name)
        if category.essential and newer:
            yield f"nobody about {name}, which always runs: {why}"
        elif not category.essential and enabled and category.since > revision:
            yield f"visitors who have not refused {name}: it {reasons[category.key]}"
        elif newer:
            yield f"visitors who have allowed {name}, or were not asked about it yet: {why}"
    if policy.lifetime_days < lifetime:
        yield (
            f"visitors who chose {policy.lifetime_days} days ago or earlier: "
            "choices are kept for a shorter time"
        )


def why_category(fields: Changes, *, is_new: bool) -> str:
    """Return why visitors are asked about a category, if they are."""
    if is_new:
        return "is new"
    if "essential" in fields:
        return "was essential and can be refused now"
    if "sale" in fields:
        return "is sold or shared now" if fields["sale"][1] else "is not sold or shared any more"
    return "has another purpose"


def why_tool(fields: Changes, *, is_new: bool) -> str:
    """Return why visitors are asked about a tool, if they are."""
    if is_new:
        return "is new"
    if "enabled" in fields:
        return "is enabled now"
    if "category" in fields:
        return f"was moved here from {shown(fields['category'][0].name)}"
    return "is of another kind" if "recipe" in fields else "has another vendor"
