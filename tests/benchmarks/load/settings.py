"""The settings of the two websites under load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks.cases import SERVER
from tests.benchmarks.settings import CONSENT_MIDDLEWARE, settings_of

OURS, BARE = "consent_tools", "bare"
PATH = "/consent/api/preferences/"

# Seconds between two attempts to store the refusals that wait: an outage here is a short one.
PATIENCE = 0.2


def settings_under_load(website: str, database: dict[str, Any]) -> dict[str, Any]:
    """Return all settings of ``website``: those of the page's benchmark, and one server for both.

    All clients have one address here, so there is no limit to the writes of one.
    """
    settings = settings_of(SERVER, Path())
    settings["DATABASES"] = {"default": {**database, "CONN_MAX_AGE": None}}
    settings["ALLOWED_HOSTS"] = ["127.0.0.1"]
    settings["INSTALLED_APPS"] += ["consent.events", "tests.benchmarks.load"]
    settings["CONSENT_THROTTLE_RATE"] = None
    settings["CONSENT_EVENTS_TRUSTED_HOSTS"] = ["127.0.0.1"]
    if website == BARE:
        settings["ROOT_URLCONF"] = "tests.benchmarks.load.bare"
        settings["MIDDLEWARE"].remove(CONSENT_MIDDLEWARE)
    return settings
