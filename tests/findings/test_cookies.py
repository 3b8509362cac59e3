"""Which cookies become findings: what is noted, and what a page pays for it."""

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory
from django.test.utils import CaptureQueriesContext

from consent.findings import sightings
from consent.findings.middleware import FindingsMiddleware
from consent.findings.models import Finding, Sighting
from consent.findings.storing import never_seen, settle
from consent.middleware import ConsentMiddleware
from consent.models import Cookie, Tool
from tests.factories import CookieFactory
from tests.findings.helpers import found, visit
from tests.helpers import ANALYTICS, GUARD, grant, no_table, small_site, vary

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site() -> None:
    small_site()


def test_cookie_that_no_tool_declares_is_found_without_its_value():
    visit({"mystery": "jane", "_ga": "1", "sessionid": "x", "csrftoken": "y"}, consent=grant())

    assert found() == [("mystery", "undeclared", "brought")]
    assert "jane" not in str(Finding.objects.values().get())


def test_names_with_ids_are_one_finding():
    visit({"chat_1234567": "1", "chat_7654321": "1"})

    assert found() == [("chat_*", "undeclared", "brought")]


def test_recipes_name_what_they_know():
    visit({"_fbp": "1", "_hjSessionUser_123456": "1"})

    assert {name for name, *_ in found()} == {"_fbp", "_hjSessionUser_*"}


def test_what_the_site_sets_undeclared_is_verified_and_comes_first():
    visit({"first": "1"}, sets={"second": "1"})

    assert found() == [
        ("second", "undeclared", "set"),
        ("first", "undeclared", "brought"),
    ]


@pytest.mark.parametrize(
    ("consent", "problem"), [("", "before"), ("refused", "refused"), ("granted", "")]
)
def test_declared_cookie_is_found_where_its_tool_is_not_allowed(consent: str, problem: str):
    cookies = {"": "", "refused": grant(), "granted": grant("marketing-analytics")}
    response = visit(sets={"_ga": "1"}, consent=cookies[consent])

    assert found() == ([("_ga", problem, "set")] if problem else [])
    # The page does not depend on what was read for this.
    assert "Cookie" not in vary(response)


def test_cookies_of_essential_tools_and_deletions_are_no_findings():
    CookieFactory.create(tool=Tool.objects.get(key=GUARD), name="guard_id")
    visit(sets={"guard_id": "1", "_ga": ""})

    assert found() == []


def test_sites_own_list_is_left_out(settings):
    settings.CONSENT_FINDINGS_OWN_COOKIES = ["cart", "seen_*"]
    visit({"cart": "1", "seen_news": "1"}, sets={"cart": "1"})

    assert found() == []


def test_warm_page_notes_nothing_and_runs_no_query():
    visit({"mystery": "1"}, sets={"other": "1"})
    with CaptureQueriesContext(connection) as queries:
        visit({"mystery": "1"}, sets={"other": "1"})

    assert len(queries) == 0
    assert len(sightings._waiting) == 2


def test_async_stack_is_looked_at_as_well():
    async def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse("A page.")
        response.set_cookie("second", "1")
        return response

    request = AsyncRequestFactory().get("/")
    request.COOKIES["first"] = "1"
    async_to_sync(FindingsMiddleware(ConsentMiddleware(view)))(request)

    assert [name for name, *_ in found()] == ["second", "first"]


def test_names_that_no_browser_would_keep_take_no_memory():
    visit({"x" * 5_000: "1", **{f"c{n}": "1" for n in range(500)}})

    assert len(sightings._waiting) == 100


def test_invented_names_take_bounded_memory_and_bounded_rows(settings):
    settings.CONSENT_FINDINGS_MOST = 3
    for number in range(20):
        visit({f"name{chr(97 + number)}{letter}": "1" for letter in "abcdefghijklmnopqrst"})

    assert len(sightings._waiting) <= sightings.MOST_WAITING + 100
    assert len(found()) == 3
    visit(sets={"ours": "1"})
    assert found()[0] == ("ours", "undeclared", "set")


def test_finding_that_was_dealt_with_stays_so():
    visit({"mystery": "1"})
    found()
    Finding.objects.update(state="own")
    sightings.forget()
    visit({"mystery": "1"})
    found()

    assert Finding.objects.get().state == "own"


def test_finding_is_closed_once_a_tool_declares_it_and_opened_when_none_does():
    visit({"mystery": "1"})
    found()
    cookie = CookieFactory.create(tool=Tool.objects.get(key=ANALYTICS), name="mystery")
    settle()
    assert Finding.objects.get().state == "declared"

    cookie.delete()
    sightings.forget()
    visit({"mystery": "1"})
    found()
    assert Finding.objects.get().state == "open"


def test_tool_of_which_nothing_was_seen_for_long_is_named(today):
    visit({"_px_1": "1"})
    found()
    assert list(never_seen(today(-90))) == []

    Sighting.objects.update(since=today(-100))
    # It came after that day.
    assert list(never_seen(today(-90))) == []
    Tool.objects.update(since=1)
    assert [tool.key for tool in never_seen(today(-90))] == [ANALYTICS]
    # Where nothing can reach the server, nothing can be missed.
    Cookie.objects.filter(tool__key=ANALYTICS).update(kind="storage")
    assert list(never_seen(today(-90))) == []


@pytest.mark.django_db(transaction=True)
def test_database_that_fails_loses_no_finding_for_good(caplog):
    visit({"mystery": "1"})
    with no_table(Finding):
        sightings.store_waiting()
    assert "could not be stored" in caplog.text

    visit({"mystery": "1"})
    assert found() == [("mystery", "undeclared", "brought")]
