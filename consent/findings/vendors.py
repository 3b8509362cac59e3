"""What the recipes know of a name or a host: its vendor, what it is for, its usual category."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from consent.recipes import Recipe, valid
from consent.recipes.hosts import names_host


class KnownCookie(NamedTuple):
    """A cookie or storage key as a recipe has it."""

    kind: str
    pattern: str
    recipe: str
    purpose: str


@dataclass(frozen=True)
class Known:
    """What is known of a finding."""

    recipe: Recipe
    purpose: str = ""


def cookies() -> Iterator[KnownCookie]:
    """Yield the cookies of all valid recipes."""
    for recipe in valid().values():
        for cookie in recipe.cookies:
            yield KnownCookie(cookie.kind, cookie.name, recipe.key, cookie.purpose)


def known(kind: str, name: str) -> Known | None:
    """Return what a recipe knows of the cookie, storage key or host ``name``; None: nothing."""
    if kind == "host":
        recipe = next((each for each in valid().values() if names_host(each, name)), None)
        return Known(recipe) if recipe else None
    for cookie in cookies():
        if (cookie.kind, cookie.pattern) == (kind, name):
            return Known(valid()[cookie.recipe], cookie.purpose)
    return None
