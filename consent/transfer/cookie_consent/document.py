"""From groups and cookies to the categories and tools of a policy's document.

What the document has already stays as it is: only what is missing is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.http import is_same_domain

from consent.models import Cookie, Tool
from consent.models.validators import validate_pattern
from consent.transfer.cookie_consent.groups import OldCookie, OldGroup
from consent.transfer.cookie_consent.keys import category_keys, tool_key
from consent.transfer.tools import Row
from consent.transfer.wording import printable

# The most characters of: a category's and a tool's name, its vendor; a cookie's name and purpose.
_NAME, _VENDOR, _COOKIE_NAME, _PURPOSE = 80, 200, 120, 300


@dataclass
class Document:
    """The categories of a policy's document, to which groups are added.

    ``keys``: the category of each group, by its variable name. ``vendors``: the vendor of each
    tool that stands for a group's cookies, by the tool's key. ``lost``: sentences about what
    cannot be carried over.
    """

    categories: list[Row]
    keys: dict[str, str] = field(default_factory=dict)
    vendors: dict[str, dict[str, str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def add(self, groups: list[OldGroup]) -> None:
        """Add what is missing of ``groups``: categories, tools and declared cookies."""
        self.keys = category_keys(groups)
        for group in groups:
            self._add_tools(group, self._category_of(group))
            self.lost += _losses(group)

    def _category_of(self, group: OldGroup) -> Row:
        key = self.keys[group.varname]
        found = next((row for row in self.categories if row["key"] == key), None)
        if found is None:
            orders = [row["order"] for row in self.categories]
            found = {
                "key": key,
                "name": self._cut(group.title, _NAME, f"the name of group {group.varname}"),
                "purpose": group.purpose,
                "essential": group.is_required,
                "sale": False,
                "consent_types": "",
                "order": max(orders, default=0) + 10,
                "tools": [],
            }
            self.categories.append(found)
        return found

    def _add_tools(self, group: OldGroup, category: Row) -> None:
        vendors = self.vendors.setdefault(group.varname, {})
        # A group without cookies guards code of the website, too, and visitors are asked about it.
        for vendor in dict.fromkeys(cookie.vendor for cookie in group.cookies) or {"": None}:
            cookies = [cookie for cookie in group.cookies if cookie.vendor == vendor]
            key = tool_key(category["key"], vendor)
            vendors[key] = "" if _is_own(vendor) else vendor
            declared = {cookie["name"] for tool in category["tools"] for cookie in tool["cookies"]}
            missing = [cookie for cookie in cookies if cookie.name not in declared]
            found = next((tool for tool in category["tools"] if tool["key"] == key), None)
            # Another tool, that an editor made since, may declare them all.
            if found is None and (missing or not cookies):
                found = self._tool(key, vendor, category)
                category["tools"].append(found)
            if found is not None:
                found["cookies"] += self._declared(group, missing)

    def _tool(self, key: str, vendor: str, category: Row) -> Row:
        name = self._cut(vendor or category["name"], _NAME, f"the name of tool {key}")
        return {
            "key": key,
            "name": name,
            "vendor": "" if _is_own(vendor) else vendor[:_VENDOR],
            "privacy_url": "",
            "enabled": True,
            "sources": "",
            "placement": Tool.Placement.HEAD.value,
            "hears_decisions": False,
            "order": len(category["tools"]) * 10,
            "snippet": "",
            "cookies": [],
        }

    def _declared(self, group: OldGroup, cookies: list[OldCookie]) -> list[Row]:
        rows: dict[str, Row] = {}
        for cookie in cookies:
            what = f"{cookie} of group {group.varname}"
            if why := _wrong_name(cookie.name):
                self.lost.append(f"{what} cannot be declared: {why}")
                continue
            party = Cookie.Party.FIRST if _is_own(cookie.vendor) else Cookie.Party.THIRD
            row = {
                "name": cookie.name,
                "kind": Cookie.Kind.COOKIE.value,
                "party": party.value,
                "retention": "",
                "purpose": self._cut(cookie.description.strip(), _PURPOSE, f"the text of {what}"),
            }
            rows.setdefault(cookie.name, row)
        return list(rows.values())

    def _cut(self, text: str, length: int, what: str) -> str:
        if len(text) > length:
            self.lost.append(f"{what} is cut after {length} characters")
        return text[:length].rstrip()


def _is_own(vendor: str) -> bool:
    """Say whether a cookie's domain ("": the page's own) is one of this website."""
    return not vendor or any(
        is_same_domain(host.lower().lstrip("."), f".{vendor}") for host in settings.ALLOWED_HOSTS
    )


def _wrong_name(name: str) -> str:
    try:
        validate_pattern(name)
    except ValidationError as error:
        return printable(" ".join(error.messages))
    return f"its name has more than {_COOKIE_NAME} characters." if len(name) > _COOKIE_NAME else ""


def _losses(group: OldGroup) -> Iterator[str]:
    """Yield what the app does not have, and the group has."""
    if not group.is_deletable and not group.is_required and group.cookies:
        yield (
            f"group {group.varname}: “Is deletable” is off there; here a refusal always deletes "
            "the cookies that this website can delete"
        )
    for cookie in group.cookies:
        if cookie.path not in ("", "/"):
            yield (
                f"{cookie} of group {group.varname}: its path {printable(cookie.path)} is not "
                "stored; it is deleted on the paths of the page"
            )
