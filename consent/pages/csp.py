"""Content-Security-Policy: the headers extended by the sources of the visitor's tools.

How a header is parsed and which directive is the fallback of another is specified in
https://www.w3.org/TR/CSP3/ (2.2.1, 2.2.2 and 6.8.3). `consent.recipes.csp` says which sources a
tool may add.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from consent.conf import conf
from consent.pages.delivery import delivery_mode
from consent.recipes.csp import DIRECTIVES, merge_sources
from consent.visitor import consent_of

HEADERS = ("Content-Security-Policy", "Content-Security-Policy-Report-Only")
_HTML_TYPES = ("text/html", "application/xhtml+xml")
_NOT_MODIFIED = 304

# If both are present, browsers use the narrower directive for elements, older ones the other.
_NARROWER = {"script-src": ("script-src-elem",), "style-src": ("style-src-elem",)}
_WIDER: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(DIRECTIVES, ("default-src",)),
    "frame-src": ("child-src", "default-src"),
    "worker-src": ("child-src", "script-src", "default-src"),
    # This is no fetch directive: it has no fallback.
    "form-action": (),
}

_SPACE = "\t\n\f\r "
_WORD = re.compile(f"[^{_SPACE}]+")
_NONE = "'none'"
_NONCE = re.compile(r"'nonce-[^']*'", re.IGNORECASE)
_ANY_NONCE = "'nonce-'"


def csp_sources(request: HttpRequest | None) -> Mapping[str, tuple[str, ...]]:
    """Return the CSP sources of the tools that the visitor allows: directive to sources.

    A page that is the same for everybody gets the sources of every enabled tool. An embed that is
    loaded once is allowed on the page that shows it. Raises ImproperlyConfigured under DEBUG where
    the request or the middleware is missing; otherwise only essential tools count then. The
    response varies on the cookie where the answer does.
    """
    consent = consent_of(request)
    allowed = delivery_mode().csp_selection(consent).sources
    extra = consent.page.loaded_once if consent.page else ()
    return merge_sources([allowed, *(tool.sources for tool in extra)]) if extra else allowed


def extended_csp(request: HttpRequest | None, policy: str) -> str:
    """Return ``policy``, the text of a header, with `csp_sources` added; raises as that does.

    Where the policy allows scripts by a nonce, which the app's scripts have, hosts of scripts are
    added only if CONSENT_CSP_HOSTS_BESIDE_NONCE says so: a host allows all of its scripts. The
    visitor's consent is read only if the result depends on it.
    """
    compiled = consent_of(request).policy
    beside = conf.CSP_HOSTS_BESIDE_NONCE
    at_least = extend_header(policy, compiled.refused.sources, beside_nonce=beside)
    most = extend_header(policy, compiled.everything.sources, beside_nonce=beside)
    if at_least == most:
        return at_least
    return extend_header(policy, csp_sources(request), beside_nonce=beside)


def extend_response(request: HttpRequest, response: HttpResponseBase) -> None:
    """Extend the CSP headers of ``response``, enforced and report-only, if it is an HTML page."""
    for name in HEADERS:
        policy = response.headers.get(name)
        if policy and _is_page(response):
            response.headers[name] = extended_csp(request, policy)


def _is_page(response: HttpResponseBase) -> bool:
    # A 304 has no content type, and a browser applies its headers to the page that it has cached.
    return response.status_code == _NOT_MODIFIED or response.headers.get(
        "Content-Type", ""
    ).lower().startswith(_HTML_TYPES)


def extend_header(
    policy: str, sources: Mapping[str, Sequence[str]], *, beside_nonce: bool = True
) -> str:
    """Add ``sources`` (directive to sources) to ``policy``, the text of a header.

    If the header contains several policies, each is extended, since each has to allow a request.
    An absent directive starts with the sources of its fallback; if there is no fallback either,
    nothing was restricted and nothing is added. Sources that `is_addable` refuses are left out.
    With ``beside_nonce=False``, a directive that allows scripts by a nonce gets no hosts.
    Everything else stays as it was.
    """
    key = tuple([(directive, tuple(each)) for directive, each in sources.items()])
    nonces = set(_NONCE.findall(policy))
    if len(nonces) > 1:
        return _extend(policy, key, beside_nonce)
    # The cache would never hit with the nonce in its key.
    for nonce in nonces:
        extended = _extend_cached(policy.replace(nonce, _ANY_NONCE), key, beside_nonce)
        return extended.replace(_ANY_NONCE, nonce)
    return _extend_cached(policy, key, beside_nonce)


def _extend(
    policy: str, sources: tuple[tuple[str, tuple[str, ...]], ...], beside_nonce: bool
) -> str:
    addable = merge_sources([dict(sources)])
    return ",".join(_extend_policy(each, addable, beside_nonce) for each in policy.split(","))


_extend_cached = lru_cache(maxsize=256)(_extend)


def _extend_policy(policy: str, sources: Mapping[str, tuple[str, ...]], beside_nonce: bool) -> str:
    pieces = policy.split(";")
    positions = _positions_by_name(pieces)
    present = {name: _WORD.findall(pieces[at])[1:] for name, at in positions.items()}
    new: list[str] = []
    for directive, wanted in sources.items():
        if directive == "script-src" and not beside_nonce and _has_nonce(present):
            continue
        there = [name for name in _effective_names(directive) if name in positions]
        for name in there:
            pieces[positions[name]] = _add_missing(pieces[positions[name]], wanted)
        if not there:
            new += _copied_from_wider(directive, wanted, present)
    return _append(";".join(pieces), new)


def _positions_by_name(pieces: Sequence[str]) -> dict[str, int]:
    """Return the position in ``pieces`` of each directive; a browser ignores repeated ones."""
    found: dict[str, int] = {}
    for position, piece in enumerate(pieces):
        if name := _WORD.search(piece):
            found.setdefault(name[0].lower(), position)
    return found


def _has_nonce(present: Mapping[str, Sequence[str]]) -> bool:
    """Say whether a nonce allows ``<script>`` elements, by the directive that browsers use."""
    names = (*_NARROWER["script-src"], "script-src", *_WIDER["script-src"])
    used = next((present[name] for name in names if name in present), ())
    return any(_NONCE.fullmatch(source) for source in used)


def _effective_names(directive: str) -> tuple[str, ...]:
    return (directive, *_NARROWER.get(directive, ()))


def _add_missing(piece: str, wanted: Sequence[str]) -> str:
    """Add the ``wanted`` sources that a directive does not have yet."""
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


def _copied_from_wider(
    directive: str, wanted: Sequence[str], present: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Yield an absent directive, as a copy of its fallback with the ``wanted`` sources added.

    Nothing if there is no fallback, or if the fallback has all of the sources.
    """
    wider = next((name for name in _WIDER[directive] if name in present), None)
    if wider is None:
        return
    missing = [source for source in wanted if source not in present[wider]]
    if missing:
        yield " ".join([directive, *_without_none(present[wider]), *missing])


def _without_none(sources: Iterable[str]) -> list[str]:
    """Leave out 'none', which is valid only without other sources."""
    return [source for source in sources if source.lower() != _NONE]


def _append(policy: str, directives: Sequence[str]) -> str:
    if not directives:
        return policy
    body = policy.rstrip(_SPACE)
    separator = " " if body.endswith(";") else "; "
    return body + separator + "; ".join(directives) + policy[len(body) :]
