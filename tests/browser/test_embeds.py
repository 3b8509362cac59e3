"""Embeds and blocks: what is asked of their vendors, when, and how a visitor gets to see them.

Each embed recipe of the catalogue is on one page; what is not the vendors' own is tried with three
of them, in both deliveries.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from playwright.sync_api import Locator, expect

from consent.models import Category, Policy, Tool
from consent.policy import policies
from consent.policy.decision import Decision, today
from consent.recipes import catalogue
from tests.browser.test_accessibility import complaints  # noqa: F401
from tests.browser.test_notice import DESK, PHONE
from tests.browser.visitor import OPTIONAL, Visitor
from tests.factories import ToolFactory
from tests.recipes.test_embeds import ADDRESSES, EMBEDS, HOST

# Those that most of the tests show.
FEW = ("google-maps", "vimeo", "youtube")
FRAME = """<!DOCTYPE html><html lang="en"><head><title>Embeds</title>
<meta name="viewport" content="width=device-width">{% consent_head %}</head><body>
<main><h1>Embeds</h1>CONTENT<p id="after">After</p></main>
{% consent_preferences_button %}{% consent_body %}</body></html>"""
BLOCK = """{% consentblock "drift" title="A talk" %}<p id="talk" tabindex="-1">talk</p>
<script>window.order = ["first"];</script>
<script src="https://tidings.example/part.js"></script>
<script>window.order.push("third");</script><style>#talk { color: red }</style>
{% endconsentblock %}"""
ORDER = ["first", "second", "third"]
LATER = "/later/"
VENDORS = re.compile(
    r"https://([a-z-]+\.)*(youtube(-nocookie)?|ytimg|vimeo|vimeocdn|tidings)\.|https://www\.google\.com/maps"
)


def tag(key: str, title: str = "") -> str:
    """Return the tag of an embed, as the first of its addresses needs it."""
    given, _ = ADDRESSES[key][0]
    # What a vendor's share button gives may have double quotes in it.
    values = " ".join(f"{name}='{value}'" for name, value in given.items())
    return f'{{% consent_embed "{key}" {values} title="{title or f"A thing of {key}"}" %}}'


PAGES = {
    "all": "".join(tag(key) for key in FEW),
    "every": "".join(tag(key) for key in EMBEDS),
    "twice": tag("youtube", "One") + tag("youtube", "Two"),
    "block": BLOCK,
    "both": tag("youtube") + BLOCK,
    "nested": '{% consentblock "pixel" title="A frame" %}'
    + tag("youtube")
    + "{% endconsentblock %}",
    "none": '<div id="place"></div>',
    **{key: tag(key) for key in FEW},
}


def page(request: HttpRequest, name: str) -> HttpResponse:
    source = "{% load consent %}" + FRAME.replace("CONTENT", PAGES[name])
    return HttpResponse(engines["django"].from_string(source).render({}, request))


def later(request: HttpRequest, name: str) -> HttpResponse:
    """Return a part of a page, for a script to put into one."""
    source = "{% load consent %}" + PAGES[name]
    return HttpResponse(engines["django"].from_string(source).render({}, request))


urlpatterns = [
    path("shows/<str:name>/", page),
    path("later/<str:name>/", later),
    path("", include("demo_site.urls")),
]


@pytest.fixture(autouse=True, params=["server", "cacheable"])
def _delivery(settings: Any, request: pytest.FixtureRequest) -> None:
    key = getattr(request.node, "callspec").params.get("key", FEW[0])  # noqa: B009
    if request.param == "cacheable" and key != FEW[0]:
        pytest.skip("What is a vendor's own is the same in both deliveries.")
    settings.ROOT_URLCONF = __name__
    settings.CONSENT_DELIVERY = request.param


def add_embeds(keys: Iterable[str]) -> None:
    category = Category.objects.get(key="functional")
    for key in keys:
        recipe = catalogue()[key]
        ToolFactory(
            category=category,
            key=key,
            name=recipe.name,
            vendor=recipe.vendor,
            privacy_url=recipe.privacy_url,
            recipe=key,
            snippet="",
            placement="manual",
        )


@pytest.fixture(autouse=True)
def embeds(policy: Policy) -> Policy:
    """The site's policy, with a few embeds and a tool of another category."""
    add_embeds(FEW)
    ToolFactory(category=Category.objects.get(key="advertising"), key="pixel", placement="manual")
    # No tool of the category runs by itself, which would be a reason to leave the page, too.
    Tool.objects.filter(key="drift").update(placement="manual")
    policies.forget()
    policy.refresh_from_db()
    return policy


