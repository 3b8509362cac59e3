"""All of it without JavaScript: the notice's form, the preferences page, the policy page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from consent.models import Tool
from tests.browser.test_notice import LOOKS
from tests.browser.visitor import OPTIONAL, OURS, Visitor, tools_of
from tests.factories import ToolFactory

PAGES = ("/", "/journal/", "/contact/", "/policy/", "/consent/preferences/")


@pytest.fixture
def plain(enter) -> Visitor:
    """A visitor whose browser runs no script."""
    visitor: Visitor = enter(java_script_enabled=False)
    return visitor


def sheet(visitor: Visitor) -> Locator:
    """The form of the preferences page."""
    return visitor.page.locator("form.dcp-sheet")


def scripts(visitor: Visitor) -> list[str]:
    """Return the tools whose scripts are in the page, by their keys."""
    found: list[str] = visitor.page.locator("script[data-consent-tool]").evaluate_all(
        "scripts => scripts.map((script) => script.dataset.consentTool)"
    )
    return sorted(set(found))


def save(visitor: Visitor, *granted: str) -> None:
    """Choose on the preferences page."""
    for category in OPTIONAL:
        sheet(visitor).locator(f'input[value="{category}"]').set_checked(category in granted)
    visitor.press("Save", sheet(visitor))


def test_no_vendor_is_asked_before_a_decision(plain):
    for path in PAGES:
        plain.goto(path)
        expect(plain.notice).to_have_count(1)
        assert set(scripts(plain)) <= {"recaptcha"}

    assert plain.requests == []
    assert plain.cookies == {}


@pytest.mark.parametrize(
    ("button", "granted", "said"),
    [
        ("Accept all", OPTIONAL, r"You allow\b(?!.*do not allow)"),
        ("Reject all", (), "You allow none of the optional categories."),
    ],
)
def test_notice_answers_and_the_visitor_stays_on_the_page(plain, policy, button, granted, said):
    plain.goto("/journal/?from=here")

    plain.press(button)

    expect(plain.page).to_have_url(re.compile(r"/journal/\?from=here#dcp-status$"))
    expect(plain.status).to_be_visible()
    expect(plain.status).to_contain_text("Your choice is saved.")
    expect(plain.status).to_contain_text(re.compile(said))
    assert plain.notice.count() == 0
    revision = policy.revision
    choices = "".join(f".{key}_{revision if key in granted else 0}" for key in OPTIONAL)
    assert plain.decision.endswith(choices)
    assert scripts(plain) == tools_of(*granted)
    # Said once, not on each page.
    plain.goto("/")
    expect(plain.status).not_to_be_visible()


def test_accepting_and_rejecting_look_the_same(plain):
    # The notice moves into sight otherwise.
    plain.page.emulate_media(reduced_motion="reduce")
    plain.goto("/")

    def both(root: Locator) -> list[Any]:
        buttons = [root.get_by_role("button", name=name) for name in ("Accept all", "Reject all")]
        # Scripts of the page do not run; those of the test do.
        return [button.evaluate(LOOKS) for button in buttons]

    accept, reject = both(plain.notice)
    assert accept == reject
    plain.control.click()
    accept, reject = both(sheet(plain))
    assert accept == reject


@pytest.mark.parametrize("place", ["notice", "corner"])
def test_preferences_lead_to_a_page_and_back(plain, place):
    plain.goto("/journal/")

    if place == "notice":
        plain.press("Preferences")
    else:
        plain.control.click()

    expect(plain.page.get_by_role("heading", level=1)).to_have_text(
        "Website Data Collection Preferences"
    )
    assert plain.page.locator("h1").count() == 1
    sheet(plain).get_by_role("link", name="Cancel").click()
    expect(plain.page).to_have_url(re.compile("/journal/$"))
    assert plain.cookies == {}


def test_preferences_page_shows_the_table_and_the_choice(plain, policy):
    plain.goto("/consent/preferences/")

    headers = sheet(plain).get_by_role("columnheader").all_inner_texts()
    assert headers == ["Allow", "Category", "Purpose", "Tools"]
    expect(sheet(plain)).to_contain_text("You have not chosen yet.")
    assert sheet(plain).locator("input:checked").count() == 0
    essential = sheet(plain).get_by_role("row").filter(has_text="reCAPTCHA")
    expect(essential).to_contain_text("Always on")

    plain.has_decided("advertising", revision=policy.revision)
    plain.goto("/consent/preferences/")

    checked = sheet(plain).locator("input:checked")
    assert checked.evaluate_all("boxes => boxes.map((box) => box.value)") == ["advertising"]
    expect(sheet(plain)).to_contain_text("You allow: Advertising.")


def test_a_part_can_be_saved_and_changed(plain):
    plain.goto("/journal/")
    plain.control.click()
    save(plain, "functional", "advertising")

    expect(plain.page).to_have_url(re.compile("/journal/#dcp-status$"))
    expect(plain.status).to_contain_text(
        "You allow: Functional, Advertising. You do not allow: Marketing & Analytics."
    )
    assert "drift" in scripts(plain)
    assert "google-analytics" not in scripts(plain)

    plain.control.click()
    save(plain, "functional")

    expect(plain.status).to_contain_text(
        "You allow: Functional. You do not allow: Marketing & Analytics, Advertising."
    )
    assert scripts(plain) == tools_of("functional")


def test_without_a_page_to_go_back_to_the_preferences_page_stays(plain):
    plain.goto("/consent/preferences/")

    save(plain, "functional")

    expect(plain.page).to_have_url(re.compile("/consent/preferences/#dcp-status$"))
    expect(plain.status).to_be_visible()
    expect(sheet(plain).locator("input:checked")).to_have_count(1)


@pytest.mark.parametrize("address", ["//evil.example/", "https://evil.example/", "javascript:1"])
def test_next_never_leads_to_another_site(plain, address):
    plain.goto(f"/consent/preferences/?next={address}")

    assert address not in sheet(plain).inner_html()
    save(plain, "functional")

    expect(plain.page).to_have_url(re.compile("/consent/preferences/#dcp-status$"))
    assert plain.requests == []


def test_reloading_after_a_choice_sends_nothing_again(plain):
    plain.goto("/")
    plain.accept_all()
    posts = [each for each in plain.own_requests if each.method == "POST"]

    plain.page.reload()

    assert [each for each in plain.own_requests if each.method == "POST"] == posts
    assert len(posts) == 1


def test_withdrawing_deletes_the_cookies_that_the_server_sees(enter, policy):
    host = "www.shop.example.test"
    plain = enter(java_script_enabled=False)
    plain.goto("/journal/", host=host)
    plain.accept_all()
    for name, domain in (("_ga", host), ("_ga_ABC", ".example.test"), ("basket", host)):
        plain.context.add_cookies([{"name": name, "value": "1", "domain": domain, "path": "/"}])

    plain.control.click()
    plain.press("Reject all", sheet(plain))

    expect(plain.status).to_contain_text("You allow none of the optional categories.")
    assert set(plain.cookies) == {*OURS, "basket"}
    assert scripts(plain) == []


def test_what_came_after_the_page_was_loaded_is_not_granted_by_it(plain, policy):
    plain.goto("/")
    ToolFactory(category=policy.categories.get(key="functional"), key="tidings", name="Tidings")

    plain.press("Accept all")

    expect(plain.notice).to_contain_text("Tidings (Functional)")
    assert "tidings" not in scripts(plain)
    assert "drift" in scripts(plain)


def test_what_is_new_is_named_on_the_notice_and_on_the_page(plain, policy):
    plain.has_decided(*OPTIONAL, revision=policy.revision)
    ToolFactory(category=policy.categories.get(key="functional"), key="tidings", name="Tidings")

    plain.goto("/")

    expect(plain.notice).to_contain_text("Tidings (Functional)")
    assert "tidings" not in scripts(plain)
    assert "drift" in scripts(plain)
    plain.press("Preferences")
    expect(sheet(plain)).to_contain_text("Tidings (Functional)")
    assert not sheet(plain).locator('input[value="functional"]').is_checked()
    assert sheet(plain).locator('input[value="advertising"]').is_checked()


@pytest.mark.parametrize("path", ["/policy/", "/consent/policy/"])
def test_policy_page_tells_all_and_details_open(plain, path):
    plain.goto(path)

    table = plain.page.get_by_role("table").first
    headers = table.get_by_role("columnheader").all_inner_texts()
    assert headers[:3] == ["Category", "Purpose", "Tools"]
    tools = plain.page.locator("details.dcp-tool")
    assert tools.count() == Tool.objects.filter(enabled=True).count()
    analytics = tools.filter(has=plain.page.get_by_text("Google Analytics", exact=True))
    expect(analytics.get_by_text("_ga_*")).not_to_be_visible()

    analytics.locator("summary").click()

    expect(analytics.get_by_text("_ga_*")).to_be_visible()
    expect(analytics).to_contain_text("Received by: Google LLC")
    privacy = analytics.get_by_role("link", name="Privacy policy for Google Analytics")
    assert privacy.get_attribute("href") == "https://policies.google.com/privacy"


def test_a_form_from_another_site_decides_nothing(plain, site):
    """Also where its author knows every field: the browser says where it comes from."""
    plain.context.route(
        "https://evil.example/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f"""<form method="post" action="{site.address}/consent/preferences/">
              <input type="hidden" name="action" value="accept-all"><button>Win</button></form>""",
        ),
    )
    plain.page.goto("https://evil.example/")

    plain.page.get_by_role("button", name="Win").click()

    expect(plain.page.get_by_role("alert")).to_contain_text("Nothing was saved")
    assert plain.cookies == {}
