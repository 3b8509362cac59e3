"""Every browser tool of the catalogue: when its vendor is asked for it, and what for.

The tests are made from the catalogue, whose tools are all on the same few pages. A new recipe is
tested as it is where the addresses of its scripts hold all of its required parameters; else
`starts.py` has to say what its start looks like, and the tests fail until it does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import override_settings
from django.urls import include
from django.urls import path as route
from playwright.sync_api import Browser

from consent.models import Tool
from consent.recipes import catalogue
from demo_site.forms import ContactForm
from tests.browser.conftest import add_catalogue
from tests.browser.starts import start_of
from tests.browser.visitor import OPTIONAL, Visitor, asked_of, visiting

BROWSER_TOOLS = [key for key, recipe in catalogue().items() if recipe.kind == "browser"]
OPTIONAL_TOOLS = [key for key in BROWSER_TOOLS if catalogue()[key].category != "essential"]
ESSENTIAL_TOOLS = [key for key in BROWSER_TOOLS if catalogue()[key].category == "essential"]
# With the page of the app that asks by itself, and the one that the essential tools stand on.
PAGES = ("/", "/journal/", "/contact/", "/policy/", "/consent/preferences/")
NEXT_PAGE = "/journal/"
CONTACT = "/contact/"


# The demo's contact page, which asks for reCAPTCHA; here it asks for the other essential tools too.
ASKING = """{% extends "demo_site/contact.html" %}{% load consent %}
{% block content %}{{ block.super }}{% for key in further %}{% consent_tool key %}{% endfor %}
{% endblock %}"""


def contact(request: HttpRequest) -> HttpResponse:
    further = [key for key in ESSENTIAL_TOOLS if key != "recaptcha"]
    context = {"form": ContactForm(label_suffix=""), "further": further}
    return HttpResponse(engines["django"].from_string(ASKING).render(context, request))


urlpatterns = [route("contact/", contact, name="contact"), route("", include("demo_site.urls"))]


@cache
def is_asked_by(key: str, url: str, page: str) -> bool:
    """Say whether `url` is what the tool `key` asks its vendor for on the page `page`."""
    return address_of(key, page).fullmatch(url) is not None


@cache
def address_of(key: str, page: str) -> re.Pattern[str]:
    return re.compile(start_of(key).address.replace("{page}", re.escape(quote(page, safe=""))))


def stub() -> str:
    """A vendor's script that notes what it found, and does what its `Start` says."""
    tools = ", ".join(
        f"[{json.dumps(key)}, /^{start.address.replace('/', chr(92) + '/')}$/, "
        f"() => {start.state}, () => {{ {start.answer} }}]"
        for key, start in ((key, start_of(key)) for key in BROWSER_TOOLS)
    ).replace("{page}", ".*")
    return f"""(() => {{
      const src = document.currentScript.src;
      for (const [key, address, state, answer] of [{tools}]) {{
        if (!address.test(src)) continue;
        const found = JSON.parse(JSON.stringify(state()));
        (window.ran = window.ran || []).push({{ key, found }});
        answer();
      }}
    }})();"""


@dataclass
class Scene:
    """What a visitor of some mind saw: vendors' requests and scripts that ran, by page.

    `reloaded`: whether the page was left by the decision. `html`: the next page, as served. `left`:
    what the vendors' scripts found in the page, by tool.
    """

    requests: dict[str, list[str]] = field(default_factory=dict)
    ran: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)
    left: dict[str, Any] = field(default_factory=dict)
    reloaded: bool = False
    html: str = ""

    @property
    def all_requests(self) -> list[str]:
        return [url for urls in self.requests.values() for url in urls]


HERE = "here, after the decision"


