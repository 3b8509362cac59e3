"""The region of a visitor's address, by ``django.contrib.gis.geoip2`` and a MaxMind database."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address

from django.contrib.gis.geoip2 import GeoIP2
from django.http import HttpRequest
from geoip2.errors import AddressNotFoundError


def region_of(request: HttpRequest) -> str | None:
    """Return the region of REMOTE_ADDR, such as US-CA; None for an address that nobody knows.

    Behind a proxy REMOTE_ADDR is the proxy's: let the proxy name the country in a header, or let
    your server (mod_remoteip, uvicorn --proxy-headers) restore the address. Raises GeoIP2Exception
    where GEOIP_PATH has no database.
    """
    database = _database()
    try:
        # Django would ask the name server for anything else.
        address = str(ip_address(request.META.get("REMOTE_ADDR", "")))
        if database.is_city:
            city = database.city(address)
            return f"{city['country_code']}-{city['region_code'] or ''}"
        code: str | None = database.country(address)["country_code"]
    except (AddressNotFoundError, ValueError):
        return None
    return code


@cache
def _database() -> GeoIP2:
    """Return the database, opened once."""
    return GeoIP2()
