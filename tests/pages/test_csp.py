"""The policy of a page names the hosts of what its visitor allows, and of nothing else."""

from collections.abc import Callable
from typing import Any

import django
import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template import engines
from django.test import AsyncClient, Client, RequestFactory
from django.urls import include, path

from consent.middleware import ConsentCSPMiddleware
from consent.models import Category, Policy, Tool
from consent.pages.csp import csp_sources, extended_csp
from consent.pages.template_functions import consent_body, consent_head
from consent.policy import compile_tool, policies
from consent.recipes import catalogue
from tests.factories import ToolFactory
from tests.helpers import (
    ANALYTICS,
    CHAT,
    GUARD,
    OPTIONAL,
    PIXEL,
    grant,
    page_request,
    small_site,
    vary,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.pages.test_csp")]

CONSENT = "consent.middleware.ConsentMiddleware"
OURS = "consent.middleware.ConsentCSPMiddleware"
PACKAGE = "csp.middleware.CSPMiddleware"
DJANGO = "django.middleware.csp.ContentSecurityPolicyMiddleware"
HEADER = "Content-Security-Policy"
REPORTED = "Content-Security-Policy-Report-Only"

SITES = "default-src 'none'; script-src 'self'; img-src 'self'; base-uri 'none'"
# What the tools of the small site load from; analytics has a recipe.
SOURCES = {
    CHAT: "script-src https://chat.example\nimg-src https://chat.example",
    PIXEL: "img-src https://pixel.example",
    GUARD: "script-src https://guard.example",
}
REFUSED = (
    "default-src 'none'; script-src 'self' https://guard.example; img-src 'self'; base-uri 'none'"
)
CHATTING = (
    "default-src 'none'; script-src 'self' https://chat.example https://guard.example; "
    "img-src 'self' https://chat.example; base-uri 'none'"
)
MEASURED = (
    "default-src 'none'; script-src 'self' https://*.googletagmanager.com https://guard.example; "
    "img-src 'self' https://*.google-analytics.com https://*.googletagmanager.com; "
    "base-uri 'none'; connect-src https://*.google-analytics.com "
    "https://*.analytics.google.com https://*.googletagmanager.com"
)
EVERYTHING = (
    "default-src 'none'; script-src 'self' https://chat.example "
    "https://*.googletagmanager.com https://guard.example; "
    "img-src 'self' https://chat.example https://*.google-analytics.com "
    "https://*.googletagmanager.com https://pixel.example; "
    "base-uri 'none'; connect-src https://*.google-analytics.com "
    "https://*.analytics.google.com https://*.googletagmanager.com"
)


def _with_policy(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Give ``response`` the headers that the request's query names."""
    for header, policy in request.GET.items():
        response.headers[header] = policy
    return response


def page(request: HttpRequest) -> HttpResponseBase:
    return _with_policy(request, HttpResponse("<p>A page</p>"))


async def apage(request: HttpRequest) -> HttpResponseBase:
    return _with_policy(request, HttpResponse("<p>A page</p>"))


def streamed(request: HttpRequest) -> HttpResponseBase:
    return _with_policy(request, StreamingHttpResponse(iter([b"<p>A page</p>"])))


def xhtml(request: HttpRequest) -> HttpResponseBase:
    return _with_policy(request, HttpResponse(content_type="Application/XHTML+XML; charset=utf-8"))


def confirmed(request: HttpRequest) -> HttpResponseBase:
    return _with_policy(request, HttpResponseNotModified())


def data(request: HttpRequest) -> HttpResponseBase:
    return _with_policy(request, HttpResponse("{}", content_type="application/json"))


def untyped(request: HttpRequest) -> HttpResponseBase:
    response = HttpResponse("<p>Anything</p>")
    del response["Content-Type"]
    return _with_policy(request, response)


def tagged(request: HttpRequest) -> HttpResponseBase:
    template = "{% load consent %}{% consent_head %}{% consent_body %}"
    return _with_policy(
        request, HttpResponse(engines["django"].from_string(template).render({}, request))
    )


VIEWS = (page, apage, streamed, xhtml, confirmed, data, untyped, tagged)
urlpatterns = [
    *(path(f"{view.__name__}/", view) for view in VIEWS),
    path("consent/", include("consent.urls")),
]

Get = Callable[..., HttpResponseBase]


@pytest.fixture(autouse=True)
def policy(settings) -> Policy:
    settings.MIDDLEWARE = [CONSENT, OURS]
    policy = small_site()
    for key, sources in SOURCES.items():
        Tool.objects.filter(key=key).update(sources=sources)
    return policy


@pytest.fixture(params=["sync", "async"])
def get(request: pytest.FixtureRequest) -> Get:
    """A visitor's GET request, in each kind of stack; the query names the headers of the answer."""
    is_async = request.param == "async"

    def ask(view: str, cookie: str = "", **headers: Any) -> HttpResponseBase:
        client: Any = AsyncClient() if is_async else Client()
        if cookie:
            client.cookies["consent"] = cookie
        query = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = client.get(f"/{view}/", query)
        return async_to_sync(_same)(asked) if is_async else asked

    return ask


async def _same(response: Any) -> HttpResponseBase:
    answer: HttpResponseBase = await response
    return answer


# Exactly the hosts of what is allowed


@pytest.mark.parametrize("view", ["page", "apage"])
@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        (lambda: "", REFUSED),
        (lambda: "nonsense", REFUSED),
        (lambda: grant(), REFUSED),
        (lambda: grant(*OPTIONAL, at=1), REFUSED),
        (lambda: grant("functional"), CHATTING),
        (lambda: grant("marketing-analytics"), MEASURED),
        (lambda: grant(*OPTIONAL), EVERYTHING),
    ],
)
def test_the_policy_names_the_hosts_of_what_the_visitor_allows(get, view, cookie, expected):
    response = get(view, cookie(), Content_Security_Policy=SITES)

    assert response.headers[HEADER] == expected
    assert REPORTED not in response.headers
    assert vary(response) == {"Cookie"}