def address(key: str) -> str:
    return ADDRESSES[key][0][1].replace(HOST, "127.0.0.1")


def asked(visitor: Visitor) -> list[str]:
    """Return what was asked of the vendors of embeds."""
    return [url for url in visitor.requests if VENDORS.match(url)]


def group(visitor: Visitor, title: str) -> Locator:
    return visitor.page.get_by_role("group", name=title, exact=True)


def press(place: Locator, name: str) -> None:
    place.get_by_role("button", name=name, exact=True).click()


def always(place: Locator) -> None:
    press(place, "Always allow “Functional”")


def stored(visitor: Visitor) -> Any:
    return visitor.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]")


def mark(visitor: Visitor) -> None:
    visitor.page.evaluate("window.same = true")


def same(visitor: Visitor) -> bool:
    """Say whether the page was never left since it was marked."""
    return bool(visitor.page.evaluate("window.same === true"))


# Each embed of the catalogue


def test_each_embed_of_the_catalogue_asks_its_vendor_where_it_is_allowed(visitor, policy, settings):
    if settings.CONSENT_DELIVERY == "cacheable":
        pytest.skip("What is a vendor's own is the same in both deliveries.")
    add_embeds(set(EMBEDS) - set(FEW))
    policies.forget()
    policy.refresh_from_db()
    visitor.goto("/shows/every/")
    visitor.settle()
    assert visitor.requests == []
    visitor.reject_all()
    visitor.goto("/shows/every/")
    visitor.settle()
    assert visitor.requests == []

    visitor.has_decided("functional", revision=policy.revision)
    visitor.goto("/shows/every/")

    for key in EMBEDS:
        frame = group(visitor, f"A thing of {key}").locator("iframe")
        expect(frame).to_have_attribute("src", address(key))
        # Those far below wait until they are near.
        frame.scroll_into_view_if_needed()
        visitor.wait_for_request(address(key))
    assert sorted(visitor.requests) == sorted(map(address, EMBEDS))


# What is a vendor's own, for a few


@pytest.mark.parametrize("key", FEW)
def test_vendor_is_asked_only_for_what_is_loaded_once_and_nothing_is_stored(visitor, key):
    visitor.goto("/shows/all/")
    visitor.settle()
    assert visitor.requests == []
    mark(visitor)

    press(group(visitor, f"A thing of {key}"), "Load once")

    frame = group(visitor, f"A thing of {key}").locator("iframe")
    expect(frame).to_have_attribute("src", address(key))
    visitor.wait_for_request(address(key))
    visitor.settle()
    assert visitor.requests == [address(key)]
    assert visitor.cookies == {}
    assert stored(visitor) == ["", 0, 0]
    assert same(visitor)
    expect(visitor.page.get_by_role("button", name="Load once")).to_have_count(len(FEW) - 1)

    visitor.goto("/shows/all/")
    visitor.settle()
    assert visitor.requests == [address(key)]
    expect(visitor.page.get_by_role("button", name="Load once")).to_have_count(len(FEW))


@pytest.mark.parametrize("key", FEW)
def test_nothing_is_asked_after_a_refusal_or_a_grant_of_something_else(visitor, key):
    visitor.goto(f"/shows/{key}/")
    visitor.reject_all()
    visitor.goto(f"/shows/{key}/")
    visitor.choose("advertising", "marketing-analytics")
    visitor.goto(f"/shows/{key}/")
    visitor.settle()

    assert asked(visitor) == []


@pytest.mark.parametrize("key", FEW)
def test_vendor_is_asked_once_a_page_where_its_category_is_allowed(visitor, embeds, key):
    visitor.has_decided("functional", revision=embeds.revision)

    for times in (1, 2):
        visitor.goto(f"/shows/{key}/")
        expect(visitor.page.locator("iframe")).to_have_attribute("src", address(key))
        visitor.wait_for_request(address(key), times)
        visitor.settle()
        assert asked(visitor) == [address(key)] * times


