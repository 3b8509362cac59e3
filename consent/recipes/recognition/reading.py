"""Reads the values of recognised vendors' parameters, and notes what their tools will not have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from consent.recipes.definitions import Recipe
from consent.recipes.hosts import names_host
from consent.recipes.recognition import unexplained
from consent.recipes.recognition.addresses import Address
from consent.recipes.recognition.evidence import Evidence, hits_in
from consent.recipes.recognition.facts import Facts
from consent.recipes.recognition.pieces import Piece

MOST_QUOTED = 50
"""How many quoted texts in one piece are looked at."""

_QUOTED = re.compile(r"[\"'`]([\w-]{3,100})[\"'`]")


@dataclass(frozen=True)
class Recognised:
    """One vendor whose code was recognised.

    `parameters`: the values found, each accepted by the recipe's own rules. What the tool will not
    have of the pasted code: `further_values` (a second ID), `calls` of the vendor's functions that
    the recipe does not make, `options` that it does not give, and `hosts` that it does not name.
    """

    recipe: Recipe
    parameters: Mapping[str, str] = field(hash=False)
    further_values: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def unexplained(self) -> tuple[str, ...]:
        """All that the tool will not have of the pasted code."""
        return (*self.further_values, *self.calls, *self.options, *self.hosts)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the parameters that the recipe needs and that were not found."""
        return tuple(name for name in self.recipe.needed if name not in self.parameters)


class Reader:
    """Reads what was found in the pieces of pasted code."""

    def __init__(self, pieces: Sequence[Piece], found: Sequence[Evidence]) -> None:
        self._pieces = pieces
        self._found = found
        self._owned = {hit.piece for each in found for hit in each.hits}
        self._read_elsewhere: set[int] = set()
        self._spans = {(hit.piece, hit.span) for each in found for hit in each.hits}
        self._related = [self._pieces_with_names(each.facts) for each in found]

    @property
    def explained(self) -> frozenset[int]:
        """The numbers of the pieces that a recognised vendor's tool makes needless."""
        return frozenset(self._owned.union(self._read_elsewhere, *self._related))

    def _pieces_with_names(self, facts: Facts) -> set[int]:
        """Return the numbers of nobody's scripts that use the vendor's names, and no other host."""
        return {
            number
            for number, piece in enumerate(self._pieces)
            if number not in self._owned and piece.kind == "script" and facts.names & piece.words
            if not any(self._is_foreign(address) for address in piece.addresses)
        }

    def recognised(self, evidence: Evidence) -> Recognised:
        """Return the vendor with the values of its parameters."""
        values: dict[str, str] = {}
        for hit in sorted(evidence.hits, key=lambda hit: -hit.weight):
            values = {**hit.values, **values}
        values = {**self._said_in(evidence, self._own(evidence)), **values}
        values = {**self._unmistakable(evidence), **values}
        values = {**self._said_elsewhere(evidence, values), **values}
        self._note_further_scripts(evidence.facts, values)
        return Recognised(
            evidence.facts.recipe,
            values,
            tuple(unexplained.further_values(evidence, values)),
            _once(unexplained.calls(evidence, self._pieces, self._own(evidence), self._is_read)),
            _once(unexplained.options(evidence, self._pieces, self._is_read)),
            _once(self._hosts(evidence, values)),
        )

    def _own(self, evidence: Evidence) -> list[int]:
        related = self._related[self._found.index(evidence)]
        return sorted({hit.piece for hit in evidence.hits} | related)

    def _said_in(self, evidence: Evidence, numbers: Sequence[int]) -> dict[str, str]:
        """Return the values in some pieces that say nothing of whose they are."""
        values: dict[str, str] = {}
        for number in numbers:
            piece = self._pieces[number]
            for hit in hits_in(evidence.facts, number, piece, frozenset(), identifying=False):
                values = {**hit.values, **values}
                self._spans.add((number, hit.span))
        return values

    def _said_elsewhere(self, evidence: Evidence, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return the values that are still needed, from the first piece that is nobody's."""
        missing = evidence.facts.needed - values.keys()
        for number in range(len(self._pieces) if missing else 0):
            if number not in self._owned:
                said = self._said_in(evidence, [number])
                if any(name in said for name in missing):
                    self._read_elsewhere.add(number)
                    return said
        return {}

    def _note_further_scripts(self, facts: Facts, values: Mapping[str, str]) -> None:
        """Note the pieces that are nobody's and load the script from a host of the site."""
        for number, piece in enumerate(self._pieces):
            if number not in self._owned:
                hits = hits_in(facts, number, piece, frozenset(), identifying=False)
                if any(hit.address and hit.values.items() <= values.items() for hit in hits):
                    self._read_elsewhere.add(number)

    def _unmistakable(self, evidence: Evidence) -> dict[str, str]:
        """Return the values, quoted in the vendor's code, that nothing else looks like."""
        values: dict[str, str] = {}
        for number in self._own(evidence):
            for quoted in islice(_QUOTED.finditer(self._pieces[number].text), MOST_QUOTED):
                for name in evidence.facts.unmistakable:
                    values = {**evidence.facts.accepted({name: quoted[1]}), **values}
        return values

    def _is_read(self, number: int, at: int) -> bool:
        spans = (span for piece, span in self._spans if piece == number)
        return any(begins <= at < ends for begins, ends in spans)

    def _hosts(self, evidence: Evidence, values: Mapping[str, str]) -> Iterator[str]:
        """Yield the hosts in the vendor's own pieces that no recognised recipe names."""
        named = " ".join((*values.values(), *(hit.address for hit in evidence.hits)))
        for number in self._own(evidence):
            for address in self._pieces[number].addresses:
                host = address.host
                if host not in named and self._is_foreign(address):
                    yield host

    def _is_foreign(self, address: Address) -> bool:
        """Say whether it is at a host that no recognised recipe names."""
        named = (names_host(each.facts.recipe, address.host) for each in self._found)
        return not address.is_bare and not any(named)


def _once(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
