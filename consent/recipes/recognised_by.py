"""The lines by which a recipe knows its vendor's own code, where that differs from the recipe's.

A line is an address (`https://cdn.vendor.example/{{id}}.js`, with a star for any text), code with
the values in it (`vendor.load('{{id}}'`), or one placeholder alone, where a value of this form can
be nothing else. `consent.recipes.recognition` looks for them in what somebody pastes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from consent.recipes.escaping import PLACEHOLDER
from consent.recipes.parameters import Parameter

ONLY_VALUE = "… "
"""Begins a line that says a value, but is too common to say whose code it is."""

IMPLIES = " → "
"""Comes before what such code implies: `parameter=value`."""

_ADDRESS = re.compile(r"https://|\{\{\w+\}\}/")


@dataclass(frozen=True)
class Line:
    """One line.

    `means`: the values that it implies. `identifies`: whether no other vendor's code has it.
    """

    text: str
    means: Mapping[str, str] = field(hash=False)
    identifies: bool

    @property
    def is_address(self) -> bool:
        """Whether it is a form of address."""
        return _ADDRESS.match(self.text) is not None

    @property
    def is_value(self) -> bool:
        """Whether it is a value alone."""
        return PLACEHOLDER.fullmatch(self.text) is not None

    @property
    def is_code(self) -> bool:
        """Whether it is a form of code."""
        return not self.is_address and not self.is_value


def read(line: str) -> Line:
    """Return what a line says."""
    text, _, meaning = line.partition(IMPLIES)
    name, _, value = meaning.partition("=")
    return Line(
        text.removeprefix(ONLY_VALUE),
        {name: value} if name else {},
        identifies=not text.startswith(ONLY_VALUE),
    )


def problems(lines: tuple[str, ...], known: Mapping[str, Parameter]) -> Iterator[tuple[str, str]]:
    """Return the path and the problem of each line that cannot be looked for."""
    for index, each in enumerate(lines):
        path, line = f"recognised_by[{index}]", read(each)
        if not PLACEHOLDER.sub("", line.text).strip("'\"*") and not line.is_value:
            yield path, "is blank."
        for name in sorted({*PLACEHOLDER.findall(line.text)} - {*known}):
            yield path, f"holds {{{{{name}}}}}, but there is no such parameter."
        for name, value in line.means.items():
            if name not in known or not known[name].accepts(value):
                yield path, f"implies “{name}={value}”, which no parameter accepts."
