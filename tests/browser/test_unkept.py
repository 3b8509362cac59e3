"""A browser that does not keep the cookie, and the site in a frame of another website."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.clickjacking import xframe_options_exempt
from playwright.sync_api import FrameLocator, Route, expect

from demo_site import views
from tests.browser.visitor import Visitor

UNKEPT = "Your browser did not keep your choice, and no tool was started."
HOST = "www.shop.example.test"


def framing(request: HttpRequest) -> HttpResponse:
    """Show the site at another address in a frame."""
    return HttpResponse(f'<!DOCTYPE html><iframe width=900 height=900 src="{request.GET["src"]}">')


urlpatterns = [
    path("framing/", framing),
    path("framed/", xframe_options_exempt(views.privacy)),
    path("", include("demo_site.urls")),
]


@pytest.fixture(autouse=True)
def _own_pages(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


def frame_of(visitor: Visitor) -> FrameLocator:
    visitor.goto(f"/framing/?src={visitor.address}/framed/", host=HOST)
    return visitor.page.frame_locator("iframe")


def drop_cookies(route: Route) -> None:
    """Let the server answer, and the browser keep no cookie of the answer."""
    response = route.fetch()
    headers = {key: text for key, text in response.headers.items() if key != "set-cookie"}
    route.fulfill(response=response, headers=headers)


@pytest.mark.parametrize("delivery", ["server", "cacheable"])
@pytest.mark.parametrize("button", ["Accept all", "Reject all"])
def test_choice_that_the_browser_does_not_keep_is_not_called_saved(
    visitor, settings, delivery, button
):
    settings.CONSENT_DELIVERY = delivery
    visitor.context.route("**/consent/api/preferences/", drop_cookies)
    visitor.goto("/")
    # Playwright keeps the cookies of what it fetches itself.
    visitor.page.evaluate("Object.defineProperty(Document.prototype, 'cookie', { get: () => '' })")

    visitor.press(button)

    expect(visitor.notice.get_by_role("alert")).to_contain_text(UNKEPT)
    expect(visitor.status).not_to_be_visible()
    visitor.settle()
    assert visitor.requests == []


def test_in_a_foreign_frame_nothing_is_saved_and_nothing_starts(visitor):
    frame = frame_of(visitor)

    frame.locator("#dcp-notice").get_by_role("button", name="Accept all").click()

    expect(frame.locator("#dcp-notice").get_by_role("alert")).to_contain_text(UNKEPT)
    assert visitor.requests == []
    assert visitor.cookies == {}


def test_partitioned_cookie_is_kept_in_a_foreign_frame(visitor, settings):
    settings.CONSENT_COOKIE_PARTITIONED = True
    settings.CONSENT_COOKIE_SAMESITE = "None"
    settings.CONSENT_COOKIE_SECURE = True
    frame = frame_of(visitor)

    frame.locator("#dcp-notice").get_by_role("button", name="Accept all").click()

    expect(frame.locator("#dcp-status")).to_contain_text("Saved. You allow all categories.")
    expect(frame.locator("#dcp-notice")).to_have_count(0)
    frame = frame_of(visitor)
    expect(frame.locator("main")).to_be_visible()
    expect(frame.locator("#dcp-notice")).to_have_count(0)
