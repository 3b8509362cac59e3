"""Cacheable delivery: one page for everybody, and script files that hold each visitor's tools."""

import gc
import gzip
import json
import re
import sys
import tracemalloc
from collections.abc import Callable
from html import escape
from io import StringIO
from itertools import product
from operator import itemgetter
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import Client
from django.test.signals import template_rendered
from django.urls import include, path

from consent.models import Category, Cookie, Policy, Tool
from consent.models.legal_basis import LEGAL_BASES
from consent.pages import script_bundles
from consent.policy import CompiledPolicy, build, policies, policy_data
from consent.recipes.markers import without_nonce
from tests.factories import CategoryFactory, CookieFactory, PolicyFactory, ToolFactory
from tests.helpers import (
    CHAT,
    ESSENTIAL_TOOLS,
    OPTIONAL,
    PIXEL,
    TOOLS_OF,
    chosen,
    days_ago,
    grant,
    no_policy,
    page_request,
    small_site,
    tool_scripts,
    vary,
)

pytestmark = pytest.mark.django_db

PAGE = """{% load consent %}<!DOCTYPE html><title>Page</title>{% consent_head %}
{% ifconsent "advertising" %}<p>ads</p>{% else %}<p>no ads</p>{% endifconsent %}
{% ifconsent "chat" %}<p>chat</p>{% endifconsent %}
{% ifconsent "essential" %}<p>always</p>{% else %}<p>never</p>{% endifconsent %}
{% ifconsent "nothing-of-the-kind" %}<p>never</p>{% else %}<p>unknown</p>{% endifconsent %}
{% consent_tool "captcha" %}{% consent_tool "chat" %}{% consent_policy %}
{% consent_preferences_button %}{% consent_body %}"""

rendered: list[str] = []


def page(request: HttpRequest) -> HttpResponse:
    rendered.append(request.path)
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


urlpatterns = [path("page/", page), path("consent/", include("consent.urls"))]


@pytest.fixture(autouse=True)
def _cacheable(settings: Any) -> None:
    settings.CONSENT_DELIVERY = "cacheable"
    settings.CONSENT_POLICY_MAX_AGE = 0
    settings.ROOT_URLCONF = "tests.pages.test_script_bundles"
    rendered.clear()


@pytest.fixture
def policy() -> Policy:
    return small_site()


def visit(cookie: str = "", address: str = "/page/", **headers: str) -> Any:
    client = Client(headers=headers)
    if cookie:
        client.cookies["consent"] = cookie
    return client.get(address)


def address(*granted: str, version: str = "") -> str:
    """Return where the tools of these categories, granted now, are."""
    current = policies.current()
    names = script_bundles.bundle_name(current.grant(dict.fromkeys(granted, current.revision)))
    return f"/consent/tools/{version or current.fingerprint}/{names}.js"


def started(response: HttpResponse) -> set[str]:
    """Return the keys of the tools that a script file starts."""
    text = response.content.decode()
    match = re.fullmatch(r"consent\.start\((.*)\);\n", text, re.DOTALL)
    assert match, text
    return {tool["tool"] for tool in json.loads(match[1])}


# The page


def visitors() -> list[tuple[str, dict[str, str]]]:
    cookies = [
        "",
        "malformed",
        grant(),
        grant(*OPTIONAL),
        grant("functional"),
        grant("advertising", at=1),
        grant(*OPTIONAL, day=days_ago(400)),
        chosen({"functional": 0}, revision=1),
    ]
    headers = [{}, {"Sec-GPC": "1"}, {"Sec-Fetch-Dest": "empty"}, {"Sec-Fetch-Dest": "document"}]
    return list(product(cookies, headers))


@pytest.mark.parametrize("regime", list(LEGAL_BASES))
def test_page_is_the_same_to_the_byte_whoever_asks(policy, regime):
    Policy.objects.update(regime=regime)

    pages = {visit(cookie, **headers).content for cookie, headers in visitors()}

    assert len(pages) == 1


