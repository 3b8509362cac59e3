"""What a custom snippet loads from, as its editor writes it: a directive and its sources a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from django.utils.text import Truncator
from django.utils.translation import gettext

from consent.recipes.csp import DIRECTIVES, SCHEMES, is_addable, merged

# A host, a star for what is below a domain (not below a top-level one), a port, a path: no query
# and no fragment, which no source may have (https://www.w3.org/TR/CSP3/#grammardef-host-source).
_HOST = re.compile(
    r"(https|wss)://(\*\.(?=[^/:]+\.))?[a-z0-9-]+(\.[a-z0-9-]+)*(:([0-9]{1,5}|\*))?"
    r"(/[\w.~%!$&()*+=:@/-]*)?",
    re.ASCII | re.IGNORECASE,
)
_SHOWN_CHARACTERS = 60


def read(text: str) -> Mapping[str, tuple[str, ...]]:
    """Return the sources in ``text`` by directive; what `problems` complains of is left out."""
    return merged(
        {directive: [source for source in sources if _is_fine(directive, source)]}
        for _, directive, sources in _lines(text)
    )


def problems(text: str) -> list[str]:
    """Return sentences that say what in ``text`` cannot be added to a policy; [] if nothing."""
    return [
        message
        for line, directive, sources in _lines(text)
        for message in _problems_of(line, directive, sources)
    ]


def _lines(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield number, directive and sources of each line that is not blank."""
    for number, line in enumerate(text.splitlines(), start=1):
        if words := line.split():
            yield number, words[0].lower(), words[1:]


def _problems_of(line: int, directive: str, sources: list[str]) -> Iterator[str]:
    if directive not in DIRECTIVES:
        yield gettext(
            "Line %(line)d: “%(directive)s” is no directive that can be added to. Begin the line "
            "with one of: %(known)s."
        ) % {"line": line, "directive": _shortened(directive), "known": ", ".join(DIRECTIVES)}
        return
    if not sources:
        yield gettext(
            "Line %(line)d names no source. Write it after the directive: "
            "%(directive)s https://cdn.example.com"
        ) % {"line": line, "directive": directive}
    for source in sources:
        if not _is_fine(directive, source):
            yield _explained(source) % {"line": line, "source": _shortened(source)}


def _is_fine(directive: str, source: str) -> bool:
    known = source in SCHEMES or _HOST.fullmatch(source) is not None
    return known and is_addable(directive, source)


def _explained(source: str) -> str:
    """Return what is wrong with a source, and what to do."""
    if source.startswith("'"):
        return gettext(
            "Line %(line)d: “%(source)s” would hold for everything on the page, not for this tool "
            "alone. Where your website needs it, write it into its own policy."
        )
    if source in SCHEMES:
        return gettext(
            "Line %(line)d: “%(source)s” would let any text run as a script. Name the hosts that "
            "the scripts come from."
        )
    return gettext(
        "Line %(line)d: “%(source)s” is no address of a host. Write it like "
        "https://cdn.example.com, https://*.example.com or wss://chat.example.com, with spaces "
        "between several."
    )


def _shortened(text: str) -> str:
    return Truncator(text).chars(_SHOWN_CHARACTERS)
