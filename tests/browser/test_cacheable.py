"""Cacheable delivery: one page for everybody, and what its script makes of it for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import override_settings
from django.urls import include, path
from playwright.sync_api import Request, expect

from consent.models import Category, Policy, Tool
from tests.browser.conftest import Enter
from tests.browser.test_csp import PACKAGE, guarded, violations  # noqa: F401
from tests.browser.test_starting import ANSWERS, DONE, IN_BODY, ORDER, TURBO
from tests.browser.visitor import OPTIONAL, Visitor
from tests.factories import CategoryFactory, ToolFactory

STUB = "window.ran = (window.ran || []).concat(document.currentScript.src);"

# Notes every moment at which the notice can be seen, and every shift of the layout. What changed
# its size as well was painted while the browser had only a part of it.
WATCH = """
  window.seen = 0;
  window.shifts = [];
  const look = () => {
    const notice = document.getElementById("dcp-notice");
    if (notice && notice.getClientRects().length) window.seen += 1;
  };
  new MutationObserver(look).observe(document, {
    attributes: true, childList: true, subtree: true,
  });
  const frame = () => { look(); requestAnimationFrame(frame); };
  frame();
  const moved = ({ previousRect: before, currentRect: now }) =>
    before.width === now.width && before.height === now.height;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.sources.some(moved)) shifts.push(entry.value);
    }
  }).observe({ type: "layout-shift", buffered: true });
"""

PARTS = """{% load consent %}<!DOCTYPE html><html lang="en"><head><title>Parts</title>
{% consent_head %}</head><body><main>
<p id="one">{% ifconsent "functional" %}<b>chat</b> here{% else %}no chat{% endifconsent %}</p>
<div id="two">{% ifconsent "advertising" %}<i>advertisement</i><script>
window.order = (window.order || []).concat("first");</script><script
src="https://tidings.example/part.js"></script><script>window.order.push("third");</script>
{% ifconsent "drift" %}and chat{% else %}and silence{% endifconsent %}{% else %}<em>ask</em>
{% ifconsent "functional" %}with chat{% else %}without{% endifconsent %} to the end
{% endifconsent %} after</div>
<p id="three">{% ifconsent "essential" %}always{% else %}never{% endifconsent %}</p>
</main>{% consent_preferences_button %}{% consent_body %}</body></html>"""
PART = "https://tidings.example/part.js"


def parts(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(PARTS).render({}, request))


urlpatterns = [path("parts/", parts), path("", include("demo_site.urls"))]


@pytest.fixture(autouse=True)
def _cacheable(settings: Any) -> None:
    settings.CONSENT_DELIVERY = "cacheable"
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def decided(enter: Enter, policy: Policy) -> Callable[..., Visitor]:
    """A function that lets in a visitor who has chosen what is named, at this revision or now."""

    def let_in(*granted: str, revision: int | None = None, **options: Any) -> Visitor:
        visitor = enter(**options)
        visitor.has_decided(*granted, revision=revision or policy.revision)
        return visitor

    return let_in


def files(visitor: Visitor) -> list[Request]:
    """Return the requests for files of tools."""
    return [each for each in visitor.own_requests if "/consent/tools/" in each.url]


def names(visitor: Visitor) -> list[str]:
    return [urlsplit(each.url).path.rpartition("/")[2] for each in files(visitor)]


def started(visitor: Visitor) -> set[str]:
    """Return the keys of the tools whose scripts are in the page."""
    found: list[str] = visitor.page.locator("script[data-consent-tool]").evaluate_all(
        "scripts => scripts.map((script) => script.dataset.consentTool)"
    )
    return set(found)


def tools_of(*categories: str) -> set[str]:
    """Return the keys of these categories' tools that run in the browser."""
    tools = Tool.objects.filter(category__key__in=categories, enabled=True)
    return {tool.key for tool in tools if tool.recipe not in ("webhooks", "zapier")}


def assert_never_asked(visitor: Visitor) -> None:
    visitor.settle()
    visitor.page.evaluate("new Promise(requestAnimationFrame)")
    assert visitor.page.evaluate("seen") == 0
    assert sum(visitor.page.evaluate("shifts")) == 0
    expect(visitor.notice).not_to_be_visible()


# Who is asked, and what is loaded


