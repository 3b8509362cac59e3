"""A policy made from consent: the browser itself blocks what a visitor did not allow.

The page has code of a tool that somebody pasted into a template long ago and forgot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import django
import pytest
from csp.constants import NONCE, SELF
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import override_settings
from django.urls import path
from playwright.sync_api import expect

from consent.models import Category, Tool
from consent.policy import policies
from consent.recipes import catalogue
from consent.recipes.csp import merge_sources
from demo_site.urls import urlpatterns as demo_urlpatterns
from tests.browser.visitor import OPTIONAL, Visitor, asked_of
from tests.factories import ToolFactory

PIXEL = "https://www.facebook.com/tr?id=1&ev=PageView&noscript=1"
SCRIPT = "https://connect.facebook.net/en_US/fbevents.js?forgotten"
FORGOTTEN = f"""
  {{% extends "demo_site/base.html" %}}
  {{% block content %}}
    <img src="{PIXEL}" alt="" id="pixel">
    <script src="{SCRIPT}" async></script>
  {{% endblock %}}
"""


def forgotten(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(FORGOTTEN).render({}, request))


EMBEDDING = """
  {% extends "demo_site/base.html" %}{% load consent %}
  {% block content %}
    {% consent_embed "youtube" id="aBcDeFgHiJk" title="A film" %}
    {% consentblock "drift" title="A talk" %}<p>talk</p>{% endconsentblock %}
  {% endblock %}
"""
FILM = "https://www.youtube-nocookie.com/embed/aBcDeFgHiJk"


def embedding(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(EMBEDDING).render({}, request))


urlpatterns = [
    path("forgotten/", forgotten),
    path("embedding/", embedding),
    *demo_urlpatterns,
]

# Nothing of any vendor's.
DIRECTIVES: dict[str, list[Any]] = {
    "default-src": [SELF],
    "script-src": [SELF, NONCE],
    "style-src": [SELF, NONCE],
    "object-src": ["'none'"],
}
# Without it, a policy with a nonce gets no hosts of scripts.
ASKED = {"CONSENT_CSP_HOSTS_BESIDE_NONCE": True}
CONSENT = "consent.middleware.ConsentMiddleware"


def with_middleware(writes_policies: str) -> list[str]:
    """Return the demo's middleware, with ours and what writes policies in their right places."""
    ours = [CONSENT, "consent.middleware.ConsentCSPMiddleware", writes_policies]
    return [each for name in settings.MIDDLEWARE for each in (ours if name == CONSENT else [name])]


def ways(*, report_only: bool = False) -> dict[str, dict[str, Any]]:
    """Return the settings for each package that writes policies."""
    suffix = "_REPORT_ONLY" if report_only else ""
    found = {
        "django-csp": {
            "MIDDLEWARE": with_middleware("csp.middleware.CSPMiddleware"),
            f"CONTENT_SECURITY_POLICY{suffix}": {"DIRECTIVES": DIRECTIVES},
            **ASKED,
        }
    }
    if django.VERSION >= (6, 0):
        found["Django"] = {
            "MIDDLEWARE": with_middleware("django.middleware.csp.ContentSecurityPolicyMiddleware"),
            # Of its marks only that for the nonce differs from django-csp's.
            **ASKED,
            f"SECURE_CSP{suffix}": {
                name: ["<CSP_NONCE_SENTINEL>" if value is NONCE else value for value in values]
                for name, values in DIRECTIVES.items()
            },
        }
    return found


NOTE_VIOLATIONS = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    violations.push([event.disposition, event.effectiveDirective, event.blockedURI]);
  });
