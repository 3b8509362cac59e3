"""Values that try to break out of script and HTML, executed in Chromium: nothing fires.

They are written into the database past every validation, as a broken import or an older version of
a recipe could leave them there. So that few pages show many of them, each field of each row gets
one, and each test deals them out differently.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import cycle, islice

import pytest
from django.db import models
from playwright.sync_api import expect

from consent.models import Category, Cookie, Policy, Tool
from consent.policy import policies
from consent.recipes import Recipe, catalogue
from tests.browser.visitor import OPTIONAL, Visitor
from tests.factories import ToolFactory

FIRE = "window.xss=1"
BREAK_OUTS = (
    f"</script><script>{FIRE}</script>",
    f"</ScRiPt ><img src=x onerror={FIRE}>",
    f'"><img src=x onerror={FIRE}>',
    f"'><svg onload={FIRE}>",
    f'" autofocus onfocus={FIRE} x="',
    f'";{FIRE};"',
    f"';{FIRE};'",
    f'\\";{FIRE};//',
    f"`;{FIRE};`${{{FIRE}}}",
    f"a\u2028{FIRE}\u2029b\n{FIRE}\r{FIRE}",
    f"<!--<script>{FIRE}//-->{FIRE}",
    f"--><img src=x onerror={FIRE}><!--",
    f"&lt;img src=x onerror={FIRE}&gt;&quot;&#x3c;script>",
    f"</template></dialog></table></style><img src=x onerror={FIRE}>",
    f"{{{{ {FIRE} }}}}{{% debug %}}%(x)s{{0}}$&\\1",
    f"javascript:{FIRE}//\u202e\ufeff",
)
ROUNDS = pytest.mark.parametrize(
    "start",
    [
        start if start == 0 else pytest.param(start, marks=pytest.mark.exhaustive)
        for start in range(0, len(BREAK_OUTS), 4)
    ],
)
PAGES = ("/", "/contact/", "/policy/", "/consent/policy/", "/consent/preferences/")


@pytest.fixture(autouse=True)
def quiet(caplog) -> None:
    caplog.set_level(logging.CRITICAL, logger="consent")


def deal(start: int) -> Iterator[str]:
    """Yield the break-outs over and over, from the one at `start` on."""
    return islice(cycle(BREAK_OUTS), start, None)


def fill(rows: models.QuerySet, start: int, **lengths: int) -> None:
    """Write a break-out into each of these fields of each row, cut to what the field holds."""
    texts = deal(start)
    for row in rows.order_by("pk"):
        values = {name: next(texts)[:length] for name, length in lengths.items()}
        if rows.model is Cookie:
            # No tool has two of one name.
            values["name"] = f"{values['name'][:110]}{row.pk}"
        type(row)._default_manager.filter(pk=row.pk).update(**values)
    policies.forget()


def assert_intact(visitor: Visitor) -> None:
    """Nothing fired, nothing was asked for, and the page still has its parts where they belong."""
    page = visitor.page
    assert page.evaluate("window.xss") is None
    assert [each.url for each in visitor.own_requests if each.url.endswith("/x")] == []
    dialogs = (f"[data-nosnippet] > #dcp-{name}" for name in ("preferences", "confirm"))
    parts = ("header", "footer", *dialogs, "#dcp-status", ".dcp-corner")
    assert [page.locator(f"body > {part}").count() for part in parts] == [1] * len(parts)
    assert page.locator("main").count() == 1
    assert page.evaluate("typeof consent.allows") == "function"
    own = "img, svg[onload], [onerror], [onload], [onfocus], [autofocus]"
    assert page.locator(own).count() == 0


def look_at_all(visitor: Visitor) -> None:
    for path in PAGES:
        visitor.goto(path)
        assert_intact(visitor)


def words(text: str) -> str:
    """Return `text` as it is read: white space, of whatever kind, is one space."""
    return " ".join(text.split())


@ROUNDS
def test_texts_are_shown_as_they_are(visitor, policy, start):
    # What follows from a decision is told in names as well: on the notice, and in the dialog.
    ToolFactory(category=policy.categories.get(key="functional"), key="tidings", snippet="<p>1</p>")
    visitor.has_decided(*OPTIONAL, revision=policy.revision)
    fill(Policy.objects.all(), start, name=120, introduction=999, explanation=999, notice_text=999)
    fill(Category.objects.all(), start + 1, name=80, purpose=999)
    fill(Tool.objects.all(), start + 2, name=80, vendor=200)
    fill(Cookie.objects.all(), start + 3, name=120, retention=80, purpose=300)

    look_at_all(visitor)

    policy.refresh_from_db()
    category = Category.objects.get(key="functional")
    visitor.goto("/policy/")
    page = words(visitor.page.locator("main").evaluate("el => el.textContent"))
    for row in (policy, category, *Tool.objects.all(), *Cookie.objects.all()):
        for name in ("name", "vendor", "purpose", "retention", "introduction", "explanation"):
            assert words(str(getattr(row, name, ""))) in page
    visitor.context.clear_cookies()
    visitor.goto("/")
    notice = words(visitor.notice.evaluate("el => el.textContent"))
    assert words(policy.notice_text) in notice.replace(" &", "&")
    visitor.choose("functional", "advertising")
    expect(visitor.status).to_contain_text(words(category.name))
    assert_intact(visitor)


@ROUNDS
def test_keys_are_escaped(visitor, policy, start):
    """No form takes such a key, but attributes of the markup hold it."""
    texts = deal(start)
    tools = Tool.objects.filter(category__key__in=["functional", "advertising", "essential"])
    for number, tool in enumerate(tools):
        Tool.objects.filter(pk=tool.pk).update(key=f"{next(texts)[:36]}{number}")
    policies.forget()

    look_at_all(visitor)
    visitor.goto("/")
    visitor.accept_all()

    expect(visitor.status).to_be_visible()
    look_at_all(visitor)


# Parameters


def give_parameters(start: int) -> dict[str, list[str]]:
    """Give every browser tool a break-out for each parameter; those with a few choices keep theirs.

    An address stays one: that a script comes from it is for its pattern to allow. Returns what else
    each was given, by its key.
    """
    given, texts = {}, deal(start)
    for tool in Tool.objects.exclude(recipe="").order_by("pk"):
        recipe = catalogue()[tool.recipe]
        if recipe.kind == "browser":
            typed = [each for each in recipe.parameters if not each.choices]
            addresses = {each.name: each.example for each in typed if each.may_be_address}
            free = [each.name for each in typed if each.name not in addresses]
            values = dict(zip(free, texts, strict=False))
            Tool.objects.filter(pk=tool.pk).update(parameters=values | addresses)
            given[tool.key] = list(values.values())
    policies.forget()
    return given


# Where the first parameter is to be found as it was given, once its tool has started.
ARRIVED = {
    "google-analytics": "dataLayer.filter((call) => call[0] === 'config').map((call) => call[1])",
    "adwords": "dataLayer.filter((call) => call[0] === 'config').map((call) => call[1])",
    "facebook-pixel": "[fbq.queue[1][1]]",
    "linkedin-insight-tag": "_linkedin_data_partner_ids",
    "drip": "[_dcs.account]",
    "customer-io": "[cioanalytics._writeKey]",
    "amplitude": "[amplitude._q[0].args[0]]",
    "twitter-ads": "[twq.queue[0][1]]",
    "intercom": "[intercomSettings.app_id]",
    "pinterest-tag": "[pintrk.queue[1][1]]",
    "posthog": "[posthog._i[0][0]]",
    "reddit-pixel": "[rdt.callQueue[0][1]]",
    "snap-pixel": "[snaptr.queue[0][1]]",
    "tiktok-pixel": "Object.keys(ttq._i)",
}
LAST_TOOLS = ("uwt.js", "js.driftt.com", "gtm.js", "insight.min.js", "api.js?render")


@ROUNDS
def test_parameters_are_escaped_even_where_nothing_validates_them(
    visitor, whole_catalogue, monkeypatch, start
):
    monkeypatch.setattr(Recipe, "errors", lambda recipe, values: {})
    given = give_parameters(start)
    assert len(given) >= 15

    for path in ("/contact/", "/contact/"):
        visitor.goto(path)
        if visitor.notice.count():
            visitor.accept_all()
        for part in LAST_TOOLS:
            visitor.page.wait_for_function(f"document.querySelector('script[src*=\"{part}\"]')")
        assert_intact(visitor)
        for key, expression in ARRIVED.items():
            assert given[key][0] in visitor.page.evaluate(expression), key
    # What went into an address stayed one part of it; and no host was asked that nobody knows.
    google = [url for url in visitor.requests if "/gtag/js?id=" in url or "/gtm.js?id=" in url]
    assert len(google) == 6
    assert all(url.count("?") == url.count("=") == 1 and "#" not in url for url in google)


def test_parameters_that_do_not_fit_start_nothing(visitor, whole_catalogue):
    given = give_parameters(0)
    fitting = [key for key, values in given.items() if not values]
    Tool.objects.filter(key__in=fitting).update(enabled=False)
    policies.forget()
    visitor.goto("/")

    visitor.accept_all()

    expect(visitor.status).to_be_visible()
    look_at_all(visitor)
    assert visitor.requests == []
