"""The cookie of django-cookie-consent: what a visitor accepted and declined there. Pure.

Its text is ``group=version`` for each group, with ``|`` between. The version is the time at which
the group's newest cookie was added when the visitor accepted the group ("" where it had none), or
``-1`` (the setting COOKIE_CONSENT_DECLINE) where they declined it:
https://github.com/jazzband/django-cookie-consent (``util.py``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

# Browsers keep no longer cookie: RFC 6265, 6.1.
LONGEST = 4_096

_VERSION = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([+-][0-9]{2}:[0-9]{2})?)?"
)


def answers(text: str, versions: Mapping[str, str], declined: str) -> dict[str, bool]:
    """Return what ``text`` says about groups: True accepted, False declined.

    ``versions``: the groups and their present versions. A group is left out if it was accepted at
    an earlier version, so that visitors are asked again, or if what ``text`` says is not clear.
    """
    said = _said(text) if len(text) <= LONGEST else {}
    return {
        group: declined not in said[group]
        for group, version in versions.items()
        if group in said and (declined in said[group] or _accepts(said[group], version))
    }


def _said(text: str) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for pair in text.split("|"):
        group, *versions = pair.split("=")
        if len(versions) == 1:
            found[group] += versions
    return found


def _accepts(said: list[str], version: str) -> bool:
    """Say whether it was accepted as it is now; versions are compared as that app does it."""
    return all(_VERSION.fullmatch(text) and text >= version for text in said)
