"""The addresses in pasted code, and the forms of address by which a recipe is recognised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from urllib.parse import parse_qsl, unquote

from consent.recipes.escaping import PLACEHOLDER

MOST_ADDRESSES = 300
"""Further addresses in one piece of code are not looked at."""

_HOST = r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
_PATH = r"""[/?#][^\s"'`<>\\^{}|]{0,2000}"""
_ADDRESS = re.compile(
    rf"(?P<scheme>(?:https?:|wss:)?//)(?:[\w-]{{1,64}}@)?(?P<host>{_HOST})(?P<port>:[0-9]{{1,5}})?"
    rf"(?P<path>{_PATH})?"
    rf"""|(?<=["'`])(?P<bare_host>{_HOST})(?P<bare_path>/[\w./-]{{1,300}})(?=["'`])"""
)
_PART = re.compile(rf"{PLACEHOLDER.pattern}|\*")
_VALUE = r"[^/?#&\s]{1,300}"
_LABEL = r"[A-Za-z0-9_-]{1,63}"


@dataclass(frozen=True)
class Address:
    """An address in code: a whole one, or the beginning from which code builds it.

    `port` has its colon. `is_bare`: it stands in quotes without a scheme, which may be a file's
    name, too.
    """

    host: str
    port: str
    path: str
    query: Mapping[str, str] = field(hash=False)
    is_bare: bool
    text: str

    @property
    def place(self) -> str:
        """Host and path, without a slash at the end."""
        return f"{self.host}{self.path}".rstrip("/")

    @property
    def origin(self) -> str:
        """Scheme, host and port as a CSP has them."""
        scheme = "wss" if self.text.startswith("wss:") else "https"
        return f"{scheme}://{self.host}{self.port}"


def addresses_in(text: str) -> Iterator[Address]:
    """Yield the addresses in readable code, at most `MOST_ADDRESSES`."""
    for found in islice(_ADDRESS.finditer(text), MOST_ADDRESSES):
        rest = (found["path"] or found["bare_path"] or "").rstrip(".,;)")
        path, _, query = rest.partition("#")[0].partition("?")
        host = (found["host"] or found["bare_host"]).lower()
        fields = dict(parse_qsl(query, keep_blank_values=True)[:50])
        text_of_it = found[0].rstrip(".,;)")
        yield Address(host, found["port"] or "", path, fields, not found["scheme"], text_of_it)


@dataclass(frozen=True)
class Match:
    """What an address says: values of parameters, and how much of the form is in it."""

    values: Mapping[str, str]
    weight: int


@dataclass(frozen=True)
class AddressForm:
    """A form of address, such as `https://cdn.vendor.example/{{id}}.js?mode=*`.

    A placeholder stands for a value and a star for any text in one part of host or path. A
    placeholder at the beginning stands for the address before what follows. `means`: values that
    such an address implies. `identifies`: whether it is the vendor's alone.
    """

    template: str
    means: Mapping[str, str] = field(default_factory=dict, hash=False)
    identifies: bool = True

    def match(self, address: Address) -> Match | None:
        """Return what `address` says if it has this form, else None."""
        if self.starts_anywhere:
            return self._match_after_start(address)
        if self._host_text not in address.host:
            return None
        whole = self._place.fullmatch(address.place)
        if whole is None:
            cut = self._beginning and self._beginning.fullmatch(f"{address.host}{address.path}")
            return Match(self.means, 0) if cut else None
        return self._with_query(address, self._values(whole, self._names))

    @property
    def starts_anywhere(self) -> bool:
        """Whether it begins with a placeholder, and so names no host."""
        return bool(self._start)

    @property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """The patterns that an address is held against."""
        if self.starts_anywhere:
            return tuple(self._endings)
        return tuple(filter(None, (self._place, self._beginning)))

    @cached_property
    def shared(self) -> str:
        """Host and path with all values left out: recipes may have these in common."""
        return PLACEHOLDER.sub("*", self._split[0])

    @cached_property
    def _start(self) -> str:
        start = PLACEHOLDER.match(self.template)
        return start[1] if start else ""

    @cached_property
    def _split(self) -> tuple[str, Mapping[str, str]]:
        place, _, query = self.template.removeprefix("https://").partition("?")
        return place.rstrip("/"), dict(parse_qsl(query, keep_blank_values=True))

    @cached_property
    def _names(self) -> list[str]:
        names = PLACEHOLDER.findall(self._split[0])
        return names[1:] if self._start else names

    @cached_property
    def _place(self) -> re.Pattern[str]:
        place = PLACEHOLDER.sub("", self._split[0], count=1) if self._start else self._split[0]
        return _pattern(place)

    @cached_property
    def _beginning(self) -> re.Pattern[str] | None:
        """What code has in quotes before it adds the first value to the path."""
        host, _, path = self._split[0].partition("/")
        before = _PART.split(path)[0]
        if before == path:
            return None
        return None if PLACEHOLDER.search(host) else _pattern(f"{host}/{before}")

    @cached_property
    def _host_text(self) -> str:
        """A text that the host must contain, which is found sooner than the whole form."""
        host = self._split[0].partition("/")[0]
        return max(PLACEHOLDER.sub("*", host).split("*"), key=len)

    def _match_after_start(self, address: Address) -> Match | None:
        if not self._endings:
            whole = f"https://{address.host}{address.port}{address.path}"
            return Match({**self.means, self._start: whole}, 1)
        for after in self._endings:
            if found := after.search(address.path):
                before = f"https://{address.host}{address.port}{address.path[: found.start()]}"
                names = self._names[: len(found.groups())]
                values = self._values(found, names)
                return Match({**self.means, **values, self._start: before}, 1)
        return None

    @cached_property
    def _endings(self) -> list[re.Pattern[str]]:
        place = PLACEHOLDER.sub("", self._split[0], count=1)
        before = _PART.split(place)[0]
        texts = [place] if before == place else [place, before]
        return [re.compile(_pattern(text).pattern + r"\Z") for text in texts if text]

    def _values(self, found: re.Match[str], names: list[str]) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, text in zip(names, found.groups(), strict=False):
            values[name] = values.get(name, "") + unquote(text)
        return values

    def _with_query(self, address: Address, values: dict[str, str]) -> Match | None:
        weight = 1
        for name, wanted in self._split[1].items():
            given = address.query.get(name, "")
            placeholder = PLACEHOLDER.fullmatch(wanted)
            if placeholder is None and given not in ("", wanted):
                return None
            if placeholder and given:
                values[placeholder[1]] = given
            weight += 1 if given else -1
        return Match({**self.means, **values}, weight)


def _pattern(place: str) -> re.Pattern[str]:
    """Return a pattern of host and path with a group for each placeholder."""
    host, slash, path = place.partition("/")
    return re.compile(_filled(host, _LABEL) + slash + _filled(path, _VALUE))


def _filled(text: str, value: str) -> str:
    parts, at = [], 0
    for found in _PART.finditer(text):
        parts += [re.escape(text[at : found.start()]), f"({value})" if found[1] else f"{value}"]
        at = found.end()
    return "".join([*parts, re.escape(text[at:])])