# “Always allow”


def test_always_allow_loads_all_of_the_category_here_and_later(visitor, embeds):
    visitor.has_decided("advertising", revision=embeds.revision)
    visitor.goto("/shows/all/")
    mark(visitor)

    always(group(visitor, "A thing of youtube"))

    expect(visitor.page.locator("iframe")).to_have_count(len(FEW))
    expect(visitor.status).to_contain_text("Functional")
    for key in FEW:
        visitor.wait_for_request(address(key))
    visitor.settle()
    assert sorted(asked(visitor)) == sorted(map(address, FEW))
    assert same(visitor)
    revision = embeds.revision
    assert set(visitor.decision.split(".")[3:]) == {
        f"functional_{revision}",
        f"advertising_{revision}",
        "marketing-analytics_0",
    }
    visitor.goto("/shows/youtube/")
    expect(visitor.page.locator("iframe")).to_have_count(1)


def test_page_that_is_refused_again_is_left_and_asks_again(visitor, embeds):
    visitor.has_decided("functional", revision=embeds.revision)
    visitor.goto("/shows/youtube/")
    expect(visitor.page.locator("iframe")).to_have_count(1)
    visitor.wait_for_request(address("youtube"))
    visitor.settle()
    assert asked(visitor) == [address("youtube")]

    with visitor.page.expect_navigation():
        visitor.choose()

    expect(group(visitor, "A thing of youtube").get_by_role("button")).to_have_count(2)
    expect(visitor.status).to_be_visible()
    visitor.settle()
    assert asked(visitor) == [address("youtube")]


def test_what_was_allowed_here_is_gone_when_it_is_refused_here(visitor):
    visitor.goto("/shows/youtube/")
    always(group(visitor, "A thing of youtube"))
    expect(visitor.page.locator("iframe")).to_have_count(1)

    with visitor.page.expect_navigation():
        visitor.choose("advertising")

    expect(group(visitor, "A thing of youtube").get_by_role("button")).to_have_count(2)


def test_what_was_loaded_once_stays_through_a_choice_on_the_same_page(visitor):
    visitor.goto("/shows/both/")
    press(group(visitor, "A thing of youtube"), "Load once")
    mark(visitor)

    visitor.choose("advertising")
    visitor.wait_for_request(address("youtube"))
    visitor.settle()

    assert same(visitor)
    expect(visitor.page.locator("iframe")).to_have_count(1)
    assert asked(visitor) == [address("youtube")]


def test_a_choice_that_is_not_saved_loads_nothing_and_says_so(visitor):
    visitor.goto("/shows/youtube/")
    visitor.context.route("**/consent/api/preferences/", lambda route: route.abort())

    always(group(visitor, "A thing of youtube"))

    expect(visitor.page.get_by_role("alert").filter(has_text="not saved")).to_be_visible()
    expect(visitor.page.locator("iframe")).to_have_count(0)
    assert asked(visitor) == []


# Blocks


def test_block_runs_its_scripts_in_order_and_once(visitor):
    visitor.answers["https://tidings.example/part.js"] = 'window.order.push("second");'
    visitor.goto("/shows/block/")
    visitor.settle()
    assert visitor.page.evaluate("window.order") is None

    press(group(visitor, "A talk"), "Load once")

    visitor.page.wait_for_function("(window.order || []).length === 3")
    assert visitor.page.evaluate("order") == ORDER
    assert asked(visitor) == ["https://tidings.example/part.js"]
    assert visitor.cookies == {}
    expect(visitor.page.locator("#talk")).to_have_css("color", "rgb(255, 0, 0)")
    expect(visitor.page.locator("#after")).not_to_have_css("color", "rgb(255, 0, 0)")


def test_block_in_a_block_asks_for_itself(visitor):
    visitor.goto("/shows/nested/")

    press(group(visitor, "A frame"), "Load once")

    inner = group(visitor, "A thing of youtube")
    expect(inner).to_be_visible()
    visitor.settle()
    assert asked(visitor) == []
    press(inner, "Load once")
    expect(visitor.page.locator("iframe")).to_have_count(1)


