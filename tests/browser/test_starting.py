"""What a page starts: custom snippets, and markup that arrives after the page has loaded."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from consent.models import Policy, Tool
from tests.browser.visitor import OPTIONAL, Visitor
from tests.factories import ToolFactory

FIRST, LAST = "https://tidings.example/first.js", "https://tidings.example/last.js"
PIXEL = "https://tidings.example/seen.gif"
NOSCRIPT = '<noscript><img src="https://tidings.example/no-script.gif" alt=""></noscript>'
SCRIPTS = f"""\
<!-- Tidings: paste this into your page -->
<script>window.order = (window.order || []).concat("one");</script>
<script type="text/javascript" src="{FIRST}"></script>
<script>order.push("two");</script>
<script type="application/json" class="tidings-data">{{"id": "<b>7</b>"}}</script>
<script src="{LAST}" data-id="7"></script>
<script>
  order.push("three");
</script>
"""
IN_HEAD = f"""{SCRIPTS}
<meta name="tidings" content="7">
<style>main {{ --tidings: 7px; }}</style>
{NOSCRIPT}
"""
IN_BODY = f"""{SCRIPTS}
<div class="tidings-box"><p>Tidings &amp; <b>tales</b></p><img src="{PIXEL}" alt="a pixel"></div>
<style>.tidings-box {{ color: rgb(1, 2, 3); }}</style>
{NOSCRIPT}
"""
ANSWERS = {FIRST: "order.push('first');", LAST: "order.push('last');"}
ORDER = ["one", "first", "two", "last", "three"]
DONE = "window.order && order.at(-1) === 'three'"


def add_snippet(policy: Policy, snippet: str, placement: str = "body") -> Any:
    return ToolFactory(
        category=policy.categories.get(key="functional"),
        key="tidings",
        name="Tidings",
        snippet=snippet,
        placement=placement,
    )


def asked_of_tidings(visitor: Visitor) -> list[str]:
    return [url for url in visitor.requests if "tidings.example" in url]


# Custom snippets


@pytest.mark.parametrize("when", ["at once", "on the next page"])
@pytest.mark.parametrize("placement", ["head", "body"])
def test_snippet_runs_all_of_its_scripts_in_order_and_once(visitor, policy, placement, when):
    add_snippet(policy, IN_HEAD if placement == "head" else IN_BODY, placement)
    visitor.answers = ANSWERS
    visitor.goto("/")
    visitor.choose("functional")
    visitor.page.wait_for_function(DONE)
    if when == "on the next page":
        visitor.requests.clear()
        visitor.goto("/journal/")

    assert visitor.page.evaluate("order") == ORDER
    wanted = [FIRST, LAST] if placement == "head" else [FIRST, LAST, PIXEL]
    assert sorted(asked_of_tidings(visitor)) == wanted
    page = visitor.page
    assert page.locator(f'{placement} script[src="{LAST}"][data-id="7"]').count() == 1
    assert page.locator(f"{placement} .tidings-data").text_content() == '{"id": "<b>7</b>"}'
    if placement == "head":
        assert page.locator('head meta[name="tidings"]').count() == 1
        value = "getComputedStyle(document.querySelector('main')).getPropertyValue('--tidings')"
        assert page.evaluate(value).strip() == "7px"
    else:
        expect(page.locator(".tidings-box")).to_have_text("Tidings & tales")
        expect(page.locator(".tidings-box")).to_have_css("color", "rgb(1, 2, 3)")


def test_nothing_of_a_snippet_is_on_the_page_before_it_is_allowed(visitor, policy):
    add_snippet(policy, IN_BODY)

    html = visitor.goto("/")

    assert "tidings.example" not in html
    visitor.choose("advertising")
    assert visitor.page.locator(".tidings-box, .tidings-data").count() == 0
    assert asked_of_tidings(visitor) == []


def test_a_script_that_cannot_be_loaded_does_not_stop_the_next(visitor, policy):
    add_snippet(policy, IN_BODY)
    visitor.answers = ANSWERS
    visitor.goto("/")
    visitor.context.route(FIRST, lambda route: route.abort())

    visitor.choose("functional")

    visitor.page.wait_for_function(DONE)
    assert visitor.page.evaluate("order") == ["one", "two", "last", "three"]


def test_a_script_with_a_mistake_does_not_stop_the_next(visitor, policy):
    add_snippet(policy, "<script>nonsense(;</script><script>window.order = ['three']</script>")
    visitor.goto("/")

    visitor.choose("functional")

    visitor.page.wait_for_function(DONE)
    assert len(visitor.problems) == 1
    assert "Unexpected token" in visitor.problems.pop()


def test_async_scripts_and_modules_run_as_well(visitor, policy):
    add_snippet(
        policy,
        f'<script async src="{FIRST}"></script><script type="module">window.module = 1;</script>'
        f'<script defer src="{LAST}"></script><script nomodule>window.old = 1;</script>',
    )
    visitor.answers = {FIRST: "window.first = 1;", LAST: "window.last = 1;"}
    visitor.goto("/")

    visitor.choose("functional")

    visitor.page.wait_for_function("window.first && window.last && window.module")
    assert visitor.page.evaluate("window.old") is None


# Where a template asks for a tool


@pytest.fixture
def optional_captcha(policy) -> Policy:
    """The policy, with the contact page's reCAPTCHA among the functional tools."""
    tool = Tool.objects.get(key="recaptcha")
    tool.category = policy.categories.get(key="functional")
    tool.save()
    policy.refresh_from_db()
    return policy


