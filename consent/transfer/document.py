"""A policy as plain data: all that an editor can set, and nothing that belongs to one database.

No primary keys, no revision, no ``since``, no times. Fields are named as the models' are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, TypeVar

from consent.recipes import Parameter, RecipeError, catalogue
from consent.transfer.problems import TransferError

FORMAT = 1

Data = TypeVar("Data")


@dataclass(frozen=True, kw_only=True)
class CookieData:
    """A cookie that a tool declares."""

    name: str
    kind: str
    party: str
    retention: str
    purpose: str

    @property
    def identity(self) -> tuple[str, str]:
        """What tells a tool's cookies apart: kind and name."""
        return self.kind, self.name


@dataclass(frozen=True, kw_only=True)
class ToolData:
    """A tool: by a recipe with parameters, or (``recipe`` empty) by a snippet.

    ``left_out``: names of secret parameters that the file's writer had and did not write.
    """

    key: str
    name: str
    vendor: str
    privacy_url: str
    enabled: bool
    sources: str
    placement: str
    hears_decisions: bool
    order: int
    recipe: str = ""
    snippet: str = ""
    parameters: Mapping[str, Any]
    left_out: tuple[str, ...] = ()
    cookies: tuple[CookieData, ...]

    @property
    def by_cookie(self) -> dict[tuple[str, str], CookieData]:
        """The cookies by kind and name."""
        return {cookie.identity: cookie for cookie in self.cookies}


@dataclass(frozen=True, kw_only=True)
class CategoryData:
    """A category with its tools."""

    key: str
    name: str
    purpose: str
    essential: bool
    sale: bool
    consent_types: str
    order: int
    tools: tuple[ToolData, ...]


@dataclass(frozen=True, kw_only=True)
class PolicyData:
    """The policy's own texts and rules."""

    key: str
    name: str
    is_default: bool
    regime: str
    lifetime_days: int
    notice_text: str
    introduction: str
    explanation: str
    policy_url: str
    privacy_url: str
    hosts: str
    tool_choices: bool
    wait_for_update: int
    ads_data_redaction: bool
    url_passthrough: bool


@dataclass(frozen=True, kw_only=True)
class RegionRuleData:
    """Which regime holds in some regions."""

    regions: str
    regime: str


@dataclass(frozen=True)
class Document:
    """A policy, its categories in the order in which visitors see them, and its rules in theirs."""

    policy: PolicyData
    categories: tuple[CategoryData, ...]
    region_rules: tuple[RegionRuleData, ...]

    @property
    def by_category(self) -> dict[str, CategoryData]:
        """The categories by key."""
        return {category.key: category for category in self.categories}

    @property
    def by_tool(self) -> dict[str, tuple[CategoryData, ToolData]]:
        """Each tool, with the category that it is in, by key."""
        return {tool.key: (category, tool) for category, tool in self.placed()}

    def placed(self) -> Iterator[tuple[CategoryData, ToolData]]:
        """Go through all tools, each with the category that it is in."""
        for category in self.categories:
            for tool in category.tools:
                yield category, tool


def plain_fields(data: type[Any] | object) -> dict[str, type]:
    """Return the fields of one of the classes above that hold one plain value, with its type."""
    return {
        field.name: field.type
        for field in fields(data)  # type: ignore[arg-type]
        if field.type in (str, int, bool)
    }


def values(data: object) -> dict[str, Any]:
    """Return the plain fields of ``data`` with their values."""
    return {name: getattr(data, name) for name in plain_fields(data)}


def in_order(categories: Sequence[CategoryData]) -> tuple[CategoryData, ...]:
    """Return them with numbers that rise: 10, 20, 30 … unless those that they have do.

    Of equal numbers a database makes an order of its own, which another one need not share.
    """
    orders = [category.order for category in categories]
    if all(first < second for first, second in pairwise(orders)):
        return tuple(categories)
    return tuple(
        replace(category, order=position * 10)
        for position, category in enumerate(categories, start=1)
    )


def sorted_tools(tools: Sequence[ToolData]) -> tuple[ToolData, ...]:
    """Return tools as visitors see them, whatever the database makes of upper and lower case."""
    return tuple(sorted(tools, key=lambda tool: (tool.order, tool.name, tool.key)))


def sorted_cookies(cookies: Sequence[CookieData]) -> tuple[CookieData, ...]:
    """Return cookies by kind and name: their order has no meaning."""
    return tuple(sorted(cookies, key=lambda cookie: cookie.identity))


def secrets(recipe: str) -> dict[str, Parameter]:
    """Return the secret parameters of ``recipe`` by name.

    Raises TransferError where the catalogue is broken: then nobody knows what is secret.
    """
    try:
        found = catalogue().get(recipe)
    except RecipeError as error:
        raise TransferError([f"The catalogue of recipes is broken: {error}"]) from error
    return {each.name: each for each in found.parameters if each.secret} if found else {}


def is_secret(tool: ToolData, parameter: str) -> bool:
    """Say whether a value must not be shown: where the recipe is gone, any may be one."""
    return parameter in secrets(tool.recipe) or tool.recipe not in catalogue()
