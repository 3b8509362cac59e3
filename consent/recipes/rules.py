"""Rules for a recipe as a whole: which of its parts go together, and what its placeholders name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from consent.recipes import recognised_by
from consent.recipes.csp_rules import of_csp
from consent.recipes.definitions import Recipe
from consent.recipes.embeds import Embed, EmbedParameter
from consent.recipes.escaping import PLACEHOLDER
from consent.recipes.markers import PAGE_HOST
from consent.recipes.parameters import Parameter
from consent.recipes.script_rules import (
    Parameters,
    Problem,
    is_https,
    of_attributes,
    of_blanks,
    of_script,
)

RESERVED_FOR_EMBED = re.compile(r"src|srcdoc|title|loading|name|style|width|height|on.*")
# The template tag's own arguments.
ARGUMENTS_OF_TAG = ("tool", "title", "ratio")


def problems(recipe: Recipe) -> Iterator[Problem]:
    """Return what is wrong with a recipe whose fields have the right types."""
    parameters = {parameter.name: parameter for parameter in recipe.parameters}
    yield from _of_parameters("parameters", recipe.parameters)
    for index, script in enumerate(recipe.scripts):
        yield from of_script(f"scripts[{index}]", script, parameters)
    yield from {"browser": _of_browser, "server": _of_server, "embed": _of_embed_kind}[recipe.kind](
        recipe, parameters
    )
    if recipe.loads_others and not any(each.code for each in recipe.parameters):
        yield "loads_others", "needs a parameter with code = true: it says what else is loaded."
    if recipe.kind != "server" or recipe.privacy_url:
        yield from _of_privacy_url(recipe.privacy_url)
    yield from _repeated("cookies", [f"{each.kind} {each.name}" for each in recipe.cookies])
    yield from of_csp(recipe, parameters)
    embedded = recipe.embed.parameters if recipe.embed else ()
    known = {**parameters, **{parameter.name: parameter for parameter in embedded}}
    yield from recognised_by.problems(recipe.recognised_by, known)


def _of_parameters(path: str, parameters: Iterable[Parameter]) -> Iterator[Problem]:
    for index, parameter in enumerate(parameters):
        at = f"{path}[{index}]"
        if not parameter.help:
            yield f"{at}.help", "is missing."
        if bool(parameter.pattern) == bool(parameter.choices):
            yield f"{at}.pattern", "or choices must be given, and not both."
        for name in ("example", "default"):
            value: str = getattr(parameter, name)
            if value and not parameter.accepts(value):
                yield f"{at}.{name}", f"“{value}” does not fit the pattern or the choices."
    yield from _repeated(path, [parameter.name for parameter in parameters])


def _repeated(path: str, names: Iterable[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield f"{path}[{index}].name", f"“{name}” is there twice."
        seen.add(name)


def _of_browser(recipe: Recipe, parameters: Parameters) -> Iterator[Problem]:
    yield from _only_of_servers(recipe)
    if recipe.embed is not None:
        yield "embed", "is for tools of the kind embed only."
    if not recipe.scripts:
        yield "scripts", "are missing: a browser tool starts with at least one."
    used = {
        name
        for each in recipe.scripts
        for name in (*each.placeholders, *each.placeholders_of_attributes, *each.when)
    }
    for index, parameter in enumerate(recipe.parameters):
        if parameter.name not in used:
            yield f"parameters[{index}].name", f"“{parameter.name}” is never used."
        if parameter.secret:
            yield f"parameters[{index}].secret", "would be readable in every page."


def _only_of_servers(recipe: Recipe) -> Iterator[Problem]:
    for name in ("endpoint", "authorization", "signed"):
        if getattr(recipe, name):
            yield name, "is for tools of the kind server only."


def _of_server(recipe: Recipe, parameters: Parameters) -> Iterator[Problem]:
    if recipe.scripts:
        yield "scripts", "are for browser tools only."
    if recipe.embed is not None:
        yield "embed", "is for tools of the kind embed only."
    if not recipe.endpoint:
        yield "endpoint", "is missing."
    elif recipe.endpoint not in parameters or not parameters[recipe.endpoint].required:
        message = f"“{recipe.endpoint}” is not one of the parameters that are required."
        yield "endpoint", message
    name = recipe.authorization
    if name and (name not in parameters or not parameters[name].secret):
        yield "authorization", f"“{name}” is not one of the parameters that are secret."


def _of_embed_kind(recipe: Recipe, parameters: Parameters) -> Iterator[Problem]:
    yield from _only_of_servers(recipe)
    if recipe.scripts:
        yield "scripts", "are for browser tools only."
    if parameters:
        yield "parameters", "of an embed belong under [embed]: its tag gives them."
    if recipe.placement != "manual":
        yield "placement", "must be manual: an embed stands where a template asks."
    if recipe.embed is None:
        yield "embed", "is missing."
    else:
        yield from _of_embed(recipe.embed)


def _of_embed(embed: Embed) -> Iterator[Problem]:
    yield from _of_parameters("embed.parameters", embed.parameters)
    for index, parameter in enumerate(embed.parameters):
        yield from _of_embed_parameter(f"embed.parameters[{index}]", parameter)
    parameters = {parameter.name: parameter for parameter in embed.parameters}
    yield from _of_embed_address(embed, parameters)
    for index, name in enumerate(embed.any_of):
        if name not in parameters:
            yield f"embed.any_of[{index}]", f"“{name}” is not a parameter."
    for value, name in embed.needs.items():
        if name not in parameters:
            yield f"embed.needs.{value}", f"“{name}” is not a parameter."
    yield from of_attributes("embed.attributes", embed.attributes, RESERVED_FOR_EMBED)
    for index, parameter in enumerate(embed.parameters):
        if parameter.name not in embed.placeholders:
            yield f"embed.parameters[{index}].name", f"“{parameter.name}” is never used."


def _of_embed_address(embed: Embed, parameters: Parameters) -> Iterator[Problem]:
    if not is_https(embed.src) or "?" in embed.src:
        message = "is not an https address with a fixed host and without a query."
        yield "embed.src", f"“{embed.src}” {message}"
    yield from of_blanks("embed.src", embed.src, parameters)
    if PAGE_HOST in PLACEHOLDER.findall(embed.src):
        yield "embed.src", f"holds {PAGE_HOST}, which only a field of the query may."
    for unknown in sorted(embed.placeholders - {*parameters, PAGE_HOST}):
        yield "embed.src", f"holds {{{{{unknown}}}}}, but there is no such parameter."


def _of_embed_parameter(path: str, parameter: EmbedParameter) -> Iterator[Problem]:
    if parameter.name in ARGUMENTS_OF_TAG:
        yield f"{path}.name", f"must be none of: {', '.join(ARGUMENTS_OF_TAG)}."
    if parameter.secret:
        yield f"{path}.secret", "would be readable in every page."
    if parameter.address and re.compile(parameter.address).groups != 1:
        yield f"{path}.address", "must have exactly one group: the value."


def _of_privacy_url(url: str) -> Iterator[Problem]:
    if not url:
        yield "privacy_url", "is missing."
    elif not is_https(url):
        yield "privacy_url", f"“{url}” is not an https address."
