"""Validators of the policy's fields."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from consent import regions
from consent.recipes import CONSENT_TYPES
from consent.recipes.keys import KEY

_HOST = re.compile(
    r"\.?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.I
)


validate_key = RegexValidator(
    rf"\A{KEY}\Z",
    _(
        "“%(value)s” is not a valid key: use small letters, digits and single hyphens, such as "
        "live-chat."
    ),
)
validate_address = RegexValidator(
    r"\A(?:/(?![/\\])|https?://)[^\s\\]*\Z",
    _(
        "“%(value)s” is not a valid address: start it with / for a page of this site, or with "
        "https://."
    ),
)
validate_pattern = RegexValidator(
    # A pattern needs two characters of its own: * or _* would match what is somebody else's.
    r"\A(?=.*[^*]{2}|[^*]+\Z)[^\s;,=\"\\<>]+\Z",
    _(
        "“%(value)s” is not a valid cookie name: use the name itself, with * for a part that "
        "varies, such as _ga_*."
    ),
)


def validate_hosts(value: str) -> None:
    """Raise ValidationError for a line that is not a host name, or a dot and a domain."""
    for host in value.split():
        if not _HOST.fullmatch(host):
            message = _(
                "“%(value)s” is not a valid host name: write its name without https:// and without "
                "a path, such as shop.example.com."
            )
            raise ValidationError(message, params={"value": host})


def validate_regions(value: str) -> None:
    """Raise ValidationError for an unknown region code."""
    for code in regions.unknown(value):
        if code in regions.MEANT:
            message = _("“%(value)s” is not a region code: write %(meant)s.")
            params = {"value": code, "meant": regions.MEANT[code]}
            raise ValidationError(message, params=params)
        message = _(
            "“%(value)s” is not a region code: write the two letters of a country (DE), a country "
            "and its part (US-CA), or one of: %(groups)s."
        )
        groups = ", ".join(regions.GROUPS)
        raise ValidationError(message, params={"value": code, "groups": groups})


def validate_consent_types(value: str) -> None:
    """Raise ValidationError for an unknown or repeated type of Google's Consent Mode."""
    names = value.split()
    for name in names:
        if name not in CONSENT_TYPES or names.count(name) > 1:
            message = _("“%(value)s” is not a signal, or is repeated. The signals are: %(known)s.")
            known = ", ".join(CONSENT_TYPES)
            raise ValidationError(message, params={"value": name, "known": known})
