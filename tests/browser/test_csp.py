"""A strict Content-Security-Policy: ours and what we start runs, by nonce alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import django
import pytest
from csp.constants import NONCE, SELF
from django.conf import settings
from django.test import override_settings
from playwright.sync_api import expect

from consent.models import Tool
from consent.recipes import catalogue
from tests.browser.test_starting import ANSWERS, ORDER, SCRIPTS
from tests.browser.visitor import OPTIONAL, Visitor
from tests.factories import ToolFactory

# No host of any vendor is listed: the nonce is what lets a script in. Its further requests would
# need theirs, but the scripts that answer here make none.
DIRECTIVES: dict[str, list[Any]] = {
    "default-src": [SELF],
    "script-src": [SELF, NONCE],
    "style-src": [SELF, NONCE],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
    "form-action": [SELF],
}
PACKAGE = {
    "MIDDLEWARE": ["csp.middleware.CSPMiddleware", *settings.MIDDLEWARE],
    "CONTENT_SECURITY_POLICY": {"DIRECTIVES": DIRECTIVES},
}
WAYS: dict[str, dict[str, Any]] = {"django-csp": PACKAGE}
if django.VERSION >= (6, 0):
    WAYS["Django"] = {
        "MIDDLEWARE": [
            "django.middleware.csp.ContentSecurityPolicyMiddleware",
            *settings.MIDDLEWARE,
        ],
        # Of its marks only that for the nonce differs from django-csp's.
        "SECURE_CSP": {
            name: ["<CSP_NONCE_SENTINEL>" if value is NONCE else value for value in values]
            for name, values in DIRECTIVES.items()
        },
    }

NOTE_VIOLATIONS = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    violations.push([event.effectiveDirective, event.blockedURI, event.sourceFile]);
  });
"""


@pytest.fixture(scope="module", params=WAYS)
def strict(request, site, serve) -> Iterator[str]:
    """The address of the site under the policy."""
    with override_settings(**WAYS[request.param]):
        yield serve()


@pytest.fixture
def guarded(enter, strict) -> Visitor:
    """A visitor of the strict site who notes every violation."""
    visitor: Visitor = enter(address=strict)
    visitor.context.add_init_script(NOTE_VIOLATIONS)
    visitor.context.on("console", lambda message: note(visitor, message.text))
    visitor.stub = """
      document.documentElement.dataset.ran = Number(document.documentElement.dataset.ran || 0) + 1;
    """
    return visitor


def note(visitor: Visitor, message: str) -> None:
    if "Content Security Policy" in message:
        visitor.problems.append(message)


def violations(visitor: Visitor) -> list[Any]:
    found: list[Any] = visitor.page.evaluate("violations")
    return found


def test_the_policy_is_in_force(guarded):
    response = guarded.page.goto(guarded.address)
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy
    assert "script-src 'self' 'nonce-" in policy

    guarded.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.foreign = 1";
          document.head.append(script);
        }"""
    )

    assert guarded.page.evaluate("window.foreign") is None
    assert len(violations(guarded)) == 1
    assert guarded.problems
    guarded.problems.clear()


def test_our_own_files_violate_nothing(guarded):
    for path in ("/", "/contact/", "/policy/", "/consent/preferences/", "/consent/policy/"):
        guarded.goto(path)

        assert violations(guarded) == []
        assert guarded.page.evaluate("typeof consent.allows") == "function"


def test_notice_and_dialogs_work(guarded):
    guarded.goto("/")
    expect(guarded.notice).to_have_css("position", "fixed")

    guarded.press("Preferences")
    expect(guarded.dialog).to_be_visible()
    guarded.box("functional").check()
    guarded.press("Cancel", guarded.dialog)
    expect(guarded.confirmation).to_be_visible()
    guarded.press("Keep editing", guarded.confirmation)
    guarded.press("Reject all", guarded.dialog)

    expect(guarded.status).to_be_visible()
    assert violations(guarded) == []


def test_every_accepted_tool_starts_at_once_and_on_the_next_page(guarded):
    guarded.goto("/")
    tools = Tool.objects.exclude(category__key="essential").filter(enabled=True)
    expected = sum(catalogue()[tool.recipe].kind == "browser" for tool in tools)
    assert expected >= 14

    guarded.accept_all()

    # (Playwright's wait_for_function would itself be a violation: it evaluates text.)
    for _ in range(2):
        expect(guarded.page.locator("html")).to_have_attribute("data-ran", str(expected))
        assert violations(guarded) == []
        guarded.goto("/journal/")


def test_a_custom_snippet_runs_at_once_and_on_the_next_page(guarded, policy):
    # Without the vendor's image, for which a site has to list its host.
    snippet = f"""{SCRIPTS}
      <script>document.documentElement.dataset.order = order.join(" ");</script>
      <div class="tidings-box">Tidings</div>
      <style>.tidings-box {{ color: rgb(1, 2, 3); }}</style>"""
    functional = policy.categories.get(key="functional")
    ToolFactory(category=functional, key="tidings", snippet=snippet, placement="body")
    guarded.answers = ANSWERS
    guarded.goto("/")

    guarded.choose("functional")

    for _ in range(2):
        html = guarded.page.locator("html")
        expect(html).to_have_attribute("data-order", " ".join(ORDER))
        expect(guarded.page.locator(".tidings-box")).to_have_css("color", "rgb(1, 2, 3)")
        assert violations(guarded) == []
        guarded.goto("/journal/")


def test_the_nonce_is_new_for_each_page_and_kept_from_scripts(guarded, policy):
    guarded.has_decided(*OPTIONAL, revision=policy.revision)
    nonces = set()

    for path in ("/", "/journal/", "/"):
        guarded.goto(path)
        nonces |= set(
            guarded.page.evaluate("[...new Set(Array.from(document.scripts, (s) => s.nonce))]")
        )
        # Attribute selectors, by which a style sheet could read it out, do not see it.
        assert guarded.page.locator('script[nonce]:not([nonce=""])').count() == 0

    # The demo's own script has none, being from 'self'.
    assert len(nonces - {""}) == 3


def test_code_of_a_snippet_that_is_refused_is_nowhere(guarded):
    html = guarded.goto("/")

    assert "data-consent-tool" not in html
    guarded.choose("advertising")
    assert guarded.page.locator('[data-consent-tool="drift"]').count() == 0
