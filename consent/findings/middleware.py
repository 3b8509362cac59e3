"""Notes the names of cookies that the site sets, and of those that visitors bring."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from consent.conf import conf
from consent.findings.conf import conf as findings_conf
from consent.findings.models import Finding
from consent.findings.report_policy import report
from consent.findings.sightings import Seen, has_room, note, remembered
from consent.findings.storing import own_names
from consent.middleware import SyncAndAsyncMiddleware
from consent.visitor import Consent
from consent.visitor.cookie_cleanup import matches

# Names of one request that are looked at, and how long they may be. Browsers keep about as many for
# one site; a longer one is nobody's, and would only take memory.
MOST_NAMES, LONGEST_NAME = 100, 256


class FindingsMiddleware(SyncAndAsyncMiddleware):
    """Notes names of cookies that are new to this process; never a value, never who.

    A page on which all names are known costs a comparison of two sets: no query and no I/O. Put it
    first, so that it sees the cookies that other middleware sets. Works in sync and async stacks.
    """

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Note what ``request`` and ``response`` have."""
        return look(request, response)


def look(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Note the names of cookies in ``request`` and ``response``, and return the response.

    Where browsers are to report hosts, the response has the policy that they report.
    """
    noted = remembered()
    names = request.COOKIES.keys()
    if not names <= noted and has_room():
        new = (name for name in names if name not in noted and len(name) <= LONGEST_NAME)
        _note_brought(request, islice(new, MOST_NAMES))
    if response.cookies and has_room():
        _note_set(request, response, noted)
    if findings_conf.REPORTED_SHARE:
        report(request, response)
    return response


def _note_brought(request: HttpRequest, names: Iterable[str]) -> None:
    place = _place(request)
    for name in names:
        note(Seen(Finding.Kind.COOKIE, name, Finding.Source.BROUGHT, place), name)


def _note_set(request: HttpRequest, response: HttpResponseBase, noted: set[object]) -> None:
    own = own_names()
    names = [
        name
        for name, morsel in response.cookies.items()
        # The others delete a cookie.
        if morsel.value and morsel["max-age"] != 0 and not matches(name, own)
    ]
    consent = getattr(request, "consent", None)
    if not names or not isinstance(consent, Consent) or not _is_readable(consent):
        return
    # The response does not depend on what is read here.
    standing = consent.without_vary().standing
    problem = Finding.Problem.REFUSED if standing.decision else Finding.Problem.BEFORE
    for name in names:
        key = (name, problem, standing.selection.state)
        if key in noted:
            continue
        allowed = frozenset(tool.key for tool in standing.selection.tools)
        seen = Seen(
            *(Finding.Kind.COOKIE, name, Finding.Source.SET, _place(request)),
            problem=problem,
            allowed=allowed,
        )
        note(seen, key)


def _is_readable(consent: Consent) -> bool:
    """Say whether there is a policy, and no query is needed to read what the visitor allows."""
    return bool(consent.policy) and (consent.is_read or not conf.LOGIN_SYNC)


def _place(request: HttpRequest) -> str:
    """Return the route of the URLconf, which has no values of this request."""
    match = request.resolver_match
    return f"/{match.route}" if match else ""
