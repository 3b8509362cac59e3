"""The settings of findings."""

from __future__ import annotations

from collections.abc import Sequence

from consent.conf.rules import Rule, at_least, more_than
from consent.conf.table import AppSettings, Setting


def _are_patterns(value: object) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(name, str) and name.strip("*") for name in value
    )


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


class FindingsSettings(AppSettings):
    """The settings of ``consent.findings``, each ``CONSENT_FINDINGS_…``; see docs/settings.md."""

    prefix = "CONSENT_FINDINGS_"

    MOST = Setting(500, more_than(0, "findings"))
    """Number of findings that are kept of those that anybody can forge, and of the others."""

    OWN_COOKIES = Setting[Sequence[str]](
        (), Rule(_are_patterns, "a list of names of cookies, such as ['cart', 'seen_*']")
    )
    """Names of the site's own cookies; ``*`` stands for a part that varies."""

    OWN_HOSTS = Setting[Sequence[str]](
        (), Rule(_are_patterns, "a list of hosts, such as ['static.example.com', '*.example.net']")
    )
    """The site's own hosts, beside those of its pages and of its static and media files."""

    REPORTED_SHARE = Setting[float](0, Rule(_is_share, "a number from 0 to 1"))
    """Share of the pages whose browsers report hosts that no tool declares."""

    RETENTION_DAYS = Setting(180, more_than(0, "days"))
    """Days after which ``consent_purge`` deletes an open finding that was not seen again."""

    STORE_SECONDS = Setting[float](30, at_least(0, "seconds"))
    """Seconds after which a background thread stores what was seen."""


conf: FindingsSettings = FindingsSettings()
