"""A choice in one tab takes effect in the others, and pages that would lose something are kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from playwright.sync_api import Page, expect

from consent.recipes import catalogue
from tests.browser.conftest import Enter
from tests.browser.visitor import OURS, Visitor, asked_of

LETTER = """{% extends "demo_site/base.html" %}
{% block content %}
  <p id="method">{{ request.method }}</p>
  <form method="post">
    <input id="name">
    <input type="checkbox" id="box"><p id="page" contenteditable>text</p>
    <button id="send">Send</button>
  </form>
{% endblock %}"""
CHAT = "drift"
UNLOADED = "This page follows your choice only after you reload it."
RELOAD = "Reload this page"


@csrf_exempt
def letter(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(LETTER).render({}, request))


urlpatterns = [path("letter/", letter), path("", include("demo_site.urls"))]


@pytest.fixture(autouse=True, params=["server", "cacheable"])
def _delivery(request: Any, settings: Any) -> None:
    settings.CONSENT_DELIVERY = request.param
    settings.ROOT_URLCONF = __name__


def let_notice(page: Page) -> None:
    """Let the page notice when another tab is brought to the front, until it is left."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})


class Tabs:
    """A visitor with two tabs of the site; `visitor.page` is the one in use."""

    def __init__(self, visitor: Visitor, path: str) -> None:
        self.visitor = visitor
        self.first, self.second = visitor.page, visitor.new_page()
        visitor.goto(path)
        self.second.goto(f"{visitor.address}/journal/")
        for page in (self.first, self.second):
            let_notice(page)
        self.second.bring_to_front()

    def decide(self, call: str) -> None:
        """Make a choice in the second tab."""
        self.second.evaluate(f"consent.{call}")

    def show_first(self) -> None:
        self.first.bring_to_front()

    def starts(self, tool: str) -> Any:
        return expect(self.first.locator(f'script[data-consent-tool="{tool}"]'))


@pytest.fixture
def tabs(enter: Enter) -> Any:
    return lambda path="/": Tabs(enter(), path)


@pytest.fixture
def accepted(enter: Enter) -> Any:
    """A function that opens a page, with another tab, of a visitor who allows all."""

    def let_in(path: str = "/") -> Tabs:
        visitor = enter()
        visitor.goto("/")
        visitor.accept_all()
        return Tabs(visitor, path)

    return let_in


def test_acceptance_elsewhere_removes_the_notice_and_starts_tools(tabs):
    tabs = tabs()
    tabs.first.evaluate("window.same = true")
    expect(tabs.visitor.notice).to_be_visible()

    tabs.decide("acceptAll()")
    tabs.show_first()

    expect(tabs.visitor.notice).to_have_count(0)
    tabs.starts(CHAT).not_to_have_count(0)
    assert tabs.first.evaluate("window.same")
    expect(tabs.visitor.status).not_to_be_visible()


def test_refusal_elsewhere_removes_the_notice_and_does_no_more(tabs):
    tabs = tabs()
    tabs.first.evaluate("window.same = true")

    tabs.decide("rejectAll()")
    tabs.show_first()

    expect(tabs.visitor.notice).to_have_count(0)
    assert tabs.first.evaluate("window.same")
    assert tabs.visitor.requests == []


def test_withdrawal_elsewhere_reloads_the_page_and_deletes_what_was_written_since(accepted):
    tabs = accepted()
    tabs.first.evaluate(
        """() => {
          addEventListener("pagehide", () => { document.cookie = "_ga=again; path=/"; });
          window.same = true;
        }"""
    )

    tabs.decide("withdraw()")
    tabs.first.evaluate("document.cookie = '_gid=again; path=/'")
    with tabs.first.expect_event("load"):
        tabs.show_first()

    assert not tabs.first.evaluate("window.same")
    tabs.starts(CHAT).to_have_count(0)
    assert set(tabs.visitor.cookies) == OURS


def test_without_an_answer_of_the_server_a_withdrawal_still_ends_the_tools(accepted):
    tabs = accepted()
    tabs.decide("withdraw()")
    tabs.visitor.context.route("**/consent/api/preferences/**", lambda route: route.abort())

    with tabs.first.expect_event("load"):
        tabs.show_first()

    tabs.starts(CHAT).to_have_count(0)


def test_decision_that_the_browser_has_deleted_at_its_end_ends_the_tools(accepted):
    tabs = accepted()
    tabs.visitor.context.clear_cookies(name="consent")

    with tabs.first.expect_event("load"):
        tabs.show_first()

    tabs.starts(CHAT).to_have_count(0)
    expect(tabs.visitor.notice).to_be_visible()


