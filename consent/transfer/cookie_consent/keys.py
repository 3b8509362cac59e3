"""Keys for what had other names before: valid ones, and none twice."""

from __future__ import annotations

import re
from collections.abc import Iterable

from consent.recipes.keys import CATEGORY_KEY_LENGTH, KEY_LENGTH
from consent.transfer.cookie_consent.groups import OldGroup

# The tool that stands for the website's own cookies of a group.
_OWN = "own"


def category_keys(groups: Iterable[OldGroup]) -> dict[str, str]:
    """Return the key of each group's category by the group's variable name.

    In the order in which the groups were made, so that a group which is added later takes no key
    away from an earlier one.
    """
    taken: dict[str, str] = {}
    for group in sorted(groups, key=lambda group: group.pk):
        taken[group.varname] = _free(_key(group.varname) or "group", taken.values())
    return taken


def tool_key(category: str, vendor: str) -> str:
    """Return the key of the tool that declares the cookies of one domain ("": the website's)."""
    return _cut(f"{category}-{_key(vendor) or _OWN}", KEY_LENGTH)


def _free(key: str, taken: Iterable[str]) -> str:
    found, number = _cut(key, CATEGORY_KEY_LENGTH), 1
    while found in taken:
        number += 1
        found = f"{_cut(key, CATEGORY_KEY_LENGTH - len(f'-{number}'))}-{number}"
    return found


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _cut(key: str, length: int) -> str:
    return key[:length].rstrip("-")
