"""Hosts with URLconfs of their own: each page has the addresses of its own URLconf."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template import engines
from django.test import Client
from django.urls import clear_script_prefix, include, path, set_script_prefix

from consent.models import Record
from tests.helpers import OPTIONAL, SAME_ORIGIN, grant, small_site, vary

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.pages.test_urlconfs")]

Respond = Callable[[HttpRequest], HttpResponseBase]


def page(request: HttpRequest) -> HttpResponse:
    template = (
        "{% load consent %}{% consent_head %}{% consent_preferences_button %}{% consent_policy %}"
        '{% consentblock "advertising" %}An advertisement{% endconsentblock %}{% consent_body %}'
    )
    return HttpResponse(engines["django"].from_string(template).render({}, request))


def decide(request: HttpRequest) -> HttpResponse:
    request.consent.reject_all()  # type: ignore[attr-defined]
    return HttpResponse("Refused")


def urlconf(name: str, *patterns: object) -> ModuleType:
    module = ModuleType(name)
    module.urlpatterns = [path("page/", page), path("decide/", decide), *patterns]  # type: ignore[attr-defined]
    return module


urlpatterns = urlconf("main", path("consent/", include("consent.urls"))).urlpatterns
BY_HOST = {
    "shop.example": urlconf("shop", path("privacy/", include("consent.urls"))),
    "bare.example": urlconf("bare"),
}


def by_host(get_response: Respond) -> Respond:
    """What django-hosts does."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if own := BY_HOST.get(request.get_host()):
            request.urlconf = own  # type: ignore[attr-defined]
        return get_response(request)

    return middleware


@pytest.fixture(autouse=True)
def site(settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.MIDDLEWARE = [
        "tests.pages.test_urlconfs.by_host",
        "consent.middleware.ConsentMiddleware",
    ]
    small_site()


def html_of(host: str, cookie: str = "") -> str:
    client = Client(SERVER_NAME=host)
    if cookie:
        client.cookies["consent"] = cookie
    response = client.get("/page/")
    assert response.status_code == 200
    found: str = response.content.decode()
    return found


def test_each_host_has_the_addresses_of_its_own_urlconf():
    for _ in range(2):
        main, shop = html_of("main.example"), html_of("shop.example")

        assert 'action="/consent/preferences/"' in main
        assert "/privacy/" not in main
        assert 'action="/privacy/preferences/"' in shop
        assert "/consent/preferences" not in shop


@pytest.fixture
def mounted_at() -> Iterator[Callable[[str], None]]:
    """What a WSGI server's SCRIPT_NAME makes Django do, which its test client leaves out."""
    yield set_script_prefix
    clear_script_prefix()


def test_each_script_prefix_has_its_own_addresses(mounted_at):
    for prefix in ("/", "/one/", "/two/") * 2:
        mounted_at(prefix)

        assert f'action="{prefix}consent/preferences/"' in html_of("main.example")


def test_record_of_each_host_refers_to_the_text_that_its_page_showed():
    for host, mount in (("main.example", "consent"), ("shop.example", "privacy")) * 2:
        version = html_of(host).split('data-version="')[1].split('"')[0]
        response = Client(SERVER_NAME=host, headers=SAME_ORIGIN).post(
            f"/{mount}/preferences/", {"action": "reject-all", "version": version}
        )

        assert response.status_code == 303
        assert Record.objects.latest("pk").version.shown["policy"]["policy_url"] == (
            f"/{mount}/policy/"
        )


@pytest.mark.parametrize("cookie", [lambda: "", lambda: grant(*OPTIONAL), lambda: grant()])
def test_host_without_the_apps_urls_gets_only_essential_tools(cookie, caplog):
    html_of("main.example", cookie())

    with caplog.at_level(logging.ERROR, logger="consent"):
        html = html_of("bare.example", cookie())

    assert "guard" in html
    for absent in ("pixel", "dcp-notice", "An advertisement", "preferences/"):
        assert absent not in html
    assert "does not include consent.urls" in caplog.text


def test_response_of_such_a_host_does_not_depend_on_the_visitor():
    client = Client(SERVER_NAME="bare.example")

    assert "Cookie" not in vary(client.get("/page/"))


def test_refusal_in_a_view_of_such_a_host_is_kept():
    client = Client(SERVER_NAME="bare.example", headers=SAME_ORIGIN)

    assert client.get("/decide/").status_code == 200
    assert "advertising_0" in client.cookies["consent"].value
