"""Tables of settings: each setting is declared once, with its default and its allowed values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Self, TypeVar, overload

from django.conf import settings
from django.core.signals import setting_changed

from consent.conf.rules import Rule

T_co = TypeVar("T_co", covariant=True)


class Setting(Generic[T_co]):
    """One setting, as an attribute of an `AppSettings` table.

    ``secret``: the value must not appear in a message.
    """

    def __init__(self, default: T_co, rule: Rule, *, secret: bool = False) -> None:
        self.default = default
        self.rule = rule
        self._secret = secret

    def __set_name__(self, owner: type[AppSettings], name: str) -> None:
        self.attribute = name
        self.name = f"{owner.prefix}{name}"

    @overload
    def __get__(self, table: None, owner: type) -> Self: ...

    @overload
    def __get__(self, table: AppSettings, owner: type) -> T_co: ...

    def __get__(self, table: AppSettings | None, owner: type) -> Self | T_co:
        if table is None:
            return self
        value: T_co = getattr(settings, self.name, self.default)
        # The next access finds this first: a page reads several settings, and Django needs 2 µs
        # for one that the project does not have.
        table.__dict__[self.attribute] = value
        return value

    def problem(self, value: object) -> str:
        """Return a sentence that says why ``value`` is not allowed; "" if it is allowed."""
        if self.rule.allows(value):
            return ""
        shown = "invalid" if self._secret else repr(value)
        return f"{self.name} is {shown}; it has to be {self.rule.expected}."


class AppSettings:
    """A table of an app's settings: subclass it, declare each `Setting`, and make one instance.

    ``table.NAME`` reads the project's setting ``{prefix}NAME`` when it is first used, and again
    after ``override_settings`` changed it.
    """

    prefix = "CONSENT_"

    def __init__(self) -> None:
        setting_changed.connect(self._forget)

    @classmethod
    def declared(cls) -> tuple[Setting[object], ...]:
        """Return the settings of the table, in its order."""
        return tuple(value for value in vars(cls).values() if isinstance(value, Setting))

    def problems(self) -> Iterator[tuple[Setting[object], str]]:
        """Yield each setting whose value is not allowed, with a sentence that says why."""
        for setting in self.declared():
            if problem := setting.problem(getattr(self, setting.attribute)):
                yield setting, problem

    def _forget(self, setting: str, **kwargs: object) -> None:
        self.__dict__.pop(setting.removeprefix(self.prefix), None)
