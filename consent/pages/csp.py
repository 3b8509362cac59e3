"""Holds a page to what its visitor allows: the hosts in its Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from consent.pages.page import is_cacheable
from consent.recipes.csp import extended, merged
from consent.visitor import consent_of

HEADERS = ("Content-Security-Policy", "Content-Security-Policy-Report-Only")
_PAGES = ("text/html", "application/xhtml+xml")
_NOT_MODIFIED = 304


def csp_sources(request: HttpRequest | None) -> Mapping[str, tuple[str, ...]]:
    """Return what the tools load from that this visitor allows: directive to sources.

    An embed that is loaded once is allowed on the page that shows it.
    In cacheable delivery the page is everybody's: those of every enabled tool. Raises
    ImproperlyConfigured under DEBUG where the request or the middleware is missing; otherwise only
    essential tools count then. The response varies on the cookie where the answer does.
    """
    consent = consent_of(request)
    allowed = (consent.policy.everything if is_cacheable() else consent.selection).sources
    lent = consent.page.lent if consent.page else ()
    return merged([allowed, *(tool.sources for tool in lent)]) if lent else allowed


def extended_csp(request: HttpRequest | None, policy: str) -> str:
    """Return ``policy``, a header's text, with `csp_sources` added; raises as that does.

    Where it would be the same for every visitor, none is asked for.
    """
    compiled = consent_of(request).policy
    at_least = extended(policy, compiled.refused.sources)
    if at_least == extended(policy, compiled.everything.sources):
        return at_least
    return extended(policy, csp_sources(request))


def guard(request: HttpRequest, response: HttpResponseBase) -> None:
    """Extend the policies of ``response``, enforced and reported ones, if it is a page with any."""
    for name in HEADERS:
        policy = response.headers.get(name)
        if policy and _is_page(response):
            response.headers[name] = extended_csp(request, policy)


def _is_page(response: HttpResponseBase) -> bool:
    # Of what it confirms, a 304 does not tell the type; a browser takes the headers over.
    return response.status_code == _NOT_MODIFIED or response.headers.get(
        "Content-Type", ""
    ).lower().startswith(_PAGES)
