"""Rules for a tool in a file: its code, its parameters, which of them are secret, its cookies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError

from consent.models import Tool
from consent.models.parameters import parameter_errors
from consent.recipes import Parameter, RecipeError, catalogue
from consent.transfer.wording import TransferError, printable, shown

Row = dict[str, Any]
# Names of fields, each with its old and its new value.
Changes = dict[str, tuple[Any, Any]]
# The place of a problem below the tool, and a sentence.
Problem = tuple[str, str]


def secret_parameters(recipe: str) -> dict[str, Parameter]:
    """Return the secret parameters of ``recipe`` by name.

    Raises TransferError where the catalogue is invalid: then it is unknown what is secret.
    """
    try:
        found = catalogue().get(recipe)
    except RecipeError as error:
        raise TransferError([f"The catalogue of recipes is broken: {error}"]) from error
    return {each.name: each for each in found.parameters if each.secret} if found else {}


def is_secret(recipe: str, parameter: str) -> bool:
    """Say whether a value must not be shown; of an unknown recipe, any may be a secret."""
    return parameter in secret_parameters(recipe) or recipe not in catalogue()


def filled(tool: Tool) -> Row:
    """Return the parameters of a stored tool without blank ones, which mean the same as none."""
    parameters = tool.parameters if tool.recipe and isinstance(tool.parameters, dict) else {}
    return {name: value for name, value in sorted(parameters.items()) if value != ""}


def secrets_of(tool: Tool) -> list[str]:
    """Return the names of the secret parameters that a stored tool has."""
    return [name for name in filled(tool) if is_secret(tool.recipe, name)]


def completed(stored: Tool, data: Row) -> Row:
    """Return the parameters of a file's tool with the stored secrets that it does not mention."""
    kept = secret_parameters(data["recipe"]) if stored.recipe == data["recipe"] else {}
    both = {
        **{name: stored.parameters[name] for name in kept if name in stored.parameters},
        **data["parameters"],
    }.items()
    return {name: value for name, value in both if value != ""}


def lacking(stored: Tool, data: Row, parameters: Row) -> list[str]:
    """Return the secrets without which the tool must not be enabled.

    One that the recipe requires; or one that was set where the file was written, unless an editor
    has enabled the tool here without it.
    """
    is_running = not stored._state.adding and stored.enabled
    return [
        name
        for name, parameter in secret_parameters(data["recipe"]).items()
        if name not in parameters
        and (parameter.required or (name in data["left_out"] and not is_running))
    ]


def changes_code(tool: Tool, changed: Changes, *, is_new: bool) -> bool:
    """Say whether changes let other scripts run on the site, or the same ones for everybody."""
    if not tool.recipe and ("sources" in changed or (tool.snippet and "snippet" in changed)):
        return True
    recipe = catalogue().get(tool.recipe)
    suggested = recipe.category if recipe else ""
    if "category" in changed and tool.category.essential and tool.category.key != suggested:
        return True
    before = {} if is_new or "recipe" in changed else changed.get("parameters", ({}, {}))[0]
    after = tool.parameters
    if recipe is None or not {"recipe", "parameters"} & changed.keys():
        return False
    return recipe.code(before) != recipe.code(after)


def order(tool: Row) -> tuple[int, str, str]:
    """Return what sorts tools as visitors see them, on every database the same."""
    return tool["order"], tool["name"], tool["key"]


def cookie_identity(cookie: Row) -> tuple[str, str]:
    """Return what identifies a cookie of a tool: its kind and name."""
    return cookie["kind"], cookie["name"]


def wrong_form(tool: Row) -> Iterator[Problem]:
    """Find fields that do not go together: a tool has a recipe or a snippet, which may be ""."""
    if "recipe" not in tool and "snippet" not in tool:
        what = "a tool needs a recipe with parameters, or else a snippet"
        yield "", f"{what}, which is empty where the website's own code loads the tool."
    elif "recipe" not in tool:
        for name in sorted(tool.keys() & {"parameters", "left_out"}):
            yield name, "only a tool with a recipe has it; remove it."
    elif "snippet" in tool:
        yield "snippet", "a tool with a recipe has none; remove it."
    elif "parameters" not in tool:
        yield "parameters", "This field is required."


def problems(tool: Row) -> Iterator[Problem]:
    """Check code, parameters and cookies; snippet and CSP sources as the admin does."""
    checked = ("recipe", "snippet", "placement", "sources")
    others = {field.name for field in Tool._meta.fields} - {*checked}
    try:
        Tool(**{name: tool[name] for name in checked}).clean_fields(exclude=others)
    except ValidationError as error:
        for name, messages in error.message_dict.items():
            yield from ((name, message) for message in messages)
    if tool["recipe"]:
        yield from _wrong_parameters(tool)
    yield from _repeated_cookies(tool)


def _wrong_parameters(tool: Row) -> Iterator[Problem]:
    recipe = catalogue().get(tool["recipe"])
    if recipe is None:
        what = f"there is no recipe {shown(tool['recipe'])} here"
        yield "recipe", f"{what}; install the version of the app, or the file, that has it."
        return
    secret = secret_parameters(recipe.key)
    for name, message in parameter_errors(recipe, tool["parameters"]).items():
        # A secret that is not in the file may be in the database.
        if name not in secret or name in tool["parameters"]:
            yield f"parameters.{printable(name)}", message
    for name in tool["left_out"]:
        if name not in secret:
            yield "left_out", f"{shown(name)} is no secret parameter of {recipe.name}; remove it."


def _repeated_cookies(tool: Row) -> Iterator[Problem]:
    first: dict[tuple[str, str], int] = {}
    for index, cookie in enumerate(tool["cookies"]):
        at = first.setdefault(cookie_identity(cookie), index)
        if at != index:
            name = shown(cookie["name"])
            yield f"cookies[{index}].name", f"{name} is that of cookies[{at}] already; keep one."
