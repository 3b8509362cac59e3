"""Whether a page of this site sent a request."""

from itertools import product

import pytest
from django.core.exceptions import DisallowedHost
from django.test import RequestFactory

from consent.visitor.same_origin import same_origin

HOST = "testserver"
OWN = f"http://{HOST}"


def says(*, host: str = HOST, secure: bool = False, **headers: str | None) -> bool:
    """What `same_origin` says of a request with these headers (names with _ for -)."""
    sent = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    request = RequestFactory().post(
        "/", secure=secure, headers={"host": host, **sent} if sent else {"host": host}
    )
    return same_origin(request)


SITES = (None, "same-origin", "same-site", "cross-site", "none", "", "SAME-ORIGIN", "nonsense")
ORIGINS = (None, OWN, "http://evil.example", "null", "")


@pytest.mark.parametrize(("site", "origin"), list(product(SITES, ORIGINS)))
def test_every_combination_of_headers(site: str | None, origin: str | None):
    expected = origin == OWN if site is None else site == "same-origin"

    assert says(sec_fetch_site=site, origin=origin) is expected


def test_request_with_neither_header_comes_from_no_browser():
    assert not says()


def test_referer_is_no_proof():
    assert not says(referer=f"{OWN}/page")


def test_trusted_origin_is_no_match_for_what_the_browser_says(settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://www.example.com"]

    assert not says(sec_fetch_site="same-site", origin="https://www.example.com")


@pytest.mark.parametrize(
    ("origin", "secure", "expected"),
    [
        ("http://testserver", False, True),
        ("https://testserver", True, True),
        ("https://testserver", False, False),
        ("http://testserver", True, False),
    ],
)
def test_scheme_has_to_be_the_requests(origin: str, secure: bool, expected: bool):
    assert says(origin=origin, secure=secure) is expected


def test_scheme_is_what_a_trusted_proxy_says(settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    assert says(origin="https://testserver", x_forwarded_proto="https")
    assert not says(origin="http://testserver", x_forwarded_proto="https")


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("testserver:8000", "http://testserver:8000", True),
        ("testserver:8000", "http://testserver:8001", False),
        ("testserver:8000", "http://testserver", False),
        ("testserver", "http://testserver:8000", False),
        ("[::1]:8000", "http://[::1]:8000", True),
    ],
)
def test_port_has_to_be_the_requests(settings, host: str, origin: str, expected: bool):
    settings.ALLOWED_HOSTS = ["testserver", "[::1]"]

    assert says(host=host, origin=origin) is expected


@pytest.mark.parametrize(
    "origin",
    [
        "http://testserver.evil.example",
        "http://eviltestserver",
        "http://www.testserver",
        "http://evil.example/testserver",
        "http://testserver@evil.example",
        "http://testserver/",
        "http://testserver http://evil.example",
        "testserver",
        "//testserver",
        "http://",
        "http://[",
        "http://[::1",
        "http://testserver:port",
        "://",
        "*",
        "\xff\xfe",
    ],
)
@pytest.mark.parametrize("trusted", [[], ["https://*.example.com", "http://*.example.com:8000"]])
def test_origin_that_only_looks_like_ours_is_refused(settings, origin: str, trusted: list[str]):
    settings.CSRF_TRUSTED_ORIGINS = trusted

    assert not says(origin=origin)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://www.example.com", True),
        ("http://www.example.com", False),
        ("https://www.example.com:8443", False),
        ("https://example.com", False),
        ("https://www.example.com.evil.example", False),
    ],
)
def test_trusted_origin_is_compared_as_a_whole(settings, origin: str, expected: bool):
    settings.CSRF_TRUSTED_ORIGINS = ["https://www.example.com"]

    assert says(origin=origin) is expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://www.example.com", True),
        ("https://a.b.example.com", True),
        # As in Django's own CSRF protection.
        ("https://example.com", True),
        ("http://www.example.com", False),
        ("https://evilexample.com", False),
        ("https://www.example.com.evil.example", False),
        ("https://www.example.com:8443", False),
        ("https://shop.example.net:8443", True),
        ("https://shop.example.net", False),
        ("null", False),
        ("https://[", False),
    ],
)
def test_wildcard_trusts_subdomains_of_its_scheme_and_port(settings, origin: str, expected: bool):
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.com", "https://*.example.net:8443"]

    assert says(origin=origin) is expected


def test_host_that_django_refuses_is_refused(settings):
    settings.ALLOWED_HOSTS = ["www.example.com"]

    with pytest.raises(DisallowedHost):
        says(host="evil.example", origin="http://evil.example")