def captchas(visitor: Visitor) -> list[str]:
    return [url for url in visitor.requests if "google.com/recaptcha" in url]


STARTED = "typeof (window.grecaptcha || {}).ready === 'function'"


def test_a_tool_starts_in_the_place_that_was_kept_for_it(visitor, optional_captcha):
    html = visitor.goto("/contact/")
    assert '<template data-consent-slot="recaptcha"></template>' in html

    visitor.choose("functional")

    visitor.page.wait_for_function(STARTED)
    place = visitor.page.locator('form script[data-consent-tool="recaptcha"][src]')
    assert place.count() == 1
    visitor.page.wait_for_function("document.querySelectorAll('template').length === 0")
    assert len(captchas(visitor)) == 1


def test_a_tool_without_a_place_on_the_page_does_not_start_there(visitor, optional_captcha):
    visitor.goto("/")

    visitor.choose("functional")

    visitor.page.wait_for_function("document.querySelector('script[src*=\"driftt\"]')")
    assert visitor.page.locator('[data-consent-tool="recaptcha"]').count() == 0
    assert captchas(visitor) == []


def test_a_place_that_comes_twice_gets_the_markup_twice_and_the_scripts_once(visitor, policy):
    add_snippet(policy, IN_BODY, "manual")
    visitor.answers = ANSWERS
    visitor.goto("/")
    visitor.page.evaluate(
        """() => document.querySelector("main").insertAdjacentHTML("afterbegin",
          '<template data-consent-slot="tidings"></template>'.repeat(2))"""
    )

    visitor.choose("functional")

    visitor.page.wait_for_function(DONE)
    assert visitor.page.evaluate("order") == ORDER
    assert visitor.page.locator("main .tidings-box").count() == 2


# Markup that arrives later

INTO_MAIN = """async (path) => {
  const html = await (await fetch(path)).text();
  const page = new DOMParser().parseFromString(html, "text/html");
  document.querySelector("main").innerHTML = page.querySelector("main").innerHTML;
}"""
# What HTMX does: scripts of the fragment are made anew, so that they run.
HTMX = """async (path) => {
  const html = await (await fetch(path, { headers: { "HX-Request": "true" } })).text();
  const page = new DOMParser().parseFromString(html, "text/html");
  const fragment = page.querySelector("main");
  for (const old of fragment.querySelectorAll("script")) {
    const script = document.createElement("script");
    for (const { name, value } of old.attributes) script.setAttribute(name, value);
    script.textContent = old.textContent;
    script.async = false;
    old.replaceWith(script);
  }
  const main = document.querySelector("main");
  main.replaceChildren(...fragment.childNodes);
  main.dispatchEvent(new CustomEvent("htmx:afterSwap", { bubbles: true }));
}"""
# What Turbo does: what is new in the head is added, the body is replaced and its scripts run anew.
TURBO = """async (path) => {
  const html = await (await fetch(path, { headers: { Accept: "text/html" } })).text();
  const page = new DOMParser().parseFromString(html, "text/html");
  const title = page.title;
  const activate = (old) => {
    if (old.dataset.turboEval === "false") return old;
    const script = document.createElement("script");
    for (const { name, value } of old.attributes) script.setAttribute(name, value);
    script.textContent = old.textContent;
    script.async = false;
    return script;
  };
  const known = new Set(Array.from(document.head.children, (el) => el.outerHTML));
  for (const el of page.head.children) {
    if (!known.has(el.outerHTML)) document.head.append(el.matches("script") ? activate(el) : el);
  }
  const body = document.adoptNode(page.body);
  for (const old of body.querySelectorAll("script")) old.replaceWith(activate(old));
  document.body.replaceWith(body);
  document.title = title;
  history.pushState({}, "", path);
  document.dispatchEvent(new CustomEvent("turbo:load"));
}"""
SWAPS = pytest.mark.parametrize(
    "swap", [INTO_MAIN, HTMX, TURBO], ids=["innerHTML", "HTMX", "Turbo"]
)


@SWAPS
def test_a_tool_that_arrives_later_starts_once_and_never_twice(visitor, optional_captcha, swap):
    visitor.has_decided("functional", revision=optional_captcha.revision)
    visitor.goto("/")
    assert captchas(visitor) == []

    for _ in range(3):
        visitor.page.evaluate(swap, "/contact/")
        expect(visitor.page.get_by_role("heading", name="Ask the harbour office")).to_be_visible()
        visitor.page.wait_for_function(STARTED)
        assert visitor.page.locator("main [data-consent-slot]").count() == 0
        visitor.page.evaluate(swap, "/journal/")

    assert len(captchas(visitor)) == 1
    # What ran on the first page was not started again by what came with the others.
    assert len([url for url in visitor.requests if "driftt" in url]) == 1