def test_page_that_is_shown_again_unchanged_asks_for_nothing(accepted):
    def questions() -> list[str]:
        # Files of the page itself may still come on a slow machine.
        return [each.url for each in tabs.visitor.own_requests if "/api/" in each.url]

    tabs = accepted()
    tabs.visitor.settle()
    asked = questions()

    tabs.show_first()

    assert tabs.first.evaluate("document.hasFocus()")
    tabs.visitor.settle()
    assert questions() == asked


EDITS = {
    "text": lambda page: page.locator("#name").press_sequentially("Ann"),
    "text by a script": lambda page: page.locator("#name").fill("Ann"),
    "box": lambda page: page.locator("#box").check(),
    "editable": lambda page: page.locator("#page").press_sequentially("more"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_form_is_not_lost_by_a_withdrawal_elsewhere(accepted, edit):
    tabs = accepted("/letter/")
    tabs.first.evaluate("window.same = true")
    tabs.show_first()
    EDITS[edit](tabs.first)
    tabs.second.bring_to_front()

    tabs.decide("withdraw()")
    tabs.show_first()

    expect(tabs.visitor.status).to_contain_text(UNLOADED)
    expect(tabs.visitor.status).not_to_contain_text("Saved")
    assert tabs.first.evaluate("window.same")
    with tabs.first.expect_event("load"):
        tabs.visitor.status.get_by_text(RELOAD).click()
    tabs.starts(CHAT).to_have_count(0)
    assert set(tabs.visitor.cookies) == OURS


def test_edited_form_is_not_lost_by_a_withdrawal_in_the_page(accepted):
    tabs = accepted("/letter/")
    visitor = tabs.visitor
    tabs.show_first()
    tabs.first.locator("#name").press_sequentially("Ann")

    visitor.choose()

    expect(visitor.status).to_contain_text("Saved. Only essential tools run.")
    expect(visitor.status).to_contain_text(UNLOADED)
    expect(tabs.first.locator("#name")).to_have_value("Ann")


def test_tool_that_is_allowed_again_before_the_reload_is_not_started_twice(accepted):
    tabs = accepted("/letter/")
    tabs.show_first()
    tabs.first.locator("#name").press_sequentially("Ann")
    tabs.visitor.settle()
    asked = asked_of(catalogue()[CHAT], tabs.visitor.requests)
    tabs.visitor.choose()
    expect(tabs.visitor.status).to_contain_text(UNLOADED)

    tabs.visitor.choose("functional")

    expect(tabs.visitor.status.get_by_text(RELOAD)).to_be_visible()
    tabs.visitor.settle()
    assert asked_of(catalogue()[CHAT], tabs.visitor.requests) == asked


def test_preferences_that_are_edited_meanwhile_stay_as_they_are(tabs):
    tabs = tabs()
    tabs.show_first()
    tabs.visitor.open_preferences()
    tabs.visitor.box("advertising").check()
    tabs.second.bring_to_front()

    tabs.decide("save({functional: true, 'marketing-analytics': false, advertising: false})")
    tabs.show_first()

    expect(tabs.visitor.notice).to_have_count(0)
    expect(tabs.visitor.box("advertising")).to_be_checked()


# The answer to a form


@pytest.fixture
def answered(accepted: Any) -> Tabs:
    """A tab that shows the answer to a form that was sent, with a fragment in its address."""
    tabs: Tabs = accepted("/letter/#page")
    tabs.show_first()
    tabs.first.locator("#send").click()
    expect(tabs.first.locator("#method")).to_have_text("POST")
    let_notice(tabs.first)
    assert tabs.first.url.endswith("/letter/#page")
    return tabs


def posts(visitor: Visitor) -> int:
    return len([each for each in visitor.asked("/letter/") if each.method == "POST"])


@pytest.mark.parametrize("fragment", ["", "#page"])
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_form_is_never_sent_again(answered, where, fragment):
    visitor = answered.visitor
    answered.first.evaluate("window.same = true")
    if not fragment:
        answered.first.evaluate("history.replaceState(null, '', location.pathname)")

    if where == "here":
        visitor.choose()
    else:
        answered.second.bring_to_front()
        answered.decide("withdraw()")
        answered.show_first()

    expect(visitor.status).to_contain_text(UNLOADED)
    assert answered.first.evaluate("window.same")
    with answered.first.expect_event("load"):
        visitor.status.get_by_text(RELOAD).click()
    expect(answered.first.locator("#method")).to_have_text("GET")
    answered.starts(CHAT).to_have_count(0)
    assert posts(visitor) == 1
