"""The settings of the app: one table with each setting's type, default and allowed values.

Read a setting as ``conf.NAME``. An app that builds on this one declares a table of its own: a
subclass of `AppSettings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict

from django.http import HttpRequest

from consent.conf import rules
from consent.conf.rules import BOOLEAN, Rule, at_least, choice, optional
from consent.conf.table import AppSettings, Setting

RegionSource = str | Mapping[str, str] | Callable[[HttpRequest], str | None]
"""What CONSENT_REGION may be."""


class CarryOver(TypedDict):
    """What CONSENT_CARRY_OVER is.

    ``on``: the day of the migration, in ISO format. ``groups``: the name of a group in the other
    app to the category here, the group's version, and the revision at which a grant covers it.
    """

    on: str
    groups: Mapping[str, tuple[str, str, int]]


def _is_samesite(value: object) -> bool:
    return value in ("Lax", "Strict") or (value == "None" and conf.COOKIE_SECURE is True)


def _is_partitioned(value: object) -> bool:
    return value is False or (
        value is True and conf.COOKIE_SAMESITE == "None" and conf.COOKIE_SECURE is True
    )


def _is_login_sync(value: object) -> bool:
    return value is False or (value is True and conf.RECORDS is True and conf.RECORD_USER is True)


def _is_region_source(value: object) -> bool:
    return value is None or isinstance(value, str | Mapping) or callable(value)


class ConsentSettings(AppSettings):
    """The settings of ``consent``. docs/settings.md describes them for the site's developers."""

    CARRY_OVER = Setting[CarryOver | None](None, optional(rules.CARRY_OVER))
    """Which choices that were made in another app are carried over; see `consent.carry_over`."""

    COOKIE_NAME = Setting("consent", rules.COOKIE_NAME)
    """Name of the preference cookie."""

    COOKIE_DOMAIN = Setting[str | None](None, optional(rules.DOMAIN))
    """``Domain`` of the preference cookie; with None only the host that set it receives it."""

    COOKIE_PATH = Setting("/", rules.PATH)
    """``Path`` of the preference cookie."""

    COOKIE_PARTITIONED = Setting(
        False,
        Rule(
            _is_partitioned,
            "False, or True together with CONSENT_COOKIE_SAMESITE = 'None' and "
            "CONSENT_COOKIE_SECURE = True",
        ),
    )
    """Whether each website that embeds this one in a frame gets a preference cookie of its own."""

    COOKIE_SAMESITE = Setting[Literal["Lax", "Strict", "None"]](
        "Lax",
        Rule(_is_samesite, "'Lax', 'Strict', or 'None' together with CONSENT_COOKIE_SECURE = True"),
    )
    """``SameSite`` of the preference cookie."""

    COOKIE_SECURE = Setting[bool | None](None, optional(BOOLEAN))
    """``Secure`` of the preference cookie; None sets it in answers to https requests."""

    DELIVERY = Setting[Literal["server", "cacheable"]]("server", choice("server", "cacheable"))
    """Who selects a page's tools: the server, or a script on a page that all visitors share."""

    CSP_HOSTS_BESIDE_NONCE = Setting(False, BOOLEAN)
    """Whether hosts of scripts are added to a policy that allows scripts by a nonce."""
    DNT = Setting(False, BOOLEAN)
    """Whether ``DNT: 1`` has the effect of ``Sec-GPC: 1``."""

    LOGIN_SYNC = Setting(
        False,
        Rule(
            _is_login_sync, "False, or True together with CONSENT_RECORDS and CONSENT_RECORD_USER"
        ),
    )
    """Whether a signed-in user's decision is applied on their other devices."""

    POLICY_MAX_AGE = Setting[float](5, at_least(0, "seconds"))
    """Seconds after which a process checks whether another process edited the policy."""

    RECIPE_DIRS = Setting[Sequence[str | Path]]((), rules.DIRECTORIES)
    """Directories with the project's own recipes; the first one has precedence."""

    RECORDS = Setting(True, BOOLEAN)
    """Whether each decision is recorded as a proof."""

    RECORD_USER = Setting(False, BOOLEAN)
    """Whether a record names the signed-in user."""

    REGION = Setting[RegionSource | None](
        None,
        optional(
            Rule(
                _is_region_source,
                "a preset, a dict with the name of a header as 'country', or a function of the "
                "request (or its dotted path)",
            )
        ),
    )
    """Source of a visitor's region; see `consent.regions.locating`. None: no region is known.

    A preset (``cloudflare``, ``cloudfront``, ``fastly``, ``app-engine``), ``geoip2``, a dict
    with the names of headers (``country``, ``subdivision``), or a function of the request, or
    the dotted path to one.
    """

    RETENTION_DAYS = Setting(1_095, at_least(1, "days"))
    """Days after which ``consent_purge`` deletes a record, unless its options say otherwise."""

    SIGNING_KEYS = Setting[Sequence[str | bytes] | None](None, optional(rules.SECRETS), secret=True)
    """Keys of the records' signatures: the first signs, all of them verify.

    None stands for SECRET_KEY and SECRET_KEY_FALLBACKS.
    """

    SUBJECT_COOKIE_NAME = Setting(
        "consent_subject",
        Rule(
            lambda value: rules.is_token(value) and value != conf.COOKIE_NAME,
            "a cookie name, another one than CONSENT_COOKIE_NAME",
        ),
    )
    """Name of the cookie that gives a visitor access to their own records."""

    SUBJECT_COOKIE_PATH = Setting[str | None](None, optional(rules.PATH))
    """``Path`` of the subject's cookie; None limits it to the app's own pages and its API."""

    THROTTLE_RATE = Setting[str | None]("120/min", optional(rules.RATE))
    """Writes to the API per client, in REST framework's notation; None: no limit."""


conf: ConsentSettings = ConsentSettings()