class Theatre:
    """Plays each scene once; tests of many tools look at the same one."""

    def __init__(self, chromium: Browser, address: str) -> None:
        self.chromium = chromium
        self.address = address
        self._played: dict[tuple[str, ...], Scene] = {}

    def play(self, name: str, *categories: str) -> Scene:
        key = (name, *categories)
        if key not in self._played:
            plays: dict[str, Callable[..., Scene]] = {
                "undecided": self._undecided,
                "rejected": self._rejected,
                "accepted": self._accepted,
                "chosen": self._chosen,
                "without our script": self._without_our_script,
            }
            self._played[key] = plays[name](*categories)
        return self._played[key]

    @contextmanager
    def _visitor(self) -> Iterator[Visitor]:
        with visiting(self.chromium, self.address) as visitor:
            visitor.stub = stub()
            yield visitor

    def _look(self, visitor: Visitor, scene: Scene, path: str) -> None:
        """Open a page; what it starts has run when it has loaded."""
        before = len(visitor.requests)
        scene.html = visitor.goto(path)
        scene.requests[path] = visitor.requests[before:]
        scene.ran[path] = [dict(ran) for ran in visitor.ran()]

    def _look_around(self, visitor: Visitor, scene: Scene) -> Scene:
        for path in PAGES:
            self._look(visitor, scene, path)
        return scene

    def _undecided(self) -> Scene:
        with self._visitor() as visitor:
            return self._look_around(visitor, Scene())

    def _rejected(self) -> Scene:
        with self._visitor() as visitor:
            visitor.goto("/")
            visitor.reject_all()
            scene = Scene(requests={HERE: list(visitor.requests)})
            return self._look_around(visitor, scene)

    def _accepted(self) -> Scene:
        """Accept everything, on the page that an essential tool runs on."""
        with self._visitor() as visitor:
            visitor.goto(CONTACT)
            return self._decide(visitor, visitor.accept_all, OPTIONAL_TOOLS)

    def _chosen(self, *categories: str) -> Scene:
        """Accept these categories alone through the dialog, then go on to the next page."""
        tools = [key for key in OPTIONAL_TOOLS if catalogue()[key].category in categories]
        with self._visitor() as visitor:
            visitor.goto("/")
            scene = self._decide(visitor, lambda: visitor.choose(*categories), tools)
            self._look(visitor, scene, NEXT_PAGE)
            return scene

    def _without_our_script(self, *categories: str) -> Scene:
        """Come back after `_chosen` with our script blocked."""
        with self._visitor() as visitor:
            visitor.has_decided(*categories, revision=revision())
            visitor.context.route("**/choice*.js", lambda route: route.abort())
            scene = Scene()
            self._look(visitor, scene, NEXT_PAGE)
            assert visitor.page.evaluate("typeof (window.consent || {}).allows") == "undefined"
            return scene

    def _decide(self, visitor: Visitor, decide: Callable[[], None], tools: list[str]) -> Scene:
        """Decide, wait until `tools` have started, and see what happened on this page."""
        visitor.page.evaluate("window.sameDocument = true")
        before, loads = len(visitor.requests), len(visitor.loads)
        already = len(visitor.ran())
        decide()
        wanted = already + len(tools)
        visitor.page.wait_for_function(f"(window.ran || []).length >= {wanted}")
        afters = {key: start_of(key).after for key in tools if start_of(key).after}
        left = {}
        for key, after in afters.items():
            visitor.page.wait_for_function(after)
            left[key] = visitor.page.evaluate(after)
        return Scene(
            left=left,
            requests={HERE: visitor.requests[before:]},
            ran={HERE: [dict(ran) for ran in visitor.ran()[already:]]},
            scripts=visitor.page.evaluate("Array.from(document.scripts, (script) => script.src)"),
            reloaded=len(visitor.loads) > loads
            or not visitor.page.evaluate("window.sameDocument === true"),
        )


def revision() -> int:
    return Tool.objects.get(key="drift").policy.revision