@SWAPS
def test_a_place_that_arrives_later_is_used_when_its_tool_is_allowed(
    visitor, optional_captcha, swap
):
    visitor.goto("/")
    visitor.page.evaluate(swap, "/contact/")
    expect(visitor.page.locator("main template[data-consent-slot]")).to_have_count(1)
    assert visitor.requests == []

    visitor.choose("functional")

    visitor.page.wait_for_function(STARTED)
    assert len(captchas(visitor)) == 1
    assert visitor.page.locator("form script[data-consent-tool][src]").count() == 1


@SWAPS
def test_a_tool_that_was_started_by_a_decision_is_not_started_by_later_markup(
    visitor, optional_captcha, swap
):
    visitor.goto("/contact/")
    visitor.accept_all()
    visitor.page.wait_for_function(STARTED)

    visitor.page.evaluate(swap, "/journal/")
    visitor.page.evaluate(swap, "/contact/")

    expect(visitor.page.get_by_role("heading", name="Ask the harbour office")).to_be_visible()
    assert len(captchas(visitor)) == 1
    # As each of the others, it was asked for once.
    assert len(visitor.requests) == len(set(visitor.requests))


def test_after_a_body_swap_the_new_controls_work(visitor):
    visitor.goto("/")
    visitor.page.evaluate(TURBO, "/journal/")
    expect(visitor.page).to_have_title("The log · Oddersay Ferry")
    expect(visitor.notice).to_be_visible()

    visitor.press("Preferences")
    expect(visitor.dialog).to_be_visible()
    visitor.page.keyboard.press("Escape")
    visitor.choose("functional")

    expect(visitor.notice).to_have_count(0)
    expect(visitor.status).to_contain_text("You allow: Functional.")
    visitor.page.wait_for_function("document.querySelector('script[src*=\"driftt\"]')")


def test_after_a_body_swap_and_a_decision_nothing_runs_twice(visitor, policy):
    add_snippet(policy, IN_BODY)
    visitor.answers = ANSWERS
    visitor.goto("/")
    visitor.choose("functional")
    visitor.page.wait_for_function(DONE)

    visitor.page.evaluate(TURBO, "/journal/")

    expect(visitor.page).to_have_title("The log · Oddersay Ferry")
    visitor.choose("functional", "advertising")
    visitor.page.wait_for_function("document.querySelector('script[src*=\"connect.facebook\"]')")
    assert visitor.page.evaluate("order") == ORDER
    assert visitor.page.locator(".tidings-box").count() == 1
    assert visitor.notice.count() == 0


def test_a_notice_that_arrives_after_the_decision_is_taken_away(visitor):
    """As from a page that was prefetched, or kept by Turbo, before the visitor decided."""
    visitor.goto("/")
    old = visitor.notice.evaluate("el => el.outerHTML")
    visitor.reject_all()

    visitor.page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", old)

    expect(visitor.notice).to_have_count(0)


def test_markup_of_a_tool_that_is_refused_does_not_start(visitor, optional_captcha):
    """As from a page that was fetched before the visitor refused."""
    visitor.has_decided("functional", revision=optional_captcha.revision)
    visitor.goto("/")
    visitor.page.evaluate("async () => { window.old = await (await fetch('/contact/')).text(); }")
    visitor.has_decided(revision=optional_captcha.revision)

    visitor.page.evaluate(
        """() => {
          const page = new DOMParser().parseFromString(old, "text/html");
          document.querySelector("main").innerHTML = page.querySelector("main").innerHTML;
        }"""
    )

    expect(visitor.page.get_by_role("heading", name="Ask the harbour office")).to_be_visible()
    visitor.page.evaluate("new Promise((done) => setTimeout(done))")
    assert captchas(visitor) == []
    assert not visitor.page.evaluate(STARTED)


def test_our_script_may_be_on_the_page_twice(visitor):
    visitor.goto("/")
    visitor.page.evaluate(
        """() => new Promise((done) => {
          window.first = window.consent;
          const script = document.createElement("script");
          script.src = document.querySelector('script[src*="consent/choice"]').src;
          script.onload = done;
          document.head.append(script);
        })"""
    )
    assert visitor.page.evaluate("first === consent")

    visitor.press("Preferences")
    expect(visitor.dialog).to_be_visible()
    visitor.page.keyboard.press("Escape")
    visitor.accept_all()

    visitor.page.wait_for_function("document.querySelector('script[src*=\"uwt.js\"]')")
    assert len(visitor.requests) == len(set(visitor.requests))
    assert [each.method for each in visitor.asked("/consent/api/preferences/")] == ["PUT"]


def test_a_page_with_all_tools_allowed_is_not_reloaded_or_asked_for_more(visitor, site, policy):
    visitor.has_decided(*OPTIONAL, revision=policy.revision)

    visitor.goto("/")

    assert visitor.loads == [f"{site.address}/"]
    assert visitor.asked("/consent/api/preferences/") == []
