"""The JSON Schema of recipes: it accepts what `load` accepts, and refuses what has a wrong form."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from jsonschema import Draft4Validator

from consent.recipes import RecipeError, directories
from consent.recipes.definitions import ConsentMode, Recipe
from consent.recipes.loading import load_data
from consent.recipes.reading import TableReader
from consent.recipes.schema import schema
from consent.recipes.schema_rules import OF_FUNCTIONS
from tests.recipes import test_embeds, test_recipes, test_scripts

pytestmark = pytest.mark.once

FILES = sorted(path for directory in directories() for path in directory.glob("*.toml"))
GOOD, GOOD_EMBED = test_recipes.GOOD, test_embeds.GOOD
GOOD_SERVER = """
name = "Good"
vendor = "Good, Inc."
kind = "server"
category = "advertising"
placement = "manual"
description = "Does good."
confidence = "low"
checked = 2026-11-29
sources = ["https://good.example/docs"]
endpoint = "url"
authorization = "token"
signed = true

[[parameters]]
name = "url"
label = "Address"
pattern = 'https://[a-z.]+'
example = "https://good.example"
help = "In Good: Settings."
required = true

[[parameters]]
name = "token"
label = "Token"
pattern = '[a-z]+'
example = "abc"
help = "In Good: Settings."
secret = true
"""

# What `load` says of a file in which one part does not fit to another, or in which the code of a
# script, an address or a pattern is wrong: no schema can express these rules.
BEYOND_A_SCHEMA = (
    "csp.script-src[1]: “{{sight}}” is not a source that CSP",
    "csp.script-src[1]: “{{site}}” is not a source that CSP",
    "csp.script-src[1]: “{{zone}}” is not a source that CSP",
    "embed.any_of[0]: “when” is not a parameter.",
    "embed.parameters[0].address: is not a regular expression",
    "embed.parameters[0].address: must have exactly one",
    "embed.parameters[1].name: “at” is never used.",
    "embed.parameters[1].name: “id” is there twice.",
    "embed.src: holds at, which may be blank",
    "embed.src: holds page_host, which only a field",
    "embed.src: holds {{when}}, but there is no such parameter.",
    "is not valid TOML: ",
    "parameters[0].example: “ABC” does not fit",
    "parameters[0].pattern: is not a regular expression: ",
    "parameters[1].default: “uk” does not fit",
    "parameters[1].example: “uk” does not fit",
    "parameters[1].name: “site” is there twice.",
    "privacy_url: “https://[” is not an https",
    "recognised_by[0]: holds {{sight}}, but there is no such parameter.",
    "recognised_by[0]: implies “zone=uk”, which no parameter accepts.",
    "recognised_by[0]: is blank.",
    "scripts[0].inline: has a placeholder in quo",
    "scripts[0].inline: has a placeholder in quotes",
    "scripts[0].inline: holds {{ that is no placeholder.",
    "scripts[0].inline: holds {{sight}}, but there is no ",
    "scripts[0].inline: must not hold a script tag",
    "scripts[1].attributes.data-x: holds {{consent_s",
    "scripts[1].attributes.data-x: holds {{sight}}, but",
    "scripts[1].attributes.id: holds a parameter, which only",
    "scripts[1].attributes.integrity: must be a hash such as",
    "scripts[1].attributes.integrity: needs a src that is",
    "scripts[1].attributes.type: holds a parameter, which only",
    "scripts[1].json_attributes.data-x.a: holds {{sight",
    "scripts[1].json_attributes.data-x: must be the",
    "scripts[1].src: holds {{ that",
    "scripts[1].src: holds {{consent_signals}}, but ",
    "scripts[1].when.zone: may be blank",
    "scripts[1].when.zone: must name a parameter and some of",
    "scripts[1].when.zoo: must name a parameter and some of",
)


@cache
def validator() -> Draft4Validator:
    return Draft4Validator(schema())


def as_json(value: Any) -> Any:
    """Return what an editor holds against a schema: a day is a text to it."""
    if isinstance(value, dict):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def refusals(data: object) -> list[str]:
    return [
        f"{error.json_path}: {error.message}" for error in validator().iter_errors(as_json(data))
    ]


def test_schema_is_one():
    Draft4Validator.check_schema(schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_schema_accepts_each_recipe_that_is_shipped(path: Path):
    assert refusals(tomllib.loads(path.read_text())) == []


def broken_texts() -> Iterator[tuple[str, str]]:
    """Yield each file that the tests of `load` know as invalid, with its message."""
    for old, new, message in test_recipes.BROKEN:
        yield GOOD.replace(old, new, 1), message
    for old, new, message in test_embeds.BROKEN:
        yield GOOD_EMBED.replace(old, new, 1), message
    for attributes, json_attributes, message in test_scripts.BROKEN_ATTRIBUTES:
        new = f"attributes = {{ {attributes} }}\njson_attributes = {{ {json_attributes} }}"
        old = 'attributes = { referrerpolicy = "origin", defer = true }'
        yield GOOD.replace(old, new, 1), message


def is_refused(text: str) -> bool:
    try:
        return bool(refusals(tomllib.loads(text)))
    except tomllib.TOMLDecodeError:
        return False


def test_schema_refuses_each_broken_form_that_the_tests_of_load_know():
    passing = {message for text, message in broken_texts() if not is_refused(text)}

    assert passing == set(BEYOND_A_SCHEMA)


@dataclass
class Changed:
    """A copy of a file's data in which one thing is changed."""

    data: dict[str, Any]
    path: list[str | int] = field(default_factory=list)

    @property
    def parent(self) -> Any:
        found: Any = self.data
        for name in self.path[:-1]:
            found = found[name]
        return found


