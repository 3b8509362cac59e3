"""The settings of each website: what ``startproject`` writes, and what its solution needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks.cases import Site

HOST = "bench.example"
_TEMPLATES = Path(__file__).parent / "website" / "templates"
CONSENT_MIDDLEWARE = "consent.middleware.ConsentMiddleware"
_COMMON_MIDDLEWARE = "django.middleware.common.CommonMiddleware"


class NoMigrations:
    """Makes ``migrate --run-syncdb`` create every table at once."""

    def __contains__(self, app: str) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


def settings_of(site: Site, folder: Path) -> dict[str, Any]:
    """Return all settings of ``site``, whose database is a file in ``folder``."""
    settings = _startproject(site, folder)
    if site.solution in _ADDED:
        _ADDED[site.solution](settings, site)
    return settings


def _startproject(site: Site, folder: Path) -> dict[str, Any]:
    return {
        "SECRET_KEY": "of-a-website-that-nobody-reaches",
        "DEBUG": False,
        "ALLOWED_HOSTS": [HOST],
        "ROOT_URLCONF": f"tests.benchmarks.solutions.{site.solution}",
        "INSTALLED_APPS": [
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
        ],
        "MIDDLEWARE": [
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.locale.LocaleMiddleware",
            _COMMON_MIDDLEWARE,
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [_TEMPLATES / site.solution, _TEMPLATES / "common"],
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ],
                    "libraries": {"hard_coded": "tests.benchmarks.website.hard_coded"},
                },
            }
        ],
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / f"{site.name}.sqlite3",
            }
        },
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "MIGRATION_MODULES": NoMigrations(),
        "LANGUAGE_CODE": "en",
        "LANGUAGES": [("en", "English"), ("de", "Deutsch"), ("fr", "Français")],
        "USE_I18N": True,
        "USE_TZ": True,
        "STATIC_URL": "/static/",
        # Nothing to look up and nothing to print for each request.
        "LOGGING_CONFIG": None,
    }


def _handwritten(settings: dict[str, Any], site: Site) -> None:
    processors = settings["TEMPLATES"][0]["OPTIONS"]["context_processors"]
    processors.append("tests.benchmarks.solutions.handwritten.choices")


def _cookie_consent(settings: dict[str, Any], site: Site) -> None:
    settings["INSTALLED_APPS"].append("cookie_consent")


def _consent_tools(settings: dict[str, Any], site: Site) -> None:
    settings["INSTALLED_APPS"].append("consent")
    middleware = settings["MIDDLEWARE"]
    middleware.insert(middleware.index(_COMMON_MIDDLEWARE) + 1, CONSENT_MIDDLEWARE)
    settings["CONSENT_DELIVERY"] = site.delivery
    # Counts each write, and refuses none.
    settings["CONSENT_THROTTLE_RATE"] = "1000000/s"


def _bare_api(settings: dict[str, Any], site: Site) -> None:
    settings["INSTALLED_APPS"].append("rest_framework")


_ADDED = {
    "handwritten": _handwritten,
    "cookie_consent": _cookie_consent,
    "consent_tools": _consent_tools,
    "bare_api": _bare_api,
}
