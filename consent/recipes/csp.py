"""A Content-Security-Policy as the text of its header, and what tools may add to it.

Facts are those of https://www.w3.org/TR/CSP3/: how a header is taken apart (2.2.1 and 2.2.2), and
which directive holds where one is absent (6.8.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

# What a tool may need sources for. The rest of a policy is the site's own affair.
DIRECTIVES = (
    "script-src",
    "connect-src",
    "img-src",
    "frame-src",
    "style-src",
    "font-src",
    "media-src",
    "worker-src",
    "form-action",
)
SCHEMES = ("blob:", "data:")

# Where both are there, the narrower one holds for elements; the other may for older browsers.
_NARROWER = {"script-src": ("script-src-elem",), "style-src": ("style-src-elem",)}
_WIDER: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(DIRECTIVES, ("default-src",)),
    "frame-src": ("child-src", "default-src"),
    "worker-src": ("child-src", "script-src", "default-src"),
    # No fetch directive: what is not said is not restricted.
    "form-action": (),
}

# Nothing in it ends a source, a directive or a header, and all of it is ASCII.
# A star alone would be any host there is.
_HOST_SOURCE = re.compile(r"(https|wss)://(?!\*([:/]|\Z))[\w.~%!$&()*+=:@/\[\]-]+", re.ASCII)
_SPACE = "\t\n\f\r "
_WORD = re.compile(f"[^{_SPACE}]+")
_NONE = "'none'"
_NONCE = re.compile(r"'nonce-[^']*'", re.IGNORECASE)
_ANY_NONCE = "'nonce-'"


def is_addable(directive: str, source: str) -> bool:
    """Say whether a tool may add ``source`` to ``directive``: a host, or blob: or data:.

    A keyword such as 'unsafe-inline' would loosen the policy for everything on the page, and so
    would a scheme by which a script's text may be its address.
    """
    if source in SCHEMES:
        return directive != "script-src"
    return _HOST_SOURCE.fullmatch(source) is not None


def merged(found: Iterable[Mapping[str, Sequence[str]]]) -> Mapping[str, tuple[str, ...]]:
    """Return what is in any of ``found`` (directive to sources) and may be added, each once."""
    sources: dict[str, dict[str, None]] = {directive: {} for directive in DIRECTIVES}
    for each in found:
        for directive in sources.keys() & each.keys():
            addable = (source for source in each[directive] if is_addable(directive, source))
            sources[directive].update(dict.fromkeys(addable))
    return MappingProxyType({name: tuple(each) for name, each in sources.items() if each})


def extended(policy: str, sources: Mapping[str, Sequence[str]]) -> str:
    """Return ``policy``, a header's text, with ``sources`` (directive to sources) added to it.

    Where the header holds several policies, each is extended, since each has to allow a request.
    A directive that is absent begins with the sources of the one that held instead; where none
    did, nothing was restricted and nothing is added. What may not be added is left out: see
    `is_addable`. All else stays as it was.
    """
    key = tuple([(directive, tuple(each)) for directive, each in sources.items()])
    nonces = set(_NONCE.findall(policy))
    if len(nonces) > 1:
        return _extended(policy, key)
    # With the nonce out of it, the same policy is extended for the same tools once.
    for nonce in nonces:
        return _remembered(policy.replace(nonce, _ANY_NONCE), key).replace(_ANY_NONCE, nonce)
    return _remembered(policy, key)


def _extended(policy: str, sources: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    addable = merged([dict(sources)])
    return ",".join(_extended_one(each, addable) for each in policy.split(","))


_remembered = lru_cache(maxsize=256)(_extended)


def _extended_one(policy: str, sources: Mapping[str, tuple[str, ...]]) -> str:
    pieces = policy.split(";")
    positions = _positions(pieces)
    present = {name: _WORD.findall(pieces[at])[1:] for name, at in positions.items()}
    new: list[str] = []
    for directive, wanted in sources.items():
        there = [name for name in _holding(directive) if name in positions]
        for name in there:
            pieces[positions[name]] = _with(pieces[positions[name]], wanted)
        if not there:
            new += _copied(directive, wanted, present)
    return _appended(";".join(pieces), new)


def _positions(pieces: Sequence[str]) -> dict[str, int]:
    """Return each directive's name, and which of ``pieces`` it is: of several the first counts."""
    found: dict[str, int] = {}
    for position, piece in enumerate(pieces):
        if name := _WORD.search(piece):
            found.setdefault(name[0].lower(), position)
    return found


def _holding(directive: str) -> tuple[str, ...]:
    return (directive, *_NARROWER.get(directive, ()))


def _with(piece: str, wanted: Sequence[str]) -> str:
    """Return a directive with the ``wanted`` sources that it does not have yet."""
    name, *present = _WORD.findall(piece)
    missing = [source for source in wanted if source not in present]
    if not missing:
        return piece
    kept = _without_none(present)
    body = piece.strip(_SPACE)
    if len(kept) < len(present):
        body = " ".join([name, *kept])
    start = piece.index(name)
    end = len(piece.rstrip(_SPACE))
    return piece[:start] + " ".join([body, *missing]) + piece[end:]


def _copied(
    directive: str, wanted: Sequence[str], present: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Yield the directive that is to stand where a wider one held, if any did and it matters."""
    wider = next((name for name in _WIDER[directive] if name in present), None)
    if wider is None:
        return
    missing = [source for source in wanted if source not in present[wider]]
    if missing:
        yield " ".join([directive, *_without_none(present[wider]), *missing])


def _without_none(sources: Iterable[str]) -> list[str]:
    """Leave out 'none', which holds only while it stands alone."""
    return [source for source in sources if source.lower() != _NONE]


def _appended(policy: str, directives: Sequence[str]) -> str:
    if not directives:
        return policy
    body = policy.rstrip(_SPACE)
    separator = " " if body.endswith(";") else "; "
    return body + separator + "; ".join(directives) + policy[len(body) :]