def test_an_undecided_visitor_is_asked_and_nothing_is_loaded(visitor):
    visitor.goto("/")

    expect(visitor.notice).to_be_visible()
    expect(visitor.notice.locator(".dcp-news")).not_to_be_visible()
    visitor.settle()
    assert files(visitor) == []
    assert visitor.requests == []
    assert visitor.cookies == {}


def test_under_the_implied_regime_an_undecided_visitor_is_asked_and_all_runs(visitor, policy):
    policy.regime = "implied"
    policy.save()

    visitor.goto("/")

    expect(visitor.notice).to_be_visible()
    visitor.settle()
    assert len(files(visitor)) == 1
    assert started(visitor) == tools_of(*OPTIONAL)


@pytest.mark.parametrize(
    "granted",
    [OPTIONAL, ("functional",), ("marketing-analytics", "advertising")],
    ids=lambda granted: ",".join(granted),
)
def test_a_visitor_gets_the_tools_they_allowed_and_no_question(decided, granted):
    visitor = decided(*granted)
    visitor.context.add_init_script(WATCH)

    visitor.goto("/")

    assert_never_asked(visitor)
    (name,) = names(visitor)
    thresholds = [
        max(category.since, *category.tools.filter(enabled=True).values_list("since", flat=True))
        for category in Category.objects.filter(key__in=granted)
    ]
    rows = zip(Category.objects.filter(key__in=granted), thresholds, strict=True)
    assert name == ".".join(f"{row.key}_{threshold}" for row, threshold in rows) + ".js"
    assert started(visitor) == tools_of(*granted)


def test_after_a_refusal_nothing_is_loaded_and_nothing_asked(decided):
    visitor = decided()
    visitor.context.add_init_script(WATCH)

    for address in ("/", "/journal/", "/policy/"):
        visitor.goto(address)
        assert_never_asked(visitor)

    assert files(visitor) == []
    assert visitor.requests == []


@pytest.mark.parametrize(
    "cookie", ["", "nonsense", "1.1.1.functional_1", "1.0.99999.functional_1", "1.1.functional_1"]
)
def test_a_cookie_that_is_not_clear_loads_nothing_and_asks(visitor, site, policy, cookie):
    policy.regime = "implied"
    policy.save()
    visitor.context.add_cookies([{"name": "consent", "value": cookie, "url": site.address}])

    visitor.goto("/")

    expect(visitor.notice).to_be_visible()
    visitor.settle()
    assert files(visitor) == []
    assert visitor.requests == []


def test_a_grant_at_a_revision_that_was_never_issued_loads_nothing_and_asks(decided, policy):
    Policy.objects.update(revision=policy.revision + 5)

    visitor = decided("functional", revision=policy.revision + 3)

    visitor.goto("/")

    assert started(visitor) == tools_of()
    assert files(visitor) == []
    expect(visitor.notice).to_be_visible()


def test_everybody_gets_the_same_bytes(decided):
    pages = {decided(*granted, locale="en").goto("/contact/") for granted in ((), OPTIONAL)}

    assert len(pages) == 1


# What is new


def test_a_new_tool_is_named_and_stays_off_while_the_others_go_on(decided, policy):
    before = policy.revision
    functional = policy.categories.get(key="functional")
    ToolFactory(
        category=functional, key="tidings", name="Tidings", snippet="<script>tidings = 1</script>"
    )
    surveys = CategoryFactory(policy=policy, key="surveys", name="Surveys", order=99)
    ToolFactory(category=surveys, key="asker", name="Asker", snippet="<script>asker = 1</script>")
    visitor = decided(*OPTIONAL, revision=before)

    visitor.goto("/")

    news = visitor.notice.locator(".dcp-news")
    expect(news).to_have_text(
        "New since your last choice, and off until you allow it: Tidings (Functional), Surveys."
    )
    visitor.settle()
    assert started(visitor) == tools_of(*OPTIONAL) - {"tidings"}
    assert visitor.page.evaluate("[typeof tidings, typeof asker]") == ["undefined", "undefined"]

    visitor.accept_all()
    visitor.page.wait_for_function("window.tidings && window.asker")
    assert len(files(visitor)) == 1


