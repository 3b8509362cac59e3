"""The settings of a website that does not list ``consent.events``."""

from tests.settings import *  # noqa: F403

INSTALLED_APPS = [app for app in INSTALLED_APPS if app not in ("consent.events", "demo_site")]  # noqa: F405
ROOT_URLCONF = "tests.events.site_without_events"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}


def _urlpatterns() -> list[object]:
    from django.contrib import admin
    from django.urls import include, path

    return [path("consent/", include("consent.urls")), path("admin/", admin.site.urls)]


def __getattr__(name: str) -> object:
    """Return the URLs when they are asked for: settings are read before apps are loaded."""
    if name == "urlpatterns":
        return _urlpatterns()
    raise AttributeError(name)
