"""A JSON Schema of recipe files, by which editors complete and check them while they are written.

It is generated from the classes by which `load` reads a file, so the two cannot disagree. Only the
vocabulary of draft 4 is used, which Taplo and Even Better TOML support. To a schema, a day in TOML
is a text. What refers from one part of a file to another, `load` alone can check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from types import NoneType
from typing import Annotated, get_args, get_origin

from consent.recipes import schema_rules
from consent.recipes.definitions import ConsentMode, Recipe
from consent.recipes.reading import (
    CONTROL_CHARACTER,
    AtMost,
    InFile,
    Matching,
    OneOf,
    hints_of,
    names_in_file,
)
from consent.recipes.schema_rules import Schema
from consent.recipes.schema_texts import DESCRIPTIONS

_DAY: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "format": "date"}
_SIMPLE: Mapping[object, Schema] = {date: _DAY, bool: {"type": "boolean"}}
_TEXT: Schema = {"type": "string", "pattern": r"\S", "not": {"pattern": CONTROL_CHARACTER.pattern}}


def schema() -> Schema:
    """Return the JSON Schema of a recipe file."""
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": "Recipe of django-consent-tools",
        # `load` reads this table by a class of its own.
        **_of_class(Recipe, consent_mode=_of_class(ConsentMode)),
        "definitions": {"text": _TEXT},
    }


def _of_class(cls: type, **given: Schema) -> Schema:
    """Return the schema of a table with the fields of a dataclass; some of them may be given."""
    hints, names = hints_of(cls), names_in_file(cls)
    in_file = [(field, name) for field in fields(cls) if (name := names[field.name])]
    required = [
        name for field, name in in_file if field.default is field.default_factory is MISSING
    ]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: _described(cls, field.name, given.get(field.name) or _of_hint(hints[field.name]))
            for field, name in in_file
        },
        # A list without entries is not allowed here.
        **({"required": required} if required else {}),
        **schema_rules.of_table(cls),
    }


def _described(cls: type, field: str, schema: Schema) -> Schema:
    """Add description and rules of a field; what is beside a reference would be ignored."""
    rules = schema_rules.of_field(cls, field)
    parts = [part for part in (schema, rules) if part]
    described = parts[0] if len(parts) == 1 and "$ref" not in schema else {"allOf": parts}
    return {"description": DESCRIPTIONS[cls][field], **described}


def _of_hint(hint: object) -> Schema:
    """Return the schema of a value, as `TableReader` reads it."""
    if get_origin(hint) is Annotated:
        inner, *rules = get_args(hint)
        parts = [_of_hint(inner), *filter(None, map(_of_rule, rules))]
        return parts[0] if len(parts) == 1 else {"allOf": parts}
    if NoneType in get_args(hint):
        inner = get_args(hint)[0]
        none = {"enum": [True]} if inner is str else None
        return {"anyOf": [_of_hint(inner), none]} if none else _of_hint(inner)
    if isinstance(hint, type) and is_dataclass(hint):
        return _of_class(hint)
    if get_origin(hint) is tuple:
        return _of_list(get_args(hint)[0])
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _of_hint(get_args(hint)[1])}
    return _SIMPLE.get(hint, {"$ref": "#/definitions/text"})


def _of_list(hint: object) -> Schema:
    listed: Schema = {"type": "array", "items": _of_hint(hint)}
    return listed if is_dataclass(hint) else {**listed, "minItems": 1, "uniqueItems": True}


def _of_rule(rule: object) -> Schema:
    match rule:
        case InFile():
            return {}
        case AtMost(length):
            return {"maxLength": length}
        case OneOf(choices):
            return {"enum": list(choices)}
        case Matching(pattern):
            return {"pattern": f"^({pattern})$"}
    return schema_rules.OF_FUNCTIONS[rule]
