"""Whether the values of a file are good ones: by the rules of models and forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import Truncator

from consent.models import Category, Cookie, Policy, RegionRule, Tool, parameter_errors
from consent.recipes import catalogue
from consent.transfer.document import (
    CategoryData,
    CookieData,
    Document,
    ToolData,
    secrets,
    values,
)
from consent.transfer.showing import printable, shown

_LONGEST = 300


def problems(document: Document) -> list[str]:
    """Return what is wrong with the values of a file, each with its place."""
    found = [f"policy.{problem}" for problem in _of_model(Policy, document.policy)]
    for index, rule in enumerate(document.region_rules):
        found += [f"region_rules[{index}].{problem}" for problem in _of_model(RegionRule, rule)]
    for path, each in positions(document):
        wrong = _of_tool(each) if isinstance(each, ToolData) else _of_model(Category, each)
        found += [f"{path}.{problem}" for problem in wrong]
    return [*found, *_repeated_keys(document)]


def positions(document: Document) -> Iterator[tuple[str, CategoryData | ToolData]]:
    """Go through categories and tools, each with its place in the file."""
    for index, category in enumerate(document.categories):
        yield f"categories[{index}]", category
        for number, tool in enumerate(category.tools):
            yield f"categories[{index}].tools[{number}]", tool


def _repeated_keys(document: Document) -> Iterator[str]:
    places: dict[str, str] = {}
    for path, each in positions(document):
        first = places.setdefault(each.key, path)
        if first != path:
            yield f"{path}.key: {shown(each.key)} is the key of {first} already; choose another."


def _of_tool(tool: ToolData) -> Iterator[str]:
    skipped = {"recipe"} if tool.recipe else {"recipe", "snippet"}
    yield from _of_model(Tool, tool, skipped)
    if tool.recipe:
        yield from _of_parameters(tool)
    else:
        yield from _of_snippet(tool.snippet)
    names: dict[tuple[str, str], int] = {}
    for index, cookie in enumerate(tool.cookies):
        yield from (f"cookies[{index}].{problem}" for problem in _of_model(Cookie, cookie))
        first = names.setdefault(cookie.identity, index)
        if first != index:
            name = shown(cookie.name)
            yield f"cookies[{index}].name: {name} is that of cookies[{first}] already; keep one."


def _of_parameters(tool: ToolData) -> Iterator[str]:
    if tool.sources.strip():
        yield "sources: the recipe knows what its tool loads from; leave this empty."
    recipe = catalogue().get(tool.recipe)
    if recipe is None:
        yield (
            f"recipe: there is no recipe {shown(tool.recipe)} here; "
            "install the version of the app, or the file, that has it."
        )
        return
    secret = secrets(tool.recipe)
    for name, message in parameter_errors(recipe, dict(tool.parameters)).items():
        # A secret that is not in the file may be in the database.
        if name not in secret or name in tool.parameters:
            yield f"parameters.{printable(name)}: {_one_line(message)}"
    for name in tool.left_out:
        if name not in secret:
            yield f"left_out: {shown(name)} is no secret parameter of {recipe.name}; remove it."


def _of_snippet(snippet: str) -> Iterator[str]:
    if not snippet.strip():
        yield "snippet: it is blank; paste the code, or name a recipe."
        return
    try:
        Tool(snippet=snippet).clean_fields(exclude=_all_but(Tool, {"snippet"}))
    except ValidationError as error:
        yield from (f"snippet: {_one_line(message)}" for message in error.messages)


def _of_model(
    model: type[models.Model], data: CategoryData | CookieData | ToolData | Any, skipped: Any = ()
) -> Iterator[str]:
    """Hold plain fields against the fields of ``model``; yield ``field: value: what is wrong``."""
    given = {name: value for name, value in values(data).items() if name not in {*skipped}}
    try:
        model(**given).clean_fields(exclude=_all_but(model, given))
        errors: dict[str, list[str]] = {}
    except ValidationError as error:
        errors = error.message_dict
    for name, value in given.items():
        field: Any = model._meta.get_field(name)
        if isinstance(value, str) and not value.strip() and not field.blank:
            yield f"{name}: it is blank; write what it is."
        elif name in errors and field.choices:
            yield f"{name}: {shown(value)} is none of: {', '.join(dict(field.choices))}."
        else:
            for message in errors.get(name, ()):
                yield f"{name}: {_with(value, _one_line(message))}"


def _all_but(model: type[models.Model], names: Any) -> set[str]:
    """Return the model's other fields, which are not to be looked at."""
    return {field.name for field in model._meta.fields} - {*names}


def _one_line(message: str) -> str:
    return printable(Truncator(message).chars(_LONGEST))


def _with(value: object, message: str) -> str:
    """Return ``message`` with the value that it is about, unless it names that itself."""
    return message if str(value) in message else f"{shown(value)}: {message}"
