"""Recipes of installed packages, which an entry point of the group `GROUP` names.

No package is imported for it, so that no code of a package runs because it has recipes.
https://packaging.python.org/en/latest/specifications/entry-points/
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

GROUP = "django_consent_tools.recipes"
"""The group of entry points; the value of each is the dotted name of a package with recipes."""

_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


def directories() -> list[Path]:
    """Return the directories of the packages, in the order of the names of their entry points."""
    return [directory for each in _named()[0] for directory in _directories_of(each.value)]


def unusable() -> Iterator[str]:
    """Yield a sentence for each entry point that leads to no recipe."""
    found, problem = _named()
    if problem:
        yield problem
    for each in found:
        if reason := _reason(each.value):
            by = f" of {each.dist.name}" if each.dist else ""
            yield f"The entry point {each.name!r}{by} names {each.value!r}, {reason}"


@cache
def _named() -> tuple[tuple[EntryPoint, ...], str]:
    """Return the entry points in their order, or what keeps all of them from being read."""
    try:
        found = entry_points(group=GROUP)
    # What importlib raises where the file of any installed package is damaged.
    except (TypeError, ValueError, OSError) as problem:
        return (), f"The entry points of installed packages cannot be read: {problem}"
    return tuple(sorted(found, key=lambda each: (each.name, each.value))), ""


def _reason(value: str) -> str:
    """Return why a value of an entry point leads to no recipe; "" if it does."""
    if not _PACKAGE.fullmatch(value):
        return "which is not the dotted name of a package."
    found = _directories_of(value)
    if not found:
        return "which is not an installed package with a directory."
    if not any(path for directory in found for path in directory.glob("*.toml")):
        return "which contains no TOML file: is its package data complete?"
    return ""


def _directories_of(value: str) -> list[Path]:
    top, *rest = value.split(".") if _PACKAGE.fullmatch(value) else ("",)
    try:
        # For a name without dots, this imports nothing.
        spec = find_spec(top) if top else None
    except (ImportError, ValueError):
        return []
    places = spec.submodule_search_locations if spec else None
    paths = [Path(place, *rest) for place in places or ()]
    # Unlike Path.is_dir, this raises for no path, however long.
    return [path for path in paths if os.path.isdir(path)]


def forget() -> None:
    """Read the entry points anew when they are asked for."""
    _named.cache_clear()
