"""Fields that take a file's values exactly: none is converted, as an API would.

An exported policy has to be the same after it was imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from consent.transfer.tools import Row
from consent.transfer.wording import printable, shown


class JSONObject(dict[str, object]):
    """A JSON object that remembers which of its names occur more than once."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        times = Counter(name for name, _ in pairs)
        self.repeated = [name for name in times if times[name] > 1]


class Text(serializers.CharField):
    """Text; a number is not taken for one, and nothing is trimmed."""

    def to_internal_value(self, data: object) -> str:
        """Return ``data``; raise ValidationError where it is no text, or blank."""
        if not isinstance(data, str):
            self.fail("invalid")
        if not self.allow_blank and not data.strip():
            self.fail("blank")
        return data


class Number(serializers.IntegerField):
    """A whole number; neither "5" nor 5.0 is taken for one."""

    def to_internal_value(self, data: object) -> int:
        """Return ``data``; raise ValidationError where it is no whole number."""
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class Flag(serializers.BooleanField):
    """true or false; neither "yes" nor 1 is taken for true."""

    def to_internal_value(self, data: object) -> bool:
        """Return ``data``; raise ValidationError where it is neither true nor false."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Choice(serializers.ChoiceField):
    """One of a model field's choices; its error lists them."""

    def run_validation(self, data: object = empty) -> object:
        """Return ``data``; raise ValidationError where it is not one of the choices."""
        if data is not empty and not (isinstance(data, str) and data in self.choices):
            known = ", ".join(map(str, self.choices))
            raise serializers.ValidationError(f"{shown(data)} is not one of: {known}.")
        return super().run_validation(data)


class Parameters(serializers.DictField):
    """A tool's parameters by name."""

    def to_internal_value(self, data: Any) -> Row:
        """Return ``data``; raise ValidationError where a name occurs twice."""
        if problems := dict(repeated_names(data)):
            raise serializers.ValidationError(problems)
        parameters: Row = super().to_internal_value(data)
        return parameters


def repeated_names(data: object) -> Iterator[tuple[str, list[str]]]:
    """Return each name that is in the object twice, with the error for it."""
    for name in data.repeated if isinstance(data, JSONObject) else ():
        yield printable(name), ["it is in the same object twice; keep one."]