def test_page_depends_on_no_header_and_sets_no_cookie(policy):
    for cookie, headers in visitors():
        response = visit(cookie, **headers)
        # The site's LocaleMiddleware says that; the language is no matter of consent.
        assert vary(response) <= {"Accept-Language"}
        assert not response.cookies


@pytest.mark.parametrize("regime", list(LEGAL_BASES))
def test_page_has_the_code_of_essential_tools_alone(policy, regime):
    Policy.objects.update(regime=regime)

    markup = visit(grant(*OPTIONAL)).content.decode()

    assert tool_scripts(markup) == ESSENTIAL_TOOLS
    assert 'data-consent-slot="chat"' in markup


def test_both_parts_of_a_condition_wait_for_the_script_unless_they_are_everybodys(policy):
    markup = visit(grant(*OPTIONAL)).content.decode()

    def switch(key: str, allowed: str, otherwise: str) -> str:
        return (
            f'<template data-consent-if="{key}" data-consent-markup="{escape(allowed)}"></template>'
            f"{otherwise}"
            "<template data-consent-end></template>"
        )

    assert switch("advertising", "<p>ads</p>", "<p>no ads</p>") in markup
    assert switch("chat", "<p>chat</p>", "") in markup
    assert "\n<p>always</p>\n<p>unknown</p>\n" in markup
    assert "never" not in markup


def test_page_says_where_the_tools_are(policy):
    markup = visit().content.decode()

    assert f'data-tools="/consent/tools/{policies.current().fingerprint}/"' in markup


def test_page_of_server_delivery_does_not(policy, settings):
    settings.CONSENT_DELIVERY = "server"
    markup = visit(grant("functional")).content.decode()

    assert "data-tools" not in markup
    assert "data-consent-if" not in markup
    assert tool_scripts(markup) == {CHAT, *ESSENTIAL_TOOLS}


def test_notice_is_on_the_page_but_hidden_until_it_is_known_whom_to_ask(policy):
    for cookie in ("", grant()):
        notice = re.search(r"<section[^>]*>", visit(cookie).content.decode())
        assert notice is not None
        assert 'id="dcp-notice"' in notice[0]
        assert "hidden" in notice[0].split()


def test_page_without_anything_to_ask_about_has_no_notice():
    ToolFactory(category__essential=True)
    CategoryFactory()

    assert "dcp-notice" not in re.sub(r"href=\S+", "", visit().content.decode())


def test_request_that_a_view_asks_still_knows_its_visitor_and_says_so(policy):
    request = page_request(grant("advertising"))
    response = HttpResponse()

    assert request.consent.allows("pixel")
    request.consent.finish(response)
    assert "Cookie" in vary(response)


# Page caches


@pytest.fixture
def _page_cache(settings: Any) -> None:
    cache.clear()
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]


@pytest.mark.usefixtures("_page_cache")
def test_djangos_page_cache_keeps_one_page_for_everybody(policy):
    pages = [visit(cookie, **headers).content for cookie, headers in visitors()]

    assert len(set(pages)) == 1
    assert len(rendered) == 1


@pytest.mark.usefixtures("_page_cache")
def test_djangos_page_cache_keeps_a_page_of_server_delivery_for_those_with_one_choice(
    policy, settings
):
    settings.CONSENT_DELIVERY = "server"
    for cookie in ("", grant("functional"), grant(), "") * 2:
        markup = visit(cookie).content.decode()
        assert (CHAT in tool_scripts(markup)) is (cookie == grant("functional"))

    assert len(rendered) == 3


# The script files


@pytest.mark.parametrize("granted", [*((key,) for key in OPTIONAL), OPTIONAL[:2], OPTIONAL])
def test_file_has_the_tools_that_were_granted_and_no_others(policy, granted):
    response = visit(address=address(*granted))

    assert response.status_code == 200
    assert started(response) == {TOOLS_OF[key] for key in granted}


