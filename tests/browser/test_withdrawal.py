"""Withdrawing: what a tool left is deleted, the page is loaded again, and the tool is gone."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from playwright.sync_api import expect

from consent.models import Cookie, Tool
from consent.recipes import catalogue
from consent.visitor.cookie_cleanup import matches
from tests.browser.visitor import OF_REFUSAL, OPTIONAL, OURS, Visitor, asked_of, tools_of

HOST = "www.shop.example.test"
PARENTS = (".shop.example.test", ".example.test")
GTAG = "https://www.googletagmanager.com/gtag/js?id=G-ABC1234567"


@pytest.fixture
def shopper(visitor, site) -> Visitor:
    """A visitor of a host with parent domains, who allows all and has stayed on the log."""
    visitor.goto("/journal/", host=HOST)
    visitor.accept_all()
    visitor.page.wait_for_function("document.querySelector('script[src*=\"uwt.js\"]')")
    return visitor


def give(visitor: Visitor, name: str, *, domain: str = HOST, path: str = "/", **more: Any) -> None:
    """Put a cookie into the browser; a domain that starts with a dot is valid below it, too."""
    cookie: Any = {"name": name, "value": 32 * "x", "domain": domain, "path": path, **more}
    visitor.context.add_cookies([cookie])


def left(visitor: Visitor) -> list[tuple[str, str, str]]:
    """Return name, domain and path of each cookie that is there."""
    return [
        (cookie["name"], cookie["domain"], cookie["path"])
        for cookie in visitor.context.cookies()
        if cookie["name"] != "consent_subject"
    ]


def withdraw(visitor: Visitor, *kept: str) -> None:
    """Allow these categories alone from now on, and wait until the page has come back."""
    loads = len(visitor.loads)
    visitor.open_preferences()
    for category in OPTIONAL:
        visitor.box(category).set_checked(category in kept)
    with visitor.page.expect_event("load"):
        visitor.press("Save", visitor.dialog)
    expect(visitor.status).to_be_visible()
    assert len(visitor.loads) == loads + 1


# Cookies


@pytest.mark.parametrize("http_only", [False, True], ids=["script", "HttpOnly"])
def test_declared_cookies_are_deleted_on_the_host_and_on_parent_domains(shopper, http_only):
    for name in ("_ga", "_ga_ABC1234567", "mkjs:cookies"):
        for domain in (HOST, f".{HOST}", *PARENTS):
            give(shopper, name, domain=domain, httpOnly=http_only)

    withdraw(shopper)

    assert left(shopper) == [("consent", HOST, "/")]


@pytest.mark.parametrize("http_only", [False, True], ids=["script", "HttpOnly"])
def test_declared_cookies_are_deleted_on_the_paths_of_the_page(shopper, http_only):
    # /journal is where a cookie without a path goes, were it set by this page (RFC 6265, 5.1.4).
    paths = ("/", "/journal") if http_only else ("/", "/journal", "/journal/")
    for domain in (HOST, *PARENTS):
        for path in paths:
            give(shopper, "_ga", domain=domain, path=path, httpOnly=http_only)

    withdraw(shopper)

    assert left(shopper) == [("consent", HOST, "/")]


def test_many_cookies_of_many_tools_are_deleted_the_httponly_ones_among_them(shopper):
    names = ["_fbp", "_fbc", "_gcl_au", "AMP_1", "AMP_2", "_vis_opt_s", "ajs_user_id", "_mkto_trk"]
    for name in names:
        give(shopper, name, domain=".example.test")
    for name in ("zz_first", "_gid", "_vwo_uuid"):
        give(shopper, name, domain=".example.test", httpOnly=True)

    withdraw(shopper)

    assert set(shopper.cookies) == {*OURS, "zz_first"}


def test_what_is_not_a_stopped_tools_own_is_kept(shopper):
    kept = ["sessionid", "csrftoken", "django_language", "basket", "driftt_aid", "not_ga", "_gaX"]
    for name in kept:
        give(shopper, name, domain=".example.test")
    give(shopper, "_ga")
    shopper.page.evaluate(
        """() => {
          for (const area of [localStorage, sessionStorage]) {
            for (const key of ["basket", "mkjs_user_traits", "AMP_unsent_1"]) area.setItem(key, 1);
          }
        }"""
    )

    withdraw(shopper, "functional")

    assert set(shopper.cookies) == {*OURS, *kept}
    storage = "[Object.keys(localStorage), Object.keys(sessionStorage)]"
    assert shopper.page.evaluate(storage) == [["basket"], ["basket"]]


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_declared_databases_are_deleted_even_while_the_tool_has_them_open(shopper, is_open: bool):
    shopper.page.evaluate(
        """async isOpen => {
          for (const name of ["AMP_diagnostics_0123456789", "basket"]) {
            await new Promise((resolve) => {
              indexedDB.open(name).onsuccess = ({ target }) => {
                window[name] = target.result;
                if (!isOpen) target.result.close();
                resolve();
              };
            });
          }
        }""",
        is_open,
    )

    withdraw(shopper)

    names = "() => indexedDB.databases().then((found) => found.map(({ name }) => name))"
    shopper.page.wait_for_function(f"({names})().then((found) => found.length === 1)")
    assert shopper.page.evaluate(names) == ["basket"]


def test_a_cookie_that_an_allowed_tool_declares_too_is_kept(shopper, policy):
    """Two of Google's tools may write the same cookie: it stays as long as one is allowed."""
    Cookie.objects.create(tool=Tool.objects.get(key="adwords"), name="_ga_*", purpose="Joins.")
    give(shopper, "_ga")
    give(shopper, "_ga_SHARED")
    give(shopper, "_ga_HIDDEN", httpOnly=True)

    withdraw(shopper, "advertising")

    assert set(shopper.cookies) == {*OURS, "_ga_SHARED", "_ga_HIDDEN"}


