"""What tools that run can learn of a decision, and what their failures can stop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import override_settings
from django.urls import include, path
from playwright.sync_api import expect

from consent.models import Policy, Tool
from tests.browser.test_csp import PACKAGE
from tests.browser.visitor import OPTIONAL, Visitor
from tests.factories import ToolFactory

# What vendors' code does to note that a page has changed.
SPY = """<script>
window.noted = JSON.parse(localStorage.getItem("site-noted") || "[]");
const note = (what) => {
  noted.push(what);
  localStorage.setItem("site-noted", JSON.stringify(noted));
};
for (const owner of [history, History.prototype]) {
  for (const method of ["pushState", "replaceState"]) {
    const native = owner[method];
    owner[method] = function (...args) { note(method); return native.apply(this, args); };
  }
}
for (const type of ["hashchange", "popstate"]) addEventListener(type, () => note(type), true);
window.navigation?.addEventListener("navigate", (event) => {
  if (event.navigationType !== "reload") note(`navigate ${event.destination.url}`);
});
window.addressed = location.href;
</script>"""
NOTED = 'JSON.parse(localStorage.getItem("site-noted") || "[]")'


def add(policy: Policy, key: str, snippet: str, **values: object) -> None:
    category = policy.categories.get(key="functional")
    values = {"placement": "body", **values}
    ToolFactory(category=category, key=key, name=key.title(), snippet=snippet, **values)


@pytest.fixture
def spied(visitor: Visitor, policy: Policy) -> Visitor:
    """A visitor with a tool that notes every change of the address."""
    add(policy, "spy", SPY, placement="head")
    policy.refresh_from_db()
    visitor.has_decided("functional", revision=policy.revision)
    visitor.goto("/journal/?from=afar")
    return visitor


def test_a_withdrawal_changes_no_address_that_tools_see(spied):
    spied.open_preferences()
    with spied.page.expect_event("load"):
        spied.press("Reject all", spied.dialog)

    expect(spied.status).to_contain_text("Your choice is saved.")
    assert spied.page.evaluate(NOTED) == []
    assert spied.page.url.endswith("/journal/?from=afar")
    # The message is not repeated, and nothing of it is left.
    spied.page.reload()
    expect(spied.status).not_to_be_visible()
    assert spied.page.evaluate("Object.keys(sessionStorage)") == []


@pytest.mark.parametrize("button", ["Accept all", "Save"])
def test_a_grant_changes_no_address_that_tools_see(spied, button):
    spied.open_preferences()
    spied.press(button, spied.dialog)

    expect(spied.status).to_be_visible()
    assert spied.page.evaluate(NOTED) == []


def test_the_page_after_the_preferences_page_has_no_trace_in_its_address(spied):
    spied.goto("/consent/preferences/?next=/journal/")
    spied.page.get_by_role("button", name="Accept all", exact=True).last.click()

    expect(spied.page).to_have_url(f"{spied.address}/journal/")
    expect(spied.status).to_be_visible()
    assert spied.page.evaluate("addressed").endswith("/journal/")


def test_a_tool_that_declares_all_storage_does_not_delete_the_message(spied, policy):
    policy.categories.get(key="functional").tools.get(key="spy").cookies.create(
        name="*", kind="session", purpose="All of it."
    )
    policy.refresh_from_db()
    spied.has_decided("functional", revision=policy.revision)
    spied.goto("/journal/")

    with spied.page.expect_event("load"):
        spied.page.evaluate("void consent.withdraw()")

    expect(spied.status).to_be_visible()


# Tools that throw

BREAKS = """<script>
Range.prototype.createContextualFragment = () => { throw new Error("broken"); };
</script>"""
THROWS = "<script>window.ranAllTheSame = 1;</script>"
LATER = "<p id=later>later</p>"


def test_a_tool_that_breaks_starting_stops_neither_the_event_nor_the_message(visitor, policy):
    add(policy, "breaker", BREAKS, order=997)
    add(policy, "broken", THROWS, order=998)
    add(policy, "later", LATER, order=999)
    visitor.goto("/")
    visitor.page.evaluate(
        "document.addEventListener('consent:change', ({ detail }) => { window.decision = detail; })"
    )

    visitor.choose("functional")

    expect(visitor.status).to_contain_text("You allow: Functional.")
    expect(visitor.page.locator("#later")).to_have_text("later")
    assert visitor.page.evaluate("decision.choices.functional")
    assert "uncaught: broken" in "".join(visitor.problems)
    visitor.problems.clear()


# Trusted Types

CSP = PACKAGE["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
# Without the demo's own script, which does not know Trusted Types.
EMBEDDING = """{% load consent %}<!DOCTYPE html><html lang="en"><head><title>Talk</title>
{% consent_head %}</head><body>{% consentblock "functional" title="Talk" %}<b id="talk">talk</b>
<script nonce="{{ request.csp_nonce }}">window.talked = 1;</script>{% endconsentblock %}
{% consent_preferences_button %}{% consent_body %}</body></html>"""


def embedding(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(EMBEDDING).render({}, request))


urlpatterns = [path("embedding/", embedding), path("", include("demo_site.urls"))]


def trusted_types(names: str) -> dict[str, object]:
    directives = {**CSP, "require-trusted-types-for": ["'script'"], "trusted-types": names.split()}
    return {**PACKAGE, "CONTENT_SECURITY_POLICY": {"DIRECTIVES": directives}}


@pytest.fixture(params=["server", "cacheable"])
def typed(request, site, serve, enter) -> Iterator[Visitor]:
    """A visitor of a site that requires Trusted Types and allows our policy alone."""
    more = {"CONSENT_DELIVERY": request.param, "ROOT_URLCONF": __name__}
    with override_settings(**trusted_types("consent"), **more):
        yield enter(address=serve())


def test_tools_start_where_trusted_types_are_required(typed, policy):
    script = "https://tidings.example/a.js"
    # What other tools start with is their vendors' own code, which may not know Trusted Types.
    Tool.objects.filter(category__key="functional").delete()
    add(policy, "tidings", f"<script>window.one = 1;</script><script src={script}></script>{LATER}")
    typed.answers[script] = "window.two = one + 1;"
    typed.goto("/embedding/")

    typed.choose("functional")

    typed.page.wait_for_function("window.two === 2 && window.talked")
    expect(typed.page.locator("#later")).to_have_text("later")
    expect(typed.page.locator("#talk")).to_have_text("talk")


def test_where_our_policy_is_not_allowed_the_choice_is_saved_and_errors_are_reported(
    site, serve, enter, policy
):
    with override_settings(**trusted_types("other"), ROOT_URLCONF=__name__):
        visitor = enter(address=serve())
        visitor.goto("/embedding/")
        visitor.choose("functional")
        expect(visitor.status).to_contain_text("You allow: Functional.")
        assert visitor.problems
        assert all("TrustedHTML" in problem for problem in visitor.problems)
        visitor.problems.clear()


def test_a_decision_changes_nothing_for_tools_that_go_on(spied, policy):
    """All categories are kept: nothing is reloaded."""
    loads = len(spied.loads)

    spied.choose(*OPTIONAL)

    expect(spied.status).to_be_visible()
    assert len(spied.loads) == loads
    assert spied.page.evaluate(NOTED) == []