def test_news_in_a_refused_category_asks_nobody(decided, policy):
    before = policy.revision
    ToolFactory(category=policy.categories.get(key="advertising"), key="tidings", name="Tidings")
    visitor = decided("functional", revision=before)
    visitor.context.add_init_script(WATCH)

    visitor.goto("/")

    assert_never_asked(visitor)
    assert started(visitor) == tools_of("functional")


def test_a_changed_purpose_makes_the_whole_category_new(decided, policy):
    before = policy.revision
    category = policy.categories.get(key="functional")
    category.purpose = "To sell what we know about you."
    category.save()
    visitor = decided("functional", "advertising", revision=before)

    visitor.goto("/")

    expect(visitor.notice.locator(".dcp-news b")).to_have_text("Functional")
    visitor.settle()
    assert started(visitor) == tools_of("advertising")


# Decisions


def test_a_choice_starts_what_it_allows_at_once_and_on_the_next_page(visitor):
    visitor.goto("/")

    visitor.choose("functional")

    expect(visitor.status).to_contain_text("You allow: Functional.")
    expect(visitor.notice).to_have_count(0)
    visitor.page.wait_for_function("document.querySelector('script[src*=\"driftt\"]')")
    assert files(visitor) == []
    visitor.context.add_init_script(WATCH)
    visitor.goto("/journal/")
    assert_never_asked(visitor)
    assert started(visitor) == tools_of("functional")
    assert len(files(visitor)) == 1


def test_a_withdrawal_loads_the_page_again_without_the_tool_and_says_so(decided):
    visitor = decided(*OPTIONAL)
    visitor.goto("/journal/")
    visitor.settle()

    visitor.open_preferences()
    for category in ("marketing-analytics", "advertising"):
        visitor.box(category).uncheck()
    with visitor.page.expect_event("load"):
        visitor.press("Save", visitor.dialog)

    expect(visitor.status).to_have_text(
        re.compile("You allow: Functional. You do not allow: Marketing & Analytics, Advertising.")
    )
    visitor.settle()
    assert started(visitor) == tools_of("functional")
    assert "#" not in visitor.page.url


def test_a_file_that_fails_to_load_runs_nothing_and_says_nothing(decided):
    visitor = decided("functional")
    visitor.context.route("**/consent/tools/**", lambda route: route.abort())

    visitor.goto("/")

    visitor.settle()
    assert visitor.requests == []
    expect(visitor.notice).not_to_be_visible()
    expect(visitor.status).not_to_be_visible()


def test_a_tool_that_was_refused_while_its_file_came_does_not_start(decided, policy):
    visitor = decided("functional")
    visitor.goto("/journal/")
    visitor.settle()
    item = {"tool": "facebook-pixel", "placement": "head", "html": "<script>meta = 1</script>"}

    visitor.page.evaluate("item => consent.start([item])", item)

    assert visitor.page.evaluate("typeof meta") == "undefined"


def test_a_tool_is_started_once_however_often_its_file_comes(decided, policy):
    functional = policy.categories.get(key="functional")
    ToolFactory(category=functional, key="tidings", snippet=IN_BODY, placement="body")
    policy.refresh_from_db()
    visitor = decided("functional", revision=policy.revision)
    visitor.answers = ANSWERS
    visitor.goto("/")
    visitor.page.wait_for_function(DONE)

    visitor.page.evaluate(
        """address => new Promise((done) => {
          const script = document.createElement("script");
          script.src = address;
          script.onload = done;
          document.head.append(script);
        })""",
        files(visitor)[0].url,
    )

    assert visitor.page.evaluate("order") == ORDER
    assert visitor.page.locator(".tidings-box").count() == 1


# Places that templates keep, and pages that swap their body


@pytest.fixture
def optional_captcha(policy: Policy) -> Policy:
    tool = Tool.objects.get(key="recaptcha")
    tool.category = policy.categories.get(key="functional")
    tool.save()
    policy.refresh_from_db()
    return policy


def test_a_tool_starts_in_the_place_that_a_template_keeps(decided, optional_captcha):
    visitor = decided("functional", revision=optional_captcha.revision)

    visitor.goto("/contact/")

    expect(visitor.page.locator('form script[data-consent-tool="recaptcha"][src]')).to_have_count(1)


