"""The forms of code by which a recipe is recognised: what stands before a value in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from consent.recipes.escaping import PLACEHOLDER

MOST_MATCHES = 50
"""How many places of one form are looked at."""

_TOKEN = re.compile(rf"(?P<text>['\"](?:[^'\"]*)['\"]|{PLACEHOLDER.pattern})|[\w$-]+|[^\s\w]")
_PART = re.compile(rf"{PLACEHOLDER.pattern}|\*")
# Quotes and brackets around a name make no difference: window['name'] and "name": are the name.
_GAP = r"[\s\"'`\]]{0,40}"
_SPACE = r"\s{0,40}"
_TEXT = r"[^\"'`\n<>]{1,1000}"
_NAME = re.compile(r"[A-Za-z_$][\w$]{0,60}")


@dataclass(frozen=True)
class CodeMatch:
    """A place in code that has a form: the values in it, and where it begins and ends."""

    values: Mapping[str, str]
    begins: int
    ends: int


@dataclass(frozen=True)
class CodeForm:
    """A form of code, such as `vendor.load('{{id}}'`; all before its first value is fixed.

    A star in quotes stands for any text. `means`: values that such code implies. `identifies`:
    whether no other vendor's code has it; else it only says the value.
    """

    template: str
    means: Mapping[str, str] = field(default_factory=dict, hash=False)
    identifies: bool = True

    @cached_property
    def function(self) -> str:
        """The name that the form calls, without what follows a dot; "" if it calls none."""
        found = re.match(r"([\w$]+)(?:\.[\w$]+)?\(", self.template)
        return found[1] if found else ""

    def matches(self, text: str) -> Iterator[CodeMatch]:
        """Yield the places in readable code that have this form, at most `MOST_MATCHES`."""
        for found in islice(self.pattern.finditer(text), MOST_MATCHES):
            if found.start() and _continues(text[found.start() - 1], found[0][0]):
                continue
            values: dict[str, str] = dict(self.means)
            for index, name in enumerate(self._names):
                values[name] = values.get(name, "") + self._value(found, index, text)
            yield CodeMatch(values, *found.span())

    def _value(self, found: re.Match[str], index: int, text: str) -> str:
        groups = found.groupdict()
        quoted, bare = groups[f"quoted{index}"], groups.get(f"bare{index}")
        if quoted is not None:
            return quoted.strip()
        if bare and _NAME.fullmatch(bare) and not self.template.startswith("data-"):
            return _assigned(bare, text)
        return bare or ""

    @cached_property
    def _names(self) -> list[str]:
        return PLACEHOLDER.findall(self.template)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The tokens of the form, with gaps between them and a value for each placeholder."""
        parts: list[str] = []
        values = 0
        for token in _TOKEN.finditer(self.template):
            if token["text"] and _PART.search(token["text"]):
                pattern, values = _value_pattern(token["text"], values)
                gap = _SPACE
            else:
                pattern, gap = re.escape(token[0].strip("'\"")), _GAP
            if pattern and token[0] != "]":
                parts += [gap, pattern] if parts else [pattern]
        return re.compile("".join(parts))


def _continues(before: str, first: str) -> bool:
    """Say whether a name began before the place that was found."""
    return (first.isalnum() or first in "_$") and (before.isalnum() or before in "_$-")


def _value_pattern(token: str, first: int) -> tuple[str, int]:
    """Return a pattern for text with values, and the number of the next value."""
    inner = token.strip("'\"")
    parts, at = [], 0
    number = first
    for found in _PART.finditer(inner):
        parts.append(re.escape(inner[at : found.start()]))
        parts.append(f"(?P<quoted{number}>{_TEXT})" if found[1] else r"[^\"'`\n<>]{0,200}")
        number += 1 if found[1] else 0
        at = found.end()
    quoted = rf"[\"'`]\s{{0,10}}{''.join(parts)}{re.escape(inner[at:])}\s{{0,10}}[\"'`]"
    is_plain = PLACEHOLDER.fullmatch(inner) is not None
    bare = rf"|(?P<bare{first}>[\w$.+=/-]{{1,300}})" if is_plain else ""
    return f"(?:Number\\(|parseInt\\()?(?:{quoted}{bare})", number


def _assigned(name: str, text: str) -> str:
    """Return the text that the code gives to the variable `name`, or ""."""
    pattern = rf"{re.escape(name)}\s{{0,20}}[=:]\s{{0,20}}[\"'`]({_TEXT})[\"'`]"
    for found in islice(re.finditer(pattern, text), MOST_MATCHES):
        if not found.start() or not _continues(text[found.start() - 1], name[0]):
            return found[1]
    return ""
