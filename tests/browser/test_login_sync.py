"""Login sync in the browser: the account's choice counts while it is there, in both deliveries."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import expect

from tests.browser.visitor import OPTIONAL, Visitor


@pytest.fixture(autouse=True)
def _login_sync(settings) -> None:
    settings.CONSENT_LOGIN_SYNC = settings.CONSENT_RECORD_USER = True


def sign_in(visitor: Visitor, address: str) -> None:
    """Give the visitor a session, as if they had signed in where no choice of theirs was known."""
    client = Client()
    client.force_login(get_user_model().objects.get(username="admin"))
    session = client.cookies["sessionid"].value
    visitor.context.add_cookies([{"name": "sessionid", "value": session, "url": address}])


def allowed(visitor: Visitor) -> list[str]:
    found: list[str] = visitor.page.evaluate("keys => keys.filter(consent.allows)", list(OPTIONAL))
    return found


@pytest.mark.parametrize("delivery", ["server", "cacheable"])
def test_choice_of_an_account_counts_and_leaves_the_browsers_own_alone(
    enter, policy, site, settings, delivery
):
    settings.CONSENT_DELIVERY = delivery
    visitor = enter()
    visitor.has_decided("functional", revision=policy.revision)
    own = visitor.cookies["consent"]
    sign_in(visitor, site.address)
    visitor.goto("/")
    assert allowed(visitor) == ["functional"]

    visitor.choose("advertising")
    expect(visitor.status).to_contain_text("You allow: Advertising.")

    assert visitor.cookies["consent"] == own
    assert "consent_subject" not in visitor.cookies
    visitor.goto("/")
    assert allowed(visitor) == ["advertising"]
    expect(visitor.notice).not_to_be_visible()
    visitor.context.clear_cookies(name="consent.account")
    visitor.goto("/")
    assert allowed(visitor) == ["functional"]


def test_receipt_of_a_refusal_is_shown_where_it_was_saved(enter):
    visitor = enter(java_script_enabled=False)
    visitor.goto("/consent/preferences/")

    visitor.press("Reject all", visitor.page.locator(".dcp-sheet"))

    receipt = visitor.page.locator(".dcp-sheet").get_by_role("link", name="-")
    receipt.click()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("What you were shown")
    assert set(visitor.cookies) == {"consent"}
