"""Which region a visitor is in, as far as the site's own server can say. Nobody else is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

from django.http import HttpRequest
from django.utils.module_loading import import_string

from consent.conf import conf
from consent.regions.codes import COUNTRIES, is_region

logger = logging.getLogger("consent")

UNKNOWN = ""


class Headers(NamedTuple):
    """The headers in which a proxy that the site trusts names country and part of the country."""

    country: str
    part: str = ""


PRESETS: Mapping[str, Headers] = {
    # https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-ipcountry; the
    # second one comes with the managed transform “Add visitor location headers”.
    "cloudflare": Headers("CF-IPCountry", "CF-Region-Code"),
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/adding-cloudfront-headers.html
    "cloudfront": Headers("CloudFront-Viewer-Country", "CloudFront-Viewer-Country-Region"),
    # Fastly sets none by itself: docs/regions.md has the two lines of VCL.
    # https://www.fastly.com/documentation/reference/vcl/variables/geolocation/
    "fastly": Headers("Client-Geo-Country", "Client-Geo-Region"),
    # https://cloud.google.com/appengine/docs/standard/reference/request-headers
    "app-engine": Headers("X-AppEngine-Country", "X-AppEngine-Region"),
}
"""Value of CONSENT_REGION to the headers that it stands for."""

FUNCTIONS: Mapping[str, str] = {"geoip2": "consent.regions.geoip.region_of"}
"""Value of CONSENT_REGION to the function that it stands for."""


def headers() -> tuple[str, ...] | None:
    """Return the request's headers that the region depends on; None where it is more than that."""
    found = _trusted()
    return None if found is None else tuple(filter(None, found))


def region_of(request: HttpRequest) -> str:
    """Return the region of ``request`` by CONSENT_REGION, such as DE or US-CA; UNKNOWN if unclear.

    Never raises: a function of the site's own that fails is logged.
    """
    trusted = _trusted()
    if trusted is not None:
        return _joined(_header(request, trusted.country), _header(request, trusted.part))
    try:
        found = _function()(request)
    except Exception:
        logger.exception("CONSENT_REGION failed: the strictest rule holds for this request.")
        return UNKNOWN
    return _joined(*str(found or "").partition("-")[::2])


def is_usable() -> bool:
    """Say whether CONSENT_REGION can be used as it is."""
    setting = conf.REGION
    if isinstance(setting, Mapping):
        return bool(setting.get("country")) and all(isinstance(v, str) for v in setting.values())
    if setting is None or _trusted() is not None:
        return True
    try:
        return callable(_function())
    except Exception:
        # Importing it may run anything.
        return False


def _trusted() -> Headers | None:
    """Return the headers that the setting names, none of them where it names nothing."""
    setting = conf.REGION
    if not setting:
        return Headers("")
    if isinstance(setting, Mapping):
        return Headers(setting.get("country", ""), setting.get("subdivision", ""))
    return PRESETS.get(setting) if isinstance(setting, str) else None


def _function() -> Callable[[HttpRequest], str | None]:
    setting = conf.REGION
    if isinstance(setting, str):
        function: Callable[[HttpRequest], str | None] = import_string(
            FUNCTIONS.get(setting, setting)
        )
        return function
    if setting is None or isinstance(setting, Mapping):
        raise TypeError(f"CONSENT_REGION is {setting!r}, which is not a function")
    return setting


def _header(request: HttpRequest, name: str) -> str:
    value: str = request.META.get(f"HTTP_{name.upper().replace('-', '_')}", "") if name else ""
    return value


def _joined(country: str, part: str) -> str:
    """Return both as one region; an invalid part is left out; without a country there is no region.

    What proxies say where they do not know (XX, ZZ, EU), or of Tor (T1), is no country either.
    """
    country, part = country.strip().upper(), part.strip().upper()
    if country not in COUNTRIES:
        return UNKNOWN
    whole = f"{country}-{part}"
    return whole if is_region(whole) else country
