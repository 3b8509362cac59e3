"""Views that need consent: who sees them, what the others get; and `request.consent` anywhere."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent.api.permissions import HasConsent
from consent.decorators import ConsentRequiredMixin, consent_required
from consent.models import Category, Tool
from consent.policy import policies
from consent.visitor import ConsentHttpRequest
from tests.helpers import ANALYTICS, OPTIONAL, grant, no_policy, small_site, vary

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.test_decorators")]

ADS = consent_required("advertising")


@ADS
def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("special offers")


@ADS
async def coroutine(request: HttpRequest) -> HttpResponse:
    return HttpResponse("special offers")


@method_decorator(ADS, name="dispatch")
class Decorated(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("special offers")


@method_decorator(ADS, name="dispatch")
class DecoratedAsync(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("special offers")


class Mixed(ConsentRequiredMixin, View):
    consent_required = "advertising"

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("special offers")


class MixedAsync(ConsentRequiredMixin, View):
    consent_required = ["advertising"]

    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("special offers")


@consent_required("advertising", ANALYTICS)
def both(request: HttpRequest) -> HttpResponse:
    return HttpResponse("special offers")


@consent_required("adverts")
def misspelt(request: HttpRequest) -> HttpResponse:
    return HttpResponse("special offers")


class Nameless(ConsentRequiredMixin, View):
    pass


@api_view(["GET"])
@ADS
def rest_inside(request: Request) -> Response:
    return Response("special offers")


@ADS
@api_view(["GET"])
def rest_outside(request: Request) -> Response:
    return Response("special offers")


@api_view(["GET"])
@permission_classes([HasConsent.to("advertising")])
def rest_permission(request: Request) -> Response:
    return Response("special offers")


class RestClass(APIView):
    permission_classes = [HasConsent.to("advertising", "functional")]

    def get(self, request: Request) -> Response:
        return Response("special offers")


def allowed(request: Any) -> list[str]:
    return [key for key in OPTIONAL if request.consent.allows(key)]


def told(request: ConsentHttpRequest) -> JsonResponse:
    return JsonResponse(allowed(request), safe=False)


async def atold(request: ConsentHttpRequest) -> JsonResponse:
    return JsonResponse(allowed(request), safe=False)


@api_view(["GET"])
def rest_told(request: Request) -> Response:
    return Response(allowed(request))


class RestTold(APIView):
    def get(self, request: Request) -> Response:
        return Response(allowed(request))


FUNCTIONS = (plain, coroutine, both, misspelt)
TELLING = (told, atold)
REST = {
    "rest_inside": rest_inside,
    "rest_outside": rest_outside,
    "rest_permission": rest_permission,
    "rest_told": rest_told,
}
CLASSES = (Decorated, DecoratedAsync, Mixed, MixedAsync, Nameless, RestClass, RestTold)
urlpatterns = [
    *(path(f"{view.__name__}/", view) for view in (*FUNCTIONS, *TELLING)),
    *(path(f"{view.__name__}/", view.as_view()) for view in CLASSES),
    *(path(f"{name}/", view) for name, view in REST.items()),
    path("", include("demo_site.urls")),
]

PAGES = ("plain", "coroutine", "Decorated", "DecoratedAsync", "Mixed", "MixedAsync")

Get = Callable[..., Any]


@pytest.fixture(autouse=True)
def _site(settings) -> None:
    settings.MIDDLEWARE = ["consent.middleware.ConsentMiddleware"]
    small_site()


@pytest.fixture(params=[Client, AsyncClient])
def get(request: pytest.FixtureRequest) -> Get:
    """A visitor's request for one of the views, in a sync and in an async stack."""

    def get(view: str, cookie: str = "", method: str = "get", **options: Any) -> HttpResponseBase:
        client = request.param()
        client.cookies["consent"] = cookie
        call = getattr(client, method)
        address = f"/{view}/?page=2&x=y"
        return (call if request.param is Client else async_to_sync(call))(address, **options)

    return get


# Who sees it


@pytest.mark.parametrize("view", [*PAGES, "rest_inside", "rest_outside", "rest_permission"])
def test_view_is_for_visitors_who_allow_what_it_needs(get, view):
    response = get(view, grant("advertising"))

    assert (response.status_code, b"special offers" in response.content) == (200, True)
    assert "Cookie" in vary(response)


@pytest.mark.parametrize("cookie", ["", "nonsense", "functional"])
@pytest.mark.parametrize("view", [*PAGES, "rest_inside", "rest_outside", "rest_permission"])
def test_other_visitors_are_refused(get, view, cookie):
    response = get(view, grant(cookie) if cookie == "functional" else cookie)

    assert response.status_code == 403
    assert b"special offers" not in response.content


def test_all_keys_are_needed(get):
    assert get("both", grant("advertising")).status_code == 403
    assert get("both", grant("marketing-analytics")).status_code == 403
    assert get("both", grant("advertising", "marketing-analytics")).status_code == 200


def test_tool_that_was_refused_alone_refuses(get):
    cookie = f"{grant('advertising', 'marketing-analytics')}.{ANALYTICS}_0"

    response = get("both", cookie, headers={"Accept": "application/json"})

    assert response.json()["required"] == [ANALYTICS]


# What the others get


@pytest.mark.parametrize("view", PAGES)
def test_page_says_what_is_needed_and_what_for_and_leads_there_and_back(get, view):
    response = get(view)
    page = response.content.decode()

    assert "<strong>Advertising</strong>" in page
    assert "To do what Advertising is for." in page
    link = f'href="/consent/preferences/?next=%2F{view}%2F%3Fpage%3D2%26x%3Dy"'
    assert " ".join([link, "data-consent-open"]) in " ".join(page.split())


