"""Validation of the parameters of a tool that has a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from consent.recipes import Recipe

Validator: TypeAlias = Callable[[Recipe, Mapping[str, object]], Mapping[str, str]]

_validators: dict[str, Validator] = {}


def register_validator(kind: str, validator: Validator) -> None:
    """Have ``validator`` check the parameters of each tool by a recipe of ``kind``.

    It returns what is wrong: name of the parameter to a translated sentence. To be called in the
    ``ready`` of an app.
    """
    _validators[kind] = validator


def parameter_errors(recipe: Recipe, values: Mapping[str, object]) -> dict[str, str]:
    """Return what is wrong with the parameters of a tool by ``recipe``: name to sentence.

    By the recipe's own patterns first, then by the validator of the recipe's kind, if any.
    """
    errors = recipe.errors(values)
    if validator := _validators.get(recipe.kind):
        more = validator(recipe, values)
        errors.update({name: text for name, text in more.items() if name not in errors})
    return errors