# HTML that arrives later

FETCHED = """async ([address, runs]) => {
  const place = document.getElementById("place");
  place.innerHTML = await (await fetch(address)).text();
  if (!runs) return;
  for (const old of place.querySelectorAll("script")) {
    const script = document.createElement("script");
    for (const { name, value } of old.attributes) script.setAttribute(name, value);
    script.textContent = old.textContent;
    old.replaceWith(script);
  }
}"""


def bring(visitor: Visitor, name: str, *, runs: bool) -> None:
    """Put a part into the page: by innerHTML alone, or with its scripts run, as HTMX does."""
    visitor.page.evaluate(FETCHED, [f"{LATER}{name}/", runs])


@pytest.mark.parametrize("runs", [False, True], ids=["innerHTML", "as HTMX does"])
def test_html_that_arrives_later_asks_and_loads(visitor, runs):
    visitor.goto("/shows/none/")
    mark(visitor)
    bring(visitor, "twice", runs=runs)
    visitor.settle()
    assert visitor.requests == []

    press(group(visitor, "One"), "Load once")

    expect(group(visitor, "One").locator("iframe")).to_have_count(1)
    expect(group(visitor, "Two").locator("iframe")).to_have_count(0)
    always(group(visitor, "Two"))
    expect(group(visitor, "Two").locator("iframe")).to_have_count(1)
    assert same(visitor)


@pytest.mark.parametrize("runs", [False, True], ids=["innerHTML", "as HTMX does"])
def test_html_that_arrives_later_shows_what_is_allowed_already(visitor, embeds, runs):
    visitor.has_decided("functional", revision=embeds.revision)
    visitor.goto("/shows/none/")

    bring(visitor, "twice", runs=runs)

    expect(visitor.page.locator("iframe")).to_have_count(2)


def test_script_that_comes_again_does_not_act_twice(visitor):
    visitor.goto("/shows/youtube/")
    visitor.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div id=place></div>')")
    bring(visitor, "block", runs=True)
    visitor.settle()
    sent: list[str] = []
    visitor.context.on("request", lambda each: sent.append(each.method))

    always(group(visitor, "A thing of youtube"))

    expect(visitor.page.locator("iframe")).to_have_count(1)
    assert sent.count("PATCH") == 1


# Keyboard, screen readers, looks


@pytest.mark.parametrize("action", ["Load once", "Always allow “Functional”"])
def test_keyboard_goes_on_in_what_was_loaded(visitor, action):
    visitor.goto("/shows/youtube/")
    button = visitor.page.get_by_role("button", name=action)
    for _ in range(20):
        visitor.page.keyboard.press("Tab")
        if button.evaluate("(el) => el === document.activeElement"):
            break

    visitor.page.keyboard.press("Enter")

    expect(visitor.page.locator("iframe")).to_be_focused()
    expect(visitor.page.locator("iframe")).to_have_attribute("title", "A thing of youtube")


def test_keyboard_goes_on_at_a_block_without_an_iframe(visitor):
    visitor.goto("/shows/block/")

    press(group(visitor, "A talk"), "Load once")

    expect(group(visitor, "A talk")).to_be_focused()


@pytest.mark.parametrize("loaded", [False, True])
def test_axe_finds_nothing(enter, loaded, complaints):  # noqa: F811
    visitor = enter(viewport=DESK, reduced_motion="reduce")
    visitor.goto("/shows/all/")
    visitor.reject_all()
    if loaded:
        always(group(visitor, "A thing of youtube"))
        visitor.settle()

    assert complaints(visitor) == {}


