"""A page that the browser renders before it is seen: https://wicg.github.io/nav-speculation/

Playwright keeps Chromium from doing so, so these tests run it by itself, and the pages report.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from playwright.sync_api import expect

from tests.browser import launcher
from tests.browser.conftest import Enter, Site
from tests.browser.visitor import OPTIONAL
from tests.factories import ToolFactory

PATIENCE = 30
EARLY = {"Sec-Purpose": "prefetch;prerender"}

FIRST = """{% load consent %}<!DOCTYPE html><html lang="en"><head><title>First</title>
{% consent_head %}
<script type="speculationrules">{"prerender": [{"urls": ["/second/"], "eagerness": "immediate"}]}
</script></head><body>{% consent_body %}
<script>
  addEventListener("load", async () => {
    await fetch("/rendered/");
    if ("{{ choice }}") await consent["{{ choice }}"]();
    location.href = "/second/";
  });
</script></body></html>"""

SECOND = """{% load consent %}<!DOCTYPE html><html lang="en"><head><title>Second</title>
{% consent_head %}</head><body>
{% ifconsent "functional" %}<script>window.part = true;</script>{% else %}no{% endifconsent %}
{% consent_body %}
<script>
  const report = (seen) => fetch("/report/", { method: "POST", body: JSON.stringify({
    seen, ran: window.ran || 0, part: !!window.part,
    notice: !!document.querySelector("#dcp-notice:not([hidden])"),
  }) });
  const settled = async () => {
    for (let turn = 0; turn < 5; turn += 1) await fetch("/settle/");
  };
  document.addEventListener("prerenderingchange", () => settled().then(() => report(true)));
  addEventListener("load", () => settled().then(() => report(!document.prerendering)));
</script></body></html>"""


class Reports:
    """What the second page reported: once before it was seen, and once after."""

    def __init__(self) -> None:
        self.early: Queue[dict[str, Any]] = Queue()
        self.seen: Queue[dict[str, Any]] = Queue()
        # Holds the first page until the second has been rendered.
        self.is_rendered: Queue[None] = Queue()


reports = Reports()


def first(request: HttpRequest) -> HttpResponse:
    choice = request.GET.get("choice", "")
    return HttpResponse(engines["django"].from_string(FIRST).render({"choice": choice}, request))


def second(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(SECOND).render({}, request))


def rendered(request: HttpRequest) -> HttpResponse:
    reports.is_rendered.get(timeout=PATIENCE)
    return HttpResponse()


@csrf_exempt
def report(request: HttpRequest) -> HttpResponse:
    content = json.loads(request.body)
    if content.pop("seen"):
        reports.seen.put(content)
    else:
        reports.early.put(content)
        reports.is_rendered.put(None)
    return HttpResponse()


def settle(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("first/", first),
    path("second/", second),
    path("rendered/", rendered),
    path("report/", report),
    path("settle/", settle),
    path("", include("demo_site.urls")),
]


@pytest.fixture(autouse=True, params=["server", "cacheable"])
def delivery(request: Any, settings: Any, policy: Any) -> str:
    """The delivery mode of a site with a tool."""
    settings.CONSENT_DELIVERY = request.param
    settings.ROOT_URLCONF = __name__
    ToolFactory(
        category=policy.categories.get(key="functional"),
        key="tidings",
        snippet="<script>window.ran = (window.ran || 0) + 1;</script>",
        placement="head",
    )
    return str(request.param)


@pytest.fixture
def browse(site: Site, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """A function that opens a page in a Chromium of its own."""
    global reports
    reports = Reports()
    running: list[subprocess.Popen[bytes]] = []

    def open_page(address: str) -> None:
        command = [launcher.executable() or "", "--headless=new", "--remote-debugging-port=0"]
        options = [*launcher.FLAGS, f"--user-data-dir={tmp_path}", site.address + address]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running.append(subprocess.Popen([*command, *options], **quiet))  # type: ignore[call-overload]

    yield open_page
    for process in running:
        process.terminate()
        process.wait(PATIENCE)


NOTHING = {"ran": 0, "part": False}


@pytest.mark.parametrize(
    ("choice", "then"),
    [
        ("", {**NOTHING, "notice": True}),
        ("acceptAll", {"ran": 1, "part": False, "notice": False}),
        ("rejectAll", {**NOTHING, "notice": False}),
    ],
)
def test_page_shows_the_state_of_when_it_is_seen(browse, delivery, choice, then):
    browse(f"/first/?choice={choice}")

    assert {**reports.early.get(timeout=PATIENCE), "notice": None} == {**NOTHING, "notice": None}
    if delivery == "cacheable" and then["ran"]:
        # In server delivery, parts of a template follow on the next page.
        then = {**then, "part": True}
    assert reports.seen.get(timeout=PATIENCE) == then
    assert reports.early.empty()


@pytest.mark.parametrize("granted", [OPTIONAL, ()])
def test_response_made_for_it_serves_an_ordinary_visit(enter: Enter, policy, granted):
    """Browsers keep the response if they do not render it."""
    visitor = enter()
    policy.refresh_from_db()
    visitor.has_decided(*granted, revision=policy.revision)
    visitor.context.set_extra_http_headers(EARLY)

    visitor.goto("/second/")

    expect(visitor.notice).not_to_be_visible()
    visitor.settle()
    expected = [1, True] if granted else [0, False]
    assert visitor.page.evaluate("[window.ran || 0, !!window.part]") == expected
