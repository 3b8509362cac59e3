"""Rules for the values of settings."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple, TypeGuard

# A token by RFC 9110 (5.6.2), as the name of a cookie has to be.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# What `consent.visitor.write_limit` reads.
_RATE = re.compile(r"[1-9][0-9]*/(s|sec|second|m|min|minute|h|hour|d|day)")


class Rule(NamedTuple):
    """The values that a setting may have: a test of the value, and their description for people.

    ``expected`` completes the sentence “it has to be …”.
    """

    allows: Callable[[object], bool]
    expected: str


def choice(*values: str) -> Rule:
    """Return the rule: one of these texts."""
    return Rule(lambda value: value in values, " or ".join(map(repr, values)))


def optional(rule: Rule) -> Rule:
    """Return the rule: None, or what ``rule`` allows."""
    return Rule(lambda value: value is None or rule.allows(value), f"None or {rule.expected}")


def at_least(minimum: float, unit: str) -> Rule:
    """Return the rule: a finite number of ``unit``, ``minimum`` or more."""
    return Rule(
        lambda value: _is_number(value) and value >= minimum,
        f"a number of {unit}, {minimum} or more",
    )


def more_than(limit: float, unit: str) -> Rule:
    """Return the rule: a finite number of ``unit``, more than ``limit``."""
    return Rule(
        lambda value: _is_number(value) and value > limit,
        f"a number of {unit}, more than {limit}",
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_word(value: object) -> TypeGuard[str]:
    """Say whether ``value`` is text that can stand in a header: no blanks, commas, semicolons."""
    return isinstance(value, str) and value != "" and not re.search(r"[\s;,]", value)


def is_token(value: object) -> bool:
    """Say whether ``value`` can be the name of a cookie."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _is_rate(value: object) -> bool:
    return isinstance(value, str) and _RATE.fullmatch(value) is not None


def _are_hosts(value: object) -> bool:
    return isinstance(value, list | tuple | set) and all(map(is_word, value))


def _are_keys(value: object) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(key, str | bytes) and key for key in value
    )


def _are_directories(value: object) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(each, str | Path) and os.path.isabs(each) for each in value
    )


def _is_carry_over(value: object) -> bool:
    if not isinstance(value, Mapping) or value.keys() != {"on", "groups"}:
        return False
    groups = value["groups"]
    return (
        _is_date(value["on"])
        and isinstance(groups, Mapping)
        and all(isinstance(name, str) and _is_carried(groups[name]) for name in groups)
    )


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_carried(value: object) -> bool:
    """Say whether it is a category's key, a version of a group, and a revision."""
    if not isinstance(value, tuple | list) or len(value) != 3:
        return False
    category, version, revision = value
    are_texts = isinstance(category, str) and isinstance(version, str)
    return are_texts and type(revision) is int and revision > 0


BOOLEAN = Rule(lambda value: isinstance(value, bool), "True or False")
CARRY_OVER = Rule(_is_carry_over, "what manage.py consent_migrate prints")
COOKIE_NAME = Rule(is_token, "a cookie name")
DIRECTORIES = Rule(_are_directories, "a list of absolute paths, such as [BASE_DIR / 'recipes']")
DOMAIN = Rule(is_word, "a domain such as 'example.com'")
HOSTS = Rule(_are_hosts, "a list of hosts, such as ['localhost:8001']")
PATH = Rule(lambda value: is_word(value) and value.startswith("/"), "a path that starts with /")
RATE = Rule(_is_rate, "a rate such as '120/min'")
SECRETS = Rule(_are_keys, "a list of secret texts")
