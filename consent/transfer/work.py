"""What the steps of one import share: the file, the stored rows, and the list of differences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from consent.models import Category, Policy, Tool
from consent.transfer.tools import Row


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to import; `import_policy` says what each option means."""

    delete: bool
    cosmetic: bool
    may_edit_code: bool


@dataclass(kw_only=True)
class Work:
    """One import: what the file says, the rows that are stored, and what was changed so far.

    ``categories`` and ``tools`` have the stored rows by key, and share one instance of the policy.
    ``code``: why the permission to edit code is needed. ``reasons``: what is new about a category
    or tool, by key. ``kept_translations``: how many stay, by language.
    """

    data: Row
    options: Options
    policy: Policy
    categories: dict[str, Category]
    tools: dict[str, Tool]
    differences: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    kept_translations: Counter[str] = field(default_factory=Counter)

    @property
    def keys_of_tools(self) -> set[str]:
        """The keys of the tools that the file has."""
        return {tool["key"] for each in self.data["categories"] for tool in each["tools"]}


def begin(data: Row, stored: Policy | None, options: Options) -> Work:
    """Return the work of importing ``data`` into the policy ``stored``, or into a new one."""
    if stored is None:
        return Work(data=data, options=options, policy=Policy(), categories={}, tools={})
    categories = list(stored.categories.order_by("order", "pk"))
    by_pk = {row.pk: row for row in categories}
    tools = {tool.key: tool for tool in stored.tools.prefetch_related("cookies")}
    for tool in tools.values():
        tool.category = by_pk[tool.category_id]
    return Work(
        data=data,
        options=options,
        policy=stored,
        categories={row.key: row for row in categories},
        tools=tools,
    )
