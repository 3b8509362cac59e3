"""Rules for the scripts of a recipe, and for what other parts share with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from consent.recipes.csp_rules import is_address
from consent.recipes.definitions import Script
from consent.recipes.escaping import PLACEHOLDER
from consent.recipes.markers import MARKS, TOOL
from consent.recipes.parameters import Parameter

# The path of a field, and what is wrong with it.
Problem = tuple[str, str]
Parameters = Mapping[str, Parameter]

# The placeholder that an address begins with; what follows is its path.
_START = re.compile(PLACEHOLDER.pattern + r"(?=/|\Z)")
DATA_ATTRIBUTE = re.compile(r"data(-[a-z]+)+")
_INTEGRITY = re.compile(r"sha(256|384|512)-[A-Za-z0-9+/]+={0,2}")
ATTRIBUTE_NAME = re.compile(r"[a-z]+(-[a-z]+)*")
_QUOTED_PLACEHOLDER = re.compile(r"[\"'`]\{\{|\}\}[\"'`]")
_ENDS_SCRIPT = re.compile(r"</script|<!--|<script", re.IGNORECASE)

# What the app itself writes; event handlers are code that no nonce covers.
RESERVED_FOR_SCRIPT = re.compile(r"src|async|nonce|data-consent-tool|on.*")


def of_script(path: str, script: Script, parameters: Parameters) -> Iterator[Problem]:
    """Return what is wrong with the script at `path`."""
    if bool(script.inline) == bool(script.src):
        yield f"{path}.inline", "or src must be given, and not both."
    yield from of_attributes(f"{path}.attributes", script.attributes, RESERVED_FOR_SCRIPT)
    yield from _of_values(path, script, parameters)
    if "integrity" in script.attributes:
        yield from _of_integrity(f"{path}.attributes", script)
    for name, values in script.when.items():
        parameter = parameters.get(name)
        if parameter is None or not set(values) <= set(parameter.choices):
            yield f"{path}.when.{name}", "must name a parameter and some of its choices."
        elif not parameter.is_always_filled:
            yield f"{path}.when.{name}", "may be blank: no script would be written for it then."
    yield from (_of_inline if script.inline else _of_src)(path, script, parameters)


def of_attributes(
    path: str, attributes: Iterable[str], reserved: re.Pattern[str]
) -> Iterator[Problem]:
    """Return the attributes that are none, or that the app sets itself."""
    for name in attributes:
        if not ATTRIBUTE_NAME.fullmatch(name) or reserved.fullmatch(name):
            yield f"{path}.{name}", "is not an attribute that a recipe may set."


def _of_values(path: str, script: Script, parameters: Parameters) -> Iterator[Problem]:
    """Return what is wrong with the parameters in attributes, which only data- attributes have."""
    for name, text in script.attributes.items():
        at = f"{path}.attributes.{name}"
        yield from _of_placeholders(at, text or "", parameters)
        if PLACEHOLDER.search(text or "") and not name.startswith("data-"):
            yield at, "holds a parameter, which only an attribute whose name begins with data- may."
    for name, texts in script.json_attributes.items():
        at = f"{path}.json_attributes.{name}"
        if not DATA_ATTRIBUTE.fullmatch(name) or name == TOOL or name in script.attributes:
            yield at, "must be the name of an attribute that begins with data-, and is there once."
        for key, text in texts.items():
            yield from _of_placeholders(f"{at}.{key}", text, parameters)
    yield from _of_shown_addresses(script.placeholders_of_attributes, parameters)


def _of_shown_addresses(shown: Iterable[str], parameters: Parameters) -> Iterator[Problem]:
    # A vendor's script may take more scripts from an address that it is given.
    for index, (name, parameter) in enumerate(parameters.items()):
        if name in shown and parameter.may_be_address and not parameter.code:
            yield f"parameters[{index}].code", "must be code = true: an attribute has this address."


def _of_integrity(path: str, script: Script) -> Iterator[Problem]:
    if not _INTEGRITY.fullmatch(script.attributes["integrity"] or ""):
        yield f"{path}.integrity", "must be a hash such as sha384-… in base64."
    if not script.src or PLACEHOLDER.search(script.src):
        yield f"{path}.integrity", "needs a src that is the same for everybody."
    if "crossorigin" not in script.attributes:
        yield f"{path}.crossorigin", "is missing: without it, browsers refuse a script with a hash."


def _of_inline(path: str, script: Script, parameters: Parameters) -> Iterator[Problem]:
    yield from _of_placeholders(f"{path}.inline", script.inline, {*parameters, *MARKS})
    if _ENDS_SCRIPT.search(script.inline):
        yield f"{path}.inline", "must not hold a script tag or the start of an HTML comment."
    if script.is_async:
        yield f"{path}.async", "has no meaning for an inline script."


def _of_src(path: str, script: Script, parameters: Parameters) -> Iterator[Problem]:
    yield from _of_placeholders(f"{path}.src", script.src, parameters)
    if start := _START.match(script.src):
        yield from _of_start(f"{path}.src", start[1], parameters)
    elif not is_https(script.src):
        yield f"{path}.src", f"“{script.src}” is not an https address with a fixed host."
    yield from of_blanks(f"{path}.src", script.src, parameters)


def _of_start(path: str, name: str, parameters: Parameters) -> Iterator[Problem]:
    """Return what is wrong with the parameter that an address begins with."""
    if name in parameters and not is_address(parameters[name]):
        yield path, f"begins with {name}, which is not an https address that is never blank."
    elif name in parameters and not parameters[name].code:
        message = "must be code = true: a script comes from this address."
        yield f"parameters[{[*parameters].index(name)}].code", message


def _of_placeholders(path: str, text: str, known: Iterable[str]) -> Iterator[Problem]:
    for unknown in sorted({*PLACEHOLDER.findall(text)} - {*known}):
        yield path, f"holds {{{{{unknown}}}}}, but there is no such parameter."
    if "{{" in PLACEHOLDER.sub("", text):
        yield path, "holds {{ that is no placeholder."
    if _QUOTED_PLACEHOLDER.search(text):
        yield path, "has a placeholder in quotes: it brings its own."


def of_blanks(path: str, address: str, parameters: Mapping[str, Parameter]) -> Iterator[Problem]:
    """Return the placeholders in an address that may be blank."""
    for name in PLACEHOLDER.findall(address):
        if name in parameters and not parameters[name].is_always_filled:
            yield path, f"holds {name}, which may be blank and has no default."


def is_https(url: str) -> bool:
    """Say whether `url` is an https address with a host that holds no placeholder."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return url.startswith("https://") and bool(parts.hostname) and "{{" not in parts.netloc
