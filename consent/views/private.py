"""What the views of one visitor's own pages share."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic import TemplateView

from consent.pages.template_data import texts_data
from consent.pages.template_functions import consent_style
from consent.visitor import consent_of


class PrivateView(TemplateView):
    """A page for one visitor, whom a cookie identifies; no cache or search engine keeps it."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Add headers that forbid caches and search engines to keep the answer."""
        response = super().dispatch(request, *args, **kwargs)
        add_never_cache_headers(response)
        response.headers["X-Robots-Tag"] = "noindex"
        return response

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        """Add what every page of the app needs."""
        consent = consent_of(self.request)
        style = partial(consent_style, self.request)
        texts = texts_data(consent.policy, consent.policy.strictest)
        return super().get_context_data(**texts, style=style, **kwargs)


def local_address(request: HttpRequest, address: str) -> str:
    """Return ``address`` without its fragment if it is on this host, else ""."""
    safe = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address.partition("#")[0] if safe else ""
