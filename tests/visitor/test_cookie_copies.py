"""Several preference cookies in one request: only what all of them clearly allow may run."""

from itertools import permutations
from typing import Any

import pytest
from django.test import Client, RequestFactory

from consent.visitor.cookie_copies import combine_copies
from tests.helpers import (
    ESSENTIAL_TOOLS,
    OPTIONAL,
    SAME_ORIGIN,
    TOOLS,
    attach,
    consent_in,
    days_ago,
    grant,
    small_site,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site() -> None:
    small_site()


def allowed(*texts: str) -> set[str]:
    consent = visitor(*texts)
    return {key for key in TOOLS if consent.allows(key)}


def visitor(*texts: str):
    header = "; ".join(f"consent={text}" for text in texts)
    request = RequestFactory().get("/", HTTP_COOKIE=f"sessionid=1; {header}; my_consent=x")
    return consent_in(attach(request))


def test_equal_copies_are_one():
    assert allowed(grant(*OPTIONAL), grant(*OPTIONAL)) == set(TOOLS)


@pytest.mark.parametrize("others", [("",), ("nonsense",), ("functional",), ("old",)])
def test_copies_that_differ_allow_only_what_is_essential(others):
    old = grant(*OPTIONAL, day=days_ago(3))
    texts = {"": grant(), "functional": grant("functional"), "old": old, "nonsense": "x"}
    copies = [grant(*OPTIONAL), *(texts[other] for other in others)]

    for order in permutations(copies):
        assert allowed(*order) == ESSENTIAL_TOOLS


def test_refusal_among_copies_is_a_decision():
    for order in permutations([grant(*OPTIONAL), grant()]):
        consent = visitor(*order)

        assert not consent.must_ask
        assert set(consent.choices.values()) == {False}


def test_two_grants_that_differ_are_not_clear():
    consent = visitor(grant(*OPTIONAL), grant(*OPTIONAL, day=days_ago(3)))

    assert consent.must_ask
    assert consent.decision is None


def test_decision_of_a_visitor_with_two_copies_is_taken():
    consent = visitor(grant(*OPTIONAL), grant())

    consent.accept_all()

    assert {key for key in TOOLS if consent.allows(key)} == set(TOOLS)


def test_header_of_any_length_is_bounded():
    header = "consent=a; consent=b; " + "x" * 100_000

    assert combine_copies(header, "consent", "a") == ""


def ask(*texts: str) -> Any:
    header = "; ".join(f"consent={text}" for text in texts)
    return Client().get("/consent/api/preferences/", HTTP_COOKIE=header).json()


@pytest.mark.urls("demo_site.urls")
@pytest.mark.parametrize(
    ("granted", "overridden"),
    [
        ([], False),
        ([()], False),
        ([(), ()], False),
        ([(), OPTIONAL], True),
        ([OPTIONAL, ()], True),
        ([OPTIONAL, ("functional",)], True),
    ],
)
def test_api_and_page_say_that_another_copy_overrides(granted, overridden):
    texts = [grant(*keys) for keys in granted]
    header = "; ".join(f"consent={text}" for text in texts)
    page = Client().get("/consent/preferences/", HTTP_COOKIE=header).content.decode()

    assert ask(*texts)["overridden"] is overridden
    assert ("sends different choices to this website" in page) is overridden


@pytest.mark.urls("demo_site.urls")
def test_no_copy_of_another_host_is_deleted():
    header = f"consent={grant()}; consent={grant(*OPTIONAL)}"

    answer = Client(headers=SAME_ORIGIN).put(
        "/consent/api/preferences/",
        {"choices": dict.fromkeys(OPTIONAL, True)},
        content_type="application/json",
        HTTP_COOKIE=header,
    )

    morsels = [morsel for morsel in answer.cookies.values() if morsel.key == "consent"]
    assert [(morsel["domain"], bool(morsel.value)) for morsel in morsels] == [("", True)]
    assert answer.json()["overridden"] is True


@pytest.mark.urls("demo_site.urls")
def test_name_of_one_host_is_secure_and_has_no_domain(settings):
    settings.CONSENT_COOKIE_NAME = "__Host-consent"

    answer = Client(headers=SAME_ORIGIN).put(
        "/consent/api/preferences/",
        {"choices": dict.fromkeys(OPTIONAL, False)},
        content_type="application/json",
    )

    cookie = answer.cookies["__Host-consent"]
    assert (cookie["secure"], cookie["domain"], cookie["path"]) == (True, "", "/")
