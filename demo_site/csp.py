"""A Content-Security-Policy for one page, extended by the hosts of allowed tools.

A real site lists the middleware in its settings, for all of its pages: see docs/csp.md. Here it
wraps one view, so that choices take effect without a reload on the other pages.
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

# It names no vendor, because its hosts are allowed to everybody.
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def site_policy(request: HttpRequest) -> str:
    """Return the site's own policy for the response to ``request``, with its nonce."""
    return POLICY.format(nonce=request.csp_nonce)  # type: ignore[attr-defined]


def guarded(view: View) -> Callable[[HttpRequest], HttpResponseBase]:
    """Add the site's policy to responses of ``view``, extended by what the visitor allows."""
    # The middleware that extends a policy must be outside of the code that writes it.
    middleware = ConsentCSPMiddleware(_with_policy(view))

    @wraps(view)
    def respond(request: HttpRequest) -> HttpResponseBase:
        # The middleware of a sync view is sync as well, and returns no coroutine.
        return cast(HttpResponseBase, middleware(request))

    return respond


def _with_policy(view: View) -> View:
    @wraps(view)
    def respond(request: HttpRequest) -> HttpResponse:
        # The app looks for the nonce in the attribute in which django-csp stores it.
        request.csp_nonce = token_urlsafe(16)  # type: ignore[attr-defined]
        response = view(request)
        response.headers["Content-Security-Policy"] = site_policy(request)
        return response

    return respond