def test_a_place_that_a_body_swap_brings_is_used(decided, optional_captcha):
    visitor = decided("functional", revision=optional_captcha.revision)
    visitor.context.add_init_script(WATCH)
    visitor.goto("/")
    visitor.settle()
    assert not [url for url in visitor.requests if "recaptcha" in url]

    for address in ("/contact/", "/journal/", "/contact/"):
        visitor.page.evaluate(TURBO, address)
        visitor.settle()

    assert len([url for url in visitor.requests if "recaptcha/api.js" in url]) == 1
    assert len([url for url in visitor.requests if "driftt" in url]) == 1
    assert visitor.page.evaluate("seen") == 0


# {% ifconsent %}


def words(visitor: Visitor, part: str) -> str:
    return " ".join(visitor.page.locator(part).inner_text().split())


def test_everybody_first_sees_what_is_for_those_who_allow_nothing(visitor):
    visitor.goto("/parts/")

    assert words(visitor, "#one") == "no chat"
    assert words(visitor, "#two") == "ask without to the end after"
    assert words(visitor, "#three") == "always"


def test_what_is_allowed_is_put_in_its_place_and_its_scripts_run_in_order(decided):
    visitor = decided("functional", "advertising")
    visitor.answers[PART] = "window.order.push('second');"

    visitor.goto("/parts/")

    visitor.page.wait_for_function("window.order && order.length === 3")
    assert visitor.page.evaluate("order") == ["first", "second", "third"]
    assert words(visitor, "#one") == "chat here"
    assert words(visitor, "#two") == "advertisement and chat after"
    assert visitor.page.locator("#two template").count() == 0


def test_nested_parts_are_told_apart(decided):
    visitor = decided("functional")

    visitor.goto("/parts/")

    assert words(visitor, "#two") == "ask with chat to the end after"
    assert visitor.page.evaluate("window.order") is None


def test_a_choice_fills_in_what_it_newly_allows(visitor):
    visitor.answers[PART] = "window.order.push('second');"
    visitor.goto("/parts/")

    visitor.choose("functional")
    assert words(visitor, "#one") == "chat here"
    assert words(visitor, "#two") == "ask with chat to the end after"

    visitor.choose("functional", "advertising")
    visitor.page.wait_for_function("window.order && order.length === 3")
    assert words(visitor, "#two") == "advertisement and chat after"


def test_parts_that_a_swap_brings_are_filled_in_too(decided):
    visitor = decided("functional")
    visitor.goto("/")

    visitor.page.evaluate(TURBO, "/parts/")

    expect(visitor.page.locator("#one")).to_have_text("chat here")


# How it is loaded


@pytest.fixture(scope="module")
def strict(site, serve) -> Iterator[str]:
    with override_settings(**PACKAGE):
        yield serve()


def test_under_a_strict_policy_everything_runs_by_nonce_alone(guarded, policy):  # noqa: F811
    guarded.has_decided(*OPTIONAL, revision=policy.revision)

    guarded.goto("/")

    expected = str(len(tools_of(*OPTIONAL)))
    expect(guarded.page.locator("html")).to_have_attribute("data-ran", expected)
    assert violations(guarded) == []
    assert started(guarded) == tools_of(*OPTIONAL)


def test_without_javascript_the_notice_is_there_for_those_who_must_be_asked(enter, policy):
    visitor = enter(java_script_enabled=False)
    visitor.goto("/journal/")
    expect(visitor.notice).to_be_visible()

    visitor.press("Reject all")

    expect(visitor.status).to_contain_text("Your choice is saved.")
    expect(visitor.notice).not_to_be_visible()
    visitor.goto("/")
    expect(visitor.notice).not_to_be_visible()


@pytest.mark.parametrize("delivery", ["server", "cacheable"])
@pytest.mark.parametrize("path", ["/", "/policy/", "/consent/preferences/"])
def test_neither_script_nor_stylesheet_holds_up_the_page(visitor, settings, delivery, path):
    settings.CONSENT_DELIVERY = delivery

    visitor.goto(path)

    blocking = visitor.page.evaluate(
        """() => performance.getEntriesByType("resource")
          .filter((entry) => entry.name.includes("/consent/choice."))
          .map((entry) => entry.renderBlockingStatus)"""
    )
    assert blocking == ["non-blocking"] * 2