def test_file_has_what_a_decision_made_on_a_page_would_start(policy):
    tools = json.loads(
        visit(address=address("advertising")).content.decode().removeprefix("consent.start(")[:-3]
    )

    pixel = policies.current().tools[PIXEL]
    assert tools == [{"tool": PIXEL, "placement": "body", "html": without_nonce(pixel.markup)}]


def test_file_is_kept_by_every_cache_for_ever(policy):
    response = visit(address=address(*OPTIONAL))

    directives = {part.strip() for part in response["Cache-Control"].split(",")}
    assert directives == {"public", "max-age=31536000", "immutable"}
    assert response["Content-Type"] == "text/javascript; charset=utf-8"
    assert not vary(response) - {"Accept-Language"}
    assert not response.cookies


def test_file_is_the_same_whoever_asks(policy):
    where = address("functional")

    assert len({visit(cookie, where, **headers).content for cookie, headers in visitors()}) == 1


@pytest.mark.parametrize("allowed", ["GET", "HEAD"])
def test_file_is_only_read(policy, allowed):
    where = address("functional")

    assert getattr(Client(), allowed.lower())(where).status_code == 200
    assert Client().post(where).status_code == 405


@pytest.mark.parametrize(
    "name",
    [
        "functional_3",
        "functional_0",
        "functional_02",
        "functional_2.functional_2",
        "functional_2.unknown_2",
        "functional_2.essential_2",
        "advertising_2.functional_2",
        "unknown_2",
        "essential_2",
        "functional",
        "_2",
        "functional_2.",
        "functional_2 ",
        "FUNCTIONAL_2",
        "functional_9999999999999999999999",
        "functional_2." * 60 + "functional_2",
        "..",
        "%00",
        "%0afunctional_2",
        "<script>",
        "ünctional_2",
    ],
)
def test_address_that_no_page_can_have_is_not_found(policy, name):
    version = policies.current().fingerprint
    for directory in (version, "0" * 16):
        response = visit(address=f"/consent/tools/{directory}/{name}.js")
        if directory == version or response.status_code != 200:
            assert response.status_code == 404
        else:
            # What it says can be understood, but no page of now says it so.
            assert "immutable" not in response["Cache-Control"]


def test_every_address_that_a_decision_makes_is_served_and_each_means_that_decision():
    categories = [CategoryFactory(key=key) for key in ("functional", "advertising")]
    for category in categories:
        ToolFactory(category=category, key=f"{category.key}-old")
        ToolFactory(category=category, key=f"{category.key}-new")
    Category.objects.filter(key="functional").update(since=1)
    Category.objects.filter(key="advertising").update(since=2)
    Tool.objects.filter(key__endswith="old").update(since=1)
    Tool.objects.filter(key__endswith="new").update(since=4)
    Policy.objects.update(revision=5)
    compiled = build().default
    seen: dict[str, set[str]] = {}

    for functional, advertising in product(range(6), repeat=2):
        choices = {"functional": functional, "advertising": advertising}
        selection = compiled.grant(choices)
        name = script_bundles.bundle_name(selection)
        keys = {tool.key for tool in selection.tools}
        assert seen.setdefault(name, keys) == keys
        if name:
            response = visit(address=f"/consent/tools/{compiled.fingerprint}/{name}.js")
            assert started(response) == keys

    assert sorted(seen) == sorted(
        ".".join(filter(None, pair))
        for pair in product(
            ("", "functional_1", "functional_4"), ("", "advertising_2", "advertising_4")
        )
    )


def test_file_of_an_earlier_policy_is_that_of_now_for_a_short_time(policy):
    old = address(*OPTIONAL)
    ToolFactory(category=Category.objects.get(key="advertising"), key="newcomer")

    response = visit(address=old)

    # What was granted then does not cover what came after.
    assert started(response) == set(TOOLS_OF.values())
    assert "immutable" not in response["Cache-Control"]


