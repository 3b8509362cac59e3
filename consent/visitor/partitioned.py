"""Partitioned cookies (CHIPS): one for each website that embeds this one in a frame.

https://www.ietf.org/archive/id/draft-cutler-httpbis-partitioned-cookies-01.html
"""

from __future__ import annotations

from http.cookies import Morsel

from django.http.response import HttpResponseBase


class PartitionedMorsel(Morsel[str]):
    """A cookie with the attribute ``Partitioned``, which Python knows from 3.14 on."""

    _reserved = {**vars(Morsel)["_reserved"], "partitioned": "Partitioned"}
    _flags = {*vars(Morsel)["_flags"], "partitioned"}


def partition(response: HttpResponseBase, *keys: str) -> None:
    """Make the cookies of ``response`` with these ``keys`` partitioned, and delete others so named.

    A browser keeps a cookie of the same name without the attribute beside it, and sends both.
    """
    for key in keys:
        cookie = response.cookies.get(key)
        if cookie is None:
            continue
        response.cookies[key] = _copy(PartitionedMorsel(), cookie)
        response.cookies[key]["partitioned"] = True
        other = _copy(Morsel(), cookie)
        other.set(cookie.key, "", "")
        other["max-age"], other["expires"] = 0, "Thu, 01 Jan 1970 00:00:00 GMT"
        # Django keeps one header for each key.
        response.cookies[f"{key} unpartitioned"] = other


def _copy(target: Morsel[str], cookie: Morsel[str]) -> Morsel[str]:
    target.set(cookie.key, cookie.value, cookie.coded_value)
    target.update(cookie)
    return target
