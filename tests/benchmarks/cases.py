"""Which websites are compared, and what is measured on each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product

from tests.benchmarks.tools import SIZES

VISITORS = ("undecided", "partly", "accepted")
DELIVERIES = ("server", "cacheable")
SMALL, LARGE = SIZES[0], SIZES[-1]


@dataclass(frozen=True, slots=True)
class Site:
    """A website. ``solution``: a module of `tests.benchmarks.solutions`; ``tools``: how many."""

    solution: str
    tools: int = SMALL
    delivery: str = ""

    @property
    def name(self) -> str:
        return "-".join(filter(None, (self.solution, self.delivery, str(self.tools))))


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request to one website. ``mode``: through which of Django's handlers."""

    site: Site
    page: str = "page"
    visitor: str = "undecided"
    mode: str = "sync"


# What is measured, and what right beside it.
Comparison = tuple[Case, Case]

NONE = Site("none")
HANDWRITTEN = Site("handwritten")
COOKIE_CONSENT = Site("cookie_consent")
SERVER = Site("consent_tools", delivery="server")
CACHEABLE = Site("consent_tools", delivery="cacheable")
BARE_API = Site("bare_api")

# The package need not be installed (requirements/bench.txt); without it its rows are left out.
HAS_COOKIE_CONSENT = find_spec("cookie_consent") is not None
COMPARED = (HANDWRITTEN, *([COOKIE_CONSENT] if HAS_COOKIE_CONSENT else []), SERVER, CACHEABLE)
MODES = ("sync", "async")


def grown(site: Site) -> tuple[Site, ...]:
    """Return ``site`` with each number of tools."""
    return tuple(Site(site.solution, tools, site.delivery) for tools in SIZES)


GROWING = tuple(
    grown(site) for site in COMPARED if site.solution in ("cookie_consent", "consent_tools")
)
LARGE_SERVER = grown(SERVER)[-1]


def all_comparisons() -> tuple[Comparison, ...]:
    """Return everything that is timed: each case with what it is compared with, once."""
    return tuple(dict.fromkeys(_comparisons()))


def _comparisons() -> Iterator[Comparison]:
    for mode, site, visitor in product(MODES, COMPARED, VISITORS):
        yield Case(site, "page", visitor, mode), Case(NONE, mode=mode)
    for visitor in VISITORS:
        yield Case(CACHEABLE, "page", visitor), Case(SERVER, "page", visitor)
    for sites, visitor in product(GROWING, VISITORS):
        for site in sites:
            yield Case(site, "page", visitor), Case(NONE)
    yield from ((large, small) for small, large in SAME_OUTPUT)
    yield from API.values()


# Pairs of pages with equal output, or of equal length, on the small and the large policy.
SAME_OUTPUT = (
    *((Case(SERVER, "parts", v), Case(LARGE_SERVER, "parts", v)) for v in VISITORS[:2]),
    *((Case(SERVER, "padded", v), Case(LARGE_SERVER, "page", v)) for v in VISITORS[:2]),
)

API = {
    "GET preferences": (Case(SERVER, "read"), Case(BARE_API, "read")),
    "PUT preferences": (Case(SERVER, "write"), Case(BARE_API, "write")),
    "PUT preferences, no limit per client": (
        Case(SERVER, "write-unlimited"),
        Case(BARE_API, "write"),
    ),
}
