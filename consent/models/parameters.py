"""Validation of the parameters of a tool that has a recipe."""

from __future__ import annotations

from typing import Any

from consent.events import endpoints
from consent.recipes import Recipe


def parameter_errors(recipe: Recipe, values: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with the parameters of a tool by ``recipe``: name to sentence.

    By the recipe's own patterns; and of an address that events go to, by what settings allow.
    """
    errors = recipe.errors(values)
    if recipe.endpoint and recipe.endpoint not in errors:
        problem = endpoints.problem_of(str(values.get(recipe.endpoint, "")))
        errors.update({recipe.endpoint: problem} if problem else {})
    return errors
