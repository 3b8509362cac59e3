"""What a recipe is: its parameters, scripts, embed and cookies, and what can be asked of it.

Labels and help texts are kept as they stand in the file; they are translated where they are shown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from django.utils.text import Truncator
from django.utils.translation import gettext

from consent.recipes.escaping import (
    PLACEHOLDER,
    csp_origin,
    fill,
    javascript_literal,
    script_tag,
    url_part,
    written,
)

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
        """The names of the parameters, or of the marks, that the code or the address holds."""
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
class EmbedParameter(Parameter):
    """A parameter that a template gives, for one of many videos, maps or the like.

    `address`: a pattern of the vendor's own addresses, for who has such a one at hand. Its one
    group is the value, percent-encoded.
    """

    address: str = ""

    def read(self, given: str) -> str:
        """Return the value in `given`: a part of it where it is such an address, else all."""
        text = given.strip()
        found = re.fullmatch(self.address, text, re.ASCII) if self.address else None
        return unquote_plus(found[1]) if found else text


@dataclass(frozen=True, slots=True)
class Embed:
    """An iframe at `src`, with `query` added to its address and `attributes` beside it.

    What it shows is not the tool's to say but the template's: its parameters are given, and held
    against their patterns, wherever one is written. A field of the query is left out where a
    parameter in it is blank. `name` is the recipe's, for messages.
    """

    name: str
    src: str
    parameters: tuple[EmbedParameter, ...]
    query: Mapping[str, str] = field(default_factory=dict, hash=False)
    attributes: Mapping[str, str | None] = field(default_factory=dict, hash=False)

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of the parameters that the address holds."""
        return frozenset(PLACEHOLDER.findall(" ".join((self.src, *self.query.values()))))

    def errors(self, given: Mapping[str, object]) -> dict[str, str]:
        """Return what is wrong with the given parameters: name -> translated sentence."""
        found = _unknown(self.name, self.parameters, given)
        for parameter in self.parameters:
            value = given.get(parameter.name, "")
            read = parameter.read(value) if isinstance(value, str) else value
            if message := parameter.error(read):
                found[parameter.name] = message
        return found

    def html(self, given: Mapping[str, str], title: str) -> str:
        """Return the iframe; `title` tells screen readers what it shows.

        Raises ValueError, whose sentences say why, where `errors(given)` is not empty.
        """
        if errors := self.errors(given):
            raise ValueError(" ".join(errors.values()))
        values = {
            parameter.name: parameter.filled(parameter.read(given.get(parameter.name, "")))
            for parameter in self.parameters
        }
        attributes = {"src": self._address(values), "title": title, "loading": "lazy"}
        return f"<iframe{written({**attributes, **self.attributes}.items())}></iframe>"

    def _address(self, values: Mapping[str, str]) -> str:
        query = "&".join(
            f"{name}={fill(text, values, url_part)}"
            for name, text in self.query.items()
            if all(values[each] for each in PLACEHOLDER.findall(text))
        )
        return fill(self.src, values, url_part) + (f"?{query}" if query else "")


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
    """What the app knows of one vendor's tool. `kind` is "browser", "server" or "embed".

    `csp` is as the file has it: `csp_sources` puts the parameters' values in. Of a server-side
    tool, `endpoint` names the parameter with the address that events go to, `authorization` the one
    with the header of that name, if any, and `signed` says whether Standard Webhooks signs them.
    """

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
    embed: Embed | None = None
    endpoint: str = ""
    authorization: str = ""
    signed: bool = False

    @property
    def hears_signals(self) -> bool:
        """Whether its code is told which signals of Consent Mode are granted."""
        return any("consent_signals" in script.placeholders for script in self.scripts)

    def errors(self, values: Mapping[str, object]) -> dict[str, str]:
        """Return what is wrong with the given parameters: name -> translated sentence.

        A parameter that is left out counts as blank.
        """
        found = _unknown(self.name, self.parameters, values)
        for parameter in self.parameters:
            if message := parameter.error(values.get(parameter.name, "")):
                found[parameter.name] = message
        return found

    def render(self, values: Mapping[str, str], tool_key: str) -> str:
        """Return the HTML of all scripts, in order; "" for a tool that has none.

        Each tag has a marker where the request's nonce belongs; see `consent.recipes.markers`.
        Raises ValueError, naming recipe and parameters, where `errors(values)` is not empty.
        """
        filled = self._filled(values)
        return "\n".join(
            script.html(filled, tool_key) for script in self.scripts if script.applies(filled)
        )

    def csp_sources(self, values: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
        """Return what a Content-Security-Policy has to allow: directive -> sources, none twice.

        Of an address among `values` it is the origin that is allowed. Raises ValueError, naming
        recipe and parameters, where `errors(values)` is not empty or an address has no origin that
        a policy can name.
        """
        filled = self._filled(values)
        return {
            directive: tuple(dict.fromkeys(self._source(entry, filled) for entry in entries))
            for directive, entries in self.csp.items()
        }

    def _filled(self, values: Mapping[str, str]) -> Mapping[str, str]:
        if errors := self.errors(values):
            raise ValueError(f"{self.key}: {' '.join(errors.values())}")
        return {
            parameter.name: parameter.filled(values.get(parameter.name, ""))
            for parameter in self.parameters
        }

    def _source(self, entry: str, filled: Mapping[str, str]) -> str:
        try:
            return fill(entry, filled, csp_origin)
        except ValueError as problem:
            raise ValueError(f"{self.key}: {problem}") from problem


def _unknown(owner: str, parameters: Sequence[Parameter], values: Iterable[str]) -> dict[str, str]:
    """Return a sentence for each name in `values` that is none of the parameters'."""
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
