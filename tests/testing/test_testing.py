"""What the app offers for tests of websites."""

import asyncio
import unittest
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.test import AsyncClient, Client, RequestFactory
from django.urls import include, path

from consent.models import Record
from consent.policy import policies
from consent.testing import override_consent
from consent.visitor import Consent
from tests.factories import CategoryFactory
from tests.helpers import (
    ANALYTICS,
    OPTIONAL,
    PIXEL,
    attach,
    consent_in,
    grant,
    no_policy,
    small_site,
    tool_scripts,
    vary,
)

pytest_plugins = ["consent.testing.fixtures"]
pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.testing.test_testing")]


def told(request: HttpRequest) -> HttpResponse:
    consent = consent_in(request)
    allowed = [key for key in OPTIONAL if consent.allows(key)]
    return JsonResponse({"allowed": allowed, "ask": consent.must_ask})


async def atold(request: HttpRequest) -> HttpResponse:
    return told(request)


def page(request: HttpRequest) -> HttpResponse:
    source = "{% load consent %}{% consent_head %}{% consent_body %}"
    return HttpResponse(engines["django"].from_string(source).render({}, request))


def accepts(request: HttpRequest) -> HttpResponse:
    consent_in(request).accept_all()
    return told(request)


urlpatterns = [
    *(path(f"{view.__name__}/", view) for view in (told, atold, page, accepts)),
    path("consent/", include("consent.urls")),
]


@pytest.fixture(autouse=True)
def _site() -> None:
    small_site()


def seen(client: Client | None = None) -> list[str]:
    allowed: list[str] = (client or Client()).get("/told/").json()["allowed"]
    return allowed


# What requests see


@pytest.mark.parametrize("view", ["told", "atold"])
@pytest.mark.parametrize(
    ("override", "allowed"),
    [
        (override_consent(), []),
        (override_consent("advertising"), ["advertising"]),
        (override_consent("essential"), []),
        (override_consent(*OPTIONAL), list(OPTIONAL)),
        (override_consent(all=True), list(OPTIONAL)),
    ],
)
def test_every_request_comes_from_that_visitor(view, override, allowed):
    decided = {"allowed": allowed, "ask": False}
    with override:
        assert Client().get(f"/{view}/").json() == decided
        assert async_to_sync(AsyncClient().get)(f"/{view}/").json() == decided
        request = attach(RequestFactory().get("/"))
        assert [key for key in OPTIONAL if consent_in(request).allows(key)] == allowed

    assert Client().get(f"/{view}/").json() == {"allowed": [], "ask": True}


def test_it_counts_for_more_than_the_clients_cookie():
    client = Client()
    client.cookies["consent"] = grant("functional")

    with override_consent("advertising"):
        assert seen(client) == ["advertising"]
    assert seen(client) == ["functional"]


def test_refused_under_a_regime_that_lets_tools_run_before_a_choice():
    no_policy()
    small_site(implied=True)
    assert seen() == list(OPTIONAL)

    with override_consent():
        assert seen() == []


def test_single_tools_can_be_refused():
    with override_consent(all=True, refused_tools=[PIXEL]):
        consent = consent_in(attach(RequestFactory().get("/")))

        assert consent.allows("advertising")
        assert not consent.allows(PIXEL)
        assert consent.allows(ANALYTICS)
        assert consent.refused_tools == {PIXEL}


def test_templates_write_what_that_visitor_allows():
    with override_consent("advertising"):
        markup = Client().get("/page/").content.decode()

    assert tool_scripts(markup) >= {PIXEL}
    assert ANALYTICS not in tool_scripts(markup)


def test_page_for_everybody_stays_the_same(settings):
    settings.CONSENT_DELIVERY = "cacheable"
    before = Client().get("/page/").content

    with override_consent(all=True):
        assert Client().get("/page/").content == before
        assert seen() == list(OPTIONAL)


def test_nothing_is_stored_and_the_response_still_varies():
    client = Client()
    with override_consent(all=True):
        response = client.get("/told/")

    assert "Cookie" in vary(response)
    assert not client.cookies
    assert not Record.objects.exists()