"""


@pytest.fixture(scope="module", params=ways())
def enforced(request, site, serve) -> Iterator[str]:
    """The address of the site with a policy in force."""
    with override_settings(ROOT_URLCONF=__name__, **ways()[request.param]):
        yield serve()


@pytest.fixture(params=ways(report_only=True))
def reported(request, site, serve) -> Iterator[str]:
    """The address of the site with a policy that is only tried out."""
    # The one that is in force for the module ends here.
    none: dict[str, Any] = {"CONTENT_SECURITY_POLICY": None, "SECURE_CSP": {}}
    trial = {**none, **ways(report_only=True)[request.param]}
    with override_settings(ROOT_URLCONF=__name__, **trial):
        yield serve()


@pytest.fixture
def guarded(enter, enforced) -> Visitor:
    return noting(enter(address=enforced))


def noting(visitor: Visitor) -> Visitor:
    """Have the visitor note every violation, and what ran."""
    visitor.context.add_init_script(NOTE_VIOLATIONS)
    visitor.stub = "(window.ran = window.ran || []).push(document.currentScript.src);"
    return visitor


def violations(visitor: Visitor) -> list[list[str]]:
    """Return each violation once, in order: disposition, directive, address."""
    visitor.settle()
    found: list[list[str]] = visitor.page.evaluate("violations")
    return sorted([disposition, name, address] for disposition, name, address in found)


def blocked(disposition: str = "enforce") -> list[list[str]]:
    return [[disposition, "img-src", PIXEL], [disposition, "script-src-elem", SCRIPT]]


def header(visitor: Visitor, name: str = "content-security-policy") -> str:
    response = visitor.page.goto(f"{visitor.address}/forgotten/")
    assert response is not None
    return response.headers[name]


def hosts(policy: str) -> set[str]:
    return set(re.findall(r"(?:https|wss)://[^\s;]+", policy))


def hosts_of(*categories: str) -> set[str]:
    """Return what the tools of these categories load from."""
    tools = Tool.objects.filter(category__key__in=categories, enabled=True).exclude(recipe="")
    recipes = [(catalogue()[tool.recipe], tool.parameters) for tool in tools]
    sources = merge_sources(recipe.csp_sources(values) for recipe, values in recipes)
    return {source for each in sources.values() for source in each if "://" in source}


@pytest.mark.parametrize(
    "granted",
    [None, (), ("functional", "marketing-analytics")],
    ids=["undecided", "refused", "another tool is allowed"],
)
def test_the_browser_blocks_forgotten_code_of_a_tool_that_is_not_allowed(guarded, policy, granted):
    if granted is not None:
        guarded.has_decided(*granted, revision=policy.revision)

    guarded.goto("/forgotten/")

    assert violations(guarded) == blocked()
    assert asked_of(catalogue()["facebook-pixel"], guarded.requests) == []
    analytics = asked_of(catalogue()["google-analytics"], guarded.requests)
    assert bool(analytics) == bool(granted)


def test_it_loads_where_the_tool_is_allowed(guarded, policy):
    guarded.has_decided("advertising", revision=policy.revision)

    guarded.goto("/forgotten/")

    assert violations(guarded) == []
    assert {PIXEL, SCRIPT} <= set(guarded.requests)
    assert SCRIPT in guarded.ran()


@pytest.mark.parametrize("granted", [(), ("functional",), OPTIONAL])
def test_the_policy_names_the_hosts_of_what_is_allowed_alone(guarded, policy, granted):
    guarded.has_decided(*granted, revision=policy.revision)

    assert hosts(header(guarded)) == hosts_of("essential", *granted)


def test_all_tools_load_under_the_policy_that_is_made_for_them(guarded, policy):
    guarded.has_decided(*OPTIONAL, revision=policy.revision)

    guarded.goto("/")

    assert violations(guarded) == []
    tools = Tool.objects.exclude(category__key="essential").filter(enabled=True)
    started = sum(catalogue()[tool.recipe].kind == "browser" for tool in tools)
    assert len(set(guarded.ran())) >= started - 1


def test_a_choice_takes_effect_by_a_new_page(guarded):
    guarded.goto("/forgotten/")
    assert violations(guarded) == blocked()

    with guarded.page.expect_event("load"):
        guarded.choose("advertising")
    expect(guarded.status).to_be_visible()

    assert violations(guarded) == []
    assert len(guarded.loads) == 2
    assert {PIXEL, SCRIPT} <= set(guarded.requests)

    guarded.requests.clear()
    guarded.open_preferences()
    with guarded.page.expect_event("load"):
        guarded.press("Reject all", guarded.dialog)
    expect(guarded.status).to_be_visible()

    assert violations(guarded) == blocked()
    assert asked_of(catalogue()["facebook-pixel"], guarded.requests) == []


def test_a_custom_snippet_loads_from_the_sources_that_it_names(guarded, policy):
    Tool.objects.create(
        category=policy.categories.get(key="functional"),
        key="tidings",
        name="Tidings",
        snippet='<script src="https://tidings.example/t.js"></script>'
        '<img src="https://tidings.example/t.gif" alt="">'
        '<img src="https://elsewhere.example/e.gif" alt="">',
        sources="img-src https://tidings.example",
        placement="body",
    )
    policy.refresh_from_db()
    guarded.has_decided("functional", revision=policy.revision)

    guarded.goto("/journal/")

    # The nonce lets its script in.
    assert "https://tidings.example/t.js" in guarded.ran()
    assert "https://tidings.example/t.gif" in guarded.requests
    assert violations(guarded) == [["enforce", "img-src", "https://elsewhere.example/e.gif"]]


@pytest.fixture
def film(policy) -> None:
    functional = Category.objects.get(key="functional")
    ToolFactory(
        category=functional, key="youtube", recipe="youtube", snippet="", placement="manual"
    )
    policies.forget()


def test_load_once_leads_to_a_page_that_may_load_this_embed_alone(guarded, film):
    guarded.goto("/embedding/")
    talk = guarded.page.get_by_role("group", name="A talk")
    expect(talk.get_by_role("button", name="Always allow")).to_be_visible()
    expect(talk.get_by_role("button", name="Load once", include_hidden=True)).to_have_count(0)

    guarded.page.get_by_role("group", name="A film").get_by_role("button", name="Load once").click()

    expect(guarded.page).to_have_url(re.compile(r"/consent/embed/$"))
    expect(guarded.page.locator("iframe")).to_have_attribute("src", FILM)
    assert violations(guarded) == []
    assert guarded.requests == [FILM]
    assert guarded.cookies == {}
    assert hosts(header(guarded)) == hosts_of("essential")


def test_load_once_needs_no_other_page_where_the_policy_is_everybodys(guarded, film):
    with override_settings(CONSENT_DELIVERY="cacheable"):
        guarded.goto("/embedding/")
        guarded.page.get_by_role("group", name="A film").get_by_role(
            "button", name="Load once"
        ).click()
        expect(guarded.page.locator("iframe")).to_have_attribute("src", FILM)
        assert violations(guarded) == []
    assert guarded.requests == [FILM]
    assert guarded.path == "/embedding/"


def test_a_policy_on_trial_blocks_nothing_and_reports_it(enter, reported, policy):
    visitor = noting(enter(address=reported))

    visitor.goto("/forgotten/")

    assert violations(visitor) == blocked("report")
    assert {PIXEL, SCRIPT} <= set(visitor.requests)

    visitor.has_decided("advertising", revision=policy.revision)
    visitor.goto("/forgotten/")

    assert violations(visitor) == []


def test_a_page_for_everybody_is_held_to_the_tools_that_there_are(guarded, policy):
    Tool.objects.exclude(recipe="facebook-pixel").switch_off()
    with override_settings(CONSENT_DELIVERY="cacheable"):
        assert hosts(header(guarded)) == hosts_of("advertising", "essential")
        assert violations(guarded) == []
        # It is a tool of the site, so only its own code waits for consent.
        assert {PIXEL, SCRIPT} <= set(guarded.requests)

        Tool.objects.all().switch_off()
        guarded.requests.clear()
        assert hosts(header(guarded)) == set()
        assert violations(guarded) == blocked()
        assert guarded.requests == []
