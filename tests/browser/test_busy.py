"""An answer to the click at once, and tools that start one by one after the server's."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from consent.models import Policy
from tests.browser.visitor import OPTIONAL, Visitor
from tests.factories import ToolFactory

API = "**/consent/api/preferences/"

# How long the task of each tool took to come, counted in tasks of the page itself.
BETWEEN = """
  window.tasks = 0;
  const channel = new MessageChannel();
  channel.port1.onmessage = () => { tasks += 1; channel.port2.postMessage(0); };
  channel.port2.postMessage(0);
"""


def held(visitor: Visitor) -> list[Route]:
    """Hold what is sent to the API, until the test lets it go."""
    found: list[Route] = []
    visitor.context.route(API, lambda route: found.append(route))
    return found


def opacity(visitor: Visitor, part: str) -> str:
    found: str = visitor.page.locator(f"#dcp-{part}").evaluate("el => getComputedStyle(el).opacity")
    return found


@pytest.mark.parametrize("button", ["Accept all", "Reject all"])
def test_notice_leaves_at_the_click(enter, button):
    visitor = enter(reduced_motion="reduce")
    visitor.goto("/")
    routes = held(visitor)

    visitor.press(button)
    visitor.page.wait_for_function("document.querySelector('#dcp-notice').ariaBusy === 'true'")

    assert opacity(visitor, "notice") == "0"
    visitor.page.wait_for_function("true")
    routes[0].continue_()
    expect(visitor.status).to_be_visible()
    expect(visitor.notice).not_to_be_attached()


def test_notice_comes_back_with_the_reason_where_the_visitor_looks(enter):
    visitor = enter(reduced_motion="reduce")
    visitor.goto("/")
    routes = held(visitor)
    visitor.press("Accept all")
    expect(visitor.notice).to_have_attribute("aria-busy", "true")

    routes[0].abort()

    expect(visitor.notice.get_by_role("alert")).to_contain_text("was not saved")
    assert opacity(visitor, "notice") == "1"
    expect(visitor.notice.get_by_role("button", name="Accept all")).to_be_focused()


def test_dialog_leaves_at_the_click(enter):
    visitor = enter(reduced_motion="reduce")
    visitor.goto("/")
    visitor.open_preferences()
    routes = held(visitor)

    visitor.press("Save", visitor.dialog)
    expect(visitor.dialog).to_have_attribute("aria-busy", "true")

    assert opacity(visitor, "preferences") == "0"
    routes[0].continue_()
    expect(visitor.dialog).not_to_be_visible()


def three_tools(policy: Policy) -> None:
    category = policy.categories.get(key="functional")
    category.tools.all().delete()
    for number in range(3):
        snippet = f"<script>window.ran = [...window.ran || [], tasks]; /* {number} */</script>"
        ToolFactory(category=category, key=f"tool-{number}", snippet=snippet, placement="body")


def test_each_tool_starts_in_a_task_of_its_own(visitor, policy):
    three_tools(policy)
    visitor.context.add_init_script(BETWEEN)
    visitor.goto("/")

    visitor.choose("functional")
    visitor.page.wait_for_function("window.ran?.length === 3")

    ran = visitor.page.evaluate("ran")
    assert len(set(ran)) == 3


def test_tool_that_is_refused_while_others_start_does_not_start(visitor, policy):
    three_tools(policy)
    visitor.context.add_init_script(BETWEEN)
    visitor.goto("/")
    # The first tool itself refuses: all that the page offers to code.
    first = policy.categories.get(key="functional").tools.get(key="tool-0")
    first.snippet = (
        "<script>window.ran = [0]; document.cookie = document.cookie.split('; ').find("
        "(each) => each.startsWith('consent=')).replace(/_[0-9]+/g, '_0') + '; path=/';</script>"
    )
    first.save()
    visitor.goto("/")

    visitor.choose(*OPTIONAL)
    expect(visitor.status).to_be_visible()
    visitor.settle()

    assert visitor.page.evaluate("ran") == [0]
