"""The catalogue of recipes: one TOML file a vendor in this directory, and what reads them.

A new vendor is one new file here. Its fields are those of the classes in `definitions`; `load`
refuses whatever does not fit them, and the system check and the tests load every file.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from consent.recipes import google
from consent.recipes.definitions import DeclaredCookie, Embed, Parameter, Recipe, Script
from consent.recipes.loading import CONSENT_TYPES, load
from consent.recipes.tables import RecipeError

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
    "google",
    "load",
    "problems",
    "search",
]

RECIPES = Path(__file__).parent


@cache
def catalogue() -> Mapping[str, Recipe]:
    """Return all recipes by key, in the order of their names.

    Raises RecipeError, naming file and field, where a file is broken.
    """
    recipes = sorted(map(load, _files(RECIPES)), key=lambda recipe: _plain(recipe.name))
    return MappingProxyType({recipe.key: recipe for recipe in recipes})


def problems(directory: Path = RECIPES) -> list[str]:
    """Return for each broken file in `directory` what is wrong with it, file and field named."""
    return [message for path in _files(directory) if (message := _problem(path))]


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


def _files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.toml"))


def _problem(path: Path) -> str:
    try:
        load(path)
    except RecipeError as error:
        return str(error)
    return ""


@cache
def _searchable(recipe: Recipe) -> str:
    texts = (recipe.key, recipe.name, *recipe.also_known_as, recipe.vendor, recipe.description)
    return _plain("\n".join(texts))


def _plain(text: str) -> str:
    """Return `text` in lower case and without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
