"""The settings of a website that does not list ``consent.findings``."""

from tests.events.site_without_events import *  # noqa: F403

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "consent.findings"]  # noqa: F405
MIDDLEWARE = [path for path in MIDDLEWARE if not path.startswith("consent.findings.")]  # noqa: F405
