"""One visitor's choice is not another's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from consent.models import Policy
from consent.policy.decision import Decision, today
from consent.recipes import catalogue
from tests.browser.visitor import OPTIONAL, asked_of, tools_of


def test_two_visitors_do_not_see_each_others_choice(enter):
    first, second, third = enter(), enter(), enter()
    for visitor in (first, second, third):
        visitor.goto("/")

    first.accept_all()
    second.choose("functional")

    expect(third.notice).to_be_visible()
    for visitor in (first, second, third):
        visitor.requests.clear()
        visitor.goto("/journal/")
    assert asked_of(catalogue()["facebook-pixel"], first.requests)
    chats, asked = [catalogue()[key] for key in tools_of("functional")], second.requests
    assert {url for chat in chats for url in asked_of(chat, asked)} == set(asked)
    assert asked_of(catalogue()["drift"], asked)
    assert third.requests == []
    assert (first.notice.count(), second.notice.count(), third.notice.count()) == (0, 0, 1)
    allowed = "['functional', 'advertising'].map((key) => consent.allows(key))"
    assert first.page.evaluate(allowed) == [True, True]
    assert second.page.evaluate(allowed) == [True, False]
    assert third.page.evaluate(allowed) == [False, False]


def test_two_hosts_of_one_site_keep_their_choices_apart(visitor):
    visitor.goto("/", host="www.shop.example.test")
    visitor.accept_all()

    visitor.goto("/", host="example.test")

    expect(visitor.notice).to_be_visible()


def test_a_shared_cookie_domain_carries_the_choice_over(visitor, settings):
    settings.CONSENT_COOKIE_DOMAIN = "example.test"
    visitor.goto("/", host="www.shop.example.test")
    visitor.accept_all()

    visitor.goto("/", host="example.test")

    assert visitor.notice.count() == 0


@pytest.mark.parametrize("delivery", ["server", "cacheable"])
@pytest.mark.parametrize(
    ("own", "other", "is_asked"),
    [(OPTIONAL, ("functional",), False), (OPTIONAL, (), False), (OPTIONAL, None, True)],
    ids=["refuses some", "refuses all", "other grant"],
)
def test_copies_of_the_cookie_that_differ_allow_nothing(
    visitor, settings, site, delivery, own, other, is_asked
):
    settings.CONSENT_DELIVERY = delivery
    at = Policy.objects.get(is_default=True).revision
    for granted, domain in ((own, ".example.test"), (other, "www.shop.example.test")):
        day = today() - (granted is None)
        choices = {key: at if key in (own if granted is None else granted) else 0 for key in own}
        text = Decision(at, day, choices).text
        cookie = {"name": "consent", "value": text, "domain": domain, "path": "/"}
        visitor.context.add_cookies([cookie])

    visitor.goto("/", host="www.shop.example.test")

    assert visitor.notice.is_visible() == is_asked
    assert not visitor.page.evaluate("consent.allows('functional')")
    visitor.settle()
    assert visitor.requests == []


def test_many_visitors_at_once_get_each_their_own_page(site, policy):
    """The server answers several at a time from one compiled policy."""
    choices = {"functional": policy.revision, "marketing-analytics": 0, "advertising": 0}
    cookie = f"consent={Decision(policy.revision, today(), choices).text}"

    def fetch(number: int) -> str:
        headers = {"Cookie": cookie} if number % 2 else {}
        with urlopen(Request(f"{site.address}/", headers=headers)) as response:  # noqa: S310
            return str(response.read().decode())

    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(fetch, range(40)))

    for number, page in enumerate(pages):
        assert ('data-consent-tool="drift"' in page) == bool(number % 2)
        assert ('id="dcp-notice"' in page) == (not number % 2)
