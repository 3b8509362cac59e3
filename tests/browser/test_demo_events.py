"""The demo's panel while an event is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from consent.events.models import Delivery
from consent.models import Policy
from tests.browser.visitor import Visitor
from tests.events.helpers import deliver

NAME = "Look up a crossing"


@pytest.fixture(autouse=True)
def _no_way_out(policy: Policy, settings: Any) -> Iterator[None]:
    """No event leaves the machine, and none is left behind."""
    settings.CONSENT_EVENTS_HOSTS = []
    yield
    Delivery.objects.all().delete()


@pytest.fixture(params=["server", "cacheable"])
def delivery(settings: Any, request: pytest.FixtureRequest) -> None:
    settings.CONSENT_DELIVERY = request.param


def events(visitor: Visitor) -> Locator:
    """Return the list of events in the panel, which may have to be opened first."""
    panel = visitor.page.locator(".panel")
    if panel.locator("details[open]").count() == 0:
        panel.locator("summary").click()
    return panel.locator("[data-panel-events]")


def look_up(visitor: Visitor) -> None:
    events(visitor)
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name=NAME).click()


@pytest.mark.usefixtures("delivery")
def test_panel_follows_an_event_without_a_reload(visitor):
    visitor.goto()
    visitor.accept_all()
    look_up(visitor)
    shown = events(visitor)
    line = shown.locator("li", has_text="Crossing Looked Up to Webhooks")
    expect(line).to_contain_text("waiting")
    loads = len(visitor.loads)
    button = visitor.page.get_by_role("button", name=NAME)
    button.focus()

    deliver()

    expect(line).to_contain_text("given up")
    expect(shown).not_to_contain_text("waiting")
    # Nobody who was at the button is taken from it.
    expect(button).to_be_focused()
    assert len(visitor.loads) == loads


@pytest.mark.usefixtures("delivery")
def test_visitor_who_refuses_sees_nothing_sent(visitor):
    visitor.goto()
    visitor.reject_all()
    look_up(visitor)

    expect(events(visitor)).to_have_text("You have no events: without your consent none is sent.")
    assert not Delivery.objects.exists()


@pytest.mark.usefixtures("delivery")
def test_event_is_shown_without_javascript(enter):
    visitor = enter(java_script_enabled=False)
    visitor.goto()
    visitor.press("Accept all")
    visitor.goto("/panel/")
    visitor.press(NAME, visitor.page.locator("body"))
    visitor.goto("/panel/")
    newest = visitor.page.locator("[data-panel-events] li").first
    expect(newest).to_contain_text("waiting")

    deliver()
    visitor.goto("/panel/")

    expect(newest).to_contain_text("given up")