def test_the_sites_own_cookies_are_kept_whatever_a_tool_declares(shopper, policy):
    Cookie.objects.create(tool=Tool.objects.get(key="drift"), name="*s*i*", purpose="Too greedy.")
    for http_only, name in ((True, "sessionid"), (False, "csrftoken"), (False, "resist")):
        give(shopper, name, httpOnly=http_only)

    withdraw(shopper)

    assert set(shopper.cookies) == {*OURS, "sessionid", "csrftoken"}


def test_names_are_compared_with_patterns_as_the_server_does(shopper, policy):
    patterns = ("a*", "*a", "a*a", "a**b", "*ab*", "a*b*a", "*ab*ba*", "a.b", "a+*", "ab")
    tool = Tool.objects.get(key="drift")
    names = ["".join(signs) for n in range(1, 6) for signs in product("ab.", repeat=n)]
    for pattern in patterns:
        Cookie.objects.create(tool=tool, name=pattern, kind="storage", purpose="Tries it.")
    shopper.page.evaluate("names => names.forEach((name) => { localStorage[name] = 1; })", names)

    withdraw(shopper)

    found = shopper.page.evaluate("Object.keys(localStorage)")
    assert sorted(found) == sorted(name for name in names if not matches(name, patterns))
    assert 10 < len(found) < len(names)


def test_long_name_is_compared_at_once_with_many_stars(shopper, policy):
    Cookie.objects.create(
        tool=Tool.objects.get(key="drift"), name="_*_*_*_*_x", kind="storage", purpose="Is slow."
    )
    shopper.page.evaluate("localStorage.setItem('_'.repeat(3900), 1)")

    withdraw(shopper)

    assert len(shopper.page.evaluate("Object.keys(localStorage)[0]")) == 3900


# The page


def test_the_page_is_loaded_again_once_and_the_tools_are_gone(shopper):
    loads, asked = len(shopper.loads), len(shopper.requests)

    withdraw(shopper, "functional")

    expect(shopper.status).to_contain_text("You allow: Functional.")
    assert shopper.path == "/journal/"
    kept = tools_of("functional")
    assert "drift" in kept
    assert (
        shopper.page.locator("script[data-consent-tool]").evaluate_all(
            "scripts => [...new Set(scripts.map((script) => script.dataset.consentTool))].sort()"
        )
        == kept
    )
    new = shopper.requests[asked:]
    assert len(new) == len(kept)
    assert [len(asked_of(catalogue()[key], new)) for key in kept] == [1] * len(kept)
    # Not again by itself, and not by the next page.
    shopper.goto("/", host=HOST)
    assert len(shopper.loads) == loads + 2


