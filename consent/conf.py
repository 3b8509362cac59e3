"""The app's settings, each read when it is used, so that ``override_settings`` works."""

from __future__ import annotations

from typing import Literal

from django.conf import settings


class ConsentSettings:
    """One typed property for each ``CONSENT_*`` setting; :mod:`consent.checks` validates them."""

    @property
    def COOKIE_NAME(self) -> str:
        """Name of the preference cookie."""
        return getattr(settings, "CONSENT_COOKIE_NAME", "consent")

    @property
    def COOKIE_DOMAIN(self) -> str | None:
        """``Domain`` of the preference cookie; None keeps it to the host that set it."""
        return getattr(settings, "CONSENT_COOKIE_DOMAIN", None)

    @property
    def COOKIE_PATH(self) -> str:
        """``Path`` of the preference cookie."""
        return getattr(settings, "CONSENT_COOKIE_PATH", "/")

    @property
    def COOKIE_SAMESITE(self) -> Literal["Lax", "Strict", "None"]:
        """``SameSite`` of the preference cookie."""
        return getattr(settings, "CONSENT_COOKIE_SAMESITE", "Lax")

    @property
    def COOKIE_SECURE(self) -> bool | None:
        """``Secure`` on the preference cookie; None means: on https requests."""
        return getattr(settings, "CONSENT_COOKIE_SECURE", None)

    @property
    def POLICY_MAX_AGE(self) -> float:
        """Seconds after which a process looks whether the policy was edited elsewhere."""
        return getattr(settings, "CONSENT_POLICY_MAX_AGE", 5)

    @property
    def THROTTLE_RATE(self) -> str | None:
        """Writes to the API per client, in DRF's notation (``120/min``); None: no limit."""
        return getattr(settings, "CONSENT_THROTTLE_RATE", "120/min")


conf = ConsentSettings()
