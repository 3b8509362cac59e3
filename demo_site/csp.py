"""A Content-Security-Policy for one page, extended by what its visitor allows.

A site lists the middleware in its settings, for all of its pages; docs/csp.md says how. Here it is
around one view, so that on the other pages choices take effect without a reload.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from secrets import token_urlsafe
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from consent.middleware import ConsentCSPMiddleware

View = Callable[[HttpRequest], HttpResponse]

# No vendor is named: what this names would be allowed to everybody.
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def site_policy(request: HttpRequest) -> str:
    """Return the site's own policy for the page that answers ``request``, with its nonce."""
    return POLICY.format(nonce=request.csp_nonce)  # type: ignore[attr-defined]


def guarded(view: View) -> Callable[[HttpRequest], HttpResponseBase]:
    """Send the site's policy with what ``view`` answers, extended by what the visitor allows."""
    # Inside of what extends policies stands what writes them.
    middleware = ConsentCSPMiddleware(_with_policy(view))

    @wraps(view)
    def respond(request: HttpRequest) -> HttpResponseBase:
        # Around a view that is not async, it is none either.
        return cast(HttpResponseBase, middleware(request))

    return respond


def _with_policy(view: View) -> View:
    @wraps(view)
    def respond(request: HttpRequest) -> HttpResponse:
        # The app looks for it there, as django-csp puts it.
        request.csp_nonce = token_urlsafe(16)  # type: ignore[attr-defined]
        response = view(request)
        response.headers["Content-Security-Policy"] = site_policy(request)
        return response

    return respond
