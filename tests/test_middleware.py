"""What the middleware does to requests and responses, in sync and in async stacks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

from consent.middleware import ConsentMiddleware
from consent.models import Policy, Tool
from consent.policy import policies
from consent.visitor import Consent
from tests.helpers import (
    ANALYTICS,
    CHAT,
    OPTIONAL,
    consent_in,
    grant,
    no_policy,
    small_site,
    vary,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.test_middleware")]

OURS = "consent.middleware.ConsentMiddleware"


def untouched(request: HttpRequest) -> HttpResponse:
    return HttpResponse("the same for everybody")


def _told(request: HttpRequest) -> HttpResponse:
    runs = ",".join(tool.key for tool in consent_in(request).selection.tools)
    return HttpResponse(runs)


def told(request: HttpRequest) -> HttpResponse:
    return _told(request)


async def atold(request: HttpRequest) -> HttpResponse:
    return _told(request)


def looks_at_the_policy(request: HttpRequest) -> HttpResponse:
    return HttpResponse(consent_in(request).policy.name)


def told_and_varies(request: HttpRequest) -> HttpResponse:
    response = _told(request)
    response["Vary"] = "Accept-Encoding"
    return response


def told_and_varies_on_everything(request: HttpRequest) -> HttpResponse:
    response = _told(request)
    response["Vary"] = "*"
    return response


def told_and_breaks(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(_told(request).content.decode())


def accepts(request: HttpRequest) -> HttpResponseBase:
    consent_in(request).accept_all()
    return HttpResponseRedirect("/untouched/")


async def aaccepts(request: HttpRequest) -> HttpResponseBase:
    await consent_in(request).aaccept_all()
    return HttpResponseRedirect("/untouched/")


def rejects(request: HttpRequest) -> HttpResponseBase:
    consent_in(request).reject_all()
    return HttpResponse()


def streams(request: HttpRequest) -> StreamingHttpResponse:
    consent_in(request).accept_all()

    def pieces() -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    return StreamingHttpResponse(pieces())


async def astreams(request: HttpRequest) -> StreamingHttpResponse:
    await consent_in(request).aaccept_all()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    return StreamingHttpResponse(pieces())


VIEWS = (
    untouched,
    told,
    atold,
    looks_at_the_policy,
    told_and_varies,
    told_and_varies_on_everything,
    told_and_breaks,
    accepts,
    aaccepts,
    rejects,
    streams,
    astreams,
)
urlpatterns = [
    *(path(f"{view.__name__}/", view) for view in VIEWS),
    path("consent/", include("consent.urls")),
]

Get = Callable[..., HttpResponseBase]


@pytest.fixture(autouse=True)
def _nothing_but_ours(settings):
    settings.MIDDLEWARE = [OURS]


def sync_only(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware that knows no async: with it inside, ours is called as in a sync stack."""
    return lambda request: get_response(request)


@pytest.fixture(params=["sync", "async", "mixed"])
def get(request: pytest.FixtureRequest, settings) -> Get:
    """A visitor's GET request for one of the views, in each kind of stack."""
    if request.param == "mixed":
        settings.MIDDLEWARE = [OURS, "tests.test_middleware.sync_only"]

    def sync_get(view: str, cookie: str = "", **options: Any) -> HttpResponseBase:
        client = Client(raise_request_exception=False)
        client.cookies["consent"] = cookie
        return client.get(f"/{view}/", **options)

    def async_get(view: str, cookie: str = "", **options: Any) -> HttpResponseBase:
        client = AsyncClient(raise_request_exception=False)
        client.cookies["consent"] = cookie
        return async_to_sync(client.get)(f"/{view}/", **options)

    return sync_get if request.param == "sync" else async_get


@pytest.fixture
def policy() -> Policy:
    return small_site()


def content(response: HttpResponseBase) -> str:
    assert isinstance(response, HttpResponse)
    return response.content.decode()


# What a request gets


@pytest.mark.parametrize("view", ["told", "atold"])
def test_view_knows_the_visitors_choice(policy, get, view):
    assert content(get(view, grant("functional"))) == "chat,captcha,guard"
    assert content(get(view, grant())) == "captcha,guard"
    assert content(get(view)) == "captcha,guard"


@pytest.mark.parametrize("view", ["told", "atold"])
def test_first_request_of_a_process_finds_the_policy(policy, settings, get, view, monkeypatch):
    cookie = grant(*OPTIONAL)
    monkeypatch.setattr(policies, "_sites", None)
    policies.forget()

    assert CHAT in content(get(view, cookie))


