"""Did a page of this site send this request? What stands in for a CSRF token.

A token would need a cookie before the visitor has decided, and would make pages uncacheable; the
browser's own word needs neither. See https://www.w3.org/TR/fetch-metadata/ and
https://html.spec.whatwg.org/multipage/browsers.html#origin.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import is_same_domain


def same_origin(request: HttpRequest) -> bool:
    """Say whether a browser sent ``request`` from a page of this site.

    ``Sec-Fetch-Site`` must be ``same-origin``. Browsers that do not send it must send an
    ``Origin`` that is this host's or one of CSRF_TRUSTED_ORIGINS. A request with neither header
    comes from no browser, and is refused.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    return origin == f"{request.scheme}://{request.get_host()}" or _trusted(origin)


def _trusted(origin: str) -> bool:
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        scheme, host = urlsplit(origin)[:2]
    except ValueError:
        return False
    wildcards = (urlsplit(entry) for entry in settings.CSRF_TRUSTED_ORIGINS if "*" in entry)
    return any(
        scheme == trusted.scheme and is_same_domain(host, trusted.netloc.lstrip("*"))
        for trusted in wildcards
    )
