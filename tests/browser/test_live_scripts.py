"""A snippet that starts on a loaded page does what it would have done in the page's source."""

# Code in one line reads better than code in pieces.
# ruff: noqa: E501

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from playwright.sync_api import expect

from consent.models import Policy
from tests.browser.visitor import Visitor
from tests.factories import ToolFactory

HOST = "https://tidings.example/"
ANSWERS = {
    f"{HOST}a.js": "did('a');",
    f"{HOST}b.js": "did('b');",
    f"{HOST}c.js": "did('c');",
    f"{HOST}waits.js": (
        "did('waits'); addEventListener('load', () => did('load of waits'));"
        "document.addEventListener('DOMContentLoaded', () => did('ready of waits'));"
    ),
}
DID = "<script>window.order = []; window.did = (what) => { order.push(what); };</script>"
END = "<script>did('end')</script>"


def external(name: str, attributes: str = "") -> str:
    return f'<script src="{HOST}{name}.js" {attributes}></script>'


def waits(code: str) -> str:
    return f"<script>{code}</script>{END}"


READY = "document.addEventListener('DOMContentLoaded', ({ type, target }) => did(type + (target === document)))"
LOAD = "addEventListener('load', function () { did('load'); })"
TYPES = (
    "",
    "text/javascript",
    "TEXT/JavaScript",
    " text/javascript ",
    "\ttext/javascript\n",
    "text/ecmascript",
    "application/ecmascript",
    "application/x-ecmascript",
    "application/x-javascript",
    "text/x-javascript",
    "text/javascript1.0",
    "text/javascript1.5",
    "text/jscript",
    "text/livescript",
    # Data, for a browser.
    " ",
    " module",
    "text/javascript1.6",
    "text/javascript; charset=utf-8",
    "text/x-livescript",
    "application/json",
    "text/plain",
    "javascript",
)
SNIPPETS = {
    # What a page waits for.
    "blocking": external("a") + END,
    "blocking, two": external("a") + external("b") + END,
    "defer": external("a", "defer") + END,
    "defer, two": external("a", "defer") + external("b", "defer") + END,
    "defer, then blocking": external("a", "defer") + external("b") + END,
    "defer, inline": "<script defer>did('inline')</script>" + END,
    "async, whatever its value": external("a", 'async="false"') + END,
    "module, inline": "<script type=module>did('module')</script>" + END,
    "module and defer": "<script type=module>did('m')</script>" + external("a", "defer") + END,
    "module, defer, module": (
        "<script type=module>did('m')</script>"
        + external("a", "defer")
        + "<script type=MODULE>did('n')</script>"
        + END
    ),
    "nomodule": external("a", "nomodule") + external("b") + END,
    # Event handlers of elements.
    "onload": external("a", "onload=\"did('onload')\"") + END,
    "onerror": '<script src="https://tidings.example/fails.js" onerror="did(\'failed\')"></script>'
    + END,
    "onload, defer": external("a", "defer onload=\"did('onload')\"") + END,
    "onload of an image": f'<img src="{HOST}p.gif" alt onload="did(\'image\')">',
    "onload of a frame": "<iframe srcdoc=x title=x onload=\"did('frame')\"></iframe>",
    # Types.
    "types": "".join(
        f'<script type="{kind}">did("{number}")</script>' + external("a", f'type="{kind}"')
        for number, kind in enumerate(TYPES)
    )
    + END,
    "language": "<script language=JavaScript1.5>did(1)</script>"
    + external("a", "language=JavaScript")
    + END,
    "language of none": "<script language=vbscript>did(1)</script>"
    + external("a", "language=basic")
    + END,
    "type beats language": "<script language=vbscript type=''>did(1)</script>" + END,
    # What waits for the page.
    "DOMContentLoaded": waits(READY),
    "DOMContentLoaded of window": waits(READY.replace("document.add", "window.add", 1)),
    "load": waits(LOAD),
    "onload of window": waits("window.onload = () => did('onload')"),
    "onload as a name": waits("onload = function () { did('onload'); }"),
    "onload, twice": waits("onload = () => did(1); onload = () => did(2);"),
    "onload that is read": waits("did(String(onload)); onload = () => 1; did(typeof onload);"),
    "both": waits(LOAD + ";" + READY),
    "one in the other": waits(f"document.addEventListener('DOMContentLoaded', () => {LOAD})"),
    "once": waits("addEventListener('load', () => did('once'), { once: true })"),
    "twice the same": waits(
        "const f = () => did('f'); addEventListener('load', f); addEventListener('load', f);"
    ),
    "an object": waits("addEventListener('load', { handleEvent() { did('object'); } })"),
    "removed": waits(
        "const f = () => did('f'); addEventListener('load', f); removeEventListener('load', f);"
    ),
    "removed by the other": waits(
        "const f = () => { did('f'); removeEventListener('load', f); };"
        "document.addEventListener('DOMContentLoaded', f); addEventListener('load', f);"
    ),
    "load of document": waits("document.addEventListener('load', () => did('never'))"),
    "pageshow": waits("addEventListener('pageshow', () => did('shown'))"),
    "of an external script": external("waits") + END,
    "of a deferred script": external("waits", "defer") + END,
    "of both": external("waits") + external("a", "defer") + END,
    "throws": waits("addEventListener('load', () => { throw new Error('expected'); });" + LOAD),
    # Markup.
    "shadow root": '<div id=host><template shadowrootmode=open><b>in</b></template></div><script>did(document.querySelector("#host").shadowRoot.innerHTML)</script>',
    "current script": "<script id=here data-x=7>did(document.currentScript.dataset.x)</script>",
    "place": "<b id=before></b><script>did(document.currentScript.previousElementSibling.id)</script>",
    "later elements": f"<b id=seen></b>{external('a', 'defer')}<script>did(!!document.querySelector('#seen'))</script>",
    "svg": "<svg><title>x</title><path d='M0 0'/></svg><script>did(document.querySelectorAll('main ~ svg').length)</script>",
    "table": "<table><tr><td>x</td></tr></table>" + END,
    "data": '<script type="application/json" id=data>{"a": "<b>"}</script><script>did(document.querySelector("#data").textContent)</script>',
}
STATE = """() => ({
  order,
  onload: typeof window.onload,
  globals: Object.keys(window).filter((name) => /^(order|did|f)$/.test(name)).sort(),
})"""


