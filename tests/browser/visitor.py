"""A visitor: a browser context of its own, and a record of whom it asked for what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    Request,
    Route,
    expect,
)

from consent.policy.decision import Decision, today
from consent.recipes import Recipe, catalogue
from demo_site.management.commands.demo_seed import TOOLS
from tests.factories import example_parameters

OPTIONAL = ("functional", "marketing-analytics", "advertising")
TIMEOUT = 10_000
# A page draws 60 a second: about as long as the timeout.
FRAMES = 600
expect.set_options(timeout=TIMEOUT)

# Hosts that tests make up for snippets of their own; no such name can be registered (RFC 2606).
MADE_UP = ".example"
PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)

# What a decision that grants something leaves in the browser, and a refusal.
OURS, OF_REFUSAL = {"consent", "consent_subject"}, {"consent"}

# Notes that the page follows a choice that a test waits for: all of its tools have been started.
FOLLOWED = """
  document.addEventListener("consent:change", () => { delete window.waitsForChange; });
"""
# Not by Playwright's own function for that, which evaluates text: a page's policy may forbid it.
UNTIL_FOLLOWED = """(timeout) => new Promise((done, fail) => {
  const end = performance.now() + timeout;
  const look = () => {
    if (!window.waitsForChange) done();
    else if (performance.now() > end) fail(new Error("The page does not follow the choice."));
    else setTimeout(look, 5);
  };
  look();
})"""


# What the site has beside the tools of the demo, since tests ask how these hear of consent. What
# each tool of the catalogue does is for `test_tools` to see.
FURTHER = ("microsoft-clarity", "microsoft-uet", "segment")
SITE = tuple(key for keys in TOOLS.values() for key in keys) + FURTHER


def tools_of(*categories: str) -> list[str]:
    """Return the keys, sorted, of the site's tools in these categories that run in the browser."""
    recipes = [catalogue()[key] for key in SITE]
    return sorted(
        recipe.key
        for recipe in recipes
        if recipe.kind == "browser" and recipe.category in categories
    )


@cache
def sources(recipe: Recipe) -> frozenset[str]:
    """Return what the tool talks to, as CSP host sources: those it declares, and its scripts'.

    Where that depends on the tool's parameters, they are the examples.
    """
    directives = recipe.csp_sources(example_parameters(recipe.key))
    declared = {source for sources in directives.values() for source in sources}
    loaded = (urlsplit(script.src).hostname for script in recipe.scripts)
    scripts = {f"https://{host}" for host in loaded if host}
    hosts = {source for source in declared if "://" in source}
    # A source with a path already says more than the script's bare host.
    covered = {script for script in scripts if any(host.startswith(script) for host in hosts)}
    return frozenset(hosts | scripts - covered)


def goes_to(url: str, source: str) -> bool:
    """Say whether `url` matches a CSP host source (https://www.w3.org/TR/CSP3/#match-url-to-source).

    The scheme is not looked at: a request to the host is one whatever the protocol.
    """
    asked, allowed = urlsplit(url), urlsplit(source)
    host, pattern = asked.hostname or "", allowed.hostname or ""
    fits = host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
    return fits and asked.path.startswith(allowed.path)


def asked_of(recipe: Recipe, urls: list[str]) -> list[str]:
    """Return those of `urls` that go to a host of the recipe's tool."""
    return [url for url in urls if any(goes_to(url, source) for source in sources(recipe))]


@cache
def is_expected(url: str) -> bool:
    """Say whether any tool of the catalogue, or one that a test made up, may ask for `url`."""
    recipes = catalogue().values()
    return (urlsplit(url).hostname or "").endswith(MADE_UP) or any(
        asked_of(recipe, [url]) for recipe in recipes
    )


