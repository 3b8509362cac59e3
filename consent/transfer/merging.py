"""What the policy becomes: the file's values, with what it leaves out kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from consent.recipes.keys import MAX_CATEGORIES
from consent.transfer.document import (
    CategoryData,
    CookieData,
    Document,
    ToolData,
    secrets,
    sorted_cookies,
    sorted_tools,
)
from consent.transfer.problems import TransferError
from consent.transfer.rules import positions
from consent.transfer.showing import shown


@dataclass(frozen=True)
class Merged:
    """``document``: what the policy becomes. ``kept``, ``notes``: as in the report."""

    document: Document
    kept: tuple[str, ...]
    notes: tuple[str, ...]


def merge(before: Document | None, file: Document, *, delete: bool) -> Merged:
    """Return what the policy becomes; without ``delete``, what is not in the file stays.

    Raises TransferError where what stays and what comes do not go together.
    """
    staying = _Staying(before, file, delete=delete)
    problems = list(_clashes(file, staying))
    if problems:
        raise TransferError(problems)
    notes: list[str] = []
    categories = [
        replace(
            category,
            tools=sorted_tools(
                [
                    *(staying.completed(tool, notes) for tool in category.tools),
                    *staying.tools_of(category.key),
                ]
            ),
        )
        for category in file.categories
    ]
    together = sorted([*categories, *staying.categories], key=lambda category: category.order)
    document = Document(file.policy, tuple(together), file.region_rules)
    return Merged(document, tuple(staying.named()), tuple(notes))


class _Staying:
    """What the database has and the file has not, where that stays."""

    def __init__(self, before: Document | None, file: Document, *, delete: bool) -> None:
        self._before = before
        self._tools_before = before.by_tool if before else {}
        self._delete = delete
        self._file = file
        self.tools: dict[str, tuple[CategoryData, ToolData]] = {}
        self.categories: list[CategoryData] = []
        if before is not None and not delete:
            in_file = file.by_tool
            self.tools = {k: v for k, v in before.by_tool.items() if k not in in_file}
            self.categories = list(self._categories(before))

    def tools_of(self, category: str) -> list[ToolData]:
        """Return the tools that stay in ``category``."""
        return [tool for there, tool in self.tools.values() if there.key == category]

    def completed(self, tool: ToolData, notes: list[str]) -> ToolData:
        """Return a tool of the file with the secrets and cookies that are kept.

        One that lacks a secret is not enabled, which goes to ``notes``.
        """
        _, stored = self._tools_before.get(tool.key, (None, None))
        kept = _stored_secrets(tool, stored)
        given = {name: value for name, value in tool.parameters.items() if value != ""}
        tool = replace(
            tool,
            parameters={**kept, **given},
            cookies=sorted_cookies([*tool.cookies, *self._kept_cookies(tool, stored)]),
        )
        was_enabled = stored is not None and stored.enabled
        if lacking := _lacking(tool, was_enabled=was_enabled):
            notes.append(_note(tool, lacking))
            return replace(tool, left_out=(), enabled=False)
        return replace(tool, left_out=())

    def named(self) -> Iterator[str]:
        """Name all that stays."""
        yield from (f"category {category.key}" for category in self.categories)
        yield from (f"tool {key}" for key in self.tools)
        for _, tool in self._file.placed():
            _, stored = self._tools_before.get(tool.key, (None, None))
            for cookie in self._kept_cookies(tool, stored):
                yield f"{cookie.kind} {cookie.name} of {tool.key}"

    def _categories(self, before: Document) -> Iterator[CategoryData]:
        """Go through the categories that stay, with numbers that none of the file's has."""
        taken = {category.order for category in self._file.categories}
        in_file = self._file.by_category
        for category in before.categories:
            if category.key not in in_file:
                order = category.order
                while order in taken:
                    order += 1
                taken.add(order)
                tools = tuple(self.tools_of(category.key))
                yield replace(category, order=order, tools=tools)

    def _kept_cookies(self, tool: ToolData, stored: ToolData | None) -> list[CookieData]:
        """Return what is stored of ``tool`` and stays, although the file does not have it."""
        if stored is None or self._delete:
            return []
        declared = tool.by_cookie
        return [cookie for cookie in stored.cookies if cookie.identity not in declared]


def _stored_secrets(tool: ToolData, stored: ToolData | None) -> dict[str, Any]:
    """Return the stored secrets of the same recipe that the file does not speak of."""
    if stored is None or stored.recipe != tool.recipe:
        return {}
    return {
        name: stored.parameters[name]
        for name in secrets(tool.recipe)
        if name in stored.parameters and name not in tool.parameters
    }


def _lacking(tool: ToolData, *, was_enabled: bool) -> list[str]:
    """Return the secrets for lack of which ``tool`` must not be enabled.

    One that the recipe requires; or that it does not, but that the file's writer had: unless an
    editor has enabled the tool here without it.
    """
    return [
        name
        for name, parameter in secrets(tool.recipe).items()
        if name not in tool.parameters
        and (parameter.required or (name in tool.left_out and not was_enabled))
    ]


def _note(tool: ToolData, lacking: list[str]) -> str:
    return (
        f"tool {tool.key} is disabled: {', '.join(lacking)} is neither in the file nor stored "
        "here. Fill it in in the admin and enable the tool, or export with --with-secrets."
    )


def _clashes(file: Document, staying: _Staying) -> Iterator[str]:
    categories = {category.key for category in staying.categories}
    for path, each in positions(file):
        taken, what = (
            (staying.tools, "tool") if isinstance(each, CategoryData) else (categories, "category")
        )
        if each.key in taken:
            yield (
                f"{path}.key: {shown(each.key)} is the key of a {what} that is here and not in "
                "the file; choose another key, or remove it with --delete."
            )
    optional = [
        category for category in [*file.categories, *staying.categories] if not category.essential
    ]
    if len(optional) > MAX_CATEGORIES:
        more = f" with those that are kept: {', '.join(sorted(categories))}" if categories else ""
        yield (
            f"categories: {len(optional)} are not essential{more}; "
            f"a policy has at most {MAX_CATEGORIES} of them. Merge some."
        )
