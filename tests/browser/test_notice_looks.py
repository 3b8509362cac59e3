"""Where the notice and the control stand, and what printers and search engines get of them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from consent.models import Policy
from tests.browser.test_notice import DESK, NOTHING, PHONE, stored
from tests.browser.visitor import Visitor

# The words of an element's text that are broken inside, over two lines.
BROKEN = """(root) => {
  const broken = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    // Names of cookies are no words.
    if (!node.parentElement.getClientRects().length || node.parentElement.closest("code")) continue;
    for (const found of node.data.matchAll(/[\\p{L}\u00ad]+/gu)) {
      const range = document.createRange();
      range.setStart(node, found.index);
      range.setEnd(node, found.index + found[0].length);
      const lines = new Set([...range.getClientRects()].map((rect) => Math.round(rect.top)));
      if (lines.size > 1) broken.push(found[0]);
    }
  }
  return broken;
}"""


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.fixture
def informed(policy: Policy) -> None:
    """The policy informs, and does not ask."""
    policy.regime = "notice_only"
    policy.save()


def test_notice_has_a_heading_that_names_it(visitor):
    visitor.goto("/")

    heading = visitor.notice.get_by_role("heading", name="Cookies and data collection")
    expect(heading).to_be_visible()
    expect(visitor.page.get_by_role("region", name="Cookies and data collection")).to_be_visible()


def test_search_engines_show_nothing_of_ours_below_a_page(visitor):
    visitor.goto("/")

    outside = visitor.page.locator(".dcp").evaluate_all(
        """all => all.filter((el) => !el.closest("[data-nosnippet]")).map((el) => el.className)"""
    )
    assert outside == []
    # The attribute counts on these elements only.
    marked = visitor.page.locator("[data-nosnippet]")
    assert set(marked.evaluate_all("all => all.map((el) => el.tagName)")) <= {"DIV", "SECTION"}


@pytest.mark.parametrize(
    ("delivery", "script"),
    [
        ("server", True),
        pytest.param("cacheable", False, marks=pytest.mark.exhaustive),
        pytest.param("server", False, marks=pytest.mark.exhaustive),
        pytest.param("cacheable", True, marks=pytest.mark.exhaustive),
    ],
)
def test_an_undecided_visitor_prints_no_page_more(enter, policy, settings, delivery, script):
    settings.CONSENT_DELIVERY = delivery
    sizes = []
    for decided in (True, False):
        visitor = enter(java_script_enabled=script)
        if decided:
            visitor.has_decided(revision=policy.revision)
        visitor.goto("/policy/")
        if not decided:
            expect(visitor.notice).to_be_visible()
        sizes.append(pages_of(visitor.page.pdf()))

    assert sizes[0] == sizes[1] > 0


@pytest.mark.parametrize("path", ["/policy/", "/consent/policy/"])
def test_policy_page_prints_its_cookies(visitor, path):
    visitor.goto(path)
    cookie = visitor.page.get_by_text("_ga_*", exact=True).first
    expect(cookie).not_to_be_visible()

    visitor.page.emulate_media(media="print")

    expect(cookie).to_be_visible()
    expect(visitor.page.get_by_text("Received by: Google LLC").first).to_be_visible()


def test_notice_that_informs_is_in_sight_and_can_be_closed(visitor, informed):
    visitor.goto("/")

    expect(visitor.notice).to_be_in_viewport(ratio=1)
    visitor.notice.get_by_role("link", name="Close").click()
    expect(visitor.notice).to_have_count(0)
    # To close it is no decision.
    assert stored(visitor) == NOTHING
    assert "#" not in visitor.page.url
    visitor.goto("/journal/")
    expect(visitor.notice).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("delivery", ["server", "cacheable"])
def test_notice_that_informs_can_be_closed_without_javascript(enter, informed, settings, delivery):
    settings.CONSENT_DELIVERY = delivery
    plain: Visitor = enter(java_script_enabled=False, viewport=PHONE)
    plain.goto("/journal/")

    expect(plain.notice).to_be_in_viewport(ratio=1)
    plain.notice.get_by_role("link", name="Close").click()

    expect(plain.notice).not_to_be_visible()
    assert plain.path == "/journal/"
    assert plain.cookies == {}


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_site_with_a_bar_of_its_own_moves_the_notice_up(enter, viewport):
    visitor = enter(viewport=viewport, reduced_motion="reduce")
    visitor.goto("/")
    before = visitor.notice.bounding_box()

    visitor.page.add_style_tag(content=":root { --dcp-offset: 60px }")

    after = visitor.notice.bounding_box()
    assert before is not None
    assert after is not None
    assert before["y"] - after["y"] == 60


@pytest.mark.parametrize("width", [320, 360, 768])
def test_control_lies_on_nothing_on_a_narrow_screen(enter, policy, width):
    visitor = enter(viewport={"width": width, "height": 640}, reduced_motion="reduce")
    visitor.has_decided(revision=policy.revision)
    visitor.goto("/")

    # It is a part of the page, after all of its content.
    corner = visitor.page.locator(".dcp-corner")
    assert corner.evaluate("el => getComputedStyle(el).position") == "static"
    control, foot = corner.bounding_box(), visitor.page.locator("footer").bounding_box()
    assert control is not None
    assert foot is not None
    assert control["y"] >= foot["y"] + foot["height"]
    assert control["x"] >= 0
    assert control["x"] + control["width"] <= width


@pytest.mark.parametrize("width", [320, 360])
@pytest.mark.parametrize("place", ["notice", "dialog", "corner", "page"])
def test_no_german_word_is_broken(enter, width, place):
    visitor = enter(locale="de", viewport={"width": width, "height": 640}, reduced_motion="reduce")
    visitor.goto("/consent/preferences/" if place == "page" else "/")
    if place == "dialog":
        visitor.page.evaluate("consent.open()")
    places = {
        "notice": visitor.notice,
        "dialog": visitor.dialog,
        "corner": visitor.page.locator(".dcp-corner"),
        "page": visitor.page.locator(".dcp-sheet"),
    }

    assert places[place].evaluate(BROKEN) == []
    assert places[place].evaluate("el => el.scrollWidth <= el.clientWidth + 2")


@pytest.mark.parametrize(("motion", "name"), [("no-preference", "dcp-in"), ("reduce", "none")])
def test_motion_is_short_and_only_for_those_who_want_it(enter, motion, name):
    visitor = enter(reduced_motion=motion)
    visitor.goto("/")

    style = visitor.notice.evaluate("el => ({ ...getComputedStyle(el) })")

    assert style["animationName"] == name
    assert float(style["animationDuration"].removesuffix("s")) <= 0.3
