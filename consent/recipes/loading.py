"""Reads a recipe file and refuses it, naming file and field, where anything in it is amiss."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from consent.recipes import google
from consent.recipes.csp import DIRECTIVES
from consent.recipes.definitions import (
    DeclaredCookie,
    Embed,
    EmbedParameter,
    Parameter,
    Recipe,
    Script,
)
from consent.recipes.escaping import PLACEHOLDER, csp_origin
from consent.recipes.keys import KEY
from consent.recipes.markers import MARKS
from consent.recipes.tables import LENGTHS, RecipeError, Table

KINDS = ("browser", "server", "embed")
PLACEMENTS = ("head", "body", "manual")
CONFIDENCES = ("high", "medium", "low")
COOKIE_KINDS = ("cookie", "storage")
PARTIES = ("first", "third")
# https://developers.google.com/tag-platform/security/concepts/consent-mode
CONSENT_TYPES = (
    "ad_storage",
    "ad_user_data",
    "ad_personalization",
    "analytics_storage",
    "functionality_storage",
    "personalization_storage",
    "security_storage",
)

_KEY = re.compile(KEY)
_PARAMETER_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ATTRIBUTE_NAME = re.compile(r"[a-z]+(-[a-z]+)*")
_CSP_SOURCE = re.compile(r"(https|wss)://[^\s;,'\"{}]+|blob:|data:|'[a-z-]+'")
_COOKIE_NAME = re.compile(r"[^\s;=,]+")
_QUOTED_PLACEHOLDER = re.compile(r"[\"'`]\{\{|\}\}[\"'`]")
_ENDS_SCRIPT = re.compile(r"</script|<!--|<script", re.IGNORECASE)

# What the renderer itself writes; event handlers are code that no nonce covers.
_RESERVED_ATTRIBUTES = re.compile(r"src|async|nonce|data-consent-tool|on.*")
# What the tag says itself of every embed.
_SAID_OF_EMBED = ("tool", "title", "ratio")
_RESERVED_FOR_EMBED = re.compile(r"src|srcdoc|title|loading|name|style|width|height|on.*")


def load(path: Path) -> Recipe:
    """Return the recipe in a TOML file; its key is the file's name without the ending.

    Raises RecipeError naming file and field where the file cannot be used as it is.
    """
    top = Table(path.name, "", _read(path), [f.name for f in fields(Recipe) if f.name != "key"])
    _check_key(path)
    kind = top.one_of("kind", KINDS)
    parameters = tuple(map(_parameter, top.tables("parameters", _names_of(Parameter))))
    _refuse_repeated(top, "parameters", [parameter.name for parameter in parameters])
    by_name = {parameter.name: parameter for parameter in parameters}
    scripts = tuple(
        _script(table, by_name)
        for table in top.tables("scripts", ("inline", "src", "async", "attributes", "when"))
    )
    _check_scripts_of_kind(top, kind, parameters, scripts)
    embed = _embed(top) if kind == "embed" else None
    cookies = tuple(map(_cookie, top.tables("cookies", _names_of(DeclaredCookie))))
    _refuse_repeated(top, "cookies", [f"{cookie.kind} {cookie.name}" for cookie in cookies])
    consent_mode = top.table("consent_mode", ("types", "google_tag"))
    if consent_mode.flag("google_tag"):
        scripts = (google.PRELUDE, *scripts)
    return Recipe(
        key=path.stem,
        name=top.text("name"),
        also_known_as=top.texts("also_known_as"),
        vendor=top.text("vendor"),
        kind=kind,
        category=top.matching("category", _KEY),
        placement=top.one_of("placement", PLACEMENTS),
        privacy_url=_privacy_url(top, kind),
        description=top.text("description"),
        confidence=top.one_of("confidence", CONFIDENCES),
        note=" ".join(top.text("note", default="").split()),
        sources=top.texts("sources", required=True),
        parameters=parameters,
        scripts=scripts,
        csp=_csp(top.table("csp", DIRECTIVES), by_name),
        consent_mode=_consent_types(consent_mode),
        cookies=cookies,
        embed=embed,
        endpoint=_endpoint(top, kind, by_name),
        authorization=_authorization(top, by_name),
        signed=top.flag("signed"),
    )


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise RecipeError(path.name, "", f"is not valid TOML: {problem}") from problem
    except OSError as problem:
        raise RecipeError(path.name, "", f"cannot be read: {problem.strerror}") from problem


def _check_key(path: Path) -> None:
    if not _KEY.fullmatch(path.stem) or len(path.stem) > LENGTHS["key"]:
        form = f"{_KEY.pattern} and be at most {LENGTHS['key']} characters long"
        raise RecipeError(path.name, "", f"the file's name must match {form}.")


def _names_of(part: type[Parameter | DeclaredCookie]) -> list[str]:
    return [field.name for field in fields(part)]


def _refuse_repeated(top: Table, name: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(names):
        if entry in seen:
            raise top.error(f"{name}[{index}].name", f"“{entry}” is there twice.")
        seen.add(entry)


def _privacy_url(top: Table, kind: str) -> str:
    """A browser tool sends data to a vendor, who has a privacy page; a server-side one may not."""
    url = top.text("privacy_url", default="" if kind == "server" else None)
    if url and not _is_https(url):
        raise top.error("privacy_url", f"“{url}” is not an https address.")
    return url


def _endpoint(top: Table, kind: str, parameters: Mapping[str, Parameter]) -> str:
    """Return the parameter that says where the events of a server-side tool go."""
    if kind != "server":
        for name in ("endpoint", "authorization", "signed"):
            if name in top.data:
                raise top.error(name, "is for tools of the kind server only.")
        return ""
    name = top.text("endpoint")
    if name not in parameters or not parameters[name].required:
        raise top.error("endpoint", f"“{name}” is not one of the parameters that are required.")
    return name


def _authorization(top: Table, parameters: Mapping[str, Parameter]) -> str:
    name = top.text("authorization", default="")
    if name and (name not in parameters or not parameters[name].secret):
        raise top.error("authorization", f"“{name}” is not one of the parameters that are secret.")
    return name


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "{{" not in parts.netloc


def _parameter(table: Table) -> Parameter:
    parameter = Parameter(**_members(table))
    _check_values(table, parameter)
    return parameter


def _members(table: Table) -> dict[str, Any]:
    return {
        "name": _parameter_name(table),
        "label": table.text("label"),
        "example": table.text("example"),
        "help": table.text("help"),
        "pattern": _pattern(table, "pattern"),
        "choices": table.texts("choices"),
        "required": table.flag("required"),
        "default": table.text("default", default=""),
        "secret": table.flag("secret"),
    }


def _check_values(table: Table, parameter: Parameter) -> None:
    if bool(parameter.pattern) == bool(parameter.choices):
        raise table.error("pattern", "or choices must be given, and not both.")
    for field_name in ("example", "default"):
        value: str = getattr(parameter, field_name)
        if value and not parameter.accepts(value):
            raise table.error(field_name, f"“{value}” does not fit the pattern or the choices.")


def _parameter_name(table: Table) -> str:
    name = table.matching("name", _PARAMETER_NAME)
    if name in MARKS:
        raise table.error("name", f"“{name}” is what the app fills in by itself.")
    return name


def _pattern(table: Table, name: str) -> str:
    pattern = table.text(name, default="")
    try:
        re.compile(pattern, re.ASCII)
    except re.error as problem:
        raise table.error(name, f"is not a regular expression: {problem}.") from problem
    if pattern.startswith("^") or pattern.endswith("$"):
        raise table.error(name, "must do without ^ and $: it always matches the whole value.")
    return pattern


def _embed(top: Table) -> Embed:
    table = top.table("embed", ("src", "query", "attributes", "parameters"))
    query = table.table("query")
    embed = Embed(
        name=top.text("name"),
        src=table.text("src"),
        parameters=tuple(
            map(_embed_parameter, table.tables("parameters", _names_of(EmbedParameter)))
        ),
        query=MappingProxyType({name: query.text(name) for name in query.data}),
        attributes=_attributes(table.table("attributes"), _RESERVED_FOR_EMBED),
    )
    _refuse_repeated(table, "parameters", [parameter.name for parameter in embed.parameters])
    _check_embed(table, embed)
    return embed


def _embed_parameter(table: Table) -> EmbedParameter:
    parameter = EmbedParameter(**_members(table), address=_pattern(table, "address"))
    _check_values(table, parameter)
    if parameter.name in _SAID_OF_EMBED:
        raise table.error("name", f"must be none of: {', '.join(_SAID_OF_EMBED)}.")
    if parameter.secret:
        raise table.error("secret", "would be readable in every page.")
    if parameter.address and re.compile(parameter.address).groups != 1:
        raise table.error("address", "must have exactly one group: the value.")
    return parameter


def _check_embed(table: Table, embed: Embed) -> None:
    parameters = {parameter.name: parameter for parameter in embed.parameters}
    if not _is_https(embed.src) or "?" in embed.src:
        raise table.error(
            "src", f"“{embed.src}” is not an https address with a fixed host and without a query."
        )
    for name in PLACEHOLDER.findall(embed.src):
        if name in parameters and not parameters[name].is_always_filled:
            raise table.error("src", f"holds {name}, which may be blank and has no default.")
    for unknown in sorted(embed.placeholders - parameters.keys()):
        raise table.error("src", f"holds {{{{{unknown}}}}}, but there is no such parameter.")
    for index, parameter in enumerate(embed.parameters):
        if parameter.name not in embed.placeholders:
            raise table.error(f"parameters[{index}].name", f"“{parameter.name}” is never used.")


def _script(table: Table, parameters: Mapping[str, Parameter]) -> Script:
    script = Script(
        inline=table.text("inline", default="").strip(),
        src=table.text("src", default=""),
        is_async=table.flag("async"),
        attributes=_attributes(table.table("attributes")),
        when=_conditions(table.table("when"), parameters),
    )
    if bool(script.inline) == bool(script.src):
        raise table.error("inline", "or src must be given, and not both.")
    check = _check_inline if script.inline else _check_src
    check(table, script, parameters)
    return script


def _attributes(
    table: Table, reserved: re.Pattern[str] = _RESERVED_ATTRIBUTES
) -> Mapping[str, str | None]:
    def value(name: str) -> str | None:
        if not _ATTRIBUTE_NAME.fullmatch(name) or reserved.fullmatch(name):
            raise table.error(name, "is not an attribute that a recipe may set.")
        return None if table.data[name] is True else table.text(name)

    return MappingProxyType({name: value(name) for name in table.data})


def _conditions(table: Table, parameters: Mapping[str, Parameter]) -> Mapping[str, tuple[str, ...]]:
    def wanted(name: str) -> tuple[str, ...]:
        values = table.texts(name)
        parameter = parameters.get(name)
        if parameter is None or not set(values) <= set(parameter.choices):
            raise table.error(name, "must name a parameter and some of its choices.")
        if not parameter.is_always_filled:
            raise table.error(name, "may be blank: no script would be written for it then.")
        return values

    return MappingProxyType({name: wanted(name) for name in table.data})


def _check_inline(table: Table, script: Script, parameters: Mapping[str, Parameter]) -> None:
    _check_placeholders(table, "inline", script, {*parameters, *MARKS})
    if _ENDS_SCRIPT.search(script.inline):
        raise table.error("inline", "must not hold a script tag or the start of an HTML comment.")
    if script.is_async:
        raise table.error("async", "has no meaning for an inline script.")


def _check_src(table: Table, script: Script, parameters: Mapping[str, Parameter]) -> None:
    _check_placeholders(table, "src", script, parameters.keys())
    if not _is_https(script.src):
        raise table.error("src", f"“{script.src}” is not an https address with a fixed host.")
    for name in script.placeholders:
        if not parameters[name].is_always_filled:
            raise table.error("src", f"holds {name}, which may be blank and has no default.")


def _check_placeholders(table: Table, name: str, script: Script, known: Set[str]) -> None:
    for unknown in sorted(script.placeholders - known):
        raise table.error(name, f"holds {{{{{unknown}}}}}, but there is no such parameter.")
    text = script.inline or script.src
    if "{{" in PLACEHOLDER.sub("", text):
        raise table.error(name, "holds {{ that is no placeholder.")
    if _QUOTED_PLACEHOLDER.search(text):
        raise table.error(name, "has a placeholder in quotes: it brings its own.")


def _check_scripts_of_kind(
    top: Table, kind: str, parameters: Iterable[Parameter], scripts: Collection[Script]
) -> None:
    if "embed" in top.data and kind != "embed":
        raise top.error("embed", "is for tools of the kind embed only.")
    if kind != "browser":
        _check_scriptless(top, kind, parameters, scripts)
        return
    if not scripts:
        raise top.error("scripts", "are missing: a browser tool starts with at least one.")
    used = {name for script in scripts for name in (*script.placeholders, *script.when)}
    for index, parameter in enumerate(parameters):
        if parameter.name not in used:
            raise top.error(f"parameters[{index}].name", f"“{parameter.name}” is never used.")
        if parameter.secret:
            raise top.error(f"parameters[{index}].secret", "would be readable in every page.")


def _check_scriptless(
    top: Table, kind: str, parameters: Iterable[Parameter], scripts: Collection[Script]
) -> None:
    if scripts:
        raise top.error("scripts", "are for browser tools only.")
    if kind == "embed" and tuple(parameters):
        raise top.error("parameters", "of an embed belong under [embed]: its tag gives them.")
    if kind == "embed" and top.data.get("placement") != "manual":
        raise top.error("placement", "must be manual: an embed stands where a template asks.")


def _cookie(table: Table) -> DeclaredCookie:
    return DeclaredCookie(
        name=table.matching("name", _COOKIE_NAME),
        kind=table.one_of("kind", COOKIE_KINDS),
        party=table.one_of("party", PARTIES),
        retention=table.text("retention"),
        purpose=table.text("purpose"),
    )


def _csp(table: Table, parameters: Mapping[str, Parameter]) -> Mapping[str, tuple[str, ...]]:
    def is_fine(entry: str) -> bool:
        parameter = _origin_of(entry, parameters)
        return _is_address(parameter) if parameter else bool(_CSP_SOURCE.fullmatch(entry))

    complaint = (
        "is not a source that CSP knows, nor one {{parameter}} that is an https address and is "
        "never blank."
    )
    return MappingProxyType({name: _each(table, name, is_fine, complaint) for name in table.data})


def _origin_of(entry: str, parameters: Mapping[str, Parameter]) -> Parameter | None:
    """Return the parameter whose origin an entry stands for; it has to stand alone there."""
    placeholder = PLACEHOLDER.fullmatch(entry)
    return parameters.get(placeholder[1]) if placeholder else None


def _is_address(parameter: Parameter) -> bool:
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


def _consent_types(table: Table) -> tuple[str, ...]:
    return _each(table, "types", CONSENT_TYPES.__contains__, "is not a type of Consent Mode.")


def _each(
    table: Table, name: str, is_fine: Callable[[str], object], complaint: str
) -> tuple[str, ...]:
    values = table.texts(name)
    for index, value in enumerate(values):
        if not is_fine(value):
            raise table.error(f"{name}[{index}]", f"“{value}” {complaint}")
    return values
