"""For type checkers: a request that has passed the consent middleware."""

from __future__ import annotations

from django.http import HttpRequest

from consent.visitor import Consent


class ConsentHttpRequest(HttpRequest):
    """Annotates a view's request: ``def view(request: ConsentHttpRequest) -> HttpResponse``.

    Nothing is ever made of it: the middleware gives Django's own request its ``consent``.
    """

    consent: Consent
