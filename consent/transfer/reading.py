"""The text of a file as a document; what is not of its form is refused, with its place."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from consent.transfer.document import (
    FORMAT,
    CategoryData,
    CookieData,
    Document,
    PolicyData,
    RegionRuleData,
    ToolData,
    plain_fields,
)
from consent.transfer.problems import TransferError
from consent.transfer.showing import printable, shown

T = TypeVar("T")

THE_FILE = "the file"
EXPECTED = {
    str: "write text in quotes",
    int: "write a whole number",
    bool: "write true or false",
    dict: "write an object in { }",
    list: "write a list in [ ]",
}


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its names occur more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        times = Counter(name for name, _ in pairs)
        self.repeated = sorted(name for name in times if times[name] > 1)


def read_text(text: str) -> Document:
    """Return what ``text`` holds.

    Raises TransferError with everything that is not of a file's form. Whether the values are good
    ones is for `rules` to say.
    """
    try:
        top = _parse(text)
        problems = [f"{path or THE_FILE}: {problem}" for path, problem in _unusable("", top)]
    except RecursionError as error:
        raise TransferError([f"{THE_FILE}: it is nested too deeply."]) from error
    reader = _Reader(problems)
    reader.stop_if_refused()
    data = reader.top(top)
    reader.stop_if_refused()
    document = reader.document(data)
    reader.stop_if_refused()
    return document


def _parse(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_Object, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise TransferError([f"{place}: this is no JSON: {error.msg}."]) from error
    except ValueError as error:
        raise TransferError([f"{THE_FILE}: {error}"]) from error


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON; write a number.")


def _unusable(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Find names that occur twice, and characters that no database keeps."""
    if isinstance(value, _Object):
        for name in value.repeated:
            yield path, f"{shown(name)} is in it twice; keep one."
        for name, inner in value.items():
            yield from _unusable(_at(path, printable(name)), inner)
            if _cannot_be_stored(name):
                yield path, f"the name {shown(name)} holds a character that cannot be stored."
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unusable(f"{path}[{index}]", inner)
    elif isinstance(value, str) and _cannot_be_stored(value):
        yield path, "it holds a character that cannot be stored, \\u0000 or half of one; remove it."


def _cannot_be_stored(text: str) -> bool:
    return any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text)


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


class _Reader:
    """Goes through a file, notes what is wrong, and goes on with something in its place."""

    def __init__(self, problems: list[str]) -> None:
        self._problems = problems

    def stop_if_refused(self) -> None:
        """Raise TransferError with all that was refused, if anything was."""
        if self._problems:
            raise TransferError(self._problems)

    def top(self, value: object) -> dict[str, Any]:
        """Return the file's outermost object."""
        if isinstance(value, dict) and "format" in value and not _is_known(value["format"]):
            self._refuse(
                "format",
                f"{shown(value['format'])} is none that is known here; {FORMAT} is. "
                "Use the same version of the app on both sides.",
            )
            return {}
        return self._object("", value, ("format", "policy", "region_rules", "categories"))

    def document(self, top: dict[str, Any]) -> Document:
        """Return the whole file."""
        return Document(
            PolicyData(**self._plain("policy", top["policy"], PolicyData)),
            tuple(self._each("", "categories", top, self._category)),
            tuple(self._each("", "region_rules", top, self._region_rule)),
        )

    def _region_rule(self, path: str, value: object) -> RegionRuleData:
        return RegionRuleData(**self._plain(path, value, RegionRuleData))

    def _category(self, path: str, value: object) -> CategoryData:
        plain = self._plain(path, value, CategoryData, more=("tools",))
        tools = self._each(path, "tools", value, self._tool)
        return CategoryData(**plain, tools=tuple(tools))

    def _tool(self, path: str, value: object) -> ToolData:
        """Return a tool: with ``recipe``, ``parameters`` and what was left out; or a snippet."""
        by_recipe = isinstance(value, dict) and "recipe" in value
        without, also = ("snippet", ("parameters",)) if by_recipe else ("recipe", ("snippet",))
        more = (*also, "cookies") if by_recipe else ("cookies",)
        optional = ("left_out",) if by_recipe else ()
        if isinstance(value, dict) and not {"recipe", "snippet"} & value.keys():
            self._refuse(path, "a tool needs a recipe with parameters, or else a snippet.")
            value = {**value, "snippet": ""}
        plain = self._plain(path, value, ToolData, more, optional, without=(without,))
        names = self._each(path, "left_out", value, self._name) if optional else []
        return ToolData(
            **plain,
            parameters=self._parameters(path, value) if by_recipe else {},
            left_out=tuple(sorted(names)),
            cookies=tuple(self._each(path, "cookies", value, self._cookie)),
        )

    def _parameters(self, path: str, tool: Any) -> dict[str, Any]:
        """Return the parameters; whether each is text and fits is the recipe's to say."""
        found = tool.get("parameters", {})
        if isinstance(found, dict):
            return dict(found)
        # Not repeated in the message: it may be a secret.
        self._refuse(_at(path, "parameters"), f"{EXPECTED[dict]}, each value by its name.")
        return {}

    def _cookie(self, path: str, value: object) -> CookieData:
        return CookieData(**self._plain(path, value, CookieData))

    def _name(self, path: str, value: object) -> str:
        return self._typed(path, value, str)

    def _plain(
        self,
        path: str,
        value: object,
        data: type[Any],
        more: Collection[str] = (),
        optional: Collection[str] = (),
        without: Collection[str] = (),
    ) -> dict[str, Any]:
        """Return the plain fields of ``data`` out of ``value``, which may also have ``more``."""
        types = {n: kind for n, kind in plain_fields(data).items() if n not in without}
        found = self._object(path, value, (*types, *more), optional)
        return {
            name: self._typed(_at(path, name), found.get(name, kind()), kind)
            for name, kind in types.items()
        }

    def _each(
        self, path: str, name: str, data: object, read: Callable[[str, object], T]
    ) -> list[T]:
        """Return the list ``name`` of ``data``, each of its values read."""
        where = _at(path, name)
        found = data.get(name, []) if isinstance(data, dict) else []
        entries = self._typed(where, found, list)
        return [read(f"{where}[{index}]", entry) for index, entry in enumerate(entries)]

    def _object(
        self, path: str, value: object, required: Collection[str], optional: Collection[str] = ()
    ) -> dict[str, Any]:
        found: dict[str, Any] = self._typed(path or THE_FILE, value, dict)
        if found is not value:
            return found
        known = (*required, *optional)
        for name in found:
            if name not in known:
                self._refuse(_at(path, printable(name)), f"unknown. Known are: {', '.join(known)}.")
        for name in required:
            if name not in found:
                self._refuse(_at(path, name), "missing; a file holds every field.")
        return found

    def _typed(self, path: str, value: Any, kind: type[T]) -> T:
        """Return ``value`` if it is of ``kind``, else an empty one."""
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        self._refuse(path, f"{_described(value)}; {EXPECTED[kind]}.")
        return kind()

    def _refuse(self, path: str, problem: str) -> None:
        self._problems.append(f"{path}: {problem}")


def _is_known(version: object) -> bool:
    return version == FORMAT and not isinstance(version, bool | float)


def _described(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    return f"{shown(value)} is {'text' if isinstance(value, str) else 'of another kind'}"