@pytest.mark.parametrize("view", ["told", "atold"])
def test_view_stands_without_a_policy(get, view):
    assert content(get(view, "1.1.1.functional_1")) == ""


@pytest.mark.parametrize("view", ["told", "atold"])
def test_edit_elsewhere_shows_after_the_policys_age(policy, settings, get, view):
    settings.CONSENT_POLICY_MAX_AGE = 0
    cookie = grant(*OPTIONAL)
    assert CHAT in content(get(view, cookie))

    Tool.objects.filter(key=CHAT).switch_off()

    assert CHAT not in content(get(view, cookie))


def test_request_that_nobody_asks_costs_no_query_in_a_sync_stack(
    policy, settings, django_assert_num_queries
):
    settings.CONSENT_POLICY_MAX_AGE = 0

    with django_assert_num_queries(0):
        Client().get("/untouched/")


@pytest.mark.parametrize("view", ["untouched", "told", "atold"])
def test_request_within_the_policys_age_costs_no_query(
    policy, settings, get, view, django_assert_num_queries
):
    settings.CONSENT_POLICY_MAX_AGE = 3600
    get("told", grant())

    with django_assert_num_queries(0):
        get(view, grant())


def test_policy_is_looked_at_away_from_the_event_loop(policy, settings):
    settings.CONSENT_POLICY_MAX_AGE = 0
    in_event_loop = []

    def note(execute: Callable[..., Any], *arguments: Any) -> Any:
        in_event_loop.append(asyncio._get_running_loop() is not None)
        return execute(*arguments)

    with connection.execute_wrapper(note):
        assert async_to_sync(AsyncClient().get)("/atold/").content == b"captcha,guard"

    assert in_event_loop
    assert not any(in_event_loop)


def test_consulting_the_policy_in_the_event_loop_asks_no_database(policy, settings):
    settings.CONSENT_POLICY_MAX_AGE = 0
    policies.current()

    async def ask() -> bool:
        return Consent(None).allows("guard")

    with CaptureQueriesContext(connection) as queries:
        assert async_to_sync(ask)()
    assert len(queries) == 0


def test_middleware_is_a_coroutine_function_only_in_an_async_stack():
    async def aget_response(request: HttpRequest) -> HttpResponseBase:
        return HttpResponse()

    assert iscoroutinefunction(ConsentMiddleware(aget_response))
    assert not iscoroutinefunction(ConsentMiddleware(lambda request: HttpResponse()))
    assert ConsentMiddleware.sync_capable
    assert ConsentMiddleware.async_capable


# What a response says


@pytest.mark.parametrize("view", ["untouched", "looks_at_the_policy"])
@pytest.mark.parametrize("cookie", ["", "1.1.20000.functional_1"])
def test_response_for_everybody_does_not_vary_and_sets_no_cookie(policy, get, view, cookie):
    response = get(view, cookie)

    assert vary(response) == set()
    assert not response.cookies


@pytest.mark.parametrize("view", ["told", "atold"])
@pytest.mark.parametrize("cookie", ["", "nonsense"])
def test_response_that_depends_on_the_visitor_varies_and_sets_no_cookie(policy, get, view, cookie):
    response = get(view, cookie)

    assert vary(response) == {"Cookie"}
    assert not response.cookies


def test_what_varied_before_still_varies(policy, get):
    assert vary(get("told_and_varies")) == {"Accept-Encoding", "Cookie"}
    assert vary(get("told_and_varies_on_everything")) == {"*"}


def test_error_page_varies_where_the_visitor_was_consulted(policy, get):
    response = get("told_and_breaks")

    assert response.status_code == 500
    assert vary(response) == {"Cookie"}


@pytest.mark.parametrize("view", ["accepts", "aaccepts"])
def test_redirect_carries_the_decision(policy, get, view):
    response = get(view)

    assert response.status_code == 302
    assert response.cookies["consent"].value == grant(*OPTIONAL)
    assert vary(response) == {"Cookie"}


@pytest.mark.parametrize("view", ["streams", "astreams"])
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_streaming_response_carries_the_decision(policy, get, view):
    response = get(view)

    assert response.streaming
    assert response.cookies["consent"].value == grant(*OPTIONAL)


@pytest.mark.parametrize("view", ["accepts", "rejects"])
def test_deciding_keeps_what_the_middleware_inside_set(policy, get, view, settings):
    settings.MIDDLEWARE = [OURS, "django.middleware.locale.LocaleMiddleware"]

    assert vary(get(view)) == {"Cookie", "Accept-Language"}


