"""Embeds: an iframe of a vendor, with parameters that a template gives."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Annotated
from urllib.parse import unquote_plus

from consent.recipes.escaping import PLACEHOLDER, fill, is_filled, url_part, written
from consent.recipes.markers import PAGE_HOST
from consent.recipes.parameters import Parameter, regular_expression, unknown_names
from consent.recipes.reading import InFile

# Of the code that vendors' share buttons give; what is longer is none.
_IFRAME = re.compile(
    r"""<iframe\s(?:[^>]{0,1000}?\s)??src=["']([^"'<>]{1,8000})["']""", re.IGNORECASE
)
_SCHEME = re.compile(r"\A(https?:)?//", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class EmbedParameter(Parameter):
    """A parameter that a template gives, for one of many videos, maps or the like.

    `address`: a pattern of the vendor's own addresses, which begin with https://, for who has such
    a one at hand, or the code of an iframe with it. Its one group is the value, percent-encoded.
    """

    address: Annotated[str, regular_expression] = ""

    def read(self, given: str) -> str:
        """Return the value in `given`: a part of it where it is such an address, else all."""
        return self.found_in(given) or given.strip()

    def found_in(self, text: str) -> str:
        """Return the value in a vendor's own address, or "" where `text` is not such an address."""
        found = re.fullmatch(self.address, _address(text), re.ASCII) if self.address else None
        return unquote_plus(found[1]) if found else ""


def _address(text: str) -> str:
    """Return the https address in `text`: of the iframe in a vendor's code, or `text` itself."""
    if iframe := _IFRAME.search(text):
        text = unescape(iframe[1])
    return "https://" + _SCHEME.sub("", text.strip())


@dataclass(frozen=True, slots=True)
class Embed:
    """An iframe at `src`, with `query` added to its address and `attributes` beside it.

    What it shows is not the tool's to say but the template's: its parameters are given, and held
    against their patterns, wherever one is written. A field of the query is left out where a
    parameter in it is blank. `needs` names the parameter without which some value, such as a word
    in the place of an ID, shows nothing; of the parameters in `any_of` one must be given. `name` is
    the recipe's, for messages.
    """

    src: str
    name: Annotated[str, InFile(None)] = ""
    parameters: tuple[EmbedParameter, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict, hash=False)
    needs: Mapping[str, str] = field(default_factory=dict, hash=False)
    any_of: tuple[str, ...] = ()
    attributes: Mapping[str, str | None] = field(default_factory=dict, hash=False)

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of the parameters that the address holds, and `PAGE_HOST` if it does."""
        return frozenset(PLACEHOLDER.findall(" ".join((self.src, *self.query.values()))))

    @property
    def names_host(self) -> bool:
        """Whether the address of the embed contains the host of the page."""
        return PAGE_HOST in self.placeholders

    def errors(self, given: Mapping[str, object]) -> dict[str, str]:
        """Return what is wrong with the given parameters: name -> translated sentence."""
        found = unknown_names(self.name, self.parameters, given)
        for parameter in self.parameters:
            if message := parameter.error(self._value(parameter, given)):
                found[parameter.name] = message
        return found or dict(self._missing(given))

    def _missing(self, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        values = {each.name: self._value(each, given) for each in self.parameters}
        for parameter in self.parameters:
            needing = [value for value, name in self.needs.items() if name == parameter.name]
            if not values[parameter.name] and any(value in needing for value in values.values()):
                yield parameter.name, parameter.missing()
        if self.any_of and not any(values[name] for name in self.any_of):
            (first,) = (each for each in self.parameters if each.name == self.any_of[0])
            yield first.name, first.missing()

    def _value(self, parameter: EmbedParameter, given: Mapping[str, object]) -> object:
        """Return what is given for a parameter; else what another one's address contains for it."""
        value = given.get(parameter.name, "")
        texts = (text for text in given.values() if isinstance(text, str))
        if value == "" and parameter.address:
            return next((found for text in texts if (found := parameter.found_in(text))), "")
        return parameter.read(value) if isinstance(value, str) else value

    def html(self, given: Mapping[str, str], title: str, host: str = "") -> str:
        """Return the iframe; `title` tells screen readers what it shows, `host` is the page's.

        Raises ValueError, whose sentences say why, where `errors(given)` is not empty.
        """
        if errors := self.errors(given):
            raise ValueError(" ".join(errors.values()))
        values = {
            parameter.name: parameter.filled(str(self._value(parameter, given)))
            for parameter in self.parameters
        }
        address = self._address({**values, PAGE_HOST: host})
        attributes = {"src": address, "title": title, "loading": "lazy"}
        return f"<iframe{written({**attributes, **self.attributes}.items())}></iframe>"

    def _address(self, values: Mapping[str, str]) -> str:
        query = "&".join(
            f"{name}={fill(text, values, url_part)}"
            for name, text in self.query.items()
            if is_filled(text, values)
        )
        return fill(self.src, values, url_part) + (f"?{query}" if query else "")