@pytest.fixture(scope="module")
def theatre(chromium, site) -> Iterator[Theatre]:
    add_catalogue()
    with override_settings(ROOT_URLCONF=__name__):
        yield Theatre(chromium, site.address)
    site.put_back()


def page_address(site, path: str) -> str:
    return f"{site.address}{'/' if path == HERE else path}"


def strays(scene: Scene, key: str, site, allowed: tuple[str, ...]) -> list[str]:
    """Return the requests to the hosts of `key` that no tool of the allowed categories makes.

    Several of Google's tools share a host; it is the address that tells which of them asks.
    """
    tools = [other for other in BROWSER_TOOLS if catalogue()[other].category in allowed]
    return [
        url
        for path, urls in scene.requests.items()
        for url in asked_of(catalogue()[key], urls)
        if not any(is_asked_by(other, url, page_address(site, path)) for other in tools)
    ]


def others(key: str) -> tuple[str, ...]:
    return tuple(category for category in OPTIONAL if category != catalogue()[key].category)


@pytest.mark.parametrize("key", OPTIONAL_TOOLS)
def test_nothing_is_asked_of_the_vendor_before_a_decision(theatre, site, key):
    assert strays(theatre.play("undecided"), key, site, ("essential",)) == []


@pytest.mark.parametrize("key", OPTIONAL_TOOLS)
def test_nothing_is_asked_of_the_vendor_after_reject_all(theatre, site, key):
    assert strays(theatre.play("rejected"), key, site, ("essential",)) == []


@pytest.mark.parametrize("key", OPTIONAL_TOOLS)
def test_nothing_is_asked_of_the_vendor_after_accepting_all_other_categories(theatre, site, key):
    scene = theatre.play("chosen", *others(key))

    assert strays(scene, key, site, ("essential", *others(key))) == []
    assert key not in [ran["key"] for path in scene.ran for ran in scene.ran[path]]


@pytest.mark.parametrize("key", OPTIONAL_TOOLS)
def test_tool_starts_once_and_without_a_reload_when_its_category_is_accepted(theatre, site, key):
    scene = theatre.play("chosen", catalogue()[key].category)

    page = page_address(site, HERE)
    assert [is_asked_by(key, url, page) for url in scene.requests[HERE]].count(True) == 1
    assert [is_asked_by(key, url, page) for url in scene.scripts].count(True) == 1
    assert [ran["found"] for ran in scene.ran[HERE] if ran["key"] == key] == [start_of(key).found]
    assert not scene.reloaded


@pytest.mark.parametrize("key", OPTIONAL_TOOLS)
def test_tool_starts_once_with_all_others_when_everything_is_accepted(theatre, site, key):
    scene = theatre.play("accepted")

    page = page_address(site, CONTACT)
    assert [is_asked_by(key, url, page) for url in scene.requests[HERE]].count(True) == 1
    assert [ran["found"] for ran in scene.ran[HERE] if ran["key"] == key] == [start_of(key).found]
    assert not scene.reloaded


@pytest.mark.parametrize("name", ["chosen", "without our script"])
@pytest.mark.parametrize("key", OPTIONAL_TOOLS)
def test_tool_starts_once_from_the_html_of_the_next_page(theatre, site, key, name):
    scene = theatre.play(name, catalogue()[key].category)

    page = page_address(site, NEXT_PAGE)
    assert [is_asked_by(key, url, page) for url in scene.requests[NEXT_PAGE]].count(True) == 1
    ran = [ran["found"] for ran in scene.ran[NEXT_PAGE] if ran["key"] == key]
    assert ran == [start_of(key).found]
    assert f'data-consent-tool="{key}"' in unescape(scene.html)


@pytest.mark.parametrize("category", OPTIONAL)
@pytest.mark.parametrize("name", ["chosen", "without our script"])
def test_nothing_runs_that_is_not_a_tool_of_the_category(theatre, site, category, name):
    scene = theatre.play(name, category)

    tools = [key for key in OPTIONAL_TOOLS if catalogue()[key].category == category]
    for path, urls in scene.requests.items():
        page = page_address(site, path)
        found = [[key for key in BROWSER_TOOLS if is_asked_by(key, url, page)] for url in urls]
        assert sorted(found) == sorted([key] for key in tools)


