"""What a recipe is: its parameters, scripts and cookies, and what can be asked of it.

Labels and help texts are kept as they stand in the file; they are translated where they are shown.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.utils.text import Truncator
from django.utils.translation import gettext

from consent.recipes.escaping import PLACEHOLDER, fill, javascript_literal, script_tag, url_part

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value that the site's owner fills in.

    It has either a `pattern`, which the whole value must match, or `choices`. Patterns are written
    so that they mean the same in Python (ASCII) and in an HTML `pattern` attribute.
    """

    name: str
    label: str
    example: str
    help: str = ""
    pattern: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    default: str = ""
    secret: bool = False

    @property
    def is_always_filled(self) -> bool:
        """Whether a script can count on a value: it must be given or has a default."""
        return self.required or bool(self.default)

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
        if not self.required or self.default:
            return ""
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


@dataclass(frozen=True, slots=True)
class Script:
    """One script element: code in it (`inline`) or an address (`src`), never both.

    `when` names parameters and the values of theirs for which the script is written.
    In `attributes` None stands for an attribute without a value.
    """

    inline: str = ""
    src: str = ""
    is_async: bool = False
    attributes: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of the parameters that the code or the address holds."""
        return frozenset(PLACEHOLDER.findall(self.inline or self.src))

    def applies(self, values: Mapping[str, str]) -> bool:
        """Say whether the script is written for these filled values."""
        return all(values[name] in wanted for name, wanted in self.when.items())

    def html(self, values: Mapping[str, str], tool_key: str) -> str:
        """Return the script element for these filled values."""
        code = fill(self.inline, values, javascript_literal)
        return script_tag(tool_key, self._attributes(values), code)

    def _attributes(self, values: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
        if self.src:
            yield "src", fill(self.src, values, url_part)
        if self.is_async:
            yield "async", None
        yield from self.attributes.items()


@dataclass(frozen=True, slots=True)
class DeclaredCookie:
    """A cookie or storage key that the tool sets; `*` in its name stands for any text."""

    name: str
    kind: str
    party: str
    retention: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the app knows of one vendor's tool. `kind` is "browser" or "server"."""

    key: str
    name: str
    also_known_as: tuple[str, ...]
    vendor: str
    kind: str
    category: str
    placement: str
    privacy_url: str
    description: str
    confidence: str
    note: str
    sources: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    scripts: tuple[Script, ...]
    csp: Mapping[str, tuple[str, ...]] = field(hash=False)
    consent_mode: tuple[str, ...]
    cookies: tuple[DeclaredCookie, ...]

    def errors(self, values: Mapping[str, object]) -> dict[str, str]:
        """Return what is wrong with the given parameters: name -> translated sentence.

        A parameter that is left out counts as blank.
        """
        known = {parameter.name for parameter in self.parameters}
        found = {name: self._error_where_unknown(name) for name in values if name not in known}
        for parameter in self.parameters:
            if message := parameter.error(values.get(parameter.name, "")):
                found[parameter.name] = message
        return found

    def render(self, values: Mapping[str, str], tool_key: str) -> str:
        """Return the HTML of all scripts, in order; "" for a server-side tool.

        Where the nonce of the request belongs, each tag holds a NUL character.
        Raises ValueError, naming recipe and parameters, where `errors(values)` is not empty.
        """
        if errors := self.errors(values):
            raise ValueError(f"{self.key}: {' '.join(errors.values())}")
        filled = {
            parameter.name: parameter.filled(values.get(parameter.name, ""))
            for parameter in self.parameters
        }
        return "\n".join(
            script.html(filled, tool_key) for script in self.scripts if script.applies(filled)
        )

    def _error_where_unknown(self, name: str) -> str:
        return gettext("“%(name)s” is not a parameter of %(recipe)s. It has: %(known)s") % {
            "name": _shortened(name),
            "recipe": self.name,
            "known": ", ".join(parameter.name for parameter in self.parameters) or "—",
        }


def _shortened(text: str) -> str:
    return Truncator(text).chars(_SHOWN_CHARACTERS)
