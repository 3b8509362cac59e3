"""What browsers report of the report-only policy, and the policy that has them report it."""

import json
from contextlib import suppress
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path
from hypothesis import given
from hypothesis.strategies import (
    booleans,
    dictionaries,
    integers,
    lists,
    none,
    recursive,
    sampled_from,
    text,
)

from consent.findings import report_limit, reports, sightings
from consent.findings.checks import check_findings, check_reports
from consent.findings.middleware import FindingsMiddleware
from consent.findings.models import Finding
from consent.middleware import ConsentMiddleware
from consent.models import Tool
from tests.findings.helpers import found
from tests.helpers import CHAT, GUARD, grant, small_site, vary

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.findings.test_reports")]

urlpatterns = [
    path("consent/", include("consent.urls")),
    path("consent/findings/", include("consent.findings.urls")),
    path("account/<int:pk>/", lambda request, pk: HttpResponse("An account.")),
]

ADDRESS = "/consent/findings/reports/"
HEADER = "Content-Security-Policy-Report-Only"
NAMES = ["csp-report", "type", "body", "csp-violation", "blocked-uri", "blockedURL", "documentURL"]
PAGE = "http://testserver/account/7/?token=secret"


@pytest.fixture(autouse=True)
def _site(settings) -> None:
    settings.CONSENT_FINDINGS_REPORTED_SHARE = 1
    small_site()
    Tool.objects.filter(key=CHAT).update(sources="script-src https://*.chat.example")
    Tool.objects.filter(key=GUARD).update(sources="img-src https://guard.example")
    report_limit.forget()


def old_form(blocked: str, directive: str = "script-src-elem", **more: str) -> dict[str, Any]:
    body = {"document-uri": PAGE, "blocked-uri": blocked, "effective-directive": directive}
    return {"csp-report": {**body, **more}}


def new_form(blocked: str, **more: str) -> list[dict[str, Any]]:
    body = {"documentURL": PAGE, "blockedURL": blocked, "effectiveDirective": "img-src", **more}
    return [{"type": "csp-violation", "url": PAGE, "body": body}]


def send(data: Any, when: str = "", **headers: str) -> HttpResponse:
    text = data if isinstance(data, str) else json.dumps(data)
    address = f"{ADDRESS}?when={when}" if when else ADDRESS
    return Client().post(
        address, text, content_type="application/csp-report", headers=headers or None
    )


def page(consent: str = "", *, reads: bool = True, sets: str = "", **headers: str) -> HttpResponse:
    request = RequestFactory().get("/")
    if consent:
        request.COOKIES["consent"] = consent

    def view(request: HttpRequest) -> HttpResponse:
        if reads:
            request.consent.allows(CHAT)
        response = HttpResponse("A page.", headers=headers)
        if sets:
            response.set_cookie(sets, "1")
        return response

    return FindingsMiddleware(ConsentMiddleware(view))(request)


# Reports


@pytest.mark.parametrize(
    ("report", "directive"),
    [
        (old_form("https://pixel.example/a?id=jane"), "script-src"),
        (new_form("https://pixel.example/a?id=jane"), "img-src"),
    ],
)
def test_host_that_no_tool_declares_is_found_unverified(report: Any, directive: str):
    assert send(report).status_code == 204

    assert found() == [("pixel.example", "undeclared", "reported")]
    row = Finding.objects.get()
    assert (row.directive, row.place) == (directive, "/account/<int:pk>/")
    assert not row.is_verified
    assert check_findings(databases=["default"]) == []


@pytest.mark.parametrize(
    ("when", "problem"), [("refused", "refused"), ("before", "before"), ("", ""), ("else", "")]
)
def test_host_of_a_tool_is_found_where_the_tool_was_not_allowed(when: str, problem: str):
    send(old_form("https://cdn.chat.example/a.js"), when)

    assert found() == ([("cdn.chat.example", problem, "reported")] if problem else [])


def test_host_of_a_tool_that_the_visitor_allowed_on_the_loaded_page_is_no_finding():
    client = Client()
    client.cookies["consent"] = grant("functional")
    report = json.dumps(old_form("https://cdn.chat.example/a.js"))
    client.post(f"{ADDRESS}?when=before", report, content_type="application/csp-report")
    assert found() == []

    send(old_form("https://cdn.chat.example/a.js"), "before")
    assert found() == [("cdn.chat.example", "before", "reported")]


@pytest.mark.parametrize("directive", ["img-src", "script-src-elem 'self' data:"])
def test_browser_that_names_only_the_violated_directive_is_understood(directive: str):
    report = old_form("https://pixel.example/", **{"violated-directive": directive})
    del report["csp-report"]["effective-directive"]
    send(report)

    assert found() == [("pixel.example", "undeclared", "reported")]


def test_host_of_an_essential_tool_is_no_finding():
    send(new_form("https://guard.example/a.png"), "refused")

    assert found() == []


def test_what_browsers_report_comes_after_all_that_is_verified():
    assert Finding.severity_of("refused", "reported") > Finding.severity_of("undeclared", "set")


