"""The visitor's region, taken from the page's address instead of a CDN's header.

The region is in the query string (``?region=US-CA``), so nothing has to be stored. A real website
configures the header of its CDN: see CONSENT_REGION.
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
"""The regions that the panel offers: a region's code and its name."""

_NAME = "region"


def region_of(request: HttpRequest) -> str:
    """Return the request's region, a code in REGIONS, or "" if it is unknown.

    A request that a page sends to the app, such as ``region.js``, has the region of that page.
    """
    return asked(request) if _is_page(request) else _offered(_query_of_page(request))


def asked(request: HttpRequest) -> str:
    """Return the region in the request's own query string, or "" if it is not in REGIONS."""
    return _offered(request.GET)


def region_query(request: HttpRequest) -> dict[str, str]:
    """Context processor: provide ``region_query``, the query string for links to other pages."""
    region = asked(request)
    return {"region_query": f"?{urlencode({_NAME: region})}" if region else ""}


def _offered(query: QueryDict) -> str:
    region = query.get(_NAME, "")
    return region if region in REGIONS else ""


def _is_page(request: HttpRequest) -> bool:
    """Return whether the request is for a page; requests to the app and panel come from a page."""
    if _NAME in request.GET:
        return True
    match = request.resolver_match
    return match is None or (match.app_name != "consent" and match.url_name != "panel")


def _query_of_page(request: HttpRequest) -> QueryDict:
    """Return the query string of the referring page, if that page is on this site."""
    try:
        address = urlsplit(request.headers.get("Referer", ""))
        own = address.netloc == request.get_host()
        return QueryDict(address.query if own else "")
    except ValueError:
        # The header is not an address, for example half of an IPv6 host; no browser sends this.
        return QueryDict()