def test_file_of_an_earlier_policy_has_nothing_of_a_category_that_is_gone(policy):
    old = address("functional", "advertising")
    only_advertising = address("advertising")
    Tool.objects.filter(category__key="advertising").delete()
    Category.objects.get(key="advertising").delete()

    assert started(visit(address=old)) == {CHAT}
    assert visit(address=only_advertising).status_code == 404


def test_tool_that_was_disabled_is_in_no_file(policy):
    old = address("advertising")
    tool = Tool.objects.get(key=PIXEL)
    tool.enabled = False
    tool.save()

    response = visit(address=old)

    assert PIXEL not in response.content.decode()
    assert PIXEL not in visit(address=address("functional", "advertising")).content.decode()


def test_redirect_is_kept_no_longer_than_an_edit_takes_to_show(policy, settings):
    settings.CONSENT_POLICY_MAX_AGE = 7.5

    response = visit(address=address("functional", version="0" * 16))

    assert response["Cache-Control"] == "public, max-age=7"


def test_server_delivery_has_no_such_files(policy, settings):
    where = address(*OPTIONAL)
    settings.CONSENT_DELIVERY = "server"

    assert visit(address=where).status_code == 404


def test_without_a_policy_there_are_no_files(policy):
    where = address(*OPTIONAL)
    no_policy()

    assert visit(address=where).status_code == 404


def test_code_cannot_end_the_file_or_start_another(policy):
    snippet = '<script>let a = "</script><script>\u2028);alert(1)//"</script>\\'
    Tool.objects.filter(key=CHAT).update(snippet=snippet)
    Policy.objects.update(revision=3)

    response = visit(address=address("functional"))

    assert response.content.isascii()
    assert started(response) == {CHAT}


# Without JavaScript


@pytest.mark.parametrize(
    ("cookie", "asks"),
    [(lambda: "", True), (lambda: "malformed", True), (grant, False)],
)
def test_stylesheet_shows_the_notice_to_those_who_are_to_be_asked(
    policy, cookie: Callable[[], str], asks: bool
):
    response = visit(cookie(), "/consent/notice.css")

    assert response["Content-Type"] == "text/css; charset=utf-8"
    assert bool(response.content) is asks
    assert "no-store" in response["Cache-Control"]
    assert "Cookie" in vary(response)
    # Else another website could load it to see whether a visitor was here.
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"


# What it costs


def crowd(count: int) -> None:
    """Fill a policy with so many tools; a visitor who allows Functional allows one of them."""
    policy = PolicyFactory(revision=3)
    functional, others = Category.objects.bulk_create(
        CategoryFactory.build(policy=policy, key=key, order=order, since=1)
        for order, key in enumerate(("functional", "others"))
    )
    Tool.objects.bulk_create(
        [
            ToolFactory.build(policy=policy, category=functional, key=CHAT, since=2),
            *(
                ToolFactory.build(policy=policy, category=others, key=f"other-{n}", since=2)
                for n in range(count - 1)
            ),
        ]
    )
    policies.forget()


def calls_of(action: Callable[[], object]) -> int:
    """Return how many functions, Python's and C's, ``action`` calls: its cost, without a clock."""
    counted = [0]

    def count(frame: Any, event: str, argument: Any) -> None:
        counted[0] += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return counted[0]


@pytest.mark.parametrize("mode", ["server", "cacheable"])
def test_warm_page_costs_the_same_whatever_the_number_of_tools(settings, mode):
    settings.CONSENT_DELIVERY = mode
    settings.CONSENT_POLICY_MAX_AGE = 3600
    source = engines["django"].from_string(PAGE.replace("{% consent_policy %}", ""))
    costs = []
    for count in (17, 1_700):
        Policy.objects.all().delete()
        crowd(count)
        for cookie in (grant("functional"), grant(), ""):
            # The first visit compiles and renders.
            source.render({}, page_request(cookie))
        costs.append(
            [
                calls_of(lambda: source.render({}, page_request(cookie)))  # noqa: B023
                for cookie in (grant("functional"), grant(), "")
            ]
        )

    assert costs[0] == costs[1]


