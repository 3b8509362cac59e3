"""A report-only Content-Security-Policy that has browsers report hosts that no tool declares.

It blocks nothing. A share of the pages has it, CONSENT_FINDINGS_REPORTED_SHARE: none by default.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse

from consent.findings.conf import conf
from consent.findings.models import Finding
from consent.pages.delivery import delivery_mode
from consent.recipes.csp import DIRECTIVES
from consent.visitor import Consent

HEADER = "Content-Security-Policy-Report-Only"
ENDPOINTS = "Reporting-Endpoints"
ENDPOINT = "consent-findings"
# The query's parameter that says what the visitor had chosen, and nothing else about them.
WHEN = "when"

_CODE = ("script-src", "style-src")
_OWN = "'self' data: blob:"
# It stands for a page that is the same for everybody: all enabled tools' hosts are in its policy.
_NOT_KNOWN = ""

Sources = tuple[tuple[str, tuple[str, ...]], ...]


def report(request: HttpRequest, response: HttpResponseBase) -> None:
    """Add the policy to ``response``, where it is a page and its turn."""
    # No secret depends on who is asked.
    if random.random() >= conf.REPORTED_SHARE:  # noqa: S311
        return
    consent = getattr(request, "consent", None)
    if not isinstance(consent, Consent) or not consent.policy or not _is_page(response):
        return
    try:
        address = reverse("consent_findings:reports")
    except NoReverseMatch:
        # A system check says so.
        return
    when, sources = _allowed(consent)
    if when:
        address = f"{address}?{WHEN}={when}"
    _append(response, HEADER, _policy(_as_key(sources), own_hosts(), address))
    _append(response, ENDPOINTS, f'{ENDPOINT}="{address}"')


def own_hosts() -> tuple[str, ...]:
    """Return the website's own hosts beside the page's: of its files, and of the settings."""
    places = (settings.STATIC_URL, settings.MEDIA_URL)
    found = [urlsplit(place or "").hostname for place in places]
    return (*filter(None, found), *conf.OWN_HOSTS)


def _allowed(consent: Consent) -> tuple[str, Mapping[str, Sequence[str]]]:
    """Return what the visitor had chosen, and the sources of what they allow.

    Where the page does not depend on the visitor, the header must not: it has every tool's.
    """
    if delivery_mode().is_cacheable or not consent.is_read:
        return _NOT_KNOWN, consent.policy.everything.sources
    problem = Finding.Problem.REFUSED if consent.decision else Finding.Problem.BEFORE
    return problem, consent.selection.sources


def _as_key(sources: Mapping[str, Sequence[str]]) -> Sources:
    return tuple((directive, tuple(each)) for directive, each in sources.items())


@lru_cache(maxsize=64)
def _policy(sources: Sources, hosts: tuple[str, ...], address: str) -> str:
    named = dict(sources)
    own = " ".join([_OWN, *(f"https://{host}" for host in hosts)])
    directives = (
        " ".join([directive, own, *_keywords(directive), *named.get(directive, ())])
        for directive in DIRECTIVES
        if directive != "form-action"
    )
    # Browsers that know report-to ignore report-uri beside it.
    return "; ".join([*directives, f"report-uri {address}", f"report-to {ENDPOINT}"])


def _keywords(directive: str) -> Sequence[str]:
    """Return what keeps code in the page from being reported: hosts are looked for."""
    if directive == "script-src":
        return ("'unsafe-inline'", "'unsafe-eval'")
    return ("'unsafe-inline'",) if directive in _CODE else ()


def _append(response: HttpResponseBase, name: str, value: str) -> None:
    """Add one policy, or endpoint, to those that are there."""
    present = response.headers.get(name)
    response.headers[name] = f"{present}, {value}" if present else value


def _is_page(response: HttpResponseBase) -> bool:
    return response.headers.get("Content-Type", "").lower().startswith("text/html")