def test_withdrawing_everything_leaves_no_vendor(shopper):
    asked = len(shopper.requests)

    with shopper.page.expect_event("load"):
        shopper.page.evaluate("void consent.withdraw()")

    expect(shopper.status).to_contain_text("You allow none of the optional categories.")
    shopper.goto("/contact/", host=HOST)
    assert [url for url in shopper.requests[asked:] if "recaptcha" not in url] == []
    assert shopper.decision.endswith(".functional_0.marketing-analytics_0.advertising_0")


def test_refusing_where_nothing_runs_does_not_reload(visitor):
    visitor.goto("/")
    visitor.page.evaluate("window.sameDocument = true")

    visitor.reject_all()

    expect(visitor.status).to_be_visible()
    assert visitor.page.evaluate("window.sameDocument")
    assert len(visitor.loads) == 1


def test_refusing_deletes_what_an_earlier_site_left(visitor):
    """A site that had the tools before it had this app: their cookies go, without a reload."""
    visitor.goto("/", host=HOST)
    give(visitor, "_ga", domain=".example.test")
    give(visitor, "_gid", domain=".example.test", httpOnly=True)

    visitor.reject_all()

    expect(visitor.status).to_be_visible()
    assert set(visitor.cookies) == OF_REFUSAL


WRITE = """
  document.cookie = "_ga=again; path=/; domain=example.test; max-age=9999";
  localStorage.setItem("mkjs_user_traits", "again");
"""


@pytest.mark.parametrize(
    "writing",
    [
        f"addEventListener('pagehide', () => {{ {WRITE} }});",
        f"addEventListener('pagehide', () => {{ {WRITE} }}, true);",
        f"addEventListener('beforeunload', () => {{ {WRITE} }});",
        f"document.addEventListener('visibilitychange', () => {{ {WRITE} }});",
        f"setInterval(() => {{ {WRITE} }}, 1);",
        f"document.addEventListener('consent:change', () => {{ {WRITE} }});",
    ],
    ids=["pagehide", "capture", "beforeunload", "visibilitychange", "interval", "change"],
)
def test_code_that_still_runs_cannot_bring_its_cookies_back(visitor, writing):
    visitor.answers[GTAG] = f"window.vendor = 1; {writing}"
    visitor.goto("/", host=HOST)
    visitor.accept_all()
    visitor.page.wait_for_function("window.vendor")

    withdraw(visitor)

    assert set(visitor.cookies) == OURS
    assert visitor.page.evaluate("Object.keys(localStorage)") == []


def test_a_failed_withdrawal_is_said_and_deletes_nothing(shopper):
    give(shopper, "_ga")
    before = shopper.decision
    shopper.context.route("**/consent/api/preferences/", lambda route: route.abort())
    shopper.page.evaluate("window.sameDocument = true")

    shopper.open_preferences()
    shopper.press("Reject all", shopper.dialog)

    expect(shopper.dialog.get_by_role("alert")).to_contain_text("was not saved")
    assert shopper.page.evaluate("window.sameDocument")
    assert (shopper.decision, "_ga" in shopper.cookies) == (before, True)


def test_the_fragment_of_the_page_survives_the_reload(shopper):
    shopper.page.evaluate("history.replaceState(null, '', '#main')")

    with shopper.page.expect_event("load"):
        shopper.page.evaluate("void consent.withdraw()")

    assert shopper.page.url.endswith("/journal/#main")


def test_the_back_button_does_not_bring_a_refused_tool_back(shopper):
    shopper.goto("/privacy/", host=HOST)
    withdraw(shopper)
    asked = len(shopper.requests)

    shopper.page.go_back(wait_until="load")

    assert shopper.page.locator("script[data-consent-tool]").count() == 0
    assert shopper.requests[asked:] == []