def test_inventing_cookies_does_not_fill_the_memory(settings, monkeypatch):
    monkeypatch.setattr(policy_data, "RENDERED_LENGTH", 100_000)
    monkeypatch.setattr(policy_data, "COPIES", 1)
    settings.CONSENT_DELIVERY = "server"
    settings.CONSENT_POLICY_MAX_AGE = 3600
    crowd(60)
    Tool.objects.update(snippet="<script>" + "x" * 5_000 + "</script>")
    for number, tool in enumerate(Tool.objects.order_by("pk")):
        Tool.objects.filter(pk=tool.pk).update(since=2 + number)
    Policy.objects.update(revision=400)
    policies.forget()
    source = engines["django"].from_string(PAGE)
    source.render({}, page_request())
    written: list[str] = []

    def note(template: Any, **kwargs: Any) -> None:
        written.append(template.name)

    template_rendered.connect(note)
    tracemalloc.start()
    try:
        for granted in range(1, 400):
            choices = {"others": granted, "functional": granted % 2}
            source.render({}, page_request(chosen(choices, revision=granted)))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        template_rendered.disconnect(note)

    # Without a bound: 400 pages of up to 300 KB.
    assert size < 2_000_000
    # What is the same for everybody stays, whatever else is invented.
    assert "consent/status.html" in written
    assert not {"consent/preferences_dialog.html", "consent/policy_table.html"} & set(written)


def built_with_size() -> tuple[CompiledPolicy, int]:
    """Return the policy that is compiled anew, and the bytes of memory that it takes.

    Measured twice: Python's table of interned texts, which is not the policy's, may grow meanwhile.
    """
    build()
    return min((measured_build() for _ in range(2)), key=itemgetter(1))


def measured_build() -> tuple[CompiledPolicy, int]:
    tracemalloc.start()
    try:
        compiled = build().default
        # The models it was built from refer to each other.
        gc.collect()
        return compiled, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_compiled_policy_of_1700_tools_takes_less_than_3_megabytes():
    crowd(1_700)
    Tool.objects.update(recipe="", snippet="<script>" + "y" * 400 + "</script>")
    compiled, size = built_with_size()

    assert len(compiled.tools) == 1_700
    assert size < 3_000_000


def test_so_it_does_with_translations_into_five_languages():
    crowd(1_700)
    tools = list(Tool.objects.all())
    cookies = [
        # As recipes do it: many tools declare the same.
        CookieFactory.build(tool=tool, retention=f"{n % 9} days", purpose=f"Purpose {n % 60}" * 6)
        for n, tool in enumerate(tools)
    ]
    Cookie.objects.bulk_create(cookies)
    for row in (*Policy.objects.all(), *Category.objects.all(), *tools, *Cookie.objects.all()):
        for language in ("de", "es", "fr", "it", "pl"):
            for name in row.TEXTS:
                row.translate(language, name, f"{getattr(row, name)} ({language})")
        QuerySet(type(row)).filter(pk=row.pk).update(translations=row.translations)
    compiled, size = built_with_size()

    assert len(compiled.translations["pl"]) > 1_700
    assert size < 3_000_000, size


def test_dialog_with_what_the_demos_tools_declare_takes_less_than_4_kilobytes(settings):
    settings.ROOT_URLCONF = "demo_site.urls"
    settings.CONSENT_DELIVERY = "server"
    settings.DEBUG = True
    call_command("demo_seed", stdout=StringIO())
    markup = visit(grant(), "/").content.decode()
    dialog = markup[markup.index('<dialog id="dcp-preferences"') : markup.rindex("</body>")]

    # The first policy's 17 and a video's.
    assert dialog.count("data-tool=") == 18
    assert len(gzip.compress(dialog.encode(), 9)) < 4_000
