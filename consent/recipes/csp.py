"""Which sources a tool may add to a Content-Security-Policy, and how an editor writes them.

A source is a host, ``blob:`` or ``data:``; see https://www.w3.org/TR/CSP3/#grammardef-host-source.
`consent.pages.csp` adds them to the header of a response.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from django.utils.text import Truncator
from django.utils.translation import gettext

# The directives that a tool may add sources to. All other directives belong to the site alone.
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

# No match can end a source, a directive or a header, and every match is ASCII.
# A star without a domain is refused, since it means any host.
_HOST_SOURCE = re.compile(r"(https|wss)://(?!\*([:/]|\Z))[\w.~%!$&()*+=:@/\[\]-]+", re.ASCII)

# An editor may write less: a host, or a star below a domain (not below a top-level domain), a port
# and a path, but no query and no fragment, which the grammar of a source excludes.
_EDITED_HOST = re.compile(
    r"(https|wss)://(\*\.(?=[^/:]+\.))?[a-z0-9-]+(\.[a-z0-9-]+)*(:([0-9]{1,5}|\*))?"
    r"(/[\w.~%!$&()*+=:@/-]*)?",
    re.ASCII | re.IGNORECASE,
)
_SHOWN_CHARACTERS = 60


def is_addable(directive: str, source: str) -> bool:
    """Say whether a tool may add ``source`` to ``directive``: a host, or ``blob:`` or ``data:``.

    A keyword such as 'unsafe-inline' would loosen the policy for everything on the page, and so
    would a scheme by which the address of a script contains its text.
    """
    if source in SCHEMES:
        return directive != "script-src"
    return _HOST_SOURCE.fullmatch(source) is not None


def merge_sources(found: Iterable[Mapping[str, Sequence[str]]]) -> Mapping[str, tuple[str, ...]]:
    """Merge mappings of directives to sources: each once, and only those that are addable."""
    sources: dict[str, dict[str, None]] = {directive: {} for directive in DIRECTIVES}
    for each in found:
        for directive in sources.keys() & each.keys():
            addable = (source for source in each[directive] if is_addable(directive, source))
            sources[directive].update(dict.fromkeys(addable))
    return MappingProxyType({name: tuple(each) for name, each in sources.items() if each})


def read_sources(text: str) -> Mapping[str, tuple[str, ...]]:
    """Read the sources of a custom snippet: in each line a directive, followed by its sources.

    Sources that `source_errors` reports are left out.
    """
    return merge_sources(
        {directive: [source for source in sources if _is_valid(directive, source)]}
        for _, directive, sources in _lines(text)
    )


def source_errors(text: str) -> list[str]:
    """Validate what an editor wrote for `read_sources`: return a sentence for each error."""
    return [
        message
        for line, directive, sources in _lines(text)
        for message in _errors_of(line, directive, sources)
    ]


def _lines(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield number, directive and sources of each line that is not blank."""
    for number, line in enumerate(text.splitlines(), start=1):
        if words := line.split():
            yield number, words[0].lower(), words[1:]


def _errors_of(line: int, directive: str, sources: list[str]) -> Iterator[str]:
    if directive not in DIRECTIVES:
        yield gettext(
            "Line %(line)d: “%(directive)s” is no directive that can be added to. Begin the line "
            "with one of: %(known)s."
        ) % {"line": line, "directive": _shorten(directive), "known": ", ".join(DIRECTIVES)}
        return
    if not sources:
        yield gettext(
            "Line %(line)d names no source. Write it after the directive: "
            "%(directive)s https://cdn.example.com"
        ) % {"line": line, "directive": directive}
    for source in sources:
        if not _is_valid(directive, source):
            yield _explain(source) % {"line": line, "source": _shorten(source)}


def _is_valid(directive: str, source: str) -> bool:
    known = source in SCHEMES or _EDITED_HOST.fullmatch(source) is not None
    return known and is_addable(directive, source)


def _explain(source: str) -> str:
    """Return the message for an invalid source: what is wrong and what to write instead."""
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


def _shorten(text: str) -> str:
    return Truncator(text).chars(_SHOWN_CHARACTERS)
