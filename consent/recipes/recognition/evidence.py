"""The evidence in pasted code that it is a vendor's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from consent.recipes.escaping import PLACEHOLDER
from consent.recipes.recognition.addresses import Address, AddressForm
from consent.recipes.recognition.code_forms import CodeForm
from consent.recipes.recognition.facts import Facts
from consent.recipes.recognition.pieces import Piece


@dataclass(frozen=True)
class Hit:
    """A place in the piece number `piece` that has a form of the recipe's: the values in it.

    `address`: its text, if it is one. `span`: where it is, if it is code. The greater `weight`, the
    more it says. `is_at_any_host`: whether only the path of the address is the vendor's.
    """

    piece: int
    values: Mapping[str, str] = field(hash=False)
    address: str = ""
    span: tuple[int, int] = (0, 0)
    weight: int = 1
    is_at_any_host: bool = False


@dataclass(frozen=True)
class Evidence:
    """All places that say that the code is one vendor's."""

    facts: Facts
    hits: tuple[Hit, ...]

    @property
    def first(self) -> int:
        """The number of the piece that says so first."""
        return min(hit.piece for hit in self.hits)

    @cached_property
    def addresses(self) -> frozenset[str]:
        """The addresses that say so."""
        return frozenset(hit.address for hit in self.hits if hit.address)

    @property
    def is_by_addresses_alone(self) -> bool:
        """Whether neither code nor a value says so."""
        return all(hit.address and not hit.values for hit in self.hits)


def evidence_for(facts: Facts, pieces: Sequence[Piece], shared: frozenset[str]) -> Evidence | None:
    """Return the evidence that code is the vendor's of `facts`; None if there is none.

    At a place that is in `shared`, an address needs a value that this recipe accepts; at any host,
    all values that the recipe needs.
    """
    hits = [
        hit
        for number, piece in enumerate(pieces)
        for hit in hits_in(facts, number, piece, shared, identifying=True)
    ]
    if all(hit.is_at_any_host for hit in hits) and not facts.needed <= _said(facts, pieces, hits):
        return None
    return Evidence(facts, tuple(hits)) if hits else None


def _said(facts: Facts, pieces: Sequence[Piece], hits: Sequence[Hit]) -> set[str]:
    """Return the names of the values in the hits and beside them."""
    beside = (
        hit
        for number in {hit.piece for hit in hits}
        for hit in hits_in(facts, number, pieces[number], frozenset(), identifying=False)
    )
    return {name for hit in (*hits, *beside) for name in hit.values}


def without_echoes(found: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence without recipes that only share an address with a better one."""
    return [
        each
        for each in found
        if not (
            each.is_by_addresses_alone and any(each.addresses < other.addresses for other in found)
        )
    ]


def hits_in(
    facts: Facts, number: int, piece: Piece, shared: frozenset[str], *, identifying: bool
) -> Iterator[Hit]:
    """Yield the places in one piece that identify the vendor, or those that only say a value."""
    forms = [form for form in facts.addresses if form.identifies is identifying]
    for address in piece.addresses:
        hits = (_by_address(facts, number, address, form, shared) for form in forms)
        best = max(filter(None, hits), key=lambda hit: hit.weight, default=None)
        if best:
            yield best
    if identifying and facts.recipe.embed is not None:
        yield from _by_page(facts, number, piece)
    for code in facts.code:
        if code.identifies is identifying:
            yield from _by_code(facts, number, piece, code)


def _by_address(
    facts: Facts, number: int, address: Address, form: AddressForm, shared: frozenset[str]
) -> Hit | None:
    match = form.match(address)
    if match is None:
        return None
    values = facts.accepted(match.values)
    refused = len(match.values) - len(values)
    if refused and form.starts_anywhere:
        return None
    said = {name for name in values if name not in form.means}
    if form.shared in shared and PLACEHOLDER.search(form.template) and not said:
        return None
    weight = match.weight - 2 * refused
    at_any_host = form.starts_anywhere
    return Hit(number, values, address.text, weight=weight, is_at_any_host=at_any_host)


def _by_page(facts: Facts, number: int, piece: Piece) -> Iterator[Hit]:
    """Yield the addresses of pages that the vendor's embed shows, such as a video's."""
    embed = facts.recipe.embed
    for address in piece.addresses:
        found = {
            parameter.name: value
            for parameter in (embed.parameters if embed else ())
            if (value := parameter.found_in(address.text))
        }
        if values := facts.accepted(found):
            yield Hit(number, values, address.text, weight=2)


def _by_code(facts: Facts, number: int, piece: Piece, form: CodeForm) -> Iterator[Hit]:
    for match in form.matches(piece.text):
        values = facts.accepted(match.values)
        if values or not PLACEHOLDER.search(form.template):
            yield Hit(number, values, span=(match.begins, match.ends))