def test_page_cache_keeps_visitors_apart(policy, settings, get):
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        OURS,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    everything, nothing = grant(*OPTIONAL), grant()

    first = [content(get("told", cookie)) for cookie in (everything, nothing, "")]
    again = [content(get("told", cookie)) for cookie in (everything, nothing, "")]

    assert first == again == ["chat,google-analytics,pixel,captcha,guard", *["captcha,guard"] * 2]


# The cookie


def attributes(response: HttpResponseBase) -> dict[str, Any]:
    return {name: value for name, value in response.cookies["consent"].items() if value}


def test_cookie_is_made_for_the_servers_and_the_scripts_eyes(policy, get):
    cookie = attributes(get("accepts"))

    assert cookie.pop("expires")
    assert cookie == {"max-age": 182 * 86_400, "path": "/", "samesite": "Lax"}


def test_cookie_lives_as_long_as_the_policy_says(get):
    small_site(lifetime_days=30)

    assert attributes(get("accepts"))["max-age"] == 30 * 86_400


def test_cookie_is_secure_on_https(policy):
    assert attributes(Client().get("/accepts/", secure=True))["secure"] is True


@pytest.mark.parametrize(
    ("secure", "https", "expected"),
    [(True, False, True), (False, True, None), (None, True, True), (None, False, None)],
)
def test_secure_is_as_the_setting_says(policy, settings, secure, https, expected):
    settings.CONSENT_COOKIE_SECURE = secure

    assert attributes(Client().get("/accepts/", secure=https)).get("secure") is expected


def test_name_domain_path_and_samesite_are_as_the_settings_say(policy, settings, get):
    settings.CONSENT_COOKIE_NAME = "choice"
    settings.CONSENT_COOKIE_DOMAIN = "example.com"
    settings.CONSENT_COOKIE_PATH = "/shop/"
    settings.CONSENT_COOKIE_SAMESITE = "Strict"

    response = get("accepts")

    assert set(response.cookies) == {"choice", "consent_subject"}
    cookie = response.cookies["choice"]
    assert (cookie["domain"], cookie["path"], cookie["samesite"]) == (
        "example.com",
        "/shop/",
        "Strict",
    )


def test_cookie_is_read_under_the_name_of_the_setting(policy, settings):
    settings.CONSENT_COOKIE_NAME = "choice"
    client = Client()
    client.cookies["choice"] = grant("functional")
    client.cookies["consent"] = grant("marketing-analytics")

    assert client.get("/told/").content == b"chat,captcha,guard"


def test_cookies_text_needs_no_quotes(policy, get):
    morsel = get("accepts").cookies["consent"]

    assert morsel.coded_value == morsel.value
    assert SimpleCookie(morsel.OutputString())["consent"].value == morsel.value


def test_refusal_goes_out_without_a_policy(get):
    no_policy()
    response = get("rejects")

    assert response.cookies["consent"].value.startswith("1.0.")
    assert attributes(response)["max-age"] == 182 * 86_400


# On the wire


def asgi_headers(path: str, cookies: str) -> list[tuple[bytes, bytes]]:
    """Return the headers that a server gets from Django's own ASGI handler."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"cookie", cookies.encode())],
    }

    async def exchange() -> Any:
        server = ApplicationCommunicator(ASGIHandler(), scope)
        await server.send_input({"type": "http.request", "body": b""})
        start = await server.receive_output(timeout=10)
        await server.receive_output(timeout=10)
        await server.wait(timeout=10)
        return start["headers"]

    headers: list[tuple[bytes, bytes]] = async_to_sync(exchange)()
    return headers


def test_asgi_server_gets_the_decision_and_every_deletion(policy, settings):
    # The view runs in a thread: its connection is not the test's, and nothing would be rolled back.
    settings.CONSENT_RECORDS = False
    headers = asgi_headers("/rejects/", f"consent={grant(*OPTIONAL)}; _ga=1; _ga_X=2")

    cookies = [value.partition(b";")[0] for name, value in headers if name == b"Set-Cookie"]
    assert cookies == [f"consent={grant()}".encode(), b"_ga=", b"_ga_X="]
    assert (b"Vary", b"Cookie") in headers


def test_asgi_server_gets_nothing_of_an_untouched_request(policy):
    headers = asgi_headers("/untouched/", f"consent={grant(ANALYTICS)}; _ga=1")

    assert not {name for name, _ in headers} & {b"Set-Cookie", b"Vary"}