class Visitor:
    """A visitor with an own browser context.

    `requests`: every address that was asked of another host, in order. `problems`: what went wrong
    on the way (an exception in the page, a host that nobody knows); there must be none in the end.
    `answers`: address to the script that the "vendor" answers with; others get `stub`.
    """

    stub = ""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.requests: list[str] = []
        self.own_requests: list[Request] = []
        self.problems: list[str] = []
        self.answers: dict[str, str] = {}
        port = urlsplit(address).port
        own = rf"https?://(127\.0\.0\.1|([a-z]+\.)*example\.test):{port}/"
        self._own = re.compile(f"^{own}")
        context.set_default_timeout(TIMEOUT)
        context.route(re.compile(f"^(?!{own}|data:|blob:|about:)"), self._answer)
        context.add_init_script(FOLLOWED)
        context.on("request", self._note_request)
        context.on("weberror", lambda error: self.problems.append(f"uncaught: {error.error}"))
        self.page = self.new_page()

    def new_page(self) -> Page:
        return self.context.new_page()

    # What it asks for

    def _note_request(self, request: Request) -> None:
        if self._own.match(request.url):
            self.own_requests.append(request)

    def _answer(self, route: Route) -> None:
        url = route.request.url
        self.requests.append(url)
        if not is_expected(url):
            self.problems.append(f"a host of no tool was asked for {url}")
        if route.request.resource_type == "image":
            route.fulfill(body=PIXEL, content_type="image/gif")
        elif route.request.resource_type == "script":
            body = self.answers.get(url, self.stub)
            route.fulfill(
                body=body,
                content_type="text/javascript; charset=utf-8",
                headers={"Access-Control-Allow-Origin": "*"},
            )
        else:
            route.fulfill(status=204, headers={"Access-Control-Allow-Origin": "*"})

    def wait_for_request(self, url: str, times: int = 1) -> None:
        """Wait until ``url``, of another site, was asked for so often.

        A frame that is put into a page asks a little later, when the page itself has settled.
        """
        for _ in range(FRAMES):
            if self.requests.count(url) >= times:
                return
            self.page.evaluate("() => new Promise((next) => requestAnimationFrame(next))")
        raise AssertionError(f"{url} was asked for {self.requests.count(url)} times, not {times}.")

    def asked(self, path: str) -> list[Request]:
        """Return the requests that went to this path of the site."""
        return [each for each in self.own_requests if urlsplit(each.url).path == path]

    @property
    def loads(self) -> list[str]:
        """The addresses of the documents that were loaded, again or not."""
        return [each.url for each in self.own_requests if each.is_navigation_request()]

    def asked_static(self, app: str) -> list[Request]:
        """Return the requests for the static files of an app."""
        return [each for each in self.own_requests if f"/static/{app}/" in each.url]

    # Where it goes and what it does

    def goto(self, path: str = "/", *, host: str = "") -> str:
        """Open a page (of another of the site's hosts) and return its HTML as it was served."""
        address = self.address
        if host:
            address = f"http://{host}:{urlsplit(address).port}"
        response = self.page.goto(address + path)
        assert response is not None
        assert response.ok, f"{path} answered {response.status}"
        return response.text()

    def settle(self) -> None:
        """Wait until nothing more comes of the page's own accord."""
        self.page.wait_for_load_state("networkidle")

    @property
    def path(self) -> str:
        """Path and query of the page that is open."""
        parts = urlsplit(self.page.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def notice(self) -> Locator:
        return self.page.locator("#dcp-notice")

    @property
    def dialog(self) -> Locator:
        return self.page.locator("#dcp-preferences")

    @property
    def confirmation(self) -> Locator:
        return self.page.locator("#dcp-confirm")

    @property
    def status(self) -> Locator:
        return self.page.locator("#dcp-status")

    @property
    def control(self) -> Locator:
        """The control in the corner of each page."""
        return self.page.locator(".dcp-corner [data-consent-open]")

    def box(self, category: str) -> Locator:
        """The category's box in the dialog."""
        return self.dialog.locator(f'input[value="{category}"]')

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press the button with this name (in the notice unless told)."""
        (within or self.notice).get_by_role("button", name=name, exact=True).click()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Wait until the page follows what is chosen in the block, or another page has come."""
        self.page.evaluate("window.waitsForChange = true")
        yield
        try:
            self.page.evaluate(UNTIL_FOLLOWED, TIMEOUT)
        except Error as error:
            if "does not follow" in str(error):
                raise
            # Another page has come meanwhile.
            self.page.wait_for_load_state()

    @contextmanager
    def answered(self) -> Iterator[None]:
        """Wait until the site has answered what is chosen in the block, whether it holds or not."""
        with self.page.expect_response(lambda response: response.request.method == "PUT"):
            yield

    def accept_all(self) -> None:
        with self.following():
            self.press("Accept all")
            expect(self.notice).to_have_count(0)

    def reject_all(self) -> None:
        with self.following():
            self.press("Reject all")
            expect(self.notice).to_have_count(0)

    def open_preferences(self) -> None:
        self.control.click()
        expect(self.dialog).to_be_visible()

    def choose(self, *granted: str) -> None:
        """Choose through the dialog: tick these categories alone, and save."""
        self.open_preferences()
        for category in OPTIONAL:
            self.box(category).set_checked(category in granted)
        with self.following():
            self.press("Save", self.dialog)
            expect(self.dialog).not_to_be_visible()

    def has_decided(self, *granted: str, revision: int, among: tuple[str, ...] = OPTIONAL) -> None:
        """Give the visitor a decision made today, as the preference cookie tells it."""
        choices = {key: revision if key in granted else 0 for key in among}
        text = Decision(revision, today(), choices).text
        self.context.add_cookies([{"name": "consent", "value": text, "url": self.address}])

    # What it has

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies of all hosts, paths and domains by name, HttpOnly ones as well."""
        return {cookie["name"]: cookie["value"] for cookie in self.context.cookies()}

    @property
    def decision(self) -> str:
        """The preference cookie's text; empty without one."""
        return self.cookies.get("consent", "")

    def ran(self) -> list[Mapping[str, Any]]:
        """Return what `window.ran` holds: see the stub of each test."""
        found: list[Mapping[str, Any]] = self.page.evaluate("window.ran || []")
        return found

    def focus(self) -> str:
        """Return what has the focus, in a few words."""
        words: str = self.page.evaluate(
            "(el => el.id || el.innerText || el.name || el.tagName)(document.activeElement)"
        )
        return words.strip()


@contextmanager
def visiting(browser: Browser, address: str, **options: Any) -> Iterator[Visitor]:
    """Let a visitor in who was never here, and make sure in the end that nothing went wrong.

    `options` are those of Playwright's `new_context`.
    """
    context = browser.new_context(service_workers="block", **options)
    visitor = Visitor(context, address)
    try:
        yield visitor
        assert visitor.problems == []
    finally:
        # A page may still be loading: what it asks for now is nobody's business any more.
        context.unroute_all(behavior="ignoreErrors")
        context.close()
