"""Sources of recipes: directories of the project, installed apps, this package, other packages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.apps import apps

from consent.conf import ConsentSettings, conf
from consent.recipes import packages

RECIPES = Path(__file__).parent
"""The directory of the recipes that this package brings."""

APP_DIRECTORY = "consent_recipes"
"""An installed app's recipes are in its directory of this name."""


@cache
def directories() -> tuple[Path, ...]:
    """Return the directories with recipes; of two files with one name, the first one counts.

    What the project names comes first: CONSENT_RECIPE_DIRS, then installed apps in their order, as
    Django looks for templates. Other packages come last, after RECIPES: one that is only installed
    adds recipes, and replaces none.
    """
    found = (*of_project(), *_of_apps(), RECIPES, *packages.directories())
    by_place: dict[str, Path] = {}
    for directory in filter(_is_readable, found):
        by_place.setdefault(os.path.realpath(directory), directory)
    return tuple(by_place.values())


def unusable() -> Iterator[str]:
    """Yield a sentence for each source that is named and cannot be used."""
    for directory in of_project():
        if not _is_readable(directory):
            yield f"CONSENT_RECIPE_DIRS names {str(directory)!r}, which is no readable directory."
    yield from packages.unusable()


def of_project() -> list[Path]:
    """Return the directories in CONSENT_RECIPE_DIRS; none if the setting is invalid."""
    # A value that is not allowed is an error of its own, consent.E007.
    if ConsentSettings.RECIPE_DIRS.problem(conf.RECIPE_DIRS):
        return []
    return [Path(directory) for directory in conf.RECIPE_DIRS]


def _of_apps() -> list[Path]:
    return [Path(app.path) / APP_DIRECTORY for app in apps.get_app_configs()]


def _is_readable(directory: Path) -> bool:
    # Unlike Path.is_dir, it raises for no path, however long or strange.
    return os.path.isdir(directory) and os.access(directory, os.R_OK | os.X_OK)