@pytest.mark.parametrize("name", ["undecided", "rejected"])
@pytest.mark.parametrize("key", ESSENTIAL_TOOLS)
def test_essential_tool_runs_where_a_page_asks_for_it_and_nowhere_else(theatre, site, key, name):
    scene = theatre.play(name)

    page = page_address(site, CONTACT)
    found = {path: asked_of(catalogue()[key], urls) for path, urls in scene.requests.items()}
    (address,) = found.pop(CONTACT)
    assert is_asked_by(key, address, page)
    ran = [ran["found"] for ran in scene.ran[CONTACT] if ran["key"] == key]
    assert ran == [start_of(key).found]
    assert not any(found.values())


@pytest.mark.parametrize("name", ["undecided", "rejected"])
def test_nothing_but_essential_tools_runs_without_consent(theatre, site, name):
    scene = theatre.play(name)

    ran = {path: sorted(ran["key"] for ran in scene.ran[path]) for path in PAGES}
    assert ran.pop(CONTACT) == sorted(ESSENTIAL_TOOLS)
    assert not any(ran.values())


@pytest.mark.parametrize("key", ESSENTIAL_TOOLS)
def test_essential_tool_is_not_started_again_by_a_decision(theatre, site, key):
    scene = theatre.play("accepted")

    page = page_address(site, CONTACT)
    assert not [url for url in scene.requests[HERE] if is_asked_by(key, url, page)]
    assert [is_asked_by(key, url, page) for url in scene.scripts].count(True) == 1


@pytest.mark.parametrize("key", [key for key in OPTIONAL_TOOLS if start_of(key).after])
def test_tool_is_started_with_its_ids_once_the_script_of_its_vendor_is_there(theatre, key):
    scene = theatre.play("chosen", catalogue()[key].category)

    assert scene.left[key] == start_of(key).left


def test_drift_asks_for_a_new_script_every_five_minutes(visitor):
    visitor.goto("/")
    visitor.page.clock.set_fixed_time("2026-11-23T12:02:00Z")
    visitor.choose("functional")

    visitor.page.wait_for_function("document.querySelector('script[src*=\"js.driftt.com\"]')")
    (address,) = asked_of(catalogue()["drift"], visitor.requests)
    # 12:05, the end of the five minutes that 12:02 is in.
    assert urlsplit(address).path == "/include/1795435500000/abcd1234efgh.js"


def test_onesignal_takes_its_subscription_back_on_a_withdrawal(theatre, visitor):
    """It would outlive the reload, which is all that other tools need to end."""
    address = "https://cdn.onesignal.com/sdks/web/v16/OneSignalSDK.page.js"
    visitor.answers[address] = """window.OneSignal = { User: { PushSubscription: {
      optOut: () => localStorage.setItem("optedOut", "yes"),
    } } };"""
    visitor.goto("/")
    visitor.choose("functional")
    visitor.page.wait_for_function("window.OneSignal")
    visitor.choose("functional", "advertising")
    assert visitor.page.evaluate("localStorage.getItem('optedOut')") is None

    loads = len(visitor.loads)
    visitor.choose("advertising")

    visitor.page.wait_for_function("!window.OneSignal")
    assert len(visitor.loads) == loads + 1
    assert visitor.page.evaluate("localStorage.getItem('optedOut')") == "yes"


def test_no_browser_tool_of_the_catalogue_is_missing_from_the_site(theatre):
    on_site = set(Tool.objects.filter(enabled=True).values_list("recipe", flat=True))

    assert set(BROWSER_TOOLS) <= on_site
    assert len(BROWSER_TOOLS) >= 85
