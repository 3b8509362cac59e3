"""Checks of the settings for the app's cookies that have to fit together."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error, Info

from consent.conf import conf
from consent.visitor.response import HOST_PREFIX


def check_cookies(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.E028: browsers refuse a cookie with this name. consent.I029: hosts share a choice.

    https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3
    """
    if any(conf.problems()):
        return
    names = (conf.COOKIE_NAME, conf.SUBJECT_COOKIE_NAME)
    if any(name.startswith(HOST_PREFIX) for name in names) and (wrong := _wrong_for_one_host()):
        yield Error(
            f"Browsers refuse a cookie whose name begins with {HOST_PREFIX}, because of "
            f"{' and '.join(wrong)}: no choice would be kept.",
            hint=f"Correct these settings, or use names without {HOST_PREFIX}.",
            id="consent.E028",
        )
    if conf.COOKIE_DOMAIN:
        yield Info(
            f"All hosts under {conf.COOKIE_DOMAIN} share a choice: each of them receives the "
            "preference cookie and can replace it. Where one has a cookie of its own with the same "
            "name, visitors send both, and only essential tools run until they agree.",
            hint=f"If no choice has to be shared, use CONSENT_COOKIE_NAME = '{HOST_PREFIX}consent' "
            "without a domain: no other host can set that cookie. Else silence this message.",
            id="consent.I029",
        )


def _wrong_for_one_host() -> list[str]:
    """Return the settings that such a name does not allow."""
    wrong = []
    if conf.COOKIE_DOMAIN:
        wrong.append("CONSENT_COOKIE_DOMAIN")
    if conf.COOKIE_PATH != "/":
        wrong.append("CONSENT_COOKIE_PATH")
    if conf.SUBJECT_COOKIE_NAME.startswith(HOST_PREFIX) and conf.SUBJECT_COOKIE_PATH != "/":
        wrong.append("CONSENT_SUBJECT_COOKIE_PATH")
    return wrong
