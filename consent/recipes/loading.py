"""Load a recipe from its file, or refuse it with file and field named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from consent.recipes import google
from consent.recipes.definitions import ConsentMode, Recipe
from consent.recipes.keys import KEY, KEY_LENGTH, is_key
from consent.recipes.reading import RecipeError, TableReader, read_toml
from consent.recipes.rules import problems


def load(path: Path) -> Recipe:
    """Return the recipe in a TOML file; its key is the file's name without the ending.

    Raises RecipeError naming file and field where the file cannot be used as it is.
    """
    data = read_toml(path)
    if not is_key(path.stem):
        form = f"{KEY} and be at most {KEY_LENGTH} characters long"
        raise RecipeError(path.name, "", f"the file's name must match {form}.")
    return load_data(path, data)


def load_data(path: Path, data: Mapping[str, object]) -> Recipe:
    """Return the recipe in what the file at ``path`` contains; raises RecipeError as `load`."""
    reader, data = TableReader(path.name), dict(data)
    consent_mode = reader.read(ConsentMode, data.pop("consent_mode", {}), "consent_mode")
    recipe = reader.read(Recipe, data, key=path.stem, consent_mode=consent_mode.types)
    for field, message in problems(recipe):
        raise reader.error(field, message)
    if recipe.embed is not None:
        recipe = replace(recipe, embed=replace(recipe.embed, name=recipe.name))
    if consent_mode.google_tag:
        recipe = replace(recipe, scripts=(google.PRELUDE, *recipe.scripts))
    return recipe
