"""What the database has, as a document; and the document as the text of a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from consent.models import Category, Cookie, Policy, Tool
from consent.transfer.document import (
    FORMAT,
    CategoryData,
    CookieData,
    Document,
    PolicyData,
    RegionRuleData,
    ToolData,
    in_order,
    is_secret,
    plain_fields,
    sorted_cookies,
    sorted_tools,
    values,
)
from consent.transfer.problems import TransferError


@dataclass(frozen=True)
class Export:
    """``text``: the file's. ``left_out``: the secrets not in it, such as ``zapier.hook_url``."""

    key: str
    text: str
    left_out: tuple[str, ...]


def export_policy(key: str | None = None, *, with_secrets: bool = False) -> Export:
    """Return the policy ``key`` (None: the one in use) as the text of a file.

    The same policy gives the same text, whatever database it is in. Parameters that a recipe
    calls secret are only in it ``with_secrets``. Raises TransferError where there is no such
    policy, or where a broken catalogue does not say what is secret.
    """
    document = read_stored(_find(key))
    top = {
        "format": FORMAT,
        "policy": values(document.policy),
        "region_rules": [values(rule) for rule in document.region_rules],
        "categories": [_category(each, with_secrets) for each in document.categories],
    }
    left_out = [
        f"{tool.key}.{name}"
        for _category_of, tool in document.placed()
        for name in _left_out(tool, with_secrets)
    ]
    text = json.dumps(top, ensure_ascii=False, indent=2) + "\n"
    return Export(document.policy.key, text, tuple(left_out))


def read_stored(policy: Policy) -> Document:
    """Return all that is stored of ``policy``, secrets too, in five queries at most."""
    categories = policy.categories.order_by("order", "pk").prefetch_related("tools__cookies")
    return Document(
        PolicyData(**_columns(PolicyData, policy)),
        in_order([_read_category(category) for category in categories]),
        tuple(
            RegionRuleData(**_columns(RegionRuleData, rule))
            for rule in policy.region_rules.order_by("order", "pk")
        ),
    )


def _find(key: str | None) -> Policy:
    found = Policy.objects.default() if key is None else Policy.objects.filter(key=key).first()
    if found is not None:
        return found
    what = "No policy is in use." if key is None else f"There is no policy “{key}”."
    keys = ", ".join(Policy.objects.order_by("key").values_list("key", flat=True))
    hint = f"There is: {keys}." if keys else "There is none; consent_init makes one."
    raise TransferError([f"{what} {hint}"])


def _columns(data: type[Any], row: object) -> dict[str, Any]:
    return {name: getattr(row, name) for name in plain_fields(data)}


def _read_category(category: Category) -> CategoryData:
    tools = sorted_tools([_read_tool(tool) for tool in category.tools.all()])
    return CategoryData(**_columns(CategoryData, category), tools=tools)


def _read_tool(tool: Tool) -> ToolData:
    parameters = tool.parameters if tool.recipe and isinstance(tool.parameters, dict) else {}
    return ToolData(
        **_columns(ToolData, tool),
        # A blank value is none.
        parameters={name: value for name, value in parameters.items() if value != ""},
        cookies=sorted_cookies([_read_cookie(cookie) for cookie in tool.cookies.all()]),
    )


def _read_cookie(cookie: Cookie) -> CookieData:
    return CookieData(**_columns(CookieData, cookie))


def _category(category: CategoryData, with_secrets: bool) -> dict[str, Any]:
    tools = [_tool(tool, with_secrets) for tool in category.tools]
    return {**values(category), "tools": tools}


def _tool(tool: ToolData, with_secrets: bool) -> dict[str, Any]:
    written = values(tool)
    del written["recipe"], written["snippet"]
    if tool.recipe:
        left_out = _left_out(tool, with_secrets)
        written["recipe"] = tool.recipe
        written["parameters"] = {
            name: value for name, value in sorted(tool.parameters.items()) if name not in left_out
        }
        if left_out:
            written["left_out"] = left_out
    else:
        written["snippet"] = tool.snippet
    written["cookies"] = [values(cookie) for cookie in tool.cookies]
    return written


def _left_out(tool: ToolData, with_secrets: bool) -> list[str]:
    """Return the names of the parameters of ``tool`` that are not to be written."""
    if with_secrets:
        return []
    return sorted(name for name in tool.parameters if is_secret(tool, name))