WRONG = (3, True, False, "", " ", "x", "a\0b", "x" * 400, "https://x.example/", "HTTPS://x/")
WRONG += ([], [""], ["x", "x"], [3], [{}], {}, {"x": "y"}, {"x": True}, date(2026, 11, 29))


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value in the data of a file."""
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for name, each in items:
        yield (*path, name)
        yield from paths(each, (*path, name))


def changes(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield copies of the data: without a value, with another value, with one more."""
    for path in paths(data):
        without = Changed(copy.deepcopy(data), [*path])
        del without.parent[path[-1]]
        yield without.data
        for value in WRONG:
            other = Changed(copy.deepcopy(data), [*path])
            other.parent[path[-1]] = value
            yield other.data
        if isinstance(path[-1], str):
            more = Changed(copy.deepcopy(data), [*path])
            more.parent["unknown-name"] = more.parent[path[-1]]
            yield more.data
    for name in ("endpoint", "authorization", "signed", "embed", "parameters", "scripts"):
        for value in WRONG:
            yield {**copy.deepcopy(data), name: value}
    for kind in ("browser", "server", "embed"):
        yield {**copy.deepcopy(data), "kind": kind}


def fits_the_classes(data: dict[str, Any]) -> bool:
    """Say whether `TableReader` can read the data: names and types are right."""
    reader, rest = TableReader("good.toml"), dict(data)
    try:
        reader.read(ConsentMode, rest.pop("consent_mode", {}))
        reader.read(Recipe, rest, key="good", consent_mode=())
    except RecipeError:
        return False
    return True


def is_loaded(data: dict[str, Any]) -> bool:
    try:
        load_data(Path("good.toml"), data)
    except RecipeError:
        return False
    return True


def is_day_as_text(data: dict[str, Any]) -> bool:
    """Say whether a day is in the place of a text, or a text of a day: a schema sees none."""
    days = [path for path in paths(data) if isinstance(value_at(data, path), date)]
    return days not in ([], [("checked",)]) or isinstance(data.get("checked"), str)


def value_at(data: Any, path: tuple[str | int, ...]) -> Any:
    for name in path:
        data = data[name]
    return data


@pytest.mark.parametrize(
    "text", [GOOD, GOOD_EMBED, GOOD_SERVER], ids=["browser", "embed", "server"]
)
def test_schema_and_classes_agree_on_whatever_is_changed_in_a_good_file(text: str):
    data = tomllib.loads(text)
    assert is_loaded(data)
    assert refusals(data) == []
    accepted, refused = 0, 0
    for changed in changes(data):
        if is_day_as_text(changed):
            continue
        found = refusals(changed)
        if is_loaded(changed):
            accepted += 1
            assert found == [], changed
        elif not fits_the_classes(changed):
            refused += 1
            assert found, changed
    assert accepted > 20
    assert refused > 300


def test_every_rule_of_the_classes_is_known_to_the_schema():
    # Generating it raises KeyError for another one.
    assert len(OF_FUNCTIONS) == 5


def test_every_field_is_explained_to_who_writes_one():
    def explained(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        properties = value.get("properties", {}) if "type" in value else {}
        return all("description" in each for each in properties.values()) and all(
            explained(each) for each in value.values()
        )

    assert explained(schema())
    assert "Consent Mode" in json.dumps(schema()["properties"]["consent_mode"])


def test_command_prints_the_schema():
    out = StringIO()
    call_command("consent_recipe", "schema", stdout=out)

    assert json.loads(out.getvalue()) == schema()
