"""A nonce is used only where the website's policy has one, and reading it changes no policy."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable

import django
import pytest
from csp.constants import NONCE, SELF, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template import engines
from django.test import Client
from django.urls import include, path
from django.utils.functional import SimpleLazyObject

from tests.helpers import small_site

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.pages.test_nonce")]

CONSENT = "consent.middleware.ConsentMiddleware"
PACKAGE = "csp.middleware.CSPMiddleware"
DJANGO = "django.middleware.csp.ContentSecurityPolicyMiddleware"
OLD_PACKAGE = "tests.pages.test_nonce.AsDjangoCSP38"
OWN = "tests.pages.test_nonce.own_nonce"
HEADER = "Content-Security-Policy"
PLACEHOLDER = "<CSP_NONCE_SENTINEL>"

Respond = Callable[[HttpRequest], HttpResponseBase]


class AsDjangoCSP38:
    """What django-csp 3.8 does: a nonce that was read is added to some directives."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        from django.conf import settings

        def create() -> str:
            request._csp_nonce = base64.b64encode(os.urandom(16)).decode()  # type: ignore[attr-defined]
            return str(request._csp_nonce)  # type: ignore[attr-defined]

        request.csp_nonce = SimpleLazyObject(create)  # type: ignore[attr-defined]
        response = self.get_response(request)
        policy = {
            "default-src": getattr(settings, "CSP_DEFAULT_SRC", ["'self'"]),
            "script-src": getattr(settings, "CSP_SCRIPT_SRC", None),
        }
        parts = {name: " ".join(sources) for name, sources in policy.items() if sources}
        if nonce := getattr(request, "_csp_nonce", None):
            for name in getattr(settings, "CSP_INCLUDE_NONCE_IN", ["default-src"]):
                parts[name] = f"{parts.get(name, '')} 'nonce-{nonce}'".strip()
        response.headers[HEADER] = "; ".join(f"{name} {value}" for name, value in parts.items())
        return response


def own_nonce(get_response: Respond) -> Respond:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        request.csp_nonce = 'own"nonce'  # type: ignore[attr-defined]
        return get_response(request)

    return middleware


def page(request: HttpRequest, first: str = "") -> HttpResponse:
    template = f"{{% load consent %}}{first}{{% consent_head %}}{{% consent_body %}}"
    return HttpResponse(engines["django"].from_string(template).render({}, request))


def page_that_reads(request: HttpRequest) -> HttpResponse:
    return page(request, "{{ request.csp_nonce }}")


urlpatterns = [
    path("page/", page),
    path("reads/", page_that_reads),
    path("consent/", include("consent.urls")),
]


@pytest.fixture(autouse=True)
def site() -> None:
    small_site()


def has_nonce(view: str = "page") -> tuple[bool, bool]:
    """Return whether the app's scripts have a nonce, and whether the policy has the same one."""
    response = Client().get(f"/{view}/")
    nonces = {piece.split('"')[0] for piece in response.content.decode().split('nonce="')[1:]}
    assert len(nonces) <= 1
    policy = response.headers.get(HEADER, "")
    return bool(nonces), bool(nonces) and f"'nonce-{nonces.pop()}'" in policy


USED, NOT_USED = (True, True), (False, False)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, USED),
        ({"CSP_DEFAULT_SRC": [SELF, UNSAFE_INLINE]}, NOT_USED),
        ({"CSP_DEFAULT_SRC": (UNSAFE_INLINE,), "CSP_SCRIPT_SRC": (SELF,)}, NOT_USED),
        ({"CSP_SCRIPT_SRC": [SELF], "CSP_INCLUDE_NONCE_IN": ["script-src"]}, USED),
        ({"CSP_SCRIPT_SRC": [UNSAFE_INLINE], "CSP_INCLUDE_NONCE_IN": ["script-src"]}, NOT_USED),
        ({"CSP_SCRIPT_SRC": [SELF]}, NOT_USED),
        ({"CSP_INCLUDE_NONCE_IN": ["script-src"]}, NOT_USED),
        ({"CSP_INCLUDE_NONCE_IN": []}, NOT_USED),
    ],
)
def test_django_csp_before_4(settings, named, expected):
    settings.MIDDLEWARE = [CONSENT, OLD_PACKAGE]
    for name, value in named.items():
        setattr(settings, name, value)

    assert has_nonce() == expected


def test_nonce_that_the_site_itself_has_read_is_used(settings):
    settings.MIDDLEWARE = [CONSENT, OLD_PACKAGE]
    settings.CSP_DEFAULT_SRC = [SELF, UNSAFE_INLINE]

    assert has_nonce("reads") == USED


@pytest.mark.parametrize(
    ("directives", "reported", "expected"),
    [
        ({"script-src": [SELF, NONCE]}, None, USED),
        ({"default-src": [SELF], "script-src": [SELF, UNSAFE_INLINE]}, None, NOT_USED),
        ({"script-src": [SELF]}, {"script-src": [NONCE]}, (True, False)),
    ],
)
def test_django_csp_4(settings, directives, reported, expected):
    settings.MIDDLEWARE = [CONSENT, PACKAGE]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": directives}
    if reported:
        settings.CONTENT_SECURITY_POLICY_REPORT_ONLY = {"DIRECTIVES": reported}

    assert has_nonce() == expected


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has no CSP middleware of its own yet")
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"script-src": ["'self'", PLACEHOLDER]}, USED),
        ({"script-src": ["'self'", "'unsafe-inline'"]}, NOT_USED),
        ({}, (True, False)),
    ],
)
def test_djangos_own(settings, policy, expected):
    settings.MIDDLEWARE = [CONSENT, DJANGO]
    settings.SECURE_CSP = policy

    assert has_nonce() == expected


def test_nonce_of_a_middleware_of_the_sites_own_is_used_and_escaped(settings):
    settings.MIDDLEWARE = [CONSENT, OWN]

    assert 'nonce="own&quot;nonce"' in Client().get("/page/").content.decode()
