"""A device with a wrong clock: a decision lasts as long as by the server's day, no longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from consent.models import Policy
from consent.policy.decision import Decision, today
from tests.browser.visitor import OPTIONAL, Visitor, tools_of

FUNCTIONAL = tools_of("functional")[0]
CLOCKS = {"3 days slow": -3, "200 days fast": 200}


@pytest.fixture(autouse=True, params=["server", "cacheable"])
def _delivery(request: Any, settings: Any) -> None:
    settings.CONSENT_DELIVERY = request.param


@pytest.fixture(params=CLOCKS)
def clock(request: Any) -> timedelta:
    """How far the device's clock is off."""
    return timedelta(days=CLOCKS[request.param])


@pytest.fixture
def visitor(enter: Any, clock: timedelta) -> Visitor:
    visitor: Visitor = enter()
    visitor.page.clock.set_fixed_time(datetime.now(UTC) + clock)
    return visitor


def decide(visitor: Visitor, policy: Policy, *granted: str, ago: int = 0) -> None:
    """Give the visitor a decision that was made so many days ago by the server's clock."""
    choices = {key: policy.revision if key in granted else 0 for key in OPTIONAL}
    text = Decision(policy.revision, today() - ago, choices).text
    visitor.context.add_cookies([{"name": "consent", "value": text, "url": visitor.address}])


def ticked(visitor: Visitor) -> list[str]:
    return [category for category in OPTIONAL if visitor.box(category).is_checked()]


def test_decision_holds_and_an_unchanged_save_changes_nothing(visitor, site):
    policy = Policy.objects.get(is_default=True)
    decide(visitor, policy, "functional", "advertising", ago=policy.lifetime_days - 1)
    visitor.goto("/")

    expect(visitor.notice).not_to_be_visible()
    visitor.open_preferences()
    assert ticked(visitor) == ["functional", "advertising"]
    visitor.press("Save", visitor.dialog)

    expect(visitor.status).to_contain_text("You allow: Functional, Advertising.")
    assert visitor.page.evaluate("key => consent.allows(key)", FUNCTIONAL)


def test_choice_starts_what_it_allows_and_is_not_asked_for_again(visitor):
    visitor.goto("/")

    visitor.accept_all()

    expect(visitor.status).to_contain_text("You allow all categories.")
    assert visitor.page.evaluate("key => consent.allows(key)", FUNCTIONAL)
    visitor.goto("/journal/")
    expect(visitor.notice).not_to_be_visible()
    assert visitor.page.evaluate("key => consent.allows(key)", FUNCTIONAL)


def test_grant_that_is_over_by_the_servers_day_allows_nothing(visitor, policy):
    """The browser keeps the cookie of a refusal for longer where tools run first."""
    policy.regime = "implied"
    policy.save()
    decide(visitor, policy, "functional", ago=policy.lifetime_days)

    visitor.goto("/")

    expect(visitor.notice).to_be_visible()
    visitor.open_preferences()
    assert ticked(visitor) == []
    assert not visitor.page.evaluate("key => consent.allows(key)", FUNCTIONAL)


def test_decision_that_is_newer_than_a_page_from_a_cache_holds(enter, site):
    visitor = enter()
    decide(visitor, Policy.objects.get(is_default=True), *OPTIONAL)
    visitor.goto("/")

    visitor.page.evaluate("document.querySelector('#dcp-preferences').dataset.day -= 20")

    assert visitor.page.evaluate("key => consent.allows(key)", FUNCTIONAL)


@pytest.mark.parametrize("days", [2, 3_650])
def test_decision_from_the_future_allows_nothing(enter, site, days):
    visitor = enter()
    decide(visitor, Policy.objects.get(is_default=True), *OPTIONAL, ago=-days)

    visitor.goto("/")

    assert not visitor.page.evaluate("key => consent.allows(key)", FUNCTIONAL)
    expect(visitor.notice).to_be_visible()
