"""What a visitor's browser sends is recorded as it was; what is not recorded is not pretended."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from consent.models import Record
from consent.proof import storing
from tests.browser.visitor import OPTIONAL, Visitor
from tests.helpers import no_ledger

pytestmark = pytest.mark.browser

FAILED = "Your choice was not saved, and no tool was started. Please try again."


@pytest.fixture
def new(site) -> Callable[[], list[Record]]:
    """A function that returns what was recorded since the test began, oldest first."""
    last = Record.objects.order_by("pk").last()
    before = last.pk if last else 0
    return lambda: list(Record.objects.filter(pk__gt=before).order_by("pk"))


@pytest.fixture
def plain(enter) -> Visitor:
    return enter(java_script_enabled=False)


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    yield
    storing.waiting.clear()


def test_choice_is_recorded_with_the_place_where_it_was_made(visitor, new):
    visitor.goto()
    visitor.accept_all()
    with visitor.page.expect_navigation():
        visitor.choose("functional")
    visitor.settle()
    # The page is on its way out before the promise could be heard of.
    with visitor.page.expect_navigation():
        visitor.page.evaluate("void consent.rejectAll()")

    assert [(r.source, r.action) for r in new()] == [
        ("notice", "accept_all"),
        ("preferences", "chosen"),
        ("api", "withdrawn"),
    ]
    assert len({record.subject for record in new()}) == 1


def test_record_refers_to_what_the_page_says_it_shows(visitor, new):
    visitor.goto()
    shown = visitor.dialog.get_attribute("data-version")

    visitor.reject_all()

    (record,) = new()
    assert record.version.digest.startswith(shown.partition(".")[0])
    notice = record.version.shown["policy"]["notice_text"]
    assert "None of them starts unless you agree" in notice


def test_two_clicks_are_one_record(visitor, new):
    visitor.goto()
    visitor.notice.get_by_role("button", name="Accept all").dblclick()
    expect(visitor.notice).to_have_count(0)
    visitor.settle()

    assert [record.action for record in new()] == ["accept_all"]


def test_answer_that_is_lost_is_asked_for_again_and_recorded_once(visitor, new):
    visitor.goto()
    # The server has stored it; the browser never hears of it.
    visitor.page.route("**/api/preferences/", lambda route: (route.fetch(), route.abort()))
    visitor.press("Accept all")
    expect(visitor.notice.get_by_role("alert")).to_have_text(FAILED)
    assert len(new()) == 1
    visitor.page.unroute("**/api/preferences/")

    visitor.accept_all()

    assert [record.action for record in new()] == ["accept_all"]


def test_without_javascript_a_choice_is_recorded_too(plain, new):
    plain.goto()
    plain.press("Reject all")
    plain.settle()

    assert [(r.source, r.action) for r in new()] == [("form", "reject_all")]


def test_grant_that_cannot_be_recorded_is_said_to_be_none_and_starts_nothing(visitor, new):
    visitor.goto()

    with no_ledger():
        visitor.press("Accept all")
        expect(visitor.notice.get_by_role("alert")).to_have_text(FAILED)

    assert visitor.requests == []
    assert visitor.cookies == {}
    assert new() == []
    visitor.accept_all()
    assert len(new()) == 1


def test_without_javascript_it_is_said_as_well(plain, new):
    plain.goto()

    with no_ledger():
        plain.press("Accept all")
        expect(
            plain.page.get_by_role("alert").filter(has_text="could not be recorded")
        ).to_be_visible()

    assert plain.requests == []
    assert plain.cookies == {}


def test_refusal_holds_without_the_ledger_and_is_recorded_later(visitor, new):
    visitor.goto()

    with no_ledger():
        visitor.reject_all()

    assert visitor.decision.endswith("functional_0.marketing-analytics_0.advertising_0")
    assert new() == []
    storing.store_waiting()
    assert [record.action for record in new()] == ["reject_all"]


def test_what_a_choice_refuses_stops_even_where_the_rest_cannot_be_recorded(visitor, policy, new):
    visitor.goto()
    visitor.choose("advertising")
    visitor.settle()
    assert visitor.page.evaluate("consent.allows('advertising')")
    asked = len(visitor.loads)

    with no_ledger(), visitor.page.expect_navigation():
        visitor.open_preferences()
        visitor.box("advertising").uncheck()
        visitor.box("functional").check()
        visitor.press("Save", visitor.dialog)

    assert len(visitor.loads) == asked + 1
    assert not any(visitor.page.evaluate(f"consent.allows('{key}')") for key in OPTIONAL)
    storing.store_waiting()
    assert new()[-1].granted == ""


def test_visitor_finds_their_receipts_and_takes_them_along(visitor, new):
    visitor.goto()
    visitor.accept_all()
    visitor.goto("/consent/receipts/")
    expect(visitor.page.get_by_role("heading", name="Your receipts")).to_be_visible()

    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name="Download the receipt").click()

    content = json.loads(download.value.path().read_text())
    assert content["receipt_id"] == str(new()[0].receipt)
    assert download.value.suggested_filename == f"consent-receipt-{new()[0].receipt}.json"


def test_visitor_withdraws_and_is_forgotten(plain, new):
    plain.goto()
    plain.press("Accept all")
    plain.settle()
    plain.goto("/consent/receipts/")

    plain.press("Withdraw and forget my receipts", plain.page.locator("main"))
    plain.settle()

    assert plain.path == "/consent/receipts/"
    assert set(plain.cookies) == {"consent"}
    expect(plain.page.get_by_text("There are no records for this browser.")).to_be_visible()
    assert [record.action for record in new()] == ["accept_all", "withdrawn"]
