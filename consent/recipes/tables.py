"""Reads TOML tables field by field, and says which file and field holds what it should not."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

# As wide as the models' fields that are filled in from a recipe.
LENGTHS = {
    "key": 40,
    "name": 80,
    "vendor": 200,
    "privacy_url": 300,
    "cookies.name": 120,
    "cookies.retention": 80,
    "cookies.purpose": 300,
}

_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class RecipeError(ValueError):
    """A recipe file that cannot be used. The message names file, field and what is expected."""

    def __init__(self, file: str, field: str, message: str) -> None:
        super().__init__(": ".join(part for part in (file, field, message) if part))


class Table:
    """A TOML table that is read field by field, with types and names checked."""

    def __init__(
        self, file: str, path: str, data: object, allowed: Collection[str] | None = None
    ) -> None:
        """Take the table at `path` of `file`; without `allowed` its fields may have any name.

        Raises RecipeError where it is no table or has a field that is not allowed.
        """
        self.file = file
        self.path = path
        if not isinstance(data, dict):
            raise RecipeError(file, path, "must be a table.")
        self.data: Mapping[str, object] = data
        for name in data:
            if allowed is not None and name not in allowed:
                raise self.error(name, f"is unknown. Known are: {', '.join(sorted(allowed))}.")

    def at(self, name: str) -> str:
        """Return the path of a field as error messages name it."""
        return f"{self.path}.{name}" if self.path else name

    def error(self, name: str, message: str) -> RecipeError:
        """Return (not raise) the error for a field of this table."""
        return RecipeError(self.file, self.at(name), message)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text that is not blank. Without a default the field must be there."""
        if name not in self.data and default is not None:
            return default
        value = self._value(name)
        if not isinstance(value, str):
            raise self.error(name, "must be text.")
        if not value.strip():
            raise self.error(name, "must not be blank.")
        if _CONTROL_CHARACTER.search(value):
            raise self.error(name, "must not hold control characters.")
        length = LENGTHS.get(_without_positions(self.at(name)), len(value))
        if len(value) > length:
            raise self.error(name, f"must not be longer than {length} characters.")
        return value

    def one_of(self, name: str, choices: Collection[str]) -> str:
        """Return a text that is one of `choices`."""
        value = self.text(name)
        if value not in choices:
            raise self.error(name, f"“{value}” is not one of: {', '.join(choices)}.")
        return value

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        """Return a text that matches `pattern` from end to end."""
        value = self.text(name)
        if not pattern.fullmatch(value):
            raise self.error(name, f"“{value}” does not match {pattern.pattern}")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false where the field is missing."""
        value = self.data.get(name, False)
        if not isinstance(value, bool):
            raise self.error(name, "must be true or false.")
        return value

    def texts(self, name: str, *, required: bool = False) -> tuple[str, ...]:
        """Return a list of texts; an empty one where the field is missing and not required."""
        if name not in self.data and not required:
            return ()
        values = self._value(name)
        if not isinstance(values, list) or not values:
            raise self.error(name, "must be a list of texts that is not empty.")
        entries = {f"{name}[{index}]": value for index, value in enumerate(values)}
        inner = Table(self.file, self.path, entries)
        texts = tuple(inner.text(entry) for entry in entries)
        if len(set(texts)) < len(texts):
            raise self.error(name, "holds the same text twice.")
        return texts

    def table(self, name: str, allowed: Collection[str] | None = None) -> Table:
        """Return an inner table; an empty one where the field is missing."""
        return Table(self.file, self.at(name), self.data.get(name, {}), allowed)

    def tables(self, name: str, allowed: Collection[str]) -> list[Table]:
        """Return a list of inner tables; an empty one where the field is missing."""
        entries = self.data.get(name, [])
        if not isinstance(entries, list):
            raise self.error(name, "must be a list of tables.")
        return [
            Table(self.file, f"{self.at(name)}[{index}]", entry, allowed)
            for index, entry in enumerate(entries)
        ]

    def _value(self, name: str) -> object:
        if name not in self.data:
            raise self.error(name, "is missing.")
        return self.data[name]


def _without_positions(path: str) -> str:
    return re.sub(r"\[[0-9]+\]", "", path)