def test_page_names_a_tool_with_its_category(get):
    page = " ".join(get("both").content.decode().split())

    name = Tool.objects.get(key=ANALYTICS).name
    assert f"<strong>{name}</strong> (Marketing analytics) <br>" in page
    assert "To do what Marketing analytics is for." in page


def test_page_of_a_form_that_was_sent_is_not_loaded_anew_by_its_script(get):
    assert b"consent/required.js" in get("plain").content
    assert b"consent/required.js" not in get("plain", method="post").content


def test_name_of_a_category_is_escaped(get):
    Category.objects.filter(key="advertising").update(name="<b>Ads</b>")
    policies.forget()

    page = get("plain").content.decode()

    assert "&lt;b&gt;Ads&lt;/b&gt;</strong>" in page
    assert "<b>Ads</b>" not in page


@pytest.mark.parametrize("view", [*PAGES, "rest_outside"])
def test_refusal_is_kept_by_no_cache_and_varies_on_what_it_depends_on(get, view):
    response = get(view)

    assert "no-store" in response["Cache-Control"]
    assert {"Cookie", "Accept"} <= vary(response)


@pytest.mark.parametrize("view", PAGES)
@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("application/json", True),
        ("application/json, text/html;q=0.5", True),
        ("text/html, application/json;q=0.5", False),
        ("*/*", False),
        ("image/png", False),
        ("nonsense", False),
    ],
)
def test_client_that_prefers_json_gets_json(get, view, accept, is_json):
    response = get(view, headers={"Accept": accept})

    assert response.status_code == 403
    assert response["Content-Type"].startswith("application/json") is is_json
    if is_json:
        assert response.json() == {
            "detail": "This needs your consent, which you have not given: Advertising.",
            "required": ["advertising"],
        }


@pytest.mark.parametrize("view", ["rest_inside", "rest_permission", "RestClass"])
def test_rest_framework_gets_json_whatever_is_accepted(get, view):
    response = get(view, grant("functional"), headers={"Accept": "*/*"})

    assert response.status_code == 403
    assert response.json()["required"] == ["advertising"]
    assert "Cookie" in vary(response)


def test_permission_needs_all_keys(get):
    assert get("RestClass", grant("functional", "advertising")).status_code == 200
    assert get("RestClass").json()["required"] == ["advertising", "functional"]


def test_refusal_costs_no_query(settings, django_assert_num_queries):
    settings.CONSENT_POLICY_MAX_AGE = 3600
    Client().get("/plain/")

    with django_assert_num_queries(0):
        Client().get("/plain/")


# What is unclear is refused


def test_key_that_the_policy_does_not_know_refuses_everybody_and_says_so(get, caplog):
    response = get("misspelt", grant(*OPTIONAL))

    assert response.status_code == 403
    assert "A view requires ['adverts'], which the policy does not have" in caplog.text
    assert "This page is not available at the moment." in response.content.decode()


def test_key_that_the_policy_does_not_know_raises_under_debug(get, settings):
    settings.DEBUG = True

    with pytest.raises(ImproperlyConfigured, match=r"'adverts'.* It has: advertising, captcha, "):
        get("misspelt", grant(*OPTIONAL))


@pytest.mark.parametrize("debug", [True, False])
def test_without_a_policy_everybody_is_refused(get, settings, debug, caplog):
    settings.DEBUG = debug
    cookie = grant(*OPTIONAL)
    no_policy()

    assert get("plain", cookie).status_code == 403
    assert "There is no policy" in caplog.text


def test_without_the_middleware_everybody_is_refused(settings):
    settings.MIDDLEWARE = []
    client = Client()
    client.cookies["consent"] = grant(*OPTIONAL)

    response = client.get("/plain/", headers={"Accept": "application/json"})

    assert response.status_code == 403
    assert {"Cookie", "Accept"} <= vary(response)


def test_no_key_is_a_mistake():
    with pytest.raises(ImproperlyConfigured, match="by their keys"):
        consent_required()
    with pytest.raises(ImproperlyConfigured, match="by their keys"):
        consent_required(lambda request: HttpResponse())  # type: ignore[arg-type]
    with pytest.raises(ImproperlyConfigured, match="by their keys"):
        HasConsent.to()
    with pytest.raises(ImproperlyConfigured, match="by their keys"):
        Client().get("/Nameless/")


def test_decorated_view_keeps_its_name():
    assert plain.__name__ == "plain"
    assert coroutine.__name__ == "coroutine"


# request.consent, wherever a view is


@pytest.mark.parametrize("view", ["told", "atold", "rest_told", "RestTold"])
def test_request_has_the_visitors_consent(get, view):
    assert get(view, grant("functional", "advertising")).json() == ["functional", "advertising"]
    assert get(view).json() == []


@pytest.mark.parametrize("view", ["told", "atold", "coroutine", "DecoratedAsync"])
def test_bare_asgi_server_is_enough(view):
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/{view}/",
        "query_string": b"",
        "headers": [(b"cookie", f"consent={grant('advertising')}".encode())],
    }

    async def ask() -> dict[str, Any]:
        server = ApplicationCommunicator(ASGIHandler(), scope)
        await server.send_input({"type": "http.request"})
        start: dict[str, Any] = await server.receive_output(10)
        await server.receive_output(10)
        await server.wait(10)
        return start

    start = async_to_sync(ask)()

    assert start["status"] == 200
    assert (b"Vary", b"Cookie") in start["headers"]
