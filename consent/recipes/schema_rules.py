"""The rules of `rules`, `script_rules` and `csp_rules` that a JSON Schema can express.

The tests compare both: what `load` accepts, the schema accepts, too.
"""

from __future__ import annotations

from collections.abc import Mapping

from consent.recipes.csp import DIRECTIVES
from consent.recipes.csp_rules import CSP_SOURCE
from consent.recipes.definitions import CONSENT_TYPES, Recipe, Script, consent_type, one_line
from consent.recipes.embeds import Embed, EmbedParameter
from consent.recipes.escaping import PLACEHOLDER
from consent.recipes.markers import FILLED_IN, TOOL
from consent.recipes.parameters import Parameter, not_reserved, regular_expression
from consent.recipes.rules import ARGUMENTS_OF_TAG, RESERVED_FOR_EMBED
from consent.recipes.script_rules import ATTRIBUTE_NAME, DATA_ATTRIBUTE, RESERVED_FOR_SCRIPT

Schema = dict[str, object]

OF_FUNCTIONS: Mapping[object, Schema] = {
    str.strip: {},
    one_line: {},
    consent_type: {"enum": list(CONSENT_TYPES)},
    not_reserved: {"not": {"enum": sorted(FILLED_IN)}},
    regular_expression: {"format": "regex", "not": {"pattern": r"^\^|\$$"}},
}
"""Rules for values that are functions."""

_NEVER: Schema = {"not": {}}
_HTTPS: Schema = {"pattern": "^https://[^/{]"}
_NOT_SECRET: Schema = {"properties": {"secret": {"enum": [False]}}}
_SOURCES: Schema = {"items": {"pattern": f"^({CSP_SOURCE.pattern}|{PLACEHOLDER.pattern})$"}}
_NO_SCRIPTS: Schema = {"maxItems": 0}


def of_table(cls: type) -> Schema:
    """Return what holds for a table as a whole: which of its fields go together."""
    return _OF_TABLES.get(cls, {})


def of_field(cls: type, field: str) -> Schema:
    """Return what holds for a field beside its type; {} if nothing does."""
    return _OF_FIELDS.get((cls, field), {})


def _only(*patterns: str, without: str = "") -> Schema:
    """Return the rule that the names in a table match a pattern; `without`: and not this one."""
    forbidden = {f"^({without})$": _NEVER} if without else {}
    return {
        "patternProperties": {f"^({pattern})$": {} for pattern in patterns} | forbidden,
        "additionalProperties": False,
    }


def _kind(kind: str, properties: Schema, required: list[str], never: tuple[str, ...]) -> Schema:
    forbidden = dict.fromkeys(never, _NEVER)
    return {
        "properties": {"kind": {"enum": [kind]}, **forbidden, **properties},
        "required": required,
    }


_PARAMETER: Schema = {
    "allOf": [{"required": ["help"]}],
    "oneOf": [{"required": ["pattern"]}, {"required": ["choices"]}],
}
_NO_EVENTS: Schema = {"signed": {"enum": [False]}}
_OF_EVENTS = ("endpoint", "authorization")

_OF_TABLES: Mapping[type, Schema] = {
    Recipe: {
        "anyOf": [
            _kind(
                "browser",
                {**_NO_EVENTS, "scripts": {"minItems": 1}, "parameters": {"items": _NOT_SECRET}},
                ["scripts", "privacy_url"],
                ("embed", *_OF_EVENTS),
            ),
            _kind("server", {"scripts": _NO_SCRIPTS}, ["endpoint"], ("embed",)),
            _kind(
                "embed",
                {
                    **_NO_EVENTS,
                    "scripts": _NO_SCRIPTS,
                    "parameters": {"maxItems": 0},
                    "placement": {"enum": ["manual"]},
                },
                ["embed", "privacy_url"],
                _OF_EVENTS,
            ),
        ]
    },
    Script: {
        "oneOf": [{"required": ["inline"]}, {"required": ["src"]}],
        "not": {"required": ["inline", "async"], "properties": {"async": {"enum": [True]}}},
    },
    Parameter: _PARAMETER,
    EmbedParameter: _PARAMETER,
}

_OF_FIELDS: Mapping[tuple[type, str], Schema] = {
    (Recipe, "privacy_url"): _HTTPS,
    (Recipe, "csp"): {
        "properties": dict.fromkeys(DIRECTIVES, _SOURCES),
        "additionalProperties": False,
    },
    (Script, "src"): {"pattern": r"^(https://[^/{]|\{\{[a-z])"},
    (Script, "attributes"): _only(ATTRIBUTE_NAME.pattern, without=RESERVED_FOR_SCRIPT.pattern),
    (Script, "json_attributes"): _only(DATA_ATTRIBUTE.pattern, without=TOOL),
    (Embed, "src"): {"pattern": r"^https://[^/{?][^?]*$"},
    (Embed, "attributes"): _only(ATTRIBUTE_NAME.pattern, without=RESERVED_FOR_EMBED.pattern),
    (EmbedParameter, "name"): {"not": {"enum": list(ARGUMENTS_OF_TAG)}},
    (EmbedParameter, "secret"): {"enum": [False]},
}
