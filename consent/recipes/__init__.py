"""The catalogue of recipes: one TOML file for each vendor, and the code that reads these files.

A new vendor is one new file: in this directory, or in one of the `sources` of a project. `load`
refuses a file that does not fit the classes in `definitions`; the system check and the tests load
every file.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from django.core.signals import setting_changed

from consent.recipes import google, packages, sources
from consent.recipes.definitions import CONSENT_TYPES, DeclaredCookie, Recipe, Script
from consent.recipes.embeds import Embed
from consent.recipes.keys import is_key
from consent.recipes.loading import load
from consent.recipes.parameters import Parameter
from consent.recipes.reading import RecipeError
from consent.recipes.sources import directories

__all__ = [
    "CONSENT_TYPES",
    "DeclaredCookie",
    "Embed",
    "Parameter",
    "Recipe",
    "RecipeError",
    "Script",
    "catalogue",
    "directories",
    "files_of",
    "find",
    "forget",
    "google",
    "load",
    "problems",
    "problems_by_file",
    "replaced",
    "search",
    "valid",
]


@cache
def catalogue() -> Mapping[str, Recipe]:
    """Return all recipes by key, in the order of their names.

    Where several directories have a file of the same name, the first one counts: see
    `directories`. Raises RecipeError, naming file and field, where a file is invalid.
    """
    return _by_name(map(load, _files()))


def valid() -> Mapping[str, Recipe]:
    """Return the `catalogue`, without the files that are invalid."""
    try:
        return catalogue()
    except RecipeError:
        return _by_name(_valid_recipes())


@cache
def find(key: str) -> Recipe | None:
    """Return one recipe by its key, without reading the others; None if there is none.

    Raises RecipeError, naming file and field, if its file is invalid.
    """
    paths = files_of(key)
    return load(paths[0]) if paths else None


def files_of(key: str) -> list[Path]:
    """Return the files for a key, in the order of `directories`: the first one counts."""
    paths = [directory / f"{key}.toml" for directory in directories() if is_key(key)]
    return [path for path in paths if os.path.lexists(path)]


def problems_by_file() -> Mapping[Path, str]:
    """Return for each invalid file of the catalogue what is wrong, with its name and the field."""
    found = {path: _problem(path) for path in _files()}
    return {path: problem for path, problem in found.items() if problem}


def problems() -> list[str]:
    """Return what is wrong with the files of the catalogue, each with its name and the field."""
    return list(problems_by_file().values())


def replaced() -> Iterator[tuple[Path, Path]]:
    """Yield each file that does not count, after the one of the same name that does."""
    for used in _files():
        for other in files_of(used.stem)[1:]:
            yield used, other


def forget() -> None:
    """Look for the files, and read them, anew when they are asked for."""
    packages.forget()
    for cached in (sources.directories, catalogue, find):
        cached.cache_clear()


def _forget_catalogue(*, setting: str, **kwargs: object) -> None:
    if setting in ("INSTALLED_APPS", "CONSENT_RECIPE_DIRS"):
        forget()


# Sent by override_settings and modify_settings, so that a test sees the recipes of its own apps.
setting_changed.connect(_forget_catalogue)


def search(query: str) -> list[Recipe]:
    """Return the recipes in which every word of `query` occurs, in the order of their names.

    Looked through are key, names (old ones too), vendor and description; case and accents do not
    matter. A blank query finds everything. Invalid files are left out.
    """
    words = _plain(query).split()
    return [
        recipe for recipe in valid().values() if all(word in _searchable(recipe) for word in words)
    ]


def _files() -> list[Path]:
    by_key: dict[str, Path] = {}
    for directory in directories():
        for path in sorted(directory.glob("*.toml")):
            by_key.setdefault(path.stem, path)
    return list(by_key.values())


def _valid_recipes() -> Iterator[Recipe]:
    invalid = problems_by_file()
    return (load(path) for path in _files() if path not in invalid)


def _by_name(found: Iterable[Recipe]) -> Mapping[str, Recipe]:
    recipes = sorted(found, key=lambda recipe: _plain(recipe.name))
    return MappingProxyType({recipe.key: recipe for recipe in recipes})


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
