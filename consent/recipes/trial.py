"""Try out a recipe with its example values: what pages would contain, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlsplit

from consent.recipes.csp import is_addable
from consent.recipes.definitions import Recipe
from consent.recipes.markers import MARKS, without_nonce

TITLE = "Example"
HOST = "www.example.com"

# `script_tag` and `Embed.html` escape brackets and quotes in attributes, and a recipe's code holds
# no tag of a script.
_ADDRESS = re.compile(r'<(script|iframe)\b[^>]* src="([^"]+)"')
# A text in code that is an address, or begins like one with a whole host.
_NAMED = re.compile(r"""["'`]((?:https|wss)://[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?=["'`/?:])""")
_DIRECTIVES = {"script": "script-src", "iframe": "frame-src"}


@dataclass(frozen=True)
class Trial:
    """What a recipe does with its example values.

    ``markup`` is what the page of a visitor who allows the tool contains, with the names of marks
    where the page writes its own code. ``added`` are the sources that a Content-Security-Policy
    gets, ``not_added`` those that only document what the tool needs. ``variants`` is the number of
    sets of values that were tried. ``reasons`` are sentences that say what is wrong.
    """

    values: Mapping[str, str]
    markup: str
    added: Mapping[str, tuple[str, ...]]
    not_added: tuple[str, ...]
    variants: int
    reasons: tuple[str, ...]


def try_out(recipe: Recipe) -> Trial:
    """Render ``recipe`` with its examples, and with each of its choices; report what is wrong."""
    variants = list(_variants(recipe))
    reasons = dict.fromkeys(reason for each in variants for reason in _reasons(recipe, each))
    values = variants[0]
    try:
        markup, sources = _page(recipe, values)
    except ValueError:
        markup, sources = "", {}
    return Trial(
        values=values,
        markup=_readable(markup),
        added={name: found for name in sources if (found := _addable(name, sources[name]))},
        not_added=tuple(
            f"{name} {source}"
            for name, found in sources.items()
            for source in found
            if not is_addable(name, source)
        ),
        variants=len(variants),
        reasons=tuple(reasons),
    )


def _variants(recipe: Recipe) -> Iterator[dict[str, str]]:
    """Yield sets of values: all examples, only what is required, and each choice."""
    parameters = recipe.embed.parameters if recipe.embed else recipe.parameters
    examples = {each.name: each.example for each in parameters}
    yield examples
    if not (recipe.embed and recipe.embed.any_of):
        yield {each.name: each.example for each in parameters if each.required}
    for parameter in parameters:
        for choice in parameter.choices:
            yield {**examples, parameter.name: choice}


def _reasons(recipe: Recipe, values: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with what the page gets for these values."""
    try:
        markup, sources = _page(recipe, values)
    except ValueError as problem:
        yield f"With the values {_shown(values)}: {problem}"
        return
    for element, address in _ADDRESS.findall(markup):
        directive, url = _DIRECTIVES[element], unescape(address)
        if not any(_covers(source, url) for source in sources.get(directive, ())):
            yield f"csp.{directive}: is without the host of {url}, which browsers would block."
    for address in _NAMED.findall("".join(script.inline for script in recipe.scripts)):
        if not any(_same_host(source, address) for found in sources.values() for source in found):
            yield f"csp: has no directive with {address}, which a script names."


def _page(recipe: Recipe, values: Mapping[str, str]) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """Return markup and sources for these values; raises ValueError where they are wrong."""
    if recipe.embed:
        # The values are a template's, not the tool's.
        return recipe.embed.html(values, TITLE, HOST), recipe.csp_sources({})
    return recipe.render(values, recipe.key), recipe.csp_sources(values)


def _addable(directive: str, sources: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(source for source in sources if is_addable(directive, source))


def _readable(markup: str) -> str:
    markup = without_nonce(markup)
    for name, mark in MARKS.items():
        markup = markup.replace(mark, f"{{{{{name}}}}}")
    return markup


def _shown(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items()) or "that are required"


def _covers(source: str, address: str) -> bool:
    """Say whether a source of a policy allows an address.

    https://www.w3.org/TR/CSP3/#match-url-to-source-expression
    """
    path, asked = urlsplit(source).path, urlsplit(address).path
    same_place = path in ("", asked) or (path.endswith("/") and asked.startswith(path))
    return same_place and _same_host(source, address)


def _same_host(source: str, address: str) -> bool:
    allowed, asked = urlsplit(source), urlsplit(address)
    host = allowed.netloc
    below = host.startswith("*.") and asked.netloc.endswith(host[1:])
    return allowed.scheme == asked.scheme and (below or asked.netloc == host)
