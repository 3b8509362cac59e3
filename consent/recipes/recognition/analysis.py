"""Says what can be seen of pasted code that no recipe knows, without running it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from consent.recipes import Recipe, snippets, valid
from consent.recipes.hosts import names_host
from consent.recipes.recognition import signs
from consent.recipes.recognition.pieces import Piece, pieces_of
from consent.recipes.recognition.signs import StoredName
from consent.recipes.recognition.text import mended

MOST_HOSTS = 20
"""Further hosts are not listed: a snippet names few."""

_CONTAINERS = ("tagmanager", "tag-manager", "/gtm.js", "/container")


@dataclass(frozen=True)
class Analysis:
    """What can be seen of code.

    `known`: the recipes that name its first known host. `vendor` and `category`: theirs, where they
    agree; else "". `sources`: what a Content-Security-Policy has to allow, as an editor writes it.
    `stored`: the cookies and storage keys that it names. `errors`: why it cannot be saved.
    `warnings`: what will not work as on the vendor's page. `loads_others`: whether it is a tag
    manager, which starts further tools.
    """

    snippet: str
    placement: str
    hosts: tuple[str, ...]
    known: tuple[Recipe, ...]
    sources: str
    stored: tuple[StoredName, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    loads_others: bool

    @property
    def vendor(self) -> str:
        """The likely vendor."""
        # Recipes name the company in another region in parentheses.
        companies = {recipe.vendor.partition(" (")[0] for recipe in self.known}
        return self.known[0].vendor if _only(companies) else ""

    @property
    def category(self) -> str:
        """The key of its usual category."""
        return _only({recipe.category for recipe in self.known})

    @property
    def name(self) -> str:
        """What to call the tool: its recipe's name, or the host that it is loaded from."""
        name = _only({recipe.name for recipe in self.known})
        return name or (self.hosts[0] if self.hosts else "")


def analyse(code: str) -> Analysis:
    """Return what can be seen of `code`, of which `recognise` left this as its rest."""
    snippet = mended(code).strip()
    pieces = pieces_of(snippet)
    hosts = _hosts(pieces)
    known = _known(hosts)
    return Analysis(
        snippet=snippet,
        placement="body" if snippets.misplaced(snippet, "head") else "head",
        hosts=hosts,
        known=known,
        sources=signs.csp_lines(pieces),
        stored=tuple(dict.fromkeys(signs.stored_names(pieces))),
        errors=tuple(snippets.problems(snippet)) if snippet else (),
        warnings=tuple(_warnings(pieces)),
        loads_others=_is_container(pieces) or (len(known) == 1 and known[0].loads_others),
    )


def _hosts(pieces: Sequence[Piece]) -> tuple[str, ...]:
    found = (each.host for piece in pieces for each in piece.addresses if not each.is_bare)
    return tuple(dict.fromkeys(found))[:MOST_HOSTS]


def _known(hosts: Sequence[str]) -> tuple[Recipe, ...]:
    """Return the recipes that name the first host that any recipe names."""
    for host in hosts:
        if found := tuple(recipe for recipe in valid().values() if names_host(recipe, host)):
            return found
    return ()


def _is_container(pieces: Sequence[Piece]) -> bool:
    places = (each.place + "/" for piece in pieces for each in piece.addresses)
    return any(word in place for place in places for word in _CONTAINERS)


def _warnings(pieces: Sequence[Piece]) -> Iterator[str]:
    if name := signs.writing_call(pieces):
        yield gettext(
            "It calls %(call)s, which would replace a page that has loaded: where a visitor's "
            "choice starts the tool, the call does nothing until the next page, and with cacheable "
            "delivery it never does."
        ) % {"call": name}
    if name := signs.event_handler(pieces):
        yield gettext(
            "An element has the attribute %(name)s: a Content-Security-Policy with nonces blocks "
            "the code in it."
        ) % {"name": name}
    if host := signs.insecure_host(pieces):
        yield gettext(
            "It loads from %(host)s without encryption (http:), which browsers block on a page "
            "with https."
        ) % {"host": host}


def _only(values: set[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""