def test_the_reported_policy_is_extended_too(get):
    response = get(
        "page",
        grant("functional"),
        Content_Security_Policy="script-src 'self'",
        Content_Security_Policy_Report_Only=SITES,
    )

    assert (
        response.headers[HEADER] == "script-src 'self' https://chat.example https://guard.example"
    )
    assert response.headers[REPORTED] == CHATTING


def test_under_an_implied_regime_an_undecided_visitor_may_load_everything(policy, get):
    Policy.objects.update(regime="implied")

    assert get("page", Content_Security_Policy=SITES).headers[HEADER] == EVERYTHING
    assert get("page", grant(), Content_Security_Policy=SITES).headers[HEADER] == REFUSED


def test_what_is_disabled_or_does_not_run_adds_no_host(get):
    Tool.objects.filter(key=CHAT).switch_off()
    Tool.objects.filter(key=ANALYTICS).update(parameters={"measurement_id": "wrong"})
    Tool.objects.filter(key=PIXEL).update(recipe="gone", snippet="")

    response = get("page", grant(*OPTIONAL), Content_Security_Policy=SITES)

    assert response.headers[HEADER] == REFUSED


def test_an_edit_shows_in_the_next_response(policy, get, django_capture_on_commit_callbacks):
    cookie = grant("functional")
    assert get("page", cookie, Content_Security_Policy=SITES).headers[HEADER] == CHATTING

    with django_capture_on_commit_callbacks(execute=True):
        chat = Tool.objects.get(key=CHAT)
        chat.sources = ""
        chat.save()

    assert get("page", cookie, Content_Security_Policy=SITES).headers[HEADER] == REFUSED


def test_without_a_policy_of_ours_nothing_is_added(get):
    Policy.objects.all().delete()
    policies.forget()

    assert get("page", "1.2.1.functional_2", Content_Security_Policy=SITES).headers[HEADER] == SITES


# Which responses


@pytest.mark.parametrize("view", ["page", "streamed", "xhtml", "confirmed"])
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_every_kind_of_page_is_guarded(get, view):
    assert get(view, Content_Security_Policy=SITES).headers[HEADER] == REFUSED


@pytest.mark.parametrize("view", ["data", "untyped"])
def test_what_is_no_page_stays_as_it_is(get, view):
    response = get(view, grant(*OPTIONAL), Content_Security_Policy=SITES)

    assert response.headers[HEADER] == SITES
    assert vary(response) == set()


