"""Parameters of a recipe: what they accept, and what is wrong with a value."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from django.utils.text import Truncator
from django.utils.translation import gettext

from consent.recipes.markers import FILLED_IN
from consent.recipes.reading import Matching

_SHOWN_CHARACTERS = 60


def not_reserved(name: str) -> str:
    """Return ``name``; raise ValueError where the app itself replaces this placeholder."""
    if name in FILLED_IN:
        raise ValueError(f"“{name}” is what the app fills in by itself.")
    return name


def regular_expression(pattern: str) -> str:
    """Return ``pattern``; raise ValueError where it cannot be used for a whole value."""
    try:
        re.compile(pattern, re.ASCII)
    # OverflowError: a repetition such as {99999999999}.
    except (re.error, OverflowError, RecursionError) as problem:
        raise ValueError(f"is not a regular expression: {problem}.") from problem
    if pattern.startswith("^") or pattern.endswith("$"):
        raise ValueError("must do without ^ and $: it always matches the whole value.")
    return pattern


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value that the site's owner fills in.

    It has either a `pattern`, which the whole value must match, or `choices`. Patterns are written
    so that they mean the same in Python (ASCII) and in an HTML `pattern` attribute. Who changes a
    value that is `code` decides which scripts run on the site: it is part of a script's address, or
    names a container of others' scripts.
    """

    name: Annotated[str, Matching(r"[a-z][a-z0-9_]*"), not_reserved]
    label: str
    example: str
    help: str = ""
    pattern: Annotated[str, regular_expression] = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    default: str = ""
    secret: bool = False
    code: bool = False

    @property
    def is_always_filled(self) -> bool:
        """Whether a script can count on a value: it must be given or has a default."""
        return self.required or bool(self.default)

    @property
    def may_be_address(self) -> bool:
        """Whether it looks as if values are addresses."""
        return any(text.startswith("https:") for text in (self.pattern, self.example))

    def accepts(self, value: str) -> bool:
        """Say whether a value that is not blank fits the choices or the pattern."""
        if self.choices:
            return value in self.choices
        return re.fullmatch(self.pattern, value, re.ASCII) is not None

    def filled(self, value: str) -> str:
        """Return the value to use: `value`, or the default (else "") where it is blank."""
        return value if value.strip() else self.default

    def error(self, value: object) -> str:
        """Return a translated sentence that says what is wrong with `value`, or ""."""
        if not isinstance(value, str):
            return gettext("%(value)s is not text. %(label)s is written as text: %(example)s") % {
                "value": gettext("The value") if self.secret else _shortened(repr(value)),
                "label": gettext(self.label),
                "example": self.example,
            }
        if not value.strip():
            return self._error_where_blank()
        return "" if self.accepts(value) else self._error_of_form(value)

    def _error_where_blank(self) -> str:
        return self.missing() if self.required and not self.default else ""

    def missing(self) -> str:
        """Return a translated sentence that asks for a value."""
        return gettext("%(label)s is missing. It looks like this: %(example)s") % {
            "label": gettext(self.label),
            "example": self.example,
        }

    def _error_of_form(self, value: str) -> str:
        if self.choices:
            return gettext(
                "“%(value)s” is not a choice for %(label)s. Choose one of: %(choices)s"
            ) % {
                "value": _shortened(value),
                "label": gettext(self.label),
                "choices": ", ".join(self.choices),
            }
        # A secret is not repeated: messages end up in pages, logs and API answers.
        sentence = (
            gettext("This is not a valid value for %(label)s. It looks like this: %(example)s")
            if self.secret
            else gettext(
                "“%(value)s” is not a valid value for %(label)s. It looks like this: %(example)s"
            )
        )
        return sentence % {
            "value": _shortened(value),
            "label": gettext(self.label),
            "example": self.example,
        }


def unknown_names(
    owner: str, parameters: Sequence[Parameter], values: Iterable[str]
) -> dict[str, str]:
    """Return a sentence for each name in `values` that no parameter has."""
    known = [parameter.name for parameter in parameters]
    sentence = gettext("“%(name)s” is not a parameter of %(recipe)s. It has: %(known)s")
    return {
        name: sentence
        % {"name": _shortened(name), "recipe": owner, "known": ", ".join(known) or "—"}
        for name in values
        if name not in known
    }


def _shortened(text: str) -> str:
    return Truncator(text).chars(_SHOWN_CHARACTERS)
