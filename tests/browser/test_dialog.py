"""The preferences dialog: choosing, changing one's mind, and what the page makes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from consent.models import Category, Policy, Tool
from tests.browser.visitor import OPTIONAL, Visitor, tools_of
from tests.factories import CategoryFactory, ToolFactory

API = "/consent/api/preferences/"
ESSENTIAL = {"essential", "recaptcha"}
TITLE = "Website Data Collection Preferences"


def writes(visitor: Visitor) -> list[str]:
    """Return the methods of the requests by which the page saved something."""
    return [each.method for each in visitor.asked(API) if each.method != "GET"]


def ticked(visitor: Visitor) -> list[str]:
    return [category for category in OPTIONAL if visitor.box(category).is_checked()]


# What it shows


def test_dialog_is_modal_and_has_the_columns_of_the_policy(visitor):
    visitor.goto("/")
    expect(visitor.dialog).not_to_be_visible()

    visitor.open_preferences()

    assert visitor.dialog.evaluate("el => el.tagName === 'DIALOG' && el.matches(':modal')")
    expect(visitor.page.get_by_role("dialog", name=TITLE)).to_be_visible()
    headers = visitor.dialog.get_by_role("columnheader").all_inner_texts()
    assert headers == ["Allow", "Category", "Purpose", "Tools"]
    names = visitor.dialog.get_by_role("rowheader").all_inner_texts()
    assert names == ["Functional", "Marketing & Analytics", "Advertising", "Essential"]


def test_dialog_lists_every_tool_in_its_category(visitor, site):
    visitor.goto("/")

    visitor.open_preferences()

    for category in Category.objects.prefetch_related("tools"):
        row = visitor.dialog.get_by_role("row").filter(
            has=visitor.page.get_by_role("rowheader", name=category.name)
        )
        expect(row).to_contain_text(category.purpose)
        tools = sorted(tool.name for tool in category.tools.all())
        expect(row).to_contain_text(f"{len(tools)} tool{'s' if len(tools) > 1 else ''}")
        assert row.get_by_role("listitem").count() == 0
        row.locator("summary").click()
        names = row.get_by_role("listitem").locator("b:not(.dcp-new)")
        assert names.all_inner_texts() == tools


def test_what_is_sent_from_the_server_is_marked_as_such(visitor):
    visitor.goto("/")

    visitor.open_preferences()

    marked = visitor.dialog.locator("li").filter(has_text="sent from our server")
    assert marked.locator("b:not(.dcp-new)").all_text_contents() == ["Webhooks", "Zapier"]


def test_an_opened_category_says_who_receives_what_and_for_how_long(visitor):
    visitor.goto("/")
    visitor.open_preferences()

    visitor.dialog.locator('[data-category="marketing-analytics"] summary').click()

    tool = visitor.dialog.locator('[data-tool="google-analytics"]')
    expect(tool).to_contain_text("Received by: Google LLC")
    expect(tool).to_contain_text("Cookies: _ga (2 years)")
    privacy = tool.get_by_role("link", name="Privacy policy for Google Analytics")
    expect(privacy).to_have_attribute("href", "https://policies.google.com/privacy")
    # The others stay closed.
    expect(visitor.dialog.locator('[data-tool="drift"]')).not_to_be_visible()


@pytest.mark.parametrize("width", [320, 360])
def test_every_category_is_in_sight_on_a_phone(enter, width):
    visitor = enter(viewport={"width": width, "height": 640}, reduced_motion="reduce")
    visitor.goto("/")

    visitor.open_preferences()

    foot = visitor.dialog.locator(".dcp-foot").bounding_box()
    assert foot is not None
    for name in visitor.dialog.get_by_role("rowheader").all():
        box = name.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= foot["y"]
    for category in OPTIONAL:
        expect(visitor.box(category)).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("changed", [False, True])
def test_the_close_button_asks_about_changes_as_cancel_does(visitor, changed):
    visitor.goto("/")
    visitor.open_preferences()
    visitor.box("functional").set_checked(changed)

    visitor.press("Close", visitor.dialog)

    if changed:
        expect(visitor.confirmation).to_be_visible()
        visitor.press("Discard changes", visitor.confirmation)
    expect(visitor.dialog).not_to_be_visible()
    expect(visitor.control).to_be_focused()
    assert writes(visitor) == []


def test_essential_is_always_on_and_cannot_be_chosen(visitor):
    visitor.goto("/")

    visitor.open_preferences()

    row = visitor.dialog.get_by_role("row").filter(has_text="reCAPTCHA")
    expect(row).to_contain_text("Always on")
    assert row.locator("input, button, select").count() == 0


def test_nothing_is_ticked_before_a_decision(visitor):
    visitor.goto("/")

    visitor.open_preferences()

    assert ticked(visitor) == []


def test_under_the_implied_regime_what_runs_is_ticked(visitor, policy):
    policy.regime = "implied"
    policy.save()
    visitor.goto("/")

    visitor.open_preferences()

    assert ticked(visitor) == list(OPTIONAL)
    assert visitor.page.evaluate("consent.allows('advertising')")


def test_dialog_shows_the_decision_that_holds(visitor, site, policy):
    visitor.has_decided("functional", revision=policy.revision)
    visitor.goto("/")

    visitor.open_preferences()

    assert ticked(visitor) == ["functional"]


def test_dialog_fits_a_phone(enter):
    visitor = enter(viewport={"width": 360, "height": 640})
    visitor.goto("/")

    visitor.open_preferences()

    for name in ("Save", "Cancel", "Accept all", "Reject all"):
        expect(visitor.dialog.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    assert visitor.dialog.evaluate("el => el.scrollWidth <= el.clientWidth")
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# Opening and closing


def test_focus_moves_in_stays_in_and_returns_to_the_control(visitor):
    visitor.goto("/")
    visitor.control.focus()

    visitor.page.keyboard.press("Enter")

    expect(visitor.page.get_by_role("heading", name=TITLE)).to_be_focused()
    stops = set()
    # From the last control the focus goes to the browser's own, never to the page behind.
    trapped = "el => el === document.body || el.closest('#dcp-preferences') !== null"
    for _ in range(30):
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate(f"({trapped})(document.activeElement)")
        stops.add(visitor.focus())
    assert {"Save", "Cancel", "Accept all", "Reject all"} <= stops
    assert {f"dcp-dialog-{category}" for category in OPTIONAL} <= stops

    visitor.page.keyboard.press("Escape")
    expect(visitor.dialog).not_to_be_visible()
    expect(visitor.control).to_be_focused()


@pytest.mark.parametrize("way", ["Cancel", "Escape"])
def test_closing_without_changes_asks_nothing(visitor, way):
    visitor.goto("/")
    visitor.press("Preferences")
    visitor.box("functional").check()
    visitor.box("functional").uncheck()

    if way == "Cancel":
        visitor.press("Cancel", visitor.dialog)
    else:
        visitor.page.keyboard.press("Escape")

    expect(visitor.dialog).not_to_be_visible()
    expect(visitor.confirmation).not_to_be_visible()
    expect(visitor.notice.get_by_role("button", name="Preferences")).to_be_focused()
    assert writes(visitor) == []


@pytest.mark.parametrize("way", ["Cancel", "Escape"])
def test_closing_with_changes_asks_whether_to_discard_them(visitor, way):
    visitor.goto("/")
    visitor.open_preferences()
    visitor.box("functional").check()

    if way == "Cancel":
        visitor.press("Cancel", visitor.dialog)
    else:
        visitor.page.keyboard.press("Escape")

    expect(visitor.page.get_by_role("alertdialog")).to_be_visible()
    assert visitor.confirmation.evaluate("el => el.matches(':modal')")
    expect(visitor.confirmation).to_contain_text("have not been saved")
    inside = "document.activeElement.closest('#dcp-confirm') !== null"
    assert visitor.page.evaluate(inside)

    visitor.press("Keep editing", visitor.confirmation)
    expect(visitor.confirmation).not_to_be_visible()
    expect(visitor.dialog).to_be_visible()
    assert ticked(visitor) == ["functional"]

    visitor.press("Cancel", visitor.dialog)
    visitor.press("Discard changes", visitor.confirmation)
    expect(visitor.dialog).not_to_be_visible()
    expect(visitor.control).to_be_focused()
    assert writes(visitor) == []
    assert visitor.requests == []

    visitor.open_preferences()
    assert ticked(visitor) == []


def test_esc_never_confirms(visitor):
    visitor.goto("/")
    visitor.open_preferences()
    visitor.box("advertising").check()

    # Browsers close a dialog at a second Esc in a row whatever the page says, if it lets them.
    for _ in range(3):
        visitor.page.keyboard.press("Escape")
        expect(visitor.confirmation).to_be_visible()
        visitor.page.keyboard.press("Escape")
        expect(visitor.confirmation).not_to_be_visible()
        expect(visitor.dialog).to_be_visible()

    assert ticked(visitor) == ["advertising"]
    assert writes(visitor) == []


def test_clicking_beside_the_dialog_neither_closes_nor_saves(visitor):
    visitor.goto("/")
    visitor.open_preferences()
    visitor.box("advertising").check()

    visitor.page.mouse.click(3, 3)

    expect(visitor.dialog).to_be_visible()
    assert ticked(visitor) == ["advertising"]
    assert writes(visitor) == []


@pytest.mark.parametrize(
    "markup",
    [
        '<button id="own" data-consent-open>Own</button>',
        '<a id="own" href="/consent/preferences/" data-consent-open><b>Own</b></a>',
        '<span id="own" tabindex="0" data-consent-open>Own</span>',
    ],
)
def test_any_element_opens_the_preferences_also_one_that_comes_later(visitor, markup):
    visitor.goto("/")
    visitor.page.evaluate(
        "html => document.querySelector('main').insertAdjacentHTML('afterbegin', html)", markup
    )

    visitor.page.locator("#own").click()

    expect(visitor.dialog).to_be_visible()
    assert visitor.path == "/"
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("#own")).to_be_focused()


def test_a_new_tab_can_still_be_opened_from_a_link_to_the_preferences(visitor):
    visitor.goto("/contact/")

    with visitor.context.expect_page() as opened:
        visitor.page.get_by_role("link", name="Change your preferences").click(
            modifiers=["ControlOrMeta"]
        )

    opened.value.wait_for_load_state()
    assert opened.value.url.endswith("/consent/preferences/?next=%2Fcontact%2F")
    expect(visitor.dialog).not_to_be_visible()


def test_everything_can_be_done_with_the_keyboard_alone(visitor):
    visitor.goto("/")
    keyboard = visitor.page.keyboard

    def tab_to(name: str) -> None:
        for _ in range(60):
            keyboard.press("Tab")
            if visitor.focus() == name:
                return
        pytest.fail(f"the keyboard does not reach {name}")

    tab_to("Preferences")
    keyboard.press("Space")
    expect(visitor.dialog).to_be_visible()
    tab_to("dcp-dialog-marketing-analytics")
    keyboard.press("Space")
    tab_to("Cancel")
    keyboard.press("Enter")
    expect(visitor.confirmation).to_be_visible()
    keyboard.press("Escape")
    tab_to("Save")
    keyboard.press("Enter")

    expect(visitor.status).to_contain_text("You allow: Marketing & Analytics.")
    expect(visitor.dialog).not_to_be_visible()
    expect(visitor.control).to_be_focused()
    assert re.fullmatch(
        r"1\.\d+\.\d+\.functional_0\.marketing-analytics_[1-9]\d*\.advertising_0", visitor.decision
    )


# Saving


def test_a_part_can_be_saved(visitor, policy):
    visitor.goto("/")

    visitor.choose("functional")

    expect(visitor.notice).to_have_count(0)
    expect(visitor.status).to_have_text(
        re.compile("You allow: Functional. You do not allow: Marketing & Analytics, Advertising.")
    )
    assert writes(visitor) == ["PUT"]
    revision = policy.revision
    assert visitor.decision.endswith(f".functional_{revision}.marketing-analytics_0.advertising_0")
    visitor.open_preferences()
    assert ticked(visitor) == ["functional"]


@pytest.mark.parametrize(
    ("button", "said", "granted"),
    [
        ("Accept all", "You allow all categories.", OPTIONAL),
        ("Reject all", "Only essential tools run", ()),
    ],
)
def test_the_dialog_takes_all_or_nothing_whatever_is_ticked(visitor, button, said, granted):
    visitor.goto("/")
    visitor.open_preferences()
    visitor.box("advertising").check()

    visitor.press(button, visitor.dialog)

    expect(visitor.dialog).not_to_be_visible()
    expect(visitor.status).to_contain_text(said)
    visitor.open_preferences()
    assert ticked(visitor) == list(granted)


def test_saving_nothing_ticked_is_a_refusal(visitor):
    visitor.goto("/")

    visitor.choose()

    expect(visitor.notice).to_have_count(0)
    assert visitor.decision.endswith(".functional_0.marketing-analytics_0.advertising_0")
    assert visitor.requests == []
    assert 'id="dcp-notice"' not in visitor.goto("/journal/")


def test_enter_in_the_dialog_saves_what_is_ticked(visitor):
    visitor.goto("/")
    visitor.open_preferences()
    visitor.box("functional").check()

    visitor.box("functional").press("Enter")

    expect(visitor.status).to_contain_text("You allow: Functional.")


def test_more_can_be_allowed_later_without_a_reload(visitor):
    visitor.goto("/")
    visitor.choose("functional")
    visitor.page.evaluate("window.sameDocument = true")

    visitor.choose("functional", "advertising")

    visitor.page.wait_for_function("document.querySelector('script[src*=\"connect.facebook\"]')")
    assert visitor.page.evaluate("window.sameDocument")
    drift = [url for url in visitor.requests if "driftt" in url]
    assert len(drift) == 1


def test_status_is_announced_and_goes_when_closed(visitor):
    visitor.goto("/")
    expect(visitor.status).not_to_be_visible()

    visitor.reject_all()

    expect(visitor.page.get_by_role("status")).to_contain_text("Only essential tools run.")
    visitor.status.get_by_role("link", name="Close").click()
    expect(visitor.status).not_to_be_visible()
    assert "#" not in visitor.page.url


# Asking again


def add_tool(policy: Policy, category: str, **fields: Any) -> Any:
    """Add a tool with a snippet that sets `window.<its key>`, as an owner does."""
    key = fields.setdefault("key", "tidings")
    fields.setdefault("name", "Tidings")
    fields.setdefault("snippet", f"<script>window.{key} = (window.{key} || 0) + 1</script>")
    return ToolFactory(category=policy.categories.get(key=category), **fields)


def test_a_new_tool_asks_again_says_so_and_stays_off_while_others_go_on(visitor, policy):
    visitor.goto("/")
    visitor.accept_all()
    add_tool(policy, "functional")

    visitor.goto("/journal/")

    expect(visitor.notice).to_contain_text("New since your last choice")
    expect(visitor.notice).to_contain_text("Tidings (Functional)")
    assert visitor.page.evaluate("window.tidings") is None
    assert not visitor.page.evaluate("consent.allows('tidings')")
    # What was agreed to goes on.
    assert visitor.page.evaluate("consent.allows('drift')")
    assert visitor.page.locator('script[data-consent-tool="drift"]').count() == 1

    visitor.press("Preferences")
    assert ticked(visitor) == ["marketing-analytics", "advertising"]
    new = visitor.dialog.locator("li:has(.dcp-new:visible)")
    assert [text.split()[:2] for text in new.all_inner_texts()] == [["Tidings", "New"]]
    # Its category is open, so that it can be seen; the others are not.
    assert visitor.dialog.locator("details[open]").count() == 1

    visitor.box("functional").check()
    visitor.press("Save", visitor.dialog)
    visitor.page.wait_for_function("window.tidings === 1")
    expect(visitor.notice).to_have_count(0)
    assert visitor.page.locator('script[data-consent-tool="drift"]').count() == 1
    visitor.goto("/")
    assert visitor.notice.count() == 0
    assert visitor.page.evaluate("window.tidings") == 1


def test_a_new_tool_is_accepted_from_the_notice(visitor, policy):
    visitor.goto("/")
    visitor.accept_all()
    add_tool(policy, "functional")
    visitor.goto("/")

    visitor.accept_all()

    visitor.page.wait_for_function("window.tidings === 1")


def test_what_came_after_the_page_was_loaded_is_not_granted_by_it(visitor, policy):
    visitor.goto("/")
    add_tool(policy, "functional")

    visitor.accept_all()

    visitor.page.wait_for_function("document.querySelector('script[src*=\"driftt\"]')")
    assert visitor.page.evaluate("window.tidings") is None
    visitor.goto("/journal/")
    expect(visitor.notice).to_contain_text("Tidings (Functional)")
    assert visitor.page.evaluate("window.tidings") is None


def test_a_new_tool_in_a_refused_category_asks_nobody(visitor, policy):
    visitor.goto("/")
    visitor.choose("functional")
    add_tool(policy, "advertising")

    visitor.goto("/journal/")

    assert visitor.notice.count() == 0
    assert visitor.page.evaluate("window.tidings") is None


def test_a_tool_that_was_moved_asks_those_who_granted_where_it_went(visitor, policy):
    visitor.goto("/")
    visitor.choose("functional")
    drift = Tool.objects.get(key="drift")
    drift.category = policy.categories.get(key="advertising")
    drift.save()

    visitor.goto("/journal/")

    # They refused advertising, so it stops, and there is nothing to ask.
    assert visitor.notice.count() == 0
    assert visitor.page.locator('script[data-consent-tool="drift"]').count() == 0


def test_a_new_category_asks_again_and_is_off(visitor, policy):
    visitor.goto("/")
    visitor.accept_all()
    category = CategoryFactory(policy=policy, key="surveys", name="Surveys", order=3)
    ToolFactory(category=category, key="asker", name="Asker", snippet="<script>asker = 1</script>")

    visitor.goto("/journal/")

    expect(visitor.notice).to_contain_text("Surveys")
    assert not visitor.page.evaluate("consent.allows('surveys')")
    visitor.press("Preferences")
    assert ticked(visitor) == list(OPTIONAL)
    assert not visitor.box("surveys").is_checked()


def test_a_changed_purpose_asks_again_and_the_whole_category_is_off(visitor, policy):
    visitor.goto("/")
    visitor.accept_all()
    category = policy.categories.get(key="functional")
    category.purpose = "To sell what we know about you."
    category.save()

    visitor.goto("/journal/")

    expect(visitor.notice).to_contain_text("New since your last choice")
    assert visitor.page.locator('script[data-consent-tool="drift"]').count() == 0
    assert not visitor.page.evaluate("consent.allows('functional')")


def test_rejecting_when_asked_again_stops_what_ran(visitor, policy):
    visitor.goto("/")
    visitor.choose("functional")
    add_tool(policy, "functional")
    visitor.goto("/journal/")

    visitor.press("Reject all")

    expect(visitor.status).to_contain_text("allow none")
    assert visitor.page.locator("script[data-consent-tool]").count() == 0
    assert visitor.decision.endswith(".functional_0.marketing-analytics_0.advertising_0")


# The script's interface


def test_window_consent_says_what_is_allowed(visitor):
    visitor.goto("/")
    keys = [*ESSENTIAL, "functional", "drift", "advertising", "nonsense", "", "constructor"]

    def allowed() -> set[str]:
        found = visitor.page.evaluate("keys => keys.filter((key) => consent.allows(key))", keys)
        return set(found)

    assert allowed() == ESSENTIAL

    visitor.choose("functional")

    assert allowed() == {*ESSENTIAL, "functional", "drift"}
    visitor.goto("/journal/")
    assert allowed() == {*ESSENTIAL, "functional", "drift"}


def test_window_consent_opens_the_preferences(visitor):
    visitor.goto("/")

    assert visitor.page.evaluate("consent.open()") is True

    expect(visitor.dialog).to_be_visible()
    visitor.page.keyboard.press("Escape")
    # Nothing had the focus before: it goes where the preferences can be found again.
    expect(visitor.control).to_be_focused()


@pytest.mark.parametrize(
    ("call", "choices"),
    [
        ("acceptAll()", dict.fromkeys(OPTIONAL, True)),
        ("rejectAll()", dict.fromkeys(OPTIONAL, False)),
        ("withdraw()", dict.fromkeys(OPTIONAL, False)),
        (
            "save({functional: true, 'marketing-analytics': false, advertising: false})",
            {"functional": True, "marketing-analytics": False, "advertising": False},
        ),
    ],
)
def test_window_consent_saves_and_tells_in_an_event(visitor, policy, call, choices):
    visitor.goto("/")
    visitor.page.evaluate(
        """() => {
          window.events = [];
          document.addEventListener("consent:change", (event) => events.push(event.detail));
        }"""
    )

    returned = visitor.page.evaluate(f"consent.{call}")

    granted = [key for key, choice in choices.items() if choice]
    tools = Tool.objects.filter(category__key__in=[*granted, "essential"], enabled=True)
    expected = {"version": 1, "revision": policy.revision, "choices": choices}
    assert {key: value for key, value in returned.items() if key != "allowed"} == expected
    assert sorted(returned["allowed"]) == sorted(tools.values_list("key", flat=True))
    assert visitor.page.evaluate("events") == [returned]
    expect(visitor.notice).to_have_count(0)


def test_window_consent_cannot_be_bent(visitor):
    visitor.goto("/")

    visitor.page.evaluate("() => { consent.allows = () => true; }")

    assert visitor.page.evaluate("consent.allows('advertising')") is False


def test_the_event_comes_when_the_cookie_is_there_and_the_tools_have_been_started(visitor):
    visitor.goto("/")
    visitor.page.evaluate(
        """() => document.addEventListener("consent:change", () => {
          window.seen = [consent.allows("drift"), document.cookie.includes("functional_"),
            document.querySelectorAll('script[src*="driftt"]').length];
        })"""
    )

    visitor.choose("functional")

    assert visitor.page.evaluate("seen") == [True, True, 1]


# The preferences page, which is there for those without the script, with it


def test_the_preferences_page_leads_back_to_where_the_visitor_came_from(visitor):
    visitor.goto("/consent/preferences/?next=/journal/%3Ffrom%3Dhere")
    sheet = visitor.page.locator(".dcp-sheet")
    sheet.locator('input[value="functional"]').check()

    visitor.press("Save", sheet)

    expect(visitor.page).to_have_title("The log · Oddersay Ferry")
    expect(visitor.status).to_contain_text("You allow: Functional.")
    assert visitor.path == "/journal/?from=here"
    assert writes(visitor) == ["PUT"]
    assert len(visitor.loads) == 2
    visitor.page.wait_for_load_state()
    # Started there, and not on the page that was left.
    assert len([url for url in visitor.requests if "driftt" in url]) == 1
    assert len(visitor.requests) == len(tools_of("functional"))


def test_the_preferences_page_stays_where_the_visitor_came_from_nowhere(visitor, policy):
    visitor.has_decided(*OPTIONAL, revision=policy.revision)
    visitor.goto("/consent/preferences/")
    sheet = visitor.page.locator(".dcp-sheet")

    with visitor.page.expect_event("load"):
        visitor.press("Reject all", sheet)

    expect(visitor.status).to_be_visible()
    assert visitor.path == "/consent/preferences/"
    assert sheet.locator("input:checked").count() == 0
    assert visitor.page.locator("script[data-consent-tool]").count() == 0


def test_a_failed_save_from_the_preferences_page_is_said_there(visitor):
    visitor.goto("/consent/preferences/?next=/journal/")
    visitor.context.route(f"**{API}", abort)
    sheet = visitor.page.locator(".dcp-sheet")

    visitor.press("Accept all", sheet)

    expect(sheet.get_by_role("alert")).to_contain_text("Your choice was not saved")
    assert visitor.path == "/consent/preferences/?next=/journal/"
    assert visitor.requests == []
    assert visitor.cookies == {}


# When saving fails


def answer_with_500(route: Route) -> None:
    route.fulfill(status=500, content_type="text/html", body="<h1>Oh</h1>")


def abort(route: Route) -> None:
    route.abort()


def answer_with_no_json(route: Route) -> None:
    route.fulfill(status=200, content_type="text/html", body="<h1>Sign in to this hotel</h1>")


FAILURES = pytest.mark.parametrize("failure", [answer_with_500, abort, answer_with_no_json])


@FAILURES
def test_a_failed_save_from_the_notice_is_said_and_starts_nothing(visitor, failure):
    visitor.goto("/")
    visitor.context.route(f"**{API}", failure)

    visitor.press("Accept all")

    expect(visitor.notice.get_by_role("alert")).to_contain_text("Your choice was not saved")
    assert visitor.requests == []
    assert visitor.cookies == {}
    assert visitor.page.locator("script[data-consent-tool]").count() == 0
    # It can be tried again.
    visitor.context.unroute(f"**{API}")
    visitor.accept_all()
    visitor.page.wait_for_function("document.querySelector('script[src*=\"driftt\"]')")


@FAILURES
def test_a_failed_save_from_the_dialog_is_said_and_starts_nothing(visitor, failure):
    visitor.goto("/")
    visitor.choose("functional")
    before, asked = visitor.decision, list(visitor.requests)
    visitor.context.route(f"**{API}", failure)

    visitor.open_preferences()
    visitor.box("advertising").check()
    visitor.press("Save", visitor.dialog)

    expect(visitor.dialog.get_by_role("alert")).to_contain_text("Your choice was not saved")
    expect(visitor.dialog).to_be_visible()
    assert ticked(visitor) == ["functional", "advertising"]
    assert visitor.decision == before
    assert visitor.requests == asked
    visitor.context.unroute(f"**{API}")
    visitor.press("Save", visitor.dialog)
    expect(visitor.status).to_contain_text("You allow: Functional, Advertising.")
    visitor.open_preferences()
    expect(visitor.dialog).to_be_visible()
    expect(visitor.dialog.get_by_role("alert")).to_have_count(0)


def test_a_failed_save_through_window_consent_is_said_and_thrown(visitor):
    visitor.goto("/")
    visitor.accept_all()
    before = visitor.decision
    visitor.context.route(f"**{API}", answer_with_500)

    message = visitor.page.evaluate("consent.rejectAll().catch((error) => error.message)")

    assert "500" in message
    expect(visitor.status).to_contain_text("Your choice was not saved")
    assert visitor.decision == before


def test_a_refused_cookie_is_noticed_on_the_next_page(visitor):
    """A browser that keeps no cookies is asked again, and nothing runs there."""
    visitor.goto("/")
    visitor.accept_all()
    visitor.context.clear_cookies()

    visitor.goto("/journal/")

    expect(visitor.notice).to_be_visible()
    assert visitor.page.locator("script[data-consent-tool]").count() == 0


def test_two_choices_in_a_row_are_kept_in_their_order(visitor):
    visitor.goto("/")

    # The second choice stops what the first one started, so the page is loaded again; a promise of
    # the page that goes would never come to an end.
    with visitor.page.expect_navigation():
        visitor.page.evaluate("void Promise.all([consent.acceptAll(), consent.rejectAll()])")

    assert writes(visitor) == ["PUT", "PUT"]
    assert visitor.decision.endswith(".functional_0.marketing-analytics_0.advertising_0")


def test_a_second_tab_opens_with_what_the_first_one_saved(visitor):
    visitor.goto("/")
    second = visitor.new_page()
    second.goto(visitor.address + "/")

    visitor.choose("functional")

    second.locator(".dcp-corner [data-consent-open]").click()
    boxes = second.locator("#dcp-preferences input[type=checkbox]:checked")
    assert boxes.evaluate_all("boxes => boxes.map((box) => box.value)") == ["functional"]
