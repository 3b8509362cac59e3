"""Checks of the project: its settings, middleware, URLs and templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from consent.conf import conf
from consent.conf.table import AppSettings
from consent.regions import locating

MIDDLEWARE = "consent.middleware.ConsentMiddleware"
CSP_MIDDLEWARE = "consent.middleware.ConsentCSPMiddleware"
REQUEST_PROCESSOR = "django.template.context_processors.request"

# Stores pages for other visitors: the consent middleware has to be inside of it, so that its
# `Vary` is there when the page is stored.
_PAGE_CACHE = "django.middleware.cache.UpdateCacheMiddleware"

# Django's own (6.0 and newer), and django-csp's.
_CSP_WRITERS = (
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "csp.middleware.CSPMiddleware",
)


def check_middleware(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.E001: middleware missing. consent.W002: in the wrong order. consent.E003: twice."""
    paths = list(settings.MIDDLEWARE)
    positions = [index for index, path in enumerate(paths) if is_a(path, MIDDLEWARE)]
    if not positions:
        yield Error(
            "The consent middleware is missing, so no visitor's choice is read.",
            hint=f"Add '{MIDDLEWARE}' to MIDDLEWARE.",
            id="consent.E001",
        )
        return
    if len(positions) > 1:
        yield Error(
            f"The consent middleware is in MIDDLEWARE {len(positions)} times.",
            hint=f"Keep one '{MIDDLEWARE}'.",
            id="consent.E003",
        )
    if _PAGE_CACHE in paths[positions[0] :]:
        yield Warning(
            f"'{MIDDLEWARE}' is before '{_PAGE_CACHE}', so the cache may give a page of one "
            "visitor to another.",
            hint=f"Move it somewhere after '{_PAGE_CACHE}'.",
            id="consent.W002",
        )


def check_csp_middleware(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.E016: ConsentCSPMiddleware is not between ConsentMiddleware and a policy's writer."""
    paths = list(settings.MIDDLEWARE)
    ours = [index for index, path in enumerate(paths) if is_a(path, CSP_MIDDLEWARE)]
    if not ours:
        return
    if not any(is_a(path, MIDDLEWARE) for path in paths[: ours[0]]):
        yield Error(
            f"'{CSP_MIDDLEWARE}' is not after '{MIDDLEWARE}', so it cannot read a visitor's "
            "choice.",
            hint=f"Move it somewhere after '{MIDDLEWARE}'.",
            id="consent.E016",
        )
    for path in paths[: ours[-1]]:
        if is_a(path, *_CSP_WRITERS):
            yield Error(
                f"'{CSP_MIDDLEWARE}' is after '{path}', so it cannot extend the policy that this "
                "middleware writes, and browsers block the tools that a visitor allows.",
                hint=f"Move '{path}' somewhere after '{CSP_MIDDLEWARE}'.",
                id="consent.E016",
            )


def has_csp_middleware() -> bool:
    """Say whether the app extends Content-Security-Policy headers."""
    return any(is_a(path, CSP_MIDDLEWARE) for path in settings.MIDDLEWARE)


def is_a(path: str, *wanted: str) -> bool:
    """Say whether ``path`` imports one of the ``wanted`` classes, or a subclass of one."""
    try:
        found = import_string(path)
    except ImportError:
        return False
    bases = found.__mro__ if isinstance(found, type) else ()
    return any(f"{base.__module__}.{base.__qualname__}" in wanted for base in bases)


def check_urls(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.E004: the app's URLs are not included."""
    try:
        reverse("consent:preferences")
    except NoReverseMatch:
        yield Error(
            "The app's URLs are not included, so no visitor can choose.",
            hint="Add path('consent/', include('consent.urls')) to ROOT_URLCONF.",
            id="consent.E004",
        )


def check_templates(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.E005: no DjangoTemplates engine. consent.E006: no request in templates."""
    django_engines = [engine for engine in engines.all() if isinstance(engine, DjangoTemplates)]
    if not django_engines:
        yield Error(
            "TEMPLATES has no DjangoTemplates engine, which the notice and the preferences need.",
            hint="Add one with APP_DIRS, also if your own pages are Jinja2 templates.",
            id="consent.E005",
        )
    for engine in django_engines:
        if REQUEST_PROCESSOR not in engine.engine.context_processors:
            yield Error(
                f"Templates of the engine '{engine.name}' have no variable 'request', so the "
                "consent tags cannot read the visitor's choice.",
                hint=f"Add '{REQUEST_PROCESSOR}' to its context_processors.",
                id="consent.E006",
            )


def check_settings(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.E007: a setting has a value that is not allowed."""
    yield from invalid_settings(conf)


def invalid_settings(table: AppSettings) -> Iterator[CheckMessage]:
    """Yield an error for each setting of ``table`` that has a value which is not allowed."""
    for setting, problem in table.problems():
        yield Error(
            problem,
            hint=f"Correct {setting.name}, or remove it to use the default, {setting.default!r}.",
            id="consent.E007",
        )


def check_proxies(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.I030: a proxy is in front of the website, and NUM_PROXIES does not say how many."""
    signs = ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT")
    found = [name for name in signs if getattr(settings, name)]
    is_known = getattr(settings, "REST_FRAMEWORK", {}).get("NUM_PROXIES") is not None
    if found and not is_known and conf.THROTTLE_RATE is not None:
        yield Info(
            f"{found[0]} says that a proxy is in front of the website, but not how many there are. "
            "If the proxies have public addresses, all visitors share the limit of "
            "CONSENT_THROTTLE_RATE.",
            hint="Set REST_FRAMEWORK['NUM_PROXIES'] to the number of your own proxies.",
            id="consent.I030",
        )


def check_region_source(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.E007: CONSENT_REGION has a value of the right type that cannot be used."""
    if not isinstance(conf.REGION, str | Mapping) or locating.is_usable():
        return
    presets = ", ".join(map(repr, (*locating.PRESETS, *locating.FUNCTIONS)))
    yield Error(
        f"CONSENT_REGION is {conf.REGION!r}, which is no preset, has no 'country', or cannot be "
        "imported; so no visitor's region is known.",
        hint=f"Use one of {presets}, a dict with the name of a header as 'country', or a function "
        "of the request (or its dotted path).",
        id="consent.E007",
    )
