"""Rules for the CSP sources of a recipe: known directives, and values that are sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from consent.recipes.csp import DIRECTIVES
from consent.recipes.definitions import Recipe
from consent.recipes.escaping import PLACEHOLDER, csp_origin
from consent.recipes.parameters import Parameter

CSP_SOURCE = re.compile(r"(https|wss)://[^\s;,'\"{}]+|blob:|data:|'[a-z-]+'")


def of_csp(recipe: Recipe, parameters: Mapping[str, Parameter]) -> Iterator[tuple[str, str]]:
    """Return the path and the problem of each directive and source that is invalid."""
    for directive, entries in recipe.csp.items():
        if directive not in DIRECTIVES:
            known = ", ".join(sorted(DIRECTIVES))
            yield f"csp.{directive}", f"is unknown. Known are: {known}."
        for index, entry in enumerate(entries):
            if not _is_source(entry, parameters):
                yield (
                    f"csp.{directive}[{index}]",
                    f"“{entry}” is not a source that CSP knows, nor one {{{{parameter}}}} that is "
                    "an https address and is never blank.",
                )
            elif directive == "script-src" and not _is_marked(entry, parameters):
                message = "must be code = true: scripts come from this address."
                yield f"parameters[{[*parameters].index(entry.strip('{}'))}].code", message


def _is_marked(entry: str, parameters: Mapping[str, Parameter]) -> bool:
    placeholder = PLACEHOLDER.fullmatch(entry)
    return placeholder is None or parameters[placeholder[1]].code


def _is_source(entry: str, parameters: Mapping[str, Parameter]) -> bool:
    placeholder = PLACEHOLDER.fullmatch(entry)
    if placeholder is None or placeholder[1] not in parameters:
        return CSP_SOURCE.fullmatch(entry) is not None
    return is_address(parameters[placeholder[1]])


def is_address(parameter: Parameter) -> bool:
    """Say whether each value of a parameter has an origin, as far as its pattern shows that."""
    known = parameter.choices or (parameter.example, parameter.default or parameter.example)
    fits = bool(parameter.choices) or parameter.pattern.startswith(r"https:\/\/")
    return parameter.is_always_filled and fits and all(map(_has_origin, known))


def _has_origin(address: str) -> bool:
    try:
        csp_origin(address)
    except ValueError:
        return False
    return True
