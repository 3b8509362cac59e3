"""A small site whose requests and responses have cookies, and what was found there."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from consent.findings.middleware import FindingsMiddleware
from consent.findings.models import Finding
from consent.findings.sightings import store_waiting
from consent.middleware import ConsentMiddleware


def visit(
    brings: Mapping[str, str] | None = None,
    sets: Mapping[str, str] | None = None,
    consent: str = "",
    path: str = "/",
) -> HttpResponse:
    """Return the response to a request with these cookies whose view sets those."""
    request = RequestFactory().get(path)
    request.COOKIES.update({**(brings or {}), **({"consent": consent} if consent else {})})

    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse("A page.")
        for name, value in (sets or {}).items():
            response.set_cookie(name, value)
        return response

    return FindingsMiddleware(ConsentMiddleware(view))(request)


def found() -> list[tuple[str, str, str]]:
    """Store what was seen, and return the findings, the most serious first."""
    store_waiting()
    return [(row.name, row.problem, row.source) for row in Finding.objects.order_by("severity")]