def test_decision_within_is_taken_as_any_other():
    with override_consent():
        response = Client().get("/accepts/")

    assert response.json()["allowed"] == list(OPTIONAL)
    assert response.cookies["consent"].value == grant(*OPTIONAL)


def test_request_without_a_visitor_stays_one():
    with override_consent(all=True):
        assert not Consent(None).allows("advertising")


def test_policy_is_the_tests_own():
    assert seen() == []
    CategoryFactory(key="late")

    with override_consent("late"):
        request = attach(RequestFactory().get("/"))
        assert consent_in(request).allows("late")


# Where it holds


def test_innermost_counts_and_each_is_restored():
    with override_consent("advertising"):
        with override_consent("functional"):
            assert seen() == ["functional"]
        assert seen() == ["advertising"]
    assert seen() == []
    assert not Consent.cookie_overrides


def test_it_is_restored_after_an_error():
    with pytest.raises(ZeroDivisionError), override_consent(all=True):
        raise ZeroDivisionError

    assert seen() == []


def test_one_object_can_be_entered_again():
    override = override_consent("advertising")

    with override, override_consent(), override:
        assert seen() == ["advertising"]
    with override:
        assert seen() == ["advertising"]
    assert seen() == []


@override_consent("functional")
def test_function_can_be_decorated():
    assert seen() == ["functional"]


def test_async_function_can_be_decorated():
    @override_consent("functional")
    async def ask() -> Any:
        await asyncio.sleep(0)
        return (await AsyncClient().get("/atold/")).json()["allowed"]

    assert async_to_sync(ask)() == ["functional"]
    assert seen() == []


def ran(case: type[unittest.TestCase]) -> None:
    """Run the one test of a class, and raise what it raises."""
    result = unittest.TestResult()
    case("test").run(result)
    assert result.testsRun == 1
    assert result.wasSuccessful(), result.errors + result.failures


def test_class_can_be_decorated_and_its_setup_runs_within():
    @override_consent("functional")
    class Case(unittest.TestCase):
        def setUp(self) -> None:
            self.at_setup = seen()

        def test(self) -> None:
            assert [self.at_setup, seen()] == [["functional"]] * 2

    ran(Case)
    assert seen() == []


def test_method_counts_for_more_than_its_class():
    @override_consent("functional")
    class Case(unittest.TestCase):
        @override_consent("advertising")
        def test(self) -> None:
            assert seen() == ["advertising"]

    ran(Case)


def test_subclass_inherits_or_says_otherwise():
    @override_consent("functional")
    class Case(unittest.TestCase):
        expected = ["functional"]

        def test(self) -> None:
            assert seen() == self.expected

    class Heir(Case):
        pass

    @override_consent("advertising")
    class Rebel(Case):
        expected = ["advertising"]

    for case in (Case, Heir, Rebel):
        ran(case)
    assert not Consent.cookie_overrides


def test_only_test_cases_and_functions_can_be_decorated():
    with pytest.raises(TypeError):
        override_consent()(object)


def test_fixture_holds_until_the_next_call(consent_override):
    consent_override("functional")
    assert seen() == ["functional"]

    consent_override(all=True, refused_tools=[PIXEL])
    assert seen() == list(OPTIONAL)


def test_fixture_ends_with_its_test():
    assert not Consent.cookie_overrides


# What is wrong is said


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            override_consent("adverts", "functional"),
            r"no category 'adverts'. It has: functional, marketing-analytics, advertising, ess",
        ),
        (override_consent(PIXEL), "no category 'pixel'"),
        (
            override_consent(all=True, refused_tools=["pixie"]),
            r"no tool that can be refused 'pixie'. It has: chat, google-analytics, pixel",
        ),
        (override_consent(refused_tools=["guard"]), "no tool that can be refused 'guard'"),
    ],
)
def test_key_that_the_policy_does_not_have_is_a_mistake(override, message):
    with override, pytest.raises(ValueError, match=message):
        Client().get("/told/")


def test_without_a_policy_there_is_nothing_to_grant():
    no_policy()
    with override_consent("functional"), pytest.raises(ValueError, match="make a policy first"):
        Client().get("/told/")
    with override_consent():
        assert seen() == []
    assert not policies.current()
