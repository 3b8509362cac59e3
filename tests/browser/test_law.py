"""Region, browser and single tools in Chromium, in both deliveries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from consent.models import Category, Policy, RegionRule, Tool
from consent.policy.decision import Decision, parse
from tests.browser.conftest import Enter
from tests.browser.test_cacheable import files, started, tools_of
from tests.browser.visitor import OPTIONAL, Visitor
from tests.visitor import oracle
from tests.visitor.oracle import UNCLEAR, text_of, today

GERMANY = {"CF-IPCountry": "DE"}
TEXAS = {"CF-IPCountry": "US", "CF-Region-Code": "TX"}
BRAZIL = {"CF-IPCountry": "BR"}
NOWHERE = {"CF-IPCountry": "XX"}
ASKS_FIRST = re.compile("None of them starts unless you agree")
RUNS_FIRST = re.compile("They run unless you reject them")
HONOURED = "Opt-out request honoured."
SOLD = ("advertising",)
NOT_SOLD = ("functional", "marketing-analytics")

OPTS_OUT = """
  Object.defineProperty(Navigator.prototype, "globalPrivacyControl", {
    configurable: true, get: () => true,
  });
"""

both = pytest.mark.parametrize("delivery", ["server", "cacheable"])


@pytest.fixture(autouse=True)
def _delivery(request: Any, settings: Any) -> None:
    settings.CONSENT_REGION = "cloudflare"
    callspec = getattr(request.node, "callspec", None)
    params = callspec.params if callspec else {}
    settings.CONSENT_DELIVERY = params.get("delivery", "cacheable")


@pytest.fixture
def law(policy: Policy) -> Iterator[Policy]:
    """In the EEA one asks first, in the United States one tells; advertising is a sale."""
    for category in policy.categories.all():
        category.sale = category.key in SOLD
        category.save()
    policy.regime, policy.tool_choices = "implied", True
    policy.save()
    for order, (regions, regime) in enumerate((("EEA", "opt_in"), ("US", "notice_only"))):
        RegionRule.objects.create(policy=policy, order=order, regions=regions, regime=regime)
    policy.refresh_from_db()
    yield policy
    RegionRule.objects.all().delete()


@pytest.fixture
def come(enter: Enter, law: Policy) -> Callable[..., Visitor]:
    """A function that lets a visitor in from somewhere, whose browser opts out or not."""

    def let_in(place: dict[str, str], *, opts_out: bool = False, **options: Any) -> Visitor:
        signal = {"Sec-GPC": "1"} if opts_out else {}
        visitor = enter(extra_http_headers={**place, **signal}, locale="en", **options)
        if opts_out:
            visitor.context.add_init_script(OPTS_OUT)
        return visitor

    return let_in


def arrive(visitor: Visitor, path: str = "/") -> None:
    visitor.goto(path)
    visitor.settle()


# Regions


@both
@pytest.mark.parametrize(
    ("place", "words", "runs", "accepts"),
    [
        (GERMANY, ASKS_FIRST, (), 1),
        (NOWHERE, ASKS_FIRST, (), 1),
        (BRAZIL, RUNS_FIRST, OPTIONAL, 1),
        (TEXAS, RUNS_FIRST, OPTIONAL, 0),
    ],
    ids=["DE", "nowhere", "BR", "US-TX"],
)
def test_what_runs_and_what_is_said_are_those_of_the_region(
    come, delivery, place, words, runs, accepts
):
    visitor = come(place)

    arrive(visitor)

    expect(visitor.notice).to_be_visible()
    expect(visitor.notice).to_contain_text(words)
    expect(visitor.notice.get_by_role("button", name="Accept all")).to_have_count(accepts)
    expect(visitor.notice.get_by_role("button", name="Reject all")).to_have_count(1)
    assert started(visitor) == tools_of(*runs)
    assert visitor.cookies == {}


@both
def test_refusal_where_tools_run_first_ends_them(come, delivery):
    visitor = come(TEXAS)
    arrive(visitor)

    with visitor.page.expect_event("load"):
        visitor.press("Reject all")
    visitor.settle()

    assert started(visitor) == set()
    expect(visitor.notice).not_to_be_visible()


def test_page_for_everybody_is_the_same_wherever_they_are(come):
    places = product((GERMANY, TEXAS), (False, True))
    pages = {come(place, opts_out=signal).goto("/contact/") for place, signal in places}

    assert len(pages) == 1


def test_nobody_who_has_decided_asks_for_the_region(come, law):
    visitor = come(TEXAS)
    visitor.has_decided("functional", revision=law.revision)

    arrive(visitor)

    assert visitor.asked("/consent/region.js") == []
    assert started(visitor) == tools_of("functional")


def test_region_is_asked_for_once_and_tools_are_loaded_once(come):
    visitor = come(TEXAS)

    arrive(visitor)

    assert len(visitor.asked("/consent/region.js")) == 1
    assert len({request.url for request in files(visitor)}) == 1


@pytest.mark.parametrize("failure", ["abort", "503", "garbage"])
def test_without_the_region_s_script_the_strictest_holds(come, failure):
    visitor = come(TEXAS)
    answers = {
        "abort": lambda route: route.abort(),
        "503": lambda route: route.fulfill(status=503, body="Down."),
        "garbage": lambda route: route.fulfill(body="", content_type="text/javascript"),
    }
    visitor.context.route("**/consent/region.js", answers[failure])

    arrive(visitor)

    assert started(visitor) == set()
    if failure != "garbage":
        expect(visitor.notice).to_be_visible()
        expect(visitor.notice).to_contain_text(ASKS_FIRST)


def test_choice_refers_to_the_text_of_the_region(come):
    visitor = come(BRAZIL)
    arrive(visitor)
    version = visitor.notice.locator('input[name="version"]').get_attribute("value")

    visitor.accept_all()

    (request,) = [r for r in visitor.asked("/consent/api/preferences/") if r.method == "PUT"]
    assert request.post_data_json["version"] == version
    assert visitor.dialog.get_attribute("data-version") == version


# Global Privacy Control


@both
def test_what_is_sold_is_off_until_the_visitor_says_otherwise(come, delivery):
    visitor = come(BRAZIL, opts_out=True)

    arrive(visitor)

    assert started(visitor) == tools_of(*NOT_SOLD)
    line = visitor.notice.locator(".dcp-gpc")
    expect(line).to_be_visible()
    expect(line).to_contain_text(HONOURED)
    expect(line).to_contain_text("Advertising")

    visitor.accept_all()
    visitor.settle()
    assert visitor.decision.startswith("1g.")
    arrive(visitor, "/journal/")
    assert started(visitor) == tools_of(*OPTIONAL)
    visitor.open_preferences()
    expect(visitor.dialog.locator(".dcp-gpc")).not_to_be_visible()
    expect(visitor.box("advertising")).to_be_checked()


@both
def test_earlier_decision_does_not_count_for_what_is_sold(come, law, delivery):
    visitor = come(GERMANY, opts_out=True)
    visitor.has_decided(*OPTIONAL, revision=law.revision)

    arrive(visitor)

    assert started(visitor) == tools_of(*NOT_SOLD)
    expect(visitor.notice).not_to_be_visible()
    visitor.open_preferences()
    expect(visitor.dialog.locator(".dcp-gpc")).to_be_visible()
    expect(visitor.box("advertising")).not_to_be_checked()
    expect(visitor.box("functional")).to_be_checked()


@both
def test_without_javascript_the_line_is_there_as_well(come, delivery):
    told = come(BRAZIL, opts_out=True, java_script_enabled=False)
    told.goto("/")
    expect(told.notice.locator(".dcp-gpc")).to_be_visible()

    silent = come(BRAZIL, java_script_enabled=False)
    silent.goto("/")
    expect(silent.notice).to_be_visible()
    expect(silent.notice.locator(".dcp-gpc:visible")).to_have_count(0)


# Single tools


def tool_box(root: Locator, tool: str) -> Locator:
    """Return the box of a tool, in sight."""
    selector = f'input[name="tools"][value="{tool}"]'
    box = root.locator(selector)
    if not box.is_visible():
        category = root.locator("[data-category]").filter(has=root.page.locator(selector))
        category.locator("summary").click()
    return box


def one_of(category: str) -> str:
    return sorted(tools_of(category))[0]


@both
def test_tool_that_is_refused_in_the_dialog_does_not_start(come, law, delivery):
    tool = one_of("advertising")
    visitor = come(GERMANY)
    arrive(visitor)

    visitor.open_preferences()
    visitor.box("advertising").check()
    tool_box(visitor.dialog, tool).uncheck()
    with visitor.following():
        visitor.press("Save", visitor.dialog)
        expect(visitor.dialog).not_to_be_visible()
    visitor.settle()

    expected = tools_of("advertising") - {tool}
    assert started(visitor) == expected
    assert parse(visitor.decision).choices[tool] == 0
    arrive(visitor, "/journal/")
    assert started(visitor) == expected
    visitor.open_preferences()
    expect(visitor.box("advertising")).to_be_checked()
    expect(tool_box(visitor.dialog, tool)).not_to_be_checked()
    if delivery == "cacheable":
        assert any(f".{tool}_0" in request.url for request in files(visitor))


@both
def test_tool_that_is_ticked_again_starts(come, law, delivery):
    tool = one_of("advertising")
    visitor = come(GERMANY)
    choices = {**dict.fromkeys(OPTIONAL, law.revision), tool: 0}
    text = Decision(law.revision, today(), choices).text
    visitor.context.add_cookies([{"name": "consent", "value": text, "url": visitor.address}])
    arrive(visitor)
    assert started(visitor) == tools_of(*OPTIONAL) - {tool}

    visitor.open_preferences()
    tool_box(visitor.dialog, tool).check()
    with visitor.following():
        visitor.press("Save", visitor.dialog)
        expect(visitor.dialog).not_to_be_visible()
    visitor.settle()

    assert started(visitor) == tools_of(*OPTIONAL)
    assert tool not in parse(visitor.decision).choices


@both
def test_tool_is_refused_without_javascript(come, law, delivery):
    tool = one_of("advertising")
    visitor = come(GERMANY, java_script_enabled=False)
    visitor.goto("/consent/preferences/")
    sheet = visitor.page.locator(".dcp-sheet")
    for category in OPTIONAL:
        sheet.locator(f'input[name="choices"][value="{category}"]').check()
    tool_box(sheet, tool).uncheck()

    visitor.press("Save", sheet)

    expected = {**dict.fromkeys(OPTIONAL, law.revision), tool: 0}
    assert parse(visitor.decision).choices == expected
    box = visitor.page.locator(f'.dcp-sheet input[name="tools"][value="{tool}"]')
    expect(box).not_to_be_checked()
    page = visitor.goto("/")
    runs = {key for key in tools_of(*OPTIONAL) if f'data-consent-tool="{key}"' in page}
    assert runs == (tools_of(*OPTIONAL) - {tool} if delivery == "server" else set())


def test_essential_tool_that_the_cookie_refuses_is_allowed(come, law):
    essential = Tool.objects.filter(category__essential=True, enabled=True).first().key
    visitor = come(GERMANY)
    text = Decision(law.revision, today(), {"functional": law.revision, essential: 0}).text
    visitor.context.add_cookies([{"name": "consent", "value": text, "url": visitor.address}])

    arrive(visitor)

    assert visitor.page.evaluate("key => consent.allows(key)", essential)


# The page's script against the law


def plain(policy: Policy) -> dict[str, Any]:
    """Return the policy as the oracle takes it, without its rules."""
    return {
        "revision": policy.revision,
        "lifetime": policy.lifetime_days,
        "regime": policy.regime,
        "rules": [],
        "categories": [
            {
                **{name: getattr(category, name) for name in ("key", "essential", "sale", "since")},
                "tools": dict(category.tools.filter(enabled=True).values_list("key", "since")),
            }
            for category in Category.objects.filter(policy=policy)
        ],
    }


def cookies(policy: Policy, tools: list[str]) -> Iterator[tuple[str, Any]]:
    """Go through cookies: each category in each state, each of ``tools`` refused, and oddities."""
    now, old = policy.revision, policy.revision - 1
    yield "nonsense", UNCLEAR
    yield f"1gg.{now}.{today()}.functional_{now}", UNCLEAR
    everything = dict.fromkeys(OPTIONAL, now)
    odd = [
        ({"choices": dict.fromkeys(OPTIONAL, old)}, {"revision": old}),
        ({"choices": everything}, {"revision": old}),
        ({"choices": everything}, {"age": policy.lifetime_days}),
        ({"choices": everything}, {"age": policy.lifetime_days - 1}),
        ({"choices": everything}, {"age": -3}),
        ({"choices": dict.fromkeys(OPTIONAL, now + 1)}, {"revision": now + 1}),
        ({"choices": {**everything, tools[0]: now}}, {}),
    ]
    said = [{**choices, **more} for choices, more in odd]
    states = product(product((None, 0, old, now), repeat=len(OPTIONAL)), powerset(tools))
    for chosen, refused in states:
        choices = {key: at for key, at in zip(OPTIONAL, chosen, strict=True) if at is not None}
        said.append({"choices": {**choices, **dict.fromkeys(refused, 0)}})
    for told, signal in product(said, (False, True)):
        cookie = {"revision": now, "age": 0, **told, "signal": signal}
        yield text_of(cookie), cookie


def powerset(keys: list[str]) -> list[tuple[str, ...]]:
    return [chosen for count in range(len(keys) + 1) for chosen in combinations(keys, count)]


ALLOWED = """([cases, keys]) => cases.map(([cookie, regime, optsOut]) => {
  document.cookie = cookie === null ? "consent=; path=/; max-age=0" : `consent=${cookie}; path=/`;
  document.querySelector("#dcp-preferences").dataset.runsFirst = regime === "opt_in" ? "" : "1";
  Object.defineProperty(navigator, "globalPrivacyControl", {
    configurable: true, value: optsOut,
  });
  return keys.filter((key) => consent.allows(key));
})"""


# A prime, so that each kind of case is among every so many.
@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_script_allows_what_the_law_does(come, law, every):
    # Something that is newer than what visitors granted before.
    newer = Tool.objects.get(key=sorted(tools_of("advertising"))[1])
    newer.vendor = "Somebody else"
    newer.save()
    law.refresh_from_db()
    told = plain(law)
    keys = [tool for category in told["categories"] for tool in category["tools"]]
    # One that is as old as its category, one that is newer, and one that cannot be refused.
    essential = next(c for c in told["categories"] if c["essential"] and c["tools"])
    tools = [one_of("advertising"), newer.key, next(iter(essential["tools"]))]
    visitor = come(GERMANY)
    arrive(visitor)
    cases = list(
        product(
            [(None, None), *cookies(law, tools)],
            oracle.STRICTEST_FIRST,
            (False, True),
        )
    )
    assert len(cases) > 6_000
    cases = cases[::every]
    sent = [[text, regime, opts_out] for (text, _), regime, opts_out in cases]

    found = visitor.page.evaluate(ALLOWED, [sent, keys])

    for ((text, cookie), regime, opts_out), allowed in zip(cases, found, strict=True):
        case = {**told, "regime": regime}
        expected, _ = oracle.answer(case, "", opts_out=opts_out, cookie=cookie)
        assert set(allowed) == expected, f"{regime}, opts out: {opts_out}, cookie {text!r}"
