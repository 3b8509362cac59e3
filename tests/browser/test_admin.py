"""The admin as somebody uses it who never reads docs: without JavaScript, by keyboard, and at work
while visitors are there.
"""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import expect

from consent.models import Record, Tool
from tests.browser.visitor import OPTIONAL, Visitor

SNIPPET = '<script>window.ran = true;</script><script src="https://snap.licdn.com/x.js"></script>'


@pytest.fixture
def let_in(enter, site, policy):
    """A function that lets in somebody who is logged in to the admin."""

    def log_in(**options: object) -> Visitor:
        visitor: Visitor = enter(**options)
        client = Client()
        client.force_login(get_user_model().objects.get(username="admin"))
        session = client.cookies["sessionid"].value
        visitor.context.add_cookies([{"name": "sessionid", "value": session, "url": site.address}])
        return visitor

    return log_in


def test_tool_is_found_by_an_old_name_and_added_without_javascript(let_in):
    Tool.objects.get(key="google-analytics").delete()
    editor = let_in(java_script_enabled=False)

    editor.goto("/admin/consent/tool/add/")
    editor.page.get_by_role("searchbox", name="Search by name or vendor").fill("universal")
    editor.page.get_by_role("button", name="Search").click()
    editor.page.get_by_role("link", name="Google Analytics", exact=True).click()
    editor.page.get_by_label("Measurement ID").fill("UA-1")
    editor.page.get_by_role("button", name="Save", exact=True).click()

    expect(editor.page.get_by_text("UA-1").first).to_be_visible()
    assert not Tool.objects.filter(key="google-analytics").exists()

    editor.page.get_by_label("Measurement ID").fill("G-ADDED123")
    editor.page.get_by_role("button", name="Save", exact=True).click()
    editor.page.wait_for_url("**/admin/consent/tool/")

    tool = Tool.objects.get(key="google-analytics")
    assert tool.parameters == {"measurement_id": "G-ADDED123"}
    assert tool.cookies.count() == 5


def test_tool_is_added_by_keyboard_alone(let_in):
    Tool.objects.get(key="drift").delete()
    editor = let_in()
    editor.goto("/admin/consent/tool/add/?q=drift")

    editor.page.get_by_role("link", name="Drift", exact=True).focus()
    editor.page.keyboard.press("Enter")
    expect(editor.page.get_by_label("Embed ID")).to_be_focused()
    editor.page.keyboard.type("abcd1234efgh")
    editor.page.keyboard.press("Enter")
    editor.page.wait_for_url("**/admin/consent/tool/")

    assert Tool.objects.filter(key="drift", enabled=True).exists()


def test_preview_shows_the_code_runs_none_of_it_and_saves_nothing(let_in):
    editor = let_in()
    editor.goto("/admin/consent/tool/add/?recipe=custom")
    editor.page.locator("#id_name").fill("Survey")
    editor.page.locator("#id_snippet").fill(SNIPPET)
    editor.page.locator("#id_category").select_option(label="Functional")

    with editor.context.expect_page() as opened:
        editor.page.get_by_role("button", name="Preview").click()
    preview = opened.value
    preview.wait_for_load_state()

    expect(preview.get_by_text("window.ran = true;")).to_be_visible()
    assert preview.evaluate("window.ran") is None
    assert editor.requests == []
    assert not Tool.objects.filter(name="Survey").exists()
    expect(editor.page.locator("#id_name")).to_have_value("Survey")


def test_enabling_a_tool_asks_a_visitor_who_had_accepted_about_just_that(let_in, enter, policy):
    drift = Tool.objects.get(key="drift")
    drift.enabled, drift.vendor = False, f"{drift.vendor} Ltd"
    drift.save()
    policy.refresh_from_db()
    visitor = enter()
    visitor.has_decided(*OPTIONAL, revision=policy.revision)
    editor = let_in()

    editor.goto("/admin/consent/tool/?q=drift")
    editor.page.get_by_role("row").filter(has_text="Drift").get_by_role("checkbox").last.check()
    editor.page.get_by_role("button", name="Save", exact=True).click()
    expect(editor.page.get_by_role("listitem").filter(has_text="asked again")).to_be_visible()
    visitor.goto("/")

    expect(visitor.notice).to_contain_text("Drift")
    expect(visitor.notice).not_to_contain_text("Google Analytics")
    assert not any("drift" in url for url in visitor.requests)
    assert any("googletagmanager" in url for url in visitor.requests)


def test_version_shows_what_visitors_saw_and_nothing_in_it_does_anything(let_in):
    editor = let_in(java_script_enabled=False, locale="de")
    editor.goto("/")
    editor.page.get_by_role("button", name="Alle ablehnen").first.click()
    record = Record.objects.latest("pk")
    version = record.version

    editor.goto(f"/admin/consent/policyversion/{version.pk}/change/")
    address = editor.page.url
    preferences = editor.page.frame_locator("iframe[title]").nth(1)
    expect(preferences.get_by_role("checkbox", name="Funktional")).to_be_visible()
    notice = editor.page.frame_locator("iframe[title]").nth(0)
    expect(notice.get_by_text(version.shown["policy"]["notice_text"][:60])).to_be_visible()
    notice.get_by_role("button", name="Alle akzeptieren").click()
    notice.get_by_role("link").click()

    expect(notice.get_by_role("button", name="Alle akzeptieren")).to_be_visible()
    assert Record.objects.latest("pk") == record
    assert editor.page.url == address
    assert len(editor.context.pages) == 1
