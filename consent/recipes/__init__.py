"""The catalogue of recipes: one TOML file for each vendor, and the code that reads these files.

A new vendor is one new file: in this directory, or in the directory `consent_recipes/` of any
installed app. `load` refuses a file that does not fit the classes in `definitions`; the system
check and the tests load every file.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from django.apps import apps
from django.core.signals import setting_changed

from consent.recipes import google
from consent.recipes.definitions import CONSENT_TYPES, DeclaredCookie, Recipe, Script
from consent.recipes.embeds import Embed
from consent.recipes.keys import is_key
from consent.recipes.loading import load
from consent.recipes.parameters import Parameter
from consent.recipes.reading import RecipeError

__all__ = [
    "CONSENT_TYPES",
    "RECIPES",
    "DeclaredCookie",
    "Embed",
    "Parameter",
    "Recipe",
    "RecipeError",
    "Script",
    "catalogue",
    "directories",
    "find",
    "google",
    "load",
    "problems",
    "search",
]

RECIPES = Path(__file__).parent
"""The directory of the recipes that this package brings."""

APP_DIRECTORY = "consent_recipes"
"""An installed app's recipes are in its directory of this name."""


@cache
def catalogue() -> Mapping[str, Recipe]:
    """Return all recipes by key, in the order of their names.

    Where several directories have a file of the same name, the first one counts: see
    `directories`. Raises RecipeError, naming file and field, where a file is invalid.
    """
    recipes = sorted(map(load, _files()), key=lambda recipe: _plain(recipe.name))
    return MappingProxyType({recipe.key: recipe for recipe in recipes})


@cache
def find(key: str) -> Recipe | None:
    """Return one recipe by its key, without reading the others; None if there is none.

    Raises RecipeError, naming file and field, if its file is invalid.
    """
    if not is_key(key):
        return None
    paths = (directory / f"{key}.toml" for directory in directories())
    found = next((path for path in paths if path.is_file()), None)
    return None if found is None else load(found)


def directories() -> list[Path]:
    """Return the directories with recipes: those of installed apps in their order, then RECIPES.

    This is the order in which Django looks for templates and static files of apps.
    """
    of_apps = (Path(app.path) / APP_DIRECTORY for app in apps.get_app_configs())
    return [*(directory for directory in of_apps if directory.is_dir()), RECIPES]


def problems() -> list[str]:
    """Return for each invalid file of the catalogue what is wrong, with file and field."""
    return [message for path in _files() if (message := _problem(path))]


def _forget_catalogue(*, setting: str, **kwargs: object) -> None:
    if setting == "INSTALLED_APPS":
        catalogue.cache_clear()
        find.cache_clear()


# Sent by override_settings and modify_settings, so that a test sees the recipes of its own apps.
setting_changed.connect(_forget_catalogue)


def search(query: str) -> list[Recipe]:
    """Return the recipes in which every word of `query` occurs, in the order of their names.

    Looked through are key, names (old ones too), vendor and description; case and accents do not
    matter. A blank query finds everything.
    """
    words = _plain(query).split()
    return [
        recipe
        for recipe in catalogue().values()
        if all(word in _searchable(recipe) for word in words)
    ]


def _files() -> list[Path]:
    by_key: dict[str, Path] = {}
    for directory in directories():
        for path in sorted(directory.glob("*.toml")):
            by_key.setdefault(path.stem, path)
    return list(by_key.values())


def _problem(path: Path) -> str:
    try:
        load(path)
    except RecipeError as error:
        return str(error)
    return ""


def _searchable(recipe: Recipe) -> str:
    texts = (recipe.key, recipe.name, *recipe.also_known_as, recipe.vendor, recipe.description)
    return _plain("\n".join(texts))


def _plain(text: str) -> str:
    """Return `text` in lower case and without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
