"""What a visitor does in the notice and the preferences does not reach tools that run meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Visitor

# As tools that count clicks and forms do, of which some listen on window.
SPY = """() => {
  window.noted = [];
  const types = ["click", "dblclick", "mousedown", "mouseup", "pointerdown", "pointerup", "keydown",
    "keypress", "keyup", "beforeinput", "input", "change", "focusin", "focusout", "submit"];
  const note = ({ type, target }) => noted.push(`${type} ${target.id || target.tagName}`);
  for (const target of [window, document, document.body]) {
    for (const type of types) {
      for (const capture of [true, false]) target.addEventListener(type, note, capture);
    }
  }
}"""


@pytest.fixture(params=["server", "cacheable"])
def watched(request: Any, settings: Any, visitor: Visitor) -> Visitor:
    """A visitor on a page with a listener for everything."""
    settings.CONSENT_DELIVERY = request.param
    visitor.goto("/policy/")
    visitor.page.evaluate(SPY)
    return visitor


def noted(visitor: Visitor) -> list[str]:
    found: list[str] = visitor.page.evaluate("noted")
    return found


def test_nothing_is_noted_of_a_choice_in_the_dialog(watched):
    page = watched.page
    watched.press("Preferences")
    watched.box("functional").click()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    watched.dialog.get_by_text("Advertising", exact=True).first.click()
    page.keyboard.press("Escape")
    watched.press("Discard changes", watched.confirmation)
    expect(watched.dialog).not_to_be_visible()
    watched.open_preferences()
    watched.box("functional").check()
    expect(watched.box("functional")).to_be_checked()
    watched.press("Save", watched.dialog)

    expect(watched.status).to_contain_text("You allow: Functional.")
    watched.status.get_by_text("Close").click()
    expect(watched.status).not_to_be_visible()
    assert noted(watched) == []


def test_nothing_is_noted_of_a_refusal_in_the_notice(watched):
    watched.reject_all()

    expect(watched.status).to_be_visible()
    assert noted(watched) == []


def test_links_of_the_notice_lead_where_they_say(watched):
    watched.notice.get_by_role("link").first.click()

    watched.page.wait_for_url("**/policy/")
    assert watched.page.evaluate("typeof noted") == "undefined"


def test_the_pages_own_links_and_forms_are_noted_as_ever(watched):
    watched.page.locator("main").click(position={"x": 2, "y": 2})

    assert "click" in {each.split()[0] for each in noted(watched)}
