"""The notice: it asks, it stands in nobody's way, and nothing but a pressed button answers it."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from consent.models import Tool
from tests.browser.visitor import OPTIONAL, Visitor

PHONE: ViewportSize = {"width": 360, "height": 640}
DESK: ViewportSize = {"width": 1280, "height": 800}
PAGES = ("/", "/journal/", "/contact/", "/policy/", "/privacy/", "/consent/policy/")

# What the lists that hide “annoyances” look for in ids, classes and the names of files.
ANNOYING = re.compile(r"cookie|banner|gdpr|ccpa|popup|pop-up|consent|modal|overlay|privacy|cmp")

# Everything of a button's looks by which one could be made to stand out. Not where it is.
LOOKS = """(button) => {
  const style = getComputedStyle(button), box = button.getBoundingClientRect();
  const names = ["font-size", "font-weight", "font-family", "font-style", "line-height", "color",
    "background-color", "background-image", "border", "border-radius", "box-shadow", "opacity",
    "padding", "outline", "filter", "transform", "text-transform", "text-decoration",
    "letter-spacing", "visibility", "cursor"];
  const size = [box.width, box.height, box.top].map((pixels) => Math.round(pixels * 10) / 10);
  return [...names.map((name) => style.getPropertyValue(name)), ...size];
}"""

# What the focused element and the notice share of the window, in CSS pixels. Of a large text field
# only the line with the cursor counts: browsers scroll that into view, not the field.
HIDDEN_FOCUS = """() => {
  const el = document.activeElement, notice = document.getElementById("dcp-notice");
  if (el === document.body) return "nowhere";
  if (notice.contains(el)) return null;
  const a = el.getBoundingClientRect(), b = notice.getBoundingClientRect();
  const end = el.matches("textarea") ? a.top + 24 : a.bottom;
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(end, b.bottom) - Math.max(a.top, b.top);
  const outside = end <= 0 || a.top >= innerHeight;
  const words = (el.innerText || el.name || el.tagName).trim();
  return { words, hidden: width > 0.5 && height > 0.5 ? [width, height] : null, outside };
}"""


def stored(visitor: Visitor) -> dict[str, Any]:
    """Return whatever the page has put into the browser."""
    found: dict[str, Any] = visitor.page.evaluate(
        """async () => ({
          storage: [...Object.keys(localStorage), ...Object.keys(sessionStorage)],
          databases: await indexedDB.databases(),
          caches: await caches.keys(),
          script: document.cookie,
        })"""
    )
    return {**found, "cookies": visitor.cookies}


NOTHING = {"storage": [], "databases": [], "caches": [], "script": "", "cookies": {}}


def looks(button: Locator) -> list[Any]:
    found: list[Any] = button.evaluate(LOOKS)
    return found


def contrast(button: Locator) -> float:
    """Return the contrast of the button's text (WCAG 2.2, relative luminance)."""
    colors = button.evaluate(
        "(el => [getComputedStyle(el).color, getComputedStyle(el).backgroundColor])"
    )
    dark, light = sorted(luminance(color) for color in colors)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    channels = [float(number) / 255 for number in re.findall(r"[\d.]+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# What it says


def test_notice_tells_what_is_collected_by_whom_for_how_long_and_where_to_change_it(visitor):
    visitor.goto("/")

    words = " ".join(visitor.notice.inner_text().split())
    for told in ("collect data", "other companies", "6 months", "change it at any time under"):
        assert told in words
    # The name that it gives to the control is the name that the control bears.
    assert visitor.control.inner_text().strip() in words


def test_notice_links_to_the_policy(visitor):
    visitor.goto("/journal/")

    visitor.notice.get_by_role("link").click()

    expect(visitor.page).to_have_url(re.compile("/policy/$"))
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("Data Collection Policy")


def test_under_the_implied_regime_the_notice_says_that_tools_run_already(visitor, policy):
    policy.regime = "implied"
    policy.save()

    visitor.goto("/")

    expect(visitor.notice).to_contain_text("They run unless you reject them.")


def test_notice_shows_the_text_that_the_owner_wrote(visitor, policy):
    policy.notice_text = "Ask us anything <b>here</b>.\nWe keep it for {lifetime}."
    policy.lifetime_days = 30
    policy.save()

    visitor.goto("/")

    words = " ".join(visitor.notice.inner_text().split())
    assert "Ask us anything <b>here</b>. We keep it for 30 days." in words


# It stands in nobody's way


def test_notice_is_not_modal_and_takes_no_focus(visitor):
    visitor.goto("/")

    expect(visitor.notice).to_be_visible()
    assert visitor.page.evaluate("document.activeElement === document.body")
    assert visitor.page.locator(":modal, [aria-modal=true], [inert]").count() == 0
    # The page can be used while it is there.
    visitor.page.keyboard.press("Tab")
    assert visitor.focus() == "Skip to the content"
    visitor.page.get_by_role("link", name="The log").click()
    expect(visitor.page).to_have_url(re.compile("/journal/$"))


@pytest.mark.parametrize("state", ["first", "implied", "news"])
def test_notice_covers_at_most_a_third_of_a_phone(enter, policy, state):
    visitor = enter(viewport=PHONE)
    if state == "implied":
        policy.regime = "implied"
        policy.save()
    if state == "news":
        visitor.has_decided(*OPTIONAL, revision=policy.revision)
        for tool in Tool.objects.filter(key__in=["drift", "adwords", "google-analytics"]):
            tool.vendor += " Ltd"
            tool.save()

    visitor.goto("/")

    box = visitor.notice.bounding_box()
    assert box is not None
    assert box["width"] * box["height"] <= PHONE["width"] * PHONE["height"] / 3
    # And all of its buttons are in it.
    for button in visitor.notice.get_by_role("button").all():
        inside = button.bounding_box()
        assert inside is not None
        assert inside["height"] >= 24
        assert box["y"] <= inside["y"]
        assert inside["y"] + inside["height"] <= box["y"] + box["height"] <= PHONE["height"]


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("path", ["/", "/contact/", "/policy/"])
def test_notice_hides_no_focused_element(enter, viewport, path):
    visitor = enter(viewport=viewport, reduced_motion="reduce")
    visitor.goto(path)

    for key in ("Tab", "Shift+Tab"):
        seen = []
        for _ in range(200):
            visitor.page.keyboard.press(key)
            found = visitor.page.evaluate(HIDDEN_FOCUS)
            if found == "nowhere":
                break
            if found:
                seen.append(found)
        # All the way through the page, to where the browser's own controls would come.
        assert found == "nowhere"
        assert len(seen) >= 10
        assert [found for found in seen if found["hidden"] or found["outside"]] == []


def test_there_is_no_toggle_in_the_notice(visitor):
    visitor.goto("/")

    fields = "input:not([type=hidden]), select, textarea, [role=switch], [role=checkbox], details"
    assert visitor.notice.locator(fields).count() == 0
    buttons = [button.inner_text() for button in visitor.notice.get_by_role("button").all()]
    assert buttons == ["Accept all", "Reject all", "Preferences"]
    # The preferences are an element of their own.
    assert visitor.notice.locator("dialog").count() == 0
    assert visitor.dialog.locator("#dcp-notice").count() == 0


# Refusing is as easy as accepting


@pytest.mark.parametrize("place", ["notice", "dialog", "page"])
def test_accepting_and_rejecting_look_the_same(enter, place):
    visitor = enter(reduced_motion="reduce")
    visitor.goto("/consent/preferences/" if place == "page" else "/")
    if place == "dialog":
        visitor.open_preferences()
    roots = {"notice": visitor.notice, "dialog": visitor.dialog}
    root = roots.get(place, visitor.page.locator(".dcp-sheet"))

    for viewport, scheme in product((PHONE, DESK), ("light", "dark")):
        visitor.page.set_viewport_size(viewport)
        visitor.page.emulate_media(color_scheme=scheme)
        assert_alike(visitor, root)


def assert_alike(visitor: Visitor, root: Locator) -> None:
    accept = root.get_by_role("button", name="Accept all")
    reject = root.get_by_role("button", name="Reject all")
    visitor.page.mouse.move(0, 0)
    visitor.page.evaluate("document.activeElement.blur()")

    assert looks(accept) == looks(reject)
    assert contrast(accept) >= 4.5
    accept.hover()
    hovered = looks(accept)
    reject.hover()
    assert looks(reject) == hovered
    visitor.page.mouse.move(0, 0)
    # With the keyboard too.
    accept.focus()
    focused = looks(accept)
    reject.focus()
    assert looks(reject) == focused


@pytest.mark.parametrize("decide", ["Accept all", "Reject all"])
def test_notice_is_gone_after_a_decision_and_on_the_next_page(visitor, decide):
    visitor.goto("/")

    visitor.press(decide)

    expect(visitor.notice).to_have_count(0)
    expect(visitor.status).to_be_visible()
    assert visitor.path == "/"
    assert 'id="dcp-notice"' not in visitor.goto("/journal/")
    assert visitor.notice.count() == 0
    assert not visitor.status.is_visible()


# Nothing else is an answer


def test_nothing_is_stored_before_a_decision(visitor):
    for path in (*PAGES, "/consent/preferences/"):
        visitor.goto(path)
        assert stored(visitor) == NOTHING

    visitor.goto("/")
    visitor.open_preferences()
    visitor.box("functional").check()
    visitor.press("Cancel", visitor.dialog)
    visitor.press("Discard changes", visitor.confirmation)

    assert stored(visitor) == NOTHING
    assert [each for each in visitor.own_requests if each.method != "GET"] == []


def test_esc_scrolling_clicking_elsewhere_and_leaving_are_no_answer(visitor):
    visitor.goto("/")
    page = visitor.page

    page.keyboard.press("Escape")
    page.mouse.wheel(0, 2000)
    page.wait_for_function("scrollY > 0")
    page.mouse.click(5, 300)
    page.keyboard.press("End")
    page.keyboard.press("Escape")
    visitor.notice.click(position={"x": 5, "y": 5})
    page.keyboard.press("Escape")

    expect(visitor.notice).to_be_visible()
    page.get_by_role("link", name="The log").click()
    expect(page).to_have_url(re.compile("/journal/$"))
    page.go_back()
    expect(visitor.notice).to_be_visible()
    assert stored(visitor) == NOTHING
    assert visitor.requests == []
    assert [each for each in visitor.own_requests if each.method != "GET"] == []


def test_closing_the_preferences_is_no_answer(visitor):
    visitor.goto("/")

    visitor.press("Preferences")
    expect(visitor.dialog).to_be_visible()
    visitor.page.keyboard.press("Escape")

    expect(visitor.dialog).not_to_be_visible()
    expect(visitor.notice).to_be_visible()
    assert stored(visitor) == NOTHING
    assert visitor.requests == []


# Content blockers


@pytest.mark.parametrize("path", ["/", "/policy/", "/consent/preferences/", "/consent/policy/"])
def test_no_id_class_or_file_of_ours_is_what_annoyance_lists_match(visitor, path):
    visitor.goto(path)

    names = visitor.page.evaluate(
        """() => Array.from(document.querySelectorAll("[class*=dcp], [class*=dcp] *, [id^=dcp]"))
          .flatMap((el) => [el.id, ...el.classList]).filter(Boolean)"""
    )
    files = [each.url.rpartition("/")[2] for each in visitor.asked_static("consent")]
    assert {"choice.css", "choice.js"} == {re.sub(r"\.[0-9a-f]{8}\.", ".", name) for name in files}
    assert [name for name in {*names, *files} if ANNOYING.search(name)] == []
    assert all(name.startswith("dcp") for name in names)
