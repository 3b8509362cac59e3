"""Read a TOML file into dataclasses: the types of their fields say what each field may contain.

`str`, `bool`, `date` and `tuple[X, …]` stand for text, a flag, a day and a list; `Mapping[str, X]`
for a table with any names; another dataclass for a table of its own. `Annotated` adds rules:
functions that take a value and return it, or raise ValueError with what is wrong.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
Rule = Callable[[Any], Any]

CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class RecipeError(ValueError):
    """A recipe file that cannot be used. The message names file, field and what is expected."""

    def __init__(self, file: str, field: str, message: str) -> None:
        super().__init__(": ".join(part for part in (file, field, message) if part))


@dataclass(frozen=True)
class InFile:
    """The name of a field in the file, where it has another one; None: it is not in the file."""

    name: str | None

    def __call__(self, value: T) -> T:
        """Return the value: this is no rule for it."""
        return value


@dataclass(frozen=True)
class AtMost:
    """A rule: the text is not longer than the model's field that is filled in from it."""

    length: int

    def __call__(self, text: str) -> str:
        """Return ``text``."""
        if len(text) > self.length:
            raise ValueError(f"must not be longer than {self.length} characters.")
        return text


@dataclass(frozen=True)
class OneOf:
    """A rule: the text is one of the choices."""

    choices: tuple[str, ...]

    def __call__(self, text: str) -> str:
        """Return ``text``."""
        if text not in self.choices:
            raise ValueError(f"“{text}” is not one of: {', '.join(self.choices)}.")
        return text


@dataclass(frozen=True)
class Matching:
    """A rule: the text matches the pattern from end to end."""

    pattern: str

    def __call__(self, text: str) -> str:
        """Return ``text``."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"“{text}” does not match {self.pattern}")
        return text


def read_toml(path: Path) -> dict[str, object]:
    """Return what a TOML file contains; raise RecipeError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    # ValueError is raised for bytes that are no UTF-8 and for a number with too many digits, too.
    except (ValueError, RecursionError) as problem:
        raise RecipeError(path.name, "", f"is not valid TOML: {problem}") from problem
    except OSError as problem:
        raise RecipeError(path.name, "", f"cannot be read: {problem.strerror}") from problem


class TableReader:
    """Reads tables of one file; its errors name the file and the field."""

    def __init__(self, file: str) -> None:
        self._file = file

    def error(self, field: str, message: str) -> RecipeError:
        """Return (not raise) the error for a field, given by its path."""
        return RecipeError(self._file, field, message)

    def read(self, cls: type[T], data: object, path: str = "", **given: object) -> T:
        """Return an instance of the dataclass ``cls`` with the fields of a table.

        ``given`` are fields that are not read. Raises RecipeError for an unknown or missing field,
        and for a value that does not have the field's type or breaks one of its rules.
        """
        table = self._table(path, data)
        fields_of: type = cls
        hints, names = hints_of(fields_of), names_in_file(fields_of)
        known = sorted(name for name in names.values() if name)
        for unknown in table.keys() - known:
            message = f"is unknown. Known are: {', '.join(known)}."
            raise self.error(_at(path, unknown), message)
        for field in fields(cls):  # type: ignore[arg-type]
            name = names[field.name]
            if name in table:
                given[field.name] = self._value(_at(path, name), table[name], hints[field.name])
            elif field.name not in given and field.default is field.default_factory is MISSING:
                raise self.error(_at(path, name or field.name), "is missing.")
        return cls(**given)

    def _value(self, path: str, value: object, hint: object) -> object:
        """Return ``value`` as ``hint`` wants it."""
        if get_origin(hint) is Annotated:
            inner, *rules = get_args(hint)
            return self._by_rules(path, self._value(path, value, inner), rules)
        if NoneType in get_args(hint):
            inner = get_args(hint)[0]
            # A TOML file cannot say "nothing": true stands for an attribute without a value.
            return None if value is True and inner is str else self._value(path, value, inner)
        if is_dataclass(hint):
            return self.read(hint, value, path)  # type: ignore[arg-type]
        if get_origin(hint) is tuple:
            return self._list(path, value, get_args(hint)[0])
        if get_origin(hint) is Mapping:
            inner = get_args(hint)[1]
            return MappingProxyType(
                {
                    k: self._value(_at(path, k), v, inner)
                    for k, v in self._table(path, value).items()
                }
            )
        if hint is date:
            return self._day(path, value)
        return self._flag(path, value) if hint is bool else self._text(path, value)

    def _by_rules(self, path: str, value: object, rules: list[Rule]) -> object:
        for rule in rules:
            try:
                value = rule(value)
            except ValueError as problem:
                raise self.error(path, str(problem)) from problem
        return value

    def _text(self, path: str, value: object) -> str:
        if not isinstance(value, str):
            raise self.error(path, "must be text.")
        if not value.strip():
            raise self.error(path, "must not be blank.")
        if CONTROL_CHARACTER.search(value):
            raise self.error(path, "must not hold control characters.")
        return value

    def _flag(self, path: str, value: object) -> bool:
        if not isinstance(value, bool):
            raise self.error(path, "must be true or false.")
        return value

    def _day(self, path: str, value: object) -> date:
        # A date with a time is a datetime, which is a date as well.
        if type(value) is not date:
            raise self.error(path, "must be a day, without quotes: 2026-11-29.")
        return value

    def _list(self, path: str, value: object, hint: object) -> tuple[object, ...]:
        of_tables = is_dataclass(hint)
        if not isinstance(value, list) or not (value or of_tables):
            what = "tables" if of_tables else "texts that is not empty"
            raise self.error(path, f"must be a list of {what}.")
        entries = [self._value(f"{path}[{at}]", entry, hint) for at, entry in enumerate(value)]
        if not of_tables and len(set(entries)) < len(entries):
            raise self.error(path, "holds the same text twice.")
        return tuple(entries)

    def _table(self, path: str, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise self.error(path, "must be a table.")
        return value


# A catalogue has thousands of tables, and finding this out takes longer than reading one.
@cache
def hints_of(cls: type) -> Mapping[str, object]:
    """Return the types of a dataclass's fields, with their rules."""
    return get_type_hints(cls, include_extras=True)


@cache
def names_in_file(cls: type) -> Mapping[str, str | None]:
    """Return by field of a dataclass what it is called in the file."""
    return {name: _name_in_file(name, hint) for name, hint in hints_of(cls).items()}


def _name_in_file(name: str, hint: object) -> str | None:
    rules = get_args(hint) if get_origin(hint) is Annotated else ()
    return next((rule.name for rule in rules if isinstance(rule, InFile)), name)


def _at(path: str, name: str | None) -> str:
    return f"{path}.{name}" if path else str(name)