def test_a_page_without_a_policy_stays_as_it_is(get, settings, django_assert_num_queries):
    settings.CONSENT_POLICY_MAX_AGE = 3600
    policies.current()

    with django_assert_num_queries(0):
        response = get("page", grant(*OPTIONAL))

    assert HEADER not in response.headers
    assert REPORTED not in response.headers
    assert vary(response) == set()


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        ("frame-ancestors 'none'; upgrade-insecure-requests",) * 2,
        ("object-src 'none'",) * 2,
        ("font-src 'self'",) * 2,
    ],
)
def test_a_policy_that_is_the_same_for_everybody_does_not_vary(get, sites, expected):
    response = get("page", grant(*OPTIONAL), Content_Security_Policy=sites)

    assert response.headers[HEADER] == expected
    assert vary(response) == set()


def test_hosts_of_essential_tools_alone_do_not_vary(get):
    Tool.objects.exclude(key=GUARD).update(enabled=False)

    response = get("page", Content_Security_Policy=SITES)

    assert response.headers[HEADER] == REFUSED
    assert vary(response) == set()


def test_a_warm_page_costs_no_query(get, settings, django_assert_num_queries):
    settings.CONSENT_POLICY_MAX_AGE = 3600
    cookie = grant(*OPTIONAL)
    get("page", cookie, Content_Security_Policy=SITES)

    with django_assert_num_queries(0):
        response = get("page", cookie, Content_Security_Policy=SITES)

    assert response.headers[HEADER] == EVERYTHING


def test_hosts_are_put_together_once_for_each_state(monkeypatch):
    request = page_request(grant(*OPTIONAL))
    assert extended_csp(request, SITES) == EVERYTHING
    # From now on it may not look at any tool.
    monkeypatch.setattr("consent.policy.selection.merge_sources", None)
    monkeypatch.setattr("consent.pages.csp.merge_sources", None)

    assert extended_csp(page_request(grant(*OPTIONAL)), SITES) == EVERYTHING


def test_middleware_is_a_coroutine_function_only_in_an_async_stack():
    async def aget_response(request: HttpRequest) -> HttpResponseBase:
        return HttpResponse()

    assert iscoroutinefunction(ConsentCSPMiddleware(aget_response))
    assert not iscoroutinefunction(ConsentCSPMiddleware(lambda request: HttpResponse()))


# A page for everybody


@pytest.mark.parametrize("cookie", ["", "functional"])
def test_a_page_for_everybody_names_the_hosts_of_all_tools(get, settings, cookie):
    settings.CONSENT_DELIVERY = "cacheable"

    response = get("page", cookie and grant(cookie), Content_Security_Policy=SITES)

    assert response.headers[HEADER] == EVERYTHING
    assert vary(response) == set()


# A choice needs a new page


def dialog(response: HttpResponseBase) -> str:
    assert isinstance(response, HttpResponse)
    markup = response.content.decode()
    start = markup.index('<dialog id="dcp-preferences"')
    return markup[start : markup.index(">", start)]


def test_a_guarded_page_alone_says_that_a_choice_needs_a_new_one(get, settings):
    assert 'data-reload="true"' in dialog(get("tagged")).split()

    settings.CONSENT_DELIVERY = "cacheable"
    assert "data-reload" not in dialog(get("tagged"))

    settings.CONSENT_DELIVERY, settings.MIDDLEWARE = "server", [CONSENT]
    assert "data-reload" not in dialog(get("tagged"))


# With what writes policies


def test_django_csp(get, settings):
    settings.MIDDLEWARE = [CONSENT, OURS, PACKAGE]
    settings.CONTENT_SECURITY_POLICY = {
        "DIRECTIVES": {"default-src": [NONE], "script-src": [SELF, NONCE]}
    }
    settings.CONTENT_SECURITY_POLICY_REPORT_ONLY = {
        "DIRECTIVES": {"default-src": None, "script-src": [SELF]}
    }

    response = get("tagged", grant("functional"))

    nonce = _nonce_in(response)
    assert sorted(response.headers[HEADER].split("; ")) == [
        "default-src 'none'",
        "img-src https://chat.example",
        f"script-src 'self' 'nonce-{nonce}'",
    ]
    assert response.headers[REPORTED] == (
        "script-src 'self' https://chat.example https://guard.example"
    )


def test_hosts_beside_a_nonce_are_added_where_the_site_asks(get, settings):
    settings.CONSENT_CSP_HOSTS_BESIDE_NONCE = True

    response = get(
        "page", grant("functional"), Content_Security_Policy="script-src 'self' 'nonce-abc'"
    )

    assert response.headers[HEADER] == (
        "script-src 'self' 'nonce-abc' https://chat.example https://guard.example"
    )


