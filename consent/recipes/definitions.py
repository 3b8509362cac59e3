"""What a recipe is: its scripts, embed and cookies, and the markup and CSP sources made from it.

The types of the fields are also the form of a recipe's file: see `consent.recipes.reading`. Labels
and help texts are kept as they stand in the file; they are translated where they are shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from consent.recipes.embeds import Embed
from consent.recipes.escaping import (
    PLACEHOLDER,
    attribute_text,
    csp_origin,
    fill,
    fill_address,
    is_filled,
    javascript_literal,
    javascript_value,
    script_tag,
)
from consent.recipes.keys import KEY, KEY_LENGTH
from consent.recipes.parameters import Parameter, unknown_names
from consent.recipes.reading import AtMost, InFile, Matching, OneOf

# https://developers.google.com/tag-platform/security/concepts/consent-mode
CONSENT_TYPES = (
    "ad_storage",
    "ad_user_data",
    "ad_personalization",
    "analytics_storage",
    "functionality_storage",
    "personalization_storage",
    "security_storage",
)


def consent_type(name: str) -> str:
    """Return ``name``; raise ValueError where Consent Mode has no such type."""
    if name not in CONSENT_TYPES:
        raise ValueError(f"“{name}” is not a type of Consent Mode.")
    return name


def one_line(text: str) -> str:
    """Return ``text`` with its line breaks replaced by spaces."""
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Script:
    """One script element: code in it (`inline`) or an address (`src`), never both.

    `when` names parameters and the values of theirs for which the script is written.
    In `attributes` None stands for an attribute without a value. The value of one of
    `json_attributes` is written as a JSON object of texts. What has a blank parameter is left out
    of either.
    """

    inline: Annotated[str, str.strip] = ""
    src: str = ""
    is_async: Annotated[bool, InFile("async")] = False
    attributes: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    json_attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of the parameters, or of the marks, that the code or the address holds."""
        return frozenset(PLACEHOLDER.findall(self.inline or self.src))

    @property
    def placeholders_of_attributes(self) -> frozenset[str]:
        """The names of the parameters that the attributes hold."""
        texts = [text for text in self.attributes.values() if text is not None]
        texts += [text for each in self.json_attributes.values() for text in each.values()]
        return frozenset(PLACEHOLDER.findall(" ".join(texts)))

    def applies(self, values: Mapping[str, str]) -> bool:
        """Say whether the script is written for these filled values."""
        return all(values[name] in wanted for name, wanted in self.when.items())

    def html(self, values: Mapping[str, str], tool_key: str) -> str:
        """Return the script element for these filled values."""
        code = fill(self.inline, values, javascript_literal)
        return script_tag(tool_key, self._attributes(values), code)

    def _attributes(self, values: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
        if self.src:
            yield "src", fill_address(self.src, values)
        if self.is_async:
            yield "async", None
        for name, text in self.attributes.items():
            if text is None or is_filled(text, values):
                yield name, None if text is None else fill(text, values, attribute_text)
        for name, texts in self.json_attributes.items():
            filled = {key: text for key, text in texts.items() if is_filled(text, values)}
            yield name, javascript_value({k: fill(v, values, str) for k, v in filled.items()})


@dataclass(frozen=True, slots=True)
class DeclaredCookie:
    """A cookie or storage key that the tool sets; `*` in its name stands for any text."""

    name: Annotated[str, Matching(r"[^\s;=,]+"), AtMost(120)]
    kind: Annotated[str, OneOf(("cookie", "storage"))]
    party: Annotated[str, OneOf(("first", "third"))]
    retention: Annotated[str, AtMost(80)]
    purpose: Annotated[str, AtMost(300)]


@dataclass(frozen=True, slots=True)
class ConsentMode:
    """The types that a tool asks about; `google_tag`: it hears of consent as Google's tags do."""

    types: tuple[Annotated[str, consent_type], ...] = ()
    google_tag: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What the app knows of one vendor's tool. `kind` is "browser", "server" or "embed".

    `csp` is as the file has it: `csp_sources` puts the parameters' values in. Of a server-side
    tool, `endpoint` names the parameter with the address that events go to, `authorization` the one
    with the header of that name, if any, and `signed` says whether Standard Webhooks signs them.
    `checked` is the day on which the facts were last compared with their sources; `loads_others`
    marks a tag manager, or another tool that starts what the policy may not name. For
    `recognised_by` see `consent.recipes.recognised_by`.
    """

    key: Annotated[str, InFile(None), AtMost(KEY_LENGTH), Matching(KEY)]
    name: Annotated[str, AtMost(80)]
    also_known_as: tuple[str, ...] = ()
    vendor: Annotated[str, AtMost(200)]
    kind: Annotated[str, OneOf(("browser", "server", "embed"))]
    category: Annotated[str, Matching(KEY)]
    placement: Annotated[str, OneOf(("head", "body", "manual"))]
    privacy_url: Annotated[str, AtMost(300)] = ""
    description: str
    confidence: Annotated[str, OneOf(("high", "medium", "low"))]
    checked: date | None = None
    note: Annotated[str, one_line] = ""
    sources: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    scripts: tuple[Script, ...] = ()
    csp: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    consent_mode: tuple[str, ...] = ()
    recognised_by: tuple[str, ...] = ()
    cookies: tuple[DeclaredCookie, ...] = ()
    embed: Embed | None = None
    endpoint: str = ""
    authorization: str = ""
    signed: bool = False
    loads_others: bool = False

    @property
    def needed(self) -> tuple[str, ...]:
        """The names of the parameters without which the tool does not run."""
        needed = (each for each in self.parameters if each.required and not each.default)
        return tuple(each.name for each in needed)

    @property
    def hears_signals(self) -> bool:
        """Whether its code receives which signals of Consent Mode are granted."""
        return any("consent_signals" in script.placeholders for script in self.scripts)

    def errors(self, values: Mapping[str, object]) -> dict[str, str]:
        """Return what is wrong with the given parameters: name -> translated sentence.

        A parameter that is left out counts as blank.
        """
        found = unknown_names(self.name, self.parameters, values)
        for parameter in self.parameters:
            if message := parameter.error(values.get(parameter.name, "")):
                found[parameter.name] = message
        return found

    def code(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return the values, or their defaults, that decide which scripts run on the site."""
        return {
            parameter.name: parameter.filled(values.get(parameter.name) or "")
            for parameter in self.parameters
            if parameter.code
        }

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
