"""The consent of the visitor who sent a request."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from consent.visitor.consent import Consent

_NO_REQUEST = (
    "A consent tag has no request: add 'django.template.context_processors.request' to the "
    "context processors and render with a request, or pass the request to the function."
)
_NO_MIDDLEWARE = (
    "A consent tag found no request.consent: add 'consent.middleware.ConsentMiddleware' to "
    "MIDDLEWARE."
)


def consent_of(request: HttpRequest | None) -> Consent:
    """Return the request's consent; one that allows only what is essential where it has none."""
    consent = getattr(request, "consent", None)
    if isinstance(consent, Consent):
        return consent
    if settings.DEBUG:
        raise ImproperlyConfigured(_NO_REQUEST if request is None else _NO_MIDDLEWARE)
    return Consent(None)


class ConsentHttpRequest(HttpRequest):
    """Annotation for the request of a view: ``def view(request: ConsentHttpRequest)``.

    For type checkers only: the middleware gives Django's own request its ``consent``.
    """

    consent: Consent