@pytest.mark.parametrize(
    "policy",
    [
        "script-src 'nonce-abc'; img-src https://chat.example",
        "default-src https://chat.example 'nonce-abc'",
        "script-src 'self'; script-src-elem 'nonce-abc'; img-src https://chat.example",
    ],
)
def test_no_host_is_added_where_a_nonce_allows_scripts(get, policy):
    response = get("page", grant("functional"), Content_Security_Policy=policy)

    assert response.headers[HEADER] == policy


def test_nonce_of_styles_alone_keeps_no_host_out(get):
    response = get(
        "page", Content_Security_Policy="script-src 'self'; style-src 'self' 'nonce-abc'"
    )

    assert response.headers[HEADER] == (
        "script-src 'self' https://guard.example; style-src 'self' 'nonce-abc'"
    )


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has no CSP middleware of its own yet")
def test_djangos_own_csp(get, settings):
    settings.MIDDLEWARE = [CONSENT, OURS, DJANGO]
    settings.SECURE_CSP = {
        "default-src": ["'none'"],
        "script-src": ["'self'", "<CSP_NONCE_SENTINEL>"],
    }
    settings.SECURE_CSP_REPORT_ONLY = {"script-src": ["'self'"]}

    response = get("tagged", grant("functional"))

    nonce = _nonce_in(response)
    assert sorted(response.headers[HEADER].split("; ")) == [
        "default-src 'none'",
        "img-src https://chat.example",
        f"script-src 'self' 'nonce-{nonce}'",
    ]
    assert response.headers[REPORTED] == (
        "script-src 'self' https://chat.example https://guard.example"
    )


def _nonce_in(response: HttpResponseBase) -> str:
    assert isinstance(response, HttpResponse)
    markup = response.content.decode()
    nonces = {piece.split('"')[0] for piece in markup.split('nonce="')[1:]}
    assert len(nonces) == 1
    return nonces.pop()


# For whoever writes a header by hand


def test_a_view_can_ask_for_the_sources(policy):
    request = page_request(grant("functional"))

    assert csp_sources(request) == {
        "script-src": ("https://chat.example", "https://guard.example"),
        "img-src": ("https://chat.example",),
    }


def test_without_a_visitor_only_what_is_essential_counts():
    bare = RequestFactory().get("/")

    assert csp_sources(bare) == csp_sources(None) == {"script-src": ("https://guard.example",)}
    assert extended_csp(bare, SITES) == REFUSED


def test_a_missing_middleware_is_told_while_one_develops(settings):
    settings.DEBUG = True

    with pytest.raises(ImproperlyConfigured, match="ConsentMiddleware"):
        csp_sources(RequestFactory().get("/"))


# A tool's own sources


def test_a_tool_by_recipe_has_the_recipes_hosts_and_no_keyword():
    category = Category.objects.get(key="functional")
    tool = ToolFactory.build(
        category=category, by_recipe=True, recipe="drift", sources="img-src https://x.example"
    )

    assert compile_tool(tool, category).sources == catalogue()["drift"].csp
    assert "'unsafe-inline'" in catalogue()["drift"].csp["style-src"]
    Tool.objects.all().delete()
    tool.policy = category.policy
    tool.save()
    assert "style-src" not in csp_sources(page_request(grant("functional")))


def test_a_tool_that_is_only_declared_adds_its_hosts_for_visitors_who_allow_it():
    Tool.objects.filter(key=CHAT).update(snippet="")

    allowed, refused = page_request(grant("functional")), page_request(grant())
    assert extended_csp(allowed, SITES) == CHATTING
    assert extended_csp(refused, SITES) == REFUSED
    assert allowed.consent.allows(CHAT)
    assert not refused.consent.allows(CHAT)
    assert f'data-consent-tool="{CHAT}"' not in consent_head(allowed)
    # Visitors see it as any other.
    assert f'data-tool="{CHAT}"' in consent_body(allowed)


def test_a_stored_source_that_cannot_be_right_is_left_out():
    Tool.objects.filter(key=CHAT).update(
        sources="script-src https://chat.example 'unsafe-eval' https://x.example;object-src\n"
        "object-src https://chat.example\nimg-src https://chat.example"
    )

    request = page_request(grant("functional"))
    assert extended_csp(request, SITES) == CHATTING
