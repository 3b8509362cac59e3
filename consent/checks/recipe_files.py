"""Checks of recipes: their files, and the sources that a project or a package names."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error, Info, Warning

from consent import recipes
from consent.recipes import sources


def check_recipes(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.E008: a recipe file is invalid."""
    for path, problem in recipes.problems_by_file().items():
        yield Error(
            f"A recipe is invalid, so no tool with it runs: {problem}",
            hint=f"Correct or remove the file {path}.",
            id="consent.E008",
        )


def check_recipe_sources(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.W031: a source of recipes is unusable. consent.I032: a recipe replaces another."""
    for problem in sources.unusable():
        yield Warning(
            f"Recipes are missing: {problem}",
            hint="Correct the path, or correct or uninstall the package.",
            id="consent.W031",
        )
    for used, other in recipes.replaced():
        yield Info(
            f"The recipe {used} replaces {other}, which has the same key.",
            hint="Rename or remove the first file if that is not what you want; else silence this "
            "message.",
            id="consent.I032",
        )
