"""What the demo site shows of the law: regions, the signal, a video, a policy made from consent."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from consent.models import Policy
from consent.recipes import catalogue
from demo_site import settings as demo_settings
from tests.browser.conftest import seed_demo
from tests.browser.test_guarded import NOTE_VIOLATIONS, violations
from tests.browser.visitor import OPTIONAL, Visitor, asked_of

PIXEL, CHAT = "facebook-pixel", "drift"
VIDEO = "https://www.youtube-nocookie.com/embed/aqz-KE-bpKQ"
FORGOTTEN = "https://www.facebook.com/tr?id=123456789012345&ev=PageView&noscript=1"
FILM = "Big Buck Bunny, a film by the Blender Foundation"


@pytest.fixture(autouse=True)
def demo(policy: Policy, settings: Any) -> Policy:
    """The whole demo: what the other tests have not of it is put in again, and then taken out."""
    settings.CONSENT_REGION = demo_settings.CONSENT_REGION
    seed_demo()
    policy.refresh_from_db()
    return policy


def runs(visitor: Visitor, tool: str) -> bool:
    visitor.settle()
    return bool(asked_of(catalogue()[tool], visitor.requests))


def look_from(visitor: Visitor, region: str) -> None:
    """Choose a region in the panel, which may have to be opened first."""
    panel = visitor.page.locator(".panel")
    if panel.locator("details[open]").count() == 0:
        panel.locator("summary").click()
    panel.get_by_label("Region").select_option(region)
    panel.get_by_role("button", name="Look from there").click()
    visitor.page.wait_for_url(f"**/?region={region}")


def stored(visitor: Visitor) -> Any:
    """Return what scripts find stored in the browser."""
    return visitor.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]")


@pytest.fixture(params=["server", "cacheable"])
def delivery(settings: Any, request: pytest.FixtureRequest) -> None:
    settings.CONSENT_DELIVERY = request.param


@pytest.mark.usefixtures("delivery")
def test_switch_shows_what_holds_elsewhere_and_stores_nothing(visitor):
    visitor.goto("/journal/")
    look_from(visitor, "DE")
    expect(visitor.notice).to_be_visible()
    visitor.settle()
    assert visitor.requests == []
    assert visitor.cookies == {}
    assert stored(visitor) == ["", 0, 0]

    look_from(visitor, "US-CA")

    expect(visitor.notice).to_be_visible()
    assert runs(visitor, PIXEL)
    # Of its own accord the site stores nothing still; the tools here are stubs.
    assert "consent" not in visitor.cookies


@pytest.mark.usefixtures("delivery")
def test_links_stay_in_the_region(visitor):
    visitor.goto("/?region=BR")
    visitor.page.get_by_role("link", name="The log").click()
    visitor.page.wait_for_url("**/journal/?region=BR")

    expect(visitor.notice).to_be_visible()
    assert runs(visitor, CHAT)


@pytest.mark.usefixtures("delivery")
def test_signal_keeps_advertising_off_and_the_panel_says_so(enter):
    visitor = enter(extra_http_headers={"Sec-GPC": "1"})
    visitor.context.add_init_script(
        "Object.defineProperty(navigator, 'globalPrivacyControl', { value: true });"
    )

    visitor.goto("/?region=US-TX")

    assert runs(visitor, CHAT)
    assert not runs(visitor, PIXEL)
    if visitor.page.locator(".panel details[open]").count() == 0:
        visitor.page.locator(".panel summary").click()
    expect(visitor.page.locator(".panel")).to_contain_text("Your browser sends it, and it is hon")


@pytest.mark.usefixtures("delivery")
def test_video_is_asked_for_once_it_is_allowed(visitor):
    visitor.goto("/journal/")
    film = visitor.page.get_by_role("group", name=FILM)
    expect(film.get_by_role("button", name="Load once")).to_be_visible()
    visitor.settle()
    assert visitor.requests == []

    with visitor.page.expect_request(f"{VIDEO}*"):
        film.get_by_role("button", name="Always allow “Functional”").click()

    expect(film.locator("iframe")).to_be_visible()
    assert not runs(visitor, PIXEL)


def test_policy_blocks_the_forgotten_pixel_until_it_is_allowed(visitor):
    visitor.context.add_init_script(NOTE_VIOLATIONS)
    visitor.goto("/csp/")
    state = visitor.page.locator("[data-forgotten-state]")
    expect(state).to_contain_text("Blocked")
    assert violations(visitor) == [["enforce", "img-src", FORGOTTEN]]
    assert visitor.requests == []

    visitor.reject_all()
    expect(state).to_contain_text("Blocked")
    assert violations(visitor) == [["enforce", "img-src", FORGOTTEN]]
    assert visitor.requests == []

    visitor.choose("advertising")

    expect(state).to_contain_text("Loaded")
    assert FORGOTTEN in visitor.requests
    assert violations(visitor) == []


def test_everything_works_under_the_policy_once_it_is_allowed(visitor, demo):
    visitor.context.add_init_script(NOTE_VIOLATIONS)
    visitor.has_decided(*OPTIONAL, revision=demo.revision)

    visitor.goto("/csp/")

    assert runs(visitor, CHAT)
    assert violations(visitor) == []
    look = visitor.page.locator(".panel").get_by_role("button", name="Look from there")
    look.click()
    visitor.page.wait_for_url("**/csp/?region=")
    assert violations(visitor) == []