@pytest.mark.parametrize(
    "report",
    [
        old_form("inline"),
        old_form("chrome-extension://abcdef/a.js"),
        old_form("https://pixel.example/", **{"source-file": "moz-extension://abc/a.js"}),
        old_form("https://gc.kis.v2.scr.kaspersky-labs.com/x"),
        old_form("https://testserver/"),
        old_form("https://static.own.example/a.js"),
        old_form("http://192.168.0.17/a.js"),
        old_form("https://[::1]/"),
        old_form("https://pixel.example/", "frame-ancestors"),
        old_form("https://pixel.example/", **{"document-uri": "https://other.example/"}),
        [{"type": "deprecation", "body": {}}, 7, None, {"type": "csp-violation", "body": "x"}],
        {"csp-report": []},
        {},
        [],
    ],
)
def test_noise_is_left_out(settings, report: Any):
    settings.CONSENT_FINDINGS_OWN_HOSTS = ["*.own.example"]

    assert send(report).status_code == 204
    assert found() == []


def test_ids_in_hosts_become_stars():
    send(old_form("https://1234567.fls.ads.example/"))

    assert found() == [("*.fls.ads.example", "undeclared", "reported")]


JSON = recursive(
    none() | booleans() | integers() | text() | sampled_from(["http://[", "https://a.b\x00/"]),
    lambda inner: lists(inner) | dictionaries(sampled_from(NAMES) | text(), inner),
)


@given(JSON)
def test_any_json_is_read_or_refused(data: Any):
    with suppress(reports.ReportError):
        list(reports.read(json.dumps(data).encode()))


@pytest.mark.parametrize("body", ["{", "7", '"x"', "\x00", "[" * 10_000])
def test_body_that_is_no_report_is_refused_with_a_reason(body: str):
    response = send(body)

    assert response.status_code == 400
    assert response.content.startswith(b"The body is ")


def test_large_body_is_refused_and_other_methods_are_not_allowed():
    assert send("[" + " " * 20_000 + "]").status_code == 413
    assert Client().get(ADDRESS).status_code == 405


def test_client_is_limited_and_other_clients_are_not():
    answers = [send([]).status_code for _ in range(report_limit.OF_CLIENT + 1)]
    assert answers[-2:] == [204, 429]

    address = {"REMOTE_ADDR": "198.51.100.7"}
    other = Client().post(ADDRESS, "[]", content_type="application/json", **address)
    assert other.status_code == 204


def test_what_all_clients_report_is_bounded(settings):
    settings.CONSENT_FINDINGS_MOST = 5
    for number in range(30):
        report_limit.forget()
        letter = chr(97 + number % 26) * (number // 26 + 1)
        send([new_form(f"https://{letter}{end}.example/")[0] for end in "abcdefghijklmnopqrst"])

    assert len(sightings._waiting) <= sightings.MOST_WAITING
    assert len(found()) == 5


# The policy


def test_no_page_has_it_by_default(settings):
    del settings.CONSENT_FINDINGS_REPORTED_SHARE

    assert not {HEADER, "Reporting-Endpoints"} & page().headers.keys()


@pytest.mark.parametrize(
    ("consent", "when", "is_allowed"),
    [("", "before", False), ("refused", "refused", False), ("granted", "refused", True)],
)
def test_it_allows_what_the_visitor_allows(consent: str, when: str, is_allowed: bool):
    cookies = {"": "", "refused": grant(), "granted": grant("functional")}

    headers = page(cookies[consent]).headers

    assert f"report-uri {ADDRESS}?when={when}; report-to consent-findings" in headers[HEADER]
    assert ("https://*.chat.example" in headers[HEADER]) is is_allowed
    assert "https://guard.example" in headers[HEADER]
    assert headers["Reporting-Endpoints"] == f'consent-findings="{ADDRESS}?when={when}"'


@pytest.mark.parametrize("delivery", ["server", "cacheable"])
def test_page_that_is_the_same_for_everybody_allows_what_any_tool_needs(settings, delivery: str):
    settings.CONSENT_DELIVERY = delivery

    cookies = ("", grant(), grant("functional"))
    # That the website sets a cookie does not make the page depend on the visitor.
    responses = [page(cookie, reads=False, sets="_px_1") for cookie in cookies]

    assert len({response.headers[HEADER] for response in responses}) == 1
    assert "https://*.chat.example" in responses[0].headers[HEADER]
    assert "Cookie" not in vary(responses[0])


def test_policies_of_the_website_stay():
    headers = page(**{HEADER: "img-src 'self'", "Reporting-Endpoints": 'a="/a"'}).headers

    assert headers[HEADER].startswith("img-src 'self', script-src 'self' ")
    assert headers["Reporting-Endpoints"].startswith('a="/a", consent-findings=')


def test_only_pages_have_it():
    assert HEADER not in page(**{"Content-Type": "application/json"}).headers


@pytest.mark.urls("consent.api.urls")
def test_addresses_that_are_not_included_are_an_error(settings):
    (error,) = check_reports()
    assert error.id == "consent.E042"

    settings.CONSENT_FINDINGS_REPORTED_SHARE = 0
    assert check_reports() == []
