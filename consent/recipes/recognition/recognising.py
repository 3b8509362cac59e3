"""Recognises the vendors in pasted code, with their parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consent.recipes.hosts import names_host
from consent.recipes.recognition.evidence import evidence_for, without_echoes
from consent.recipes.recognition.facts import Facts, all_facts, shared_places
from consent.recipes.recognition.pieces import Piece, pieces_of
from consent.recipes.recognition.reading import Reader, Recognised
from consent.recipes.recognition.text import mended

_WORD = re.compile(r"[\w-]+")
_LONGEST_NOTE = 200
_LIKE_ADDRESS = re.compile(r"(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}/\S{1,2000}", re.IGNORECASE)


@dataclass(frozen=True)
class Recognition:
    """The vendors in pasted code, in their order, and the code that no recipe explains."""

    vendors: tuple[Recognised, ...]
    rest: str


def recognise(pasted: str) -> Recognition:
    """Return the vendors whose code, address or ID `pasted` contains, and what is left of it."""
    text = mended(pasted)
    if _LIKE_ADDRESS.fullmatch(text.strip()):
        text = f"https://{text.strip()}"
    facts = all_facts()
    if noted := list(_values_alone(text, facts)):
        return Recognition(tuple(noted), "")
    pieces = pieces_of(text)
    shared = shared_places(facts)
    found = without_echoes([each for one in facts if (each := evidence_for(one, pieces, shared))])
    reader = Reader(pieces, found)
    vendors = tuple(reader.recognised(each) for each in sorted(found, key=lambda each: each.first))
    return Recognition(vendors, _rest(pieces, reader.explained, vendors))


def _rest(pieces: Sequence[Piece], explained: frozenset[int], vendors: Sequence[Recognised]) -> str:
    left = [
        piece.html.strip()
        for index, piece in enumerate(pieces)
        if index not in explained and piece.has_code and not _is_of(piece, vendors)
    ]
    return "\n".join(left)


def _is_of(piece: Piece, vendors: Sequence[Recognised]) -> bool:
    """Say whether the piece only asks hosts of recognised vendors, as a counting image does."""
    hosts = {address.host for address in piece.addresses if not address.is_bare}
    if piece.kind == "noscript":
        # Its links are for people.
        hosts = {*piece.loaded_hosts}
    elif not hosts:
        return False
    return bool(vendors) and all(
        any(names_host(vendor.recipe, host) for vendor in vendors) for host in hosts
    )


def _values_alone(text: str, all_of_them: Sequence[Facts]) -> Iterator[Recognised]:
    """Yield the vendors of the IDs in a short note, without any code, that nothing else looks like.

    A word without a digit counts only where it is all that was pasted.
    """
    note = text.strip()
    if len(note) > _LONGEST_NOTE or set(note) & set("<>(){}=/"):
        return
    words = dict.fromkeys(_WORD.findall(note))
    likely = [word for word in words if word == note or any(sign.isdigit() for sign in word)]
    for facts in all_of_them:
        for name in facts.unmistakable:
            found = [word for word in likely if facts.accepted({name: word})]
            if found:
                yield Recognised(facts.recipe, {name: found[0]}, tuple(found[1:]))
