"""The app's settings, each read when first used, and again once it is overridden in a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from django.conf import settings
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.utils.functional import cached_property


class ConsentSettings:
    """One typed property for each ``CONSENT_*`` setting; :mod:`consent.checks` validates them."""

    @cached_property
    def COOKIE_NAME(self) -> str:
        """Name of the preference cookie."""
        return getattr(settings, "CONSENT_COOKIE_NAME", "consent")

    @cached_property
    def COOKIE_DOMAIN(self) -> str | None:
        """``Domain`` of the preference cookie; None keeps it to the host that set it."""
        return getattr(settings, "CONSENT_COOKIE_DOMAIN", None)

    @cached_property
    def COOKIE_PATH(self) -> str:
        """``Path`` of the preference cookie."""
        return getattr(settings, "CONSENT_COOKIE_PATH", "/")

    @cached_property
    def COOKIE_SAMESITE(self) -> Literal["Lax", "Strict", "None"]:
        """``SameSite`` of the preference cookie."""
        return getattr(settings, "CONSENT_COOKIE_SAMESITE", "Lax")

    @cached_property
    def COOKIE_SECURE(self) -> bool | None:
        """``Secure`` on the preference cookie; None means: on https requests."""
        return getattr(settings, "CONSENT_COOKIE_SECURE", None)

    @cached_property
    def DELIVERY(self) -> Literal["server", "cacheable"]:
        """Who decides which tools a page has: the server, or the script of a page for everybody."""
        return getattr(settings, "CONSENT_DELIVERY", "server")

    @cached_property
    def DNT(self) -> bool:
        """Whether ``DNT: 1`` counts as ``Sec-GPC: 1`` does."""
        return getattr(settings, "CONSENT_DNT", False)

    @cached_property
    def EVENTS_ATTEMPTS(self) -> int:
        """How often an event is tried to be delivered before it is given up, over about two days.

        Those that the receiver's Retry-After postpones count, too.
        """
        return getattr(settings, "CONSENT_EVENTS_ATTEMPTS", 12)

    @cached_property
    def EVENTS_HOSTS(self) -> Sequence[str] | None:
        """The only hosts (``name`` or ``name:port``) that events may go to; None: any.

        For a copy of the website that holds the addresses of the real one, such as staging.
        """
        return getattr(settings, "CONSENT_EVENTS_HOSTS", None)

    @cached_property
    def EVENTS_RETENTION_DAYS(self) -> int:
        """Days after which ``consent_purge`` deletes a delivery that has come to its end."""
        return getattr(settings, "CONSENT_EVENTS_RETENTION_DAYS", 30)

    @cached_property
    def EVENTS_TASKS(self) -> str | None:
        """Which backend of TASKS delivers events; None: none does, ``consent_deliver`` alone."""
        return getattr(settings, "CONSENT_EVENTS_TASKS", None)

    @cached_property
    def EVENTS_TIMEOUT(self) -> float:
        """Seconds that one attempt to deliver may take, connecting and everything else included."""
        return getattr(settings, "CONSENT_EVENTS_TIMEOUT", 15)

    @cached_property
    def EVENTS_TRUSTED_HOSTS(self) -> Sequence[str]:
        """Hosts (``name`` or ``name:port``) that events may go to over a private network or http.

        They are not checked further: whoever edits tools can have your server ask them.
        """
        return getattr(settings, "CONSENT_EVENTS_TRUSTED_HOSTS", ())

    @cached_property
    def LOGIN_SYNC(self) -> bool:
        """Whether a signed-in user's decision follows them to another device."""
        return getattr(settings, "CONSENT_LOGIN_SYNC", False)

    @cached_property
    def POLICY_MAX_AGE(self) -> float:
        """Seconds after which a process looks whether the policy was edited elsewhere."""
        return getattr(settings, "CONSENT_POLICY_MAX_AGE", 5)

    @cached_property
    def RECORDS(self) -> bool:
        """Whether each decision is recorded, so that it can be proven."""
        return getattr(settings, "CONSENT_RECORDS", True)

    @cached_property
    def RECORD_USER(self) -> bool:
        """Whether a record names the user, where one is logged in."""
        return getattr(settings, "CONSENT_RECORD_USER", False)

    @cached_property
    def REGION(self) -> str | Mapping[str, str] | Callable[[HttpRequest], str | None] | None:
        """Source of a visitor's region; see `consent.regions.locating`. None: no region is known.

        A preset (``cloudflare``, ``cloudfront``, ``fastly``, ``app-engine``), ``geoip2``, a dict
        with the names of headers (``country``, ``subdivision``), or a function of the request, or
        the dotted path to one.
        """
        return getattr(settings, "CONSENT_REGION", None)

    @cached_property
    def RETENTION_DAYS(self) -> int:
        """Days after which ``consent_purge`` deletes a record, unless it is told otherwise."""
        return getattr(settings, "CONSENT_RETENTION_DAYS", 1_095)

    @cached_property
    def SUBJECT_COOKIE_NAME(self) -> str:
        """Name of the cookie by which a visitor reads their own records."""
        return getattr(settings, "CONSENT_SUBJECT_COOKIE_NAME", "consent_subject")

    @cached_property
    def SUBJECT_COOKIE_PATH(self) -> str | None:
        """``Path`` of the subject's cookie; None keeps it to the app's own pages and its API.

        With login sync None is ``/``: wherever somebody signs in, it is to be seen.
        """
        return getattr(settings, "CONSENT_SUBJECT_COOKIE_PATH", None)

    @property
    def SIGNING_KEYS(self) -> Sequence[str | bytes]:
        """Keys of the records' signatures: the first signs, all verify. Not kept: secrets rotate.

        By default SECRET_KEY and SECRET_KEY_FALLBACKS.
        """
        keys = getattr(settings, "CONSENT_SIGNING_KEYS", None)
        return keys or [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]

    @cached_property
    def THROTTLE_RATE(self) -> str | None:
        """Writes to the API per client, in DRF's notation (``120/min``); None: no limit."""
        return getattr(settings, "CONSENT_THROTTLE_RATE", "120/min")


conf = ConsentSettings()


def _forget(setting: str, **kwargs: Any) -> None:
    conf.__dict__.pop(setting.removeprefix("CONSENT_"), None)


# A setting is asked for several times a page, and one that is not there takes Django 2 µs.
setting_changed.connect(_forget)