PAGE = """{% load consent %}<!DOCTYPE html><html lang="en"><head><title>Page</title>
{% consent_head %}</head><body><main><h1>Page</h1></main>{% consent_body %}</body></html>"""
SAVE = "consent.save({ functional: true, 'marketing-analytics': false, advertising: false })"
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


urlpatterns = [path("page/", page), path("", include("demo_site.urls"))]


@pytest.fixture(autouse=True)
def _own_pages(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


def effects(visitor: Visitor, *, save: bool = False, wait_for: int = 0) -> Any:
    """Return what the snippet has done, as soon as it did so many things."""
    visitor.answers = ANSWERS
    visitor.context.route(f"{HOST}fails.js", lambda route: route.abort())
    visitor.goto("/page/")
    if save:
        visitor.page.evaluate(SAVE)
    visitor.page.wait_for_function("(count) => window.order?.length >= count", arg=wait_for)
    visitor.page.evaluate(FRAMES)
    return visitor.page.evaluate(STATE)


@pytest.mark.parametrize("name", SNIPPETS)
def test_started_live_is_as_found_in_the_source(enter, policy: Policy, name: str):
    category = policy.categories.get(key="functional")
    category.tools.all().delete()
    ToolFactory(category=category, key="tidings", snippet=DID + SNIPPETS[name], placement="body")
    policy.refresh_from_db()
    first, second = enter(), enter()
    second.has_decided("functional", revision=policy.revision)

    source = effects(second)
    live = effects(first, save=True, wait_for=len(source["order"]))

    assert live == source
    for visitor in (first, second):
        expected = [each for each in visitor.problems if "expected" in each]
        assert len(expected) == (name == "throws")
        visitor.problems.clear()


@pytest.mark.parametrize(
    "code",
    [
        "document.write('<p>gone</p>')",
        "document.writeln('gone')",
        "document.open()",
        "setTimeout(() => document.write('gone'))",
        "addEventListener('load', () => document.write('gone'))",
        "document.body.append(Object.assign(document.createElement('script'), { text: `document.write('gone')` }))",
    ],
)
@pytest.mark.parametrize("delivery", ["server", "cacheable"])
def test_what_would_replace_the_page_does_nothing(enter, policy, settings, delivery, code):
    settings.CONSENT_DELIVERY = delivery
    category = policy.categories.get(key="functional")
    category.tools.all().delete()
    snippet = f"<script>{code}; window.went = 'on';</script>"
    ToolFactory(category=category, key="tidings", snippet=snippet, placement="body")
    visitor = enter()
    visitor.goto("/page/")

    visitor.page.evaluate(SAVE)

    visitor.page.wait_for_function("window.went === 'on'")
    visitor.page.evaluate("new Promise((done) => setTimeout(done, 0))")
    expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
    expect(visitor.status).to_contain_text("You allow: Functional.")
    assert visitor.page.get_by_text("gone").count() == 0


def test_listeners_of_the_site_are_not_called_again(visitor, policy):
    category = policy.categories.get(key="functional")
    snippet = (
        f"{DID}<script>const old = onload; onload = () => {{ if (old) old(); did(1); }};</script>"
    )
    ToolFactory(category=category, key="tidings", snippet=snippet, placement="body")
    visitor.context.add_init_script(
        "window.calls = 0; for (const type of ['load', 'DOMContentLoaded', 'pageshow'])"
        " addEventListener(type, () => { calls += 1; }); onload = () => { calls += 1; };"
    )
    visitor.goto("/page/")
    visitor.page.wait_for_function("calls === 4")

    visitor.page.evaluate(SAVE)

    visitor.page.wait_for_function("window.order && order.length")
    assert visitor.page.evaluate("[calls, order]") == [4, [1]]