BOX = """(el) => {
  const { x, y, width, height } = el.getBoundingClientRect();
  return [x + scrollX, y + scrollY, width, height];
}"""


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_moves_when_it_is_loaded(enter, embeds, viewport):
    visitor = enter(viewport=viewport)
    visitor.has_decided(revision=embeds.revision)
    visitor.goto("/shows/youtube/")
    place, after = group(visitor, "A thing of youtube"), visitor.page.locator("#after")
    before = place.evaluate(BOX), after.evaluate(BOX)
    assert place.locator(".dcp-ask").evaluate(BOX) == before[0]
    assert place.locator(".dcp-ask").evaluate("(el) => el.scrollWidth <= el.clientWidth")

    press(place, "Load once")

    assert place.locator("iframe").evaluate(BOX) == before[0]
    assert (place.evaluate(BOX), after.evaluate(BOX)) == before


def test_every_word_is_in_sight_on_a_phone(enter, embeds):
    Category.objects.filter(key="functional").update(purpose="To do what it is for. " * 30)
    policies.forget()
    visitor = enter(viewport=PHONE)
    visitor.goto("/shows/youtube/")
    ask = group(visitor, "A thing of youtube").locator(".dcp-ask")

    assert ask.evaluate("(el) => el.scrollHeight <= el.clientHeight")
    bottoms = "(el) => [...el.children].map((part) => part.getBoundingClientRect())"
    boxes = ask.evaluate(bottoms)
    assert all(above["bottom"] <= below["top"] for above, below in pairwise(boxes))
    press(group(visitor, "A thing of youtube"), "Load once")
    expect(visitor.page.locator("iframe")).to_be_visible()


def test_always_allow_shows_a_tool_that_was_refused_by_itself(visitor, embeds):
    Policy.objects.update(tool_choices=True)
    policies.forget()
    revision = embeds.revision
    text = Decision(revision, today(), {"functional": revision, "youtube": 0, "drift": 0}).text
    visitor.context.add_cookies([{"name": "consent", "value": text, "url": visitor.address}])
    visitor.goto("/shows/youtube/")

    always(group(visitor, "A thing of youtube"))

    expect(visitor.page.locator("iframe")).to_have_count(1)
    assert set(visitor.decision.split(".")[3:]) == {"drift_0", f"functional_{revision}"}


# Without JavaScript


def test_without_javascript_load_once_is_a_page_of_its_own(enter):
    visitor = enter(java_script_enabled=False)
    visitor.goto("/shows/both/?from=here")
    assert visitor.requests == []
    expect(group(visitor, "A talk").get_by_role("button", name="Load once")).to_be_hidden()

    press(group(visitor, "A thing of youtube"), "Load once")

    expect(visitor.page.locator("iframe")).to_have_attribute("src", address("youtube"))
    visitor.wait_for_request(address("youtube"))
    visitor.settle()
    assert asked(visitor) == [address("youtube")]
    assert visitor.cookies == {}
    visitor.page.get_by_role("link", name="Back").click()
    expect(visitor.page).to_have_url(re.compile(r"/shows/both/\?from=here$"))
    assert asked(visitor) == [address("youtube")]


def test_without_javascript_always_allow_shows_it_on_the_page(enter, embeds, settings):
    visitor = enter(java_script_enabled=False)
    visitor.goto("/shows/youtube/")

    always(group(visitor, "A thing of youtube"))

    expect(visitor.page).to_have_url(re.compile(r"/shows/youtube/#dcp-status$"))
    assert visitor.decision.endswith(f".functional_{embeds.revision}")
    shown = visitor.page.locator("iframe")
    # A page for everybody holds it only for the script; “Load once” is left.
    expect(shown).to_have_count(1 if settings.CONSENT_DELIVERY == "server" else 0)


def test_without_our_other_script_the_forms_are_sent_as_they_are(visitor):
    visitor.context.route("**/choice*.js", lambda route: route.abort())
    visitor.goto("/shows/youtube/")

    press(group(visitor, "A thing of youtube"), "Load once")

    expect(visitor.page).to_have_url(re.compile(r"/consent/embed/$"))
    expect(visitor.page.locator("iframe")).to_have_count(1)


def test_other_categories_are_none_of_an_embeds_business(visitor):
    assert set(OPTIONAL) > {"functional"}
    visitor.goto("/shows/youtube/")

    always(group(visitor, "A thing of youtube"))

    expect(visitor.page.locator("iframe")).to_have_count(1)
    assert re.fullmatch(r"1\.\d+\.\d+\.functional_\d+", visitor.decision)
