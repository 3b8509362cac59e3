"""Hosts of one domain share cookies, also where nobody wants it: a refusal on one of them wins."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from consent.models import Policy
from consent.policy.decision import Decision, today
from tests.browser.visitor import OPTIONAL, Visitor

SITE, BLOG, DOMAIN = "www.example.test", "blog.example.test", ".example.test"


@pytest.fixture(params=["server", "cacheable"], autouse=True)
def delivery(request, settings) -> str:
    chosen: str = request.param
    settings.CONSENT_DELIVERY = chosen
    return chosen


def has(visitor: Visitor, text: str, domain: str) -> None:
    """Let another host have set the preference cookie, for itself or for the whole domain."""
    cookie = {"name": "consent", "value": text, "domain": domain, "path": "/"}
    visitor.context.add_cookies([cookie])


def granted(policy: Policy, *keys: str) -> str:
    choices = {key: policy.revision if key in keys else 0 for key in OPTIONAL}
    return Decision(policy.revision, today(), choices).text


def allowed(visitor: Visitor) -> list[str]:
    found: list[str] = visitor.page.evaluate("keys => keys.filter(consent.allows)", list(OPTIONAL))
    return found


def of_consent(visitor: Visitor) -> set[tuple[str, str]]:
    """Return domain and text of each preference cookie that the browser has."""
    return {
        (cookie["domain"], cookie["value"])
        for cookie in visitor.context.cookies()
        if cookie["name"] == "consent"
    }


def test_grant_for_the_domain_runs_nothing_where_this_host_was_refused(visitor, policy):
    visitor.goto("/", host=BLOG)
    visitor.reject_all()
    has(visitor, granted(policy, *OPTIONAL), DOMAIN)

    visitor.goto("/", host=BLOG)
    visitor.settle()

    assert allowed(visitor) == []
    assert visitor.requests == []
    expect(visitor.notice).not_to_be_visible()


def test_refusal_of_the_domain_is_not_undone_by_a_grant_of_one_host(visitor, policy):
    has(visitor, granted(policy), DOMAIN)
    visitor.goto("/", host=BLOG)

    visitor.open_preferences()
    for category in OPTIONAL:
        visitor.box(category).check()
    with visitor.answered():
        visitor.press("Save", visitor.dialog)

    visitor.goto("/", host=BLOG)
    assert allowed(visitor) == []
    assert (DOMAIN, granted(policy)) in of_consent(visitor)
    # The page says so where one chooses, and that it has to be changed elsewhere, too.
    visitor.goto("/consent/preferences/", host=BLOG)
    expect(visitor.page.get_by_role("alert").first).to_contain_text("sends different choices")


def test_refusal_of_one_host_leaves_the_choice_of_its_sibling_alone(visitor, policy):
    visitor.goto("/", host=SITE)
    visitor.accept_all()
    visitor.goto("/", host=BLOG)
    visitor.reject_all()

    visitor.goto("/", host=SITE)

    assert allowed(visitor) == list(OPTIONAL)
    assert {domain for domain, _ in of_consent(visitor)} == {SITE, BLOG}


def test_shared_refusal_holds_on_each_host_of_the_domain(visitor, settings):
    settings.CONSENT_COOKIE_DOMAIN = "example.test"
    visitor.goto("/", host=SITE)
    visitor.accept_all()
    visitor.goto("/", host=BLOG)
    assert allowed(visitor) == list(OPTIONAL)

    visitor.open_preferences()
    for category in OPTIONAL:
        visitor.box(category).uncheck()
    with visitor.page.expect_event("load"):
        visitor.press("Save", visitor.dialog)

    visitor.goto("/", host=SITE)
    assert allowed(visitor) == []
    assert {domain for domain, _ in of_consent(visitor)} == {DOMAIN}
