"""Where the visitor is supposed to be: a stand-in for the header of a CDN, to try things out.

The region is a part of the page's address (``?region=US-CA``), so nothing is stored to remember it.
A website names where its own CDN says it: see CONSENT_REGION.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, QueryDict

REGIONS = {
    "": "not known",
    "DE": "Germany",
    "US-CA": "California",
    "US-TX": "Texas",
    "BR": "Brazil",
}
"""What the panel offers: a region's code, as the app knows it, to its name."""

_NAME = "region"


def region_of(request: HttpRequest) -> str:
    """Return the code of one of REGIONS that ``request`` is from; "" where that is not known.

    What pages of the site ask the app for, such as ``region.js``, is for the region of the page.
    """
    return asked(request) if _is_page(request) else _offered(_query_of_page(request))


def asked(request: HttpRequest) -> str:
    """Return the region that the request's own address names; "" where it is none of REGIONS."""
    return _offered(request.GET)


def region_query(request: HttpRequest) -> dict[str, str]:
    """Context processor: ``region_query`` ends links to further pages of the region."""
    region = asked(request)
    return {"region_query": f"?{urlencode({_NAME: region})}" if region else ""}


def _offered(query: QueryDict) -> str:
    region = query.get(_NAME, "")
    return region if region in REGIONS else ""


def _is_page(request: HttpRequest) -> bool:
    """Say whether the site itself answers: the app and the panel answer to one of its pages."""
    if _NAME in request.GET:
        return True
    match = request.resolver_match
    return match is None or (match.app_name != "consent" and match.url_name != "panel")


def _query_of_page(request: HttpRequest) -> QueryDict:
    """Return what the address of the page that sent the request ends with, if it is ours."""
    try:
        address = urlsplit(request.headers.get("Referer", ""))
        own = address.netloc == request.get_host()
        return QueryDict(address.query if own else "")
    except ValueError:
        # What no browser sends, such as an address with half of an IPv6 host.
        return QueryDict()
