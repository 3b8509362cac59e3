"""The choice that a visitor made in django-cookie-consent counts here, once, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import Category, Policy, Record
from consent.policy import policies
from consent.policy.decision import today
from consent.proof import storing
from tests.carry_over.helpers import (
    MIDDLEWARE,
    V1,
    V2,
    carry_over,
    choices,
    decided,
    old_cookie,
    visit,
    with_carry_over,
)
from tests.factories import ToolFactory
from tests.helpers import (
    ANALYTICS,
    CHAT,
    ESSENTIAL_TOOLS,
    PIXEL,
    days_ago,
    no_ledger,
    no_policy,
    small_site,
    vary,
)
from tests.proof.consistency import inconsistencies

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.carry_over.helpers")]

GROUPS = {
    "chat": ("functional", V1, 2),
    "stats": ("marketing-analytics", V2, 2),
    "ads": ("advertising", V1, 2),
}
ALL = old_cookie(chat=V1, stats=V2, ads=V1)
SOME = old_cookie(chat=V1, ads="-1")


@pytest.fixture(autouse=True)
def policy(settings, request) -> Policy:
    settings.MIDDLEWARE = with_carry_over()
    settings.CONSENT_CARRY_OVER = carry_over(**GROUPS)
    settings.CONSENT_POLICY_MAX_AGE = 0
    return small_site()


def test_choice_counts_on_the_very_page_and_is_recorded_as_carried_over():
    response = visit(SOME)

    assert choices(response) == {
        "functional": True,
        "marketing-analytics": None,
        "advertising": False,
    }
    assert response.json()["tools"] == sorted({CHAT, *ESSENTIAL_TOOLS})
    assert response.json()["must_ask"] is True
    assert dict(decided(response).choices) == {"functional": 2, "advertising": 0}
    record = Record.objects.get()
    assert (record.source, record.revision, record.action) == ("migrated", 0, "chosen")
    assert record.choices == {"functional": 2, "advertising": 0}
    assert inconsistencies() == {}


def test_who_answered_everything_is_not_asked_again():
    response = visit(ALL)

    assert response.json()["must_ask"] is False
    assert Record.objects.get().action == "accept_all"


def test_refusal_of_everything_leaves_no_identifier():
    response = visit(old_cookie(chat="-1", stats="-1", ads="-1"))

    assert set(response.cookies) == {"consent"}
    assert Record.objects.get().subject is None


def test_choice_is_carried_over_once():
    client = Client()
    client.cookies["cookie_consent"] = ALL
    client.get("/")
    client.put(
        "/consent/api/preferences/",
        {"choices": dict.fromkeys(choices(client.get("/")), False)},
        content_type="application/json",
        headers={"Sec-Fetch-Site": "same-origin"},
    )

    assert set(choices(client.get("/")).values()) == {False}
    assert [record.source for record in Record.objects.order_by("pk")] == ["migrated", "api"]


@pytest.mark.parametrize("text", ["", "nonsense", "1.2.20000.functional_0"])
def test_any_preference_cookie_counts_for_more(text):
    client = Client()
    client.cookies["cookie_consent"], client.cookies["consent"] = ALL, text

    response = client.get("/untouched/")

    assert not response.cookies
    assert vary(response) == vary(visit(None, "/untouched/"))
    assert not Record.objects.exists()


@pytest.mark.parametrize("text", [None, ""])
def test_visitor_without_that_cookie_costs_nothing(text):
    visit(None)

    with CaptureQueriesContext(connection) as queries:
        response = visit(text, "/untouched/")

    assert len(queries) == 0
    assert not response.cookies
    assert (vary(response), response.get("Cache-Control")) == ({"Accept-Language"}, None)
    assert not Record.objects.exists()


@pytest.mark.parametrize("value", [None, {}, {"on": "2026-11-30"}, carry_over(chat=("x", V1))])
def test_nothing_happens_without_a_valid_setting(settings, value):
    settings.CONSENT_CARRY_OVER = value

    response = visit(ALL)

    assert (response.status_code, set(response.cookies)) == (200, set())
    found = [message.id for message in run_checks(tags=["consent"])]
    assert ("consent.E007" in found) is (value is not None)


def test_older_version_of_a_group_is_asked_about():
    response = visit(old_cookie(chat=V1, stats=V1))

    assert choices(response)["functional"] is True
    assert choices(response)["marketing-analytics"] is None


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5000,
        "chat=9999",
        "chat=\x00",
        "chat=" + "9" * 4000,
        "|=|=|",
        "chat=é",
        "__proto__=-1",
        f"chat={V1}\r\nSet-Cookie: a=b",
        "1.2.20000.functional_2",
    ],
)
def test_hostile_cookie_changes_nothing(text):
    response = visit(text)

    assert response.status_code == 200
    assert not response.cookies
    assert set(choices(response).values()) == {None}
    assert not Record.objects.exists()


def test_later_tool_stays_off_and_is_asked_about(policy):
    category = Category.objects.get(key="functional")
    ToolFactory.create(category=category, policy=policy, key="later")

    response = visit(ALL)

    assert CHAT in response.json()["tools"]
    assert "later" not in response.json()["tools"]
    assert response.json()["must_ask"] is True


def test_category_with_another_purpose_is_asked_about():
    category = Category.objects.get(key="functional")
    category.purpose = "To sell what it knows of you."
    category.save()

    response = visit(old_cookie(chat=V1, ads="-1"))

    assert dict(decided(response).choices) == {"advertising": 0}
    assert choices(response)["functional"] is None


def test_grant_at_a_revision_that_was_never_issued_is_void(settings):
    settings.CONSENT_CARRY_OVER = carry_over(
        chat=("functional", V1, 77), ads=("advertising", V1, 77), no=("nothing", V1, 2)
    )

    response = visit(old_cookie(chat=V1, ads="-1", no=V1))

    assert dict(decided(response).choices) == {"advertising": 0}


def test_essential_category_is_not_decided_on(settings):
    settings.CONSENT_CARRY_OVER = carry_over(chat=("essential", V1, 2))

    assert not visit(old_cookie(chat="-1")).cookies


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(V1, V1, True), (V1, "-1", False), (V1, "1", None), ("-1", "1", False)],
)
def test_groups_that_became_one_category_have_to_agree(settings, one, other, expected):
    groups = dict.fromkeys(("one", "other"), ("functional", V1, 2))
    settings.CONSENT_CARRY_OVER = carry_over(**groups)

    assert choices(visit(old_cookie(one=one, other=other)))["functional"] is expected


def test_grant_lasts_no_longer_than_one_of_the_day_of_the_migration(settings, policy):
    settings.CONSENT_CARRY_OVER = carry_over(on=-100, **GROUPS)

    response = visit(ALL)

    assert decided(response).day == days_ago(100)
    left = timedelta(days=policy.lifetime_days - 100)
    assert response.cookies["consent"]["max-age"] == left.total_seconds()


def test_grant_that_has_ended_is_not_carried_over_and_a_refusal_is(settings, policy):
    settings.CONSENT_CARRY_OVER = carry_over(on=-policy.lifetime_days, **GROUPS)

    response = visit(SOME)

    assert dict(decided(response).choices) == {"advertising": 0}
    assert decided(response).day == today()
    assert not visit(ALL).cookies


def test_day_of_the_migration_cannot_prolong_a_grant(settings):
    settings.CONSENT_CARRY_OVER = carry_over(on=300, **GROUPS)

    assert decided(visit(ALL)).day == today()


def test_name_of_the_cookie_and_the_word_for_declined_are_settings(settings):
    settings.COOKIE_CONSENT_NAME, settings.COOKIE_CONSENT_DECLINE = "cookies", "no"

    assert not visit(ALL).cookies
    assert choices(visit(old_cookie(chat=V1, ads="no"), name="cookies")) == {
        "functional": True,
        "marketing-analytics": None,
        "advertising": False,
    }


def test_copies_that_differ_grant_nothing_and_refuse(settings):
    header = f"cookie_consent=ads=-1|chat=1; cookie_consent={SOME}"

    response = Client(headers={"Cookie": header}).get("/", HTTP_COOKIE=header)

    assert choices(response) == {
        "functional": None,
        "marketing-analytics": None,
        "advertising": False,
    }


@pytest.mark.parametrize(
    ("kind", "is_page"), [("document", True), ("iframe", True), ("image", False), ("empty", False)]
)
def test_only_a_page_carries_over(kind, is_page):
    response = visit(ALL, headers={"Sec-Fetch-Dest": kind})

    assert (decided(response) is not None) is is_page
    assert "private" in response["Cache-Control"]


def test_global_privacy_control_counts_for_more():
    Category.objects.filter(key="advertising").update(sale=True)
    policies.forget()
    revision = Policy.objects.get().revision
    assert revision > 2

    response = visit(ALL, headers={"Sec-GPC": "1"})

    assert PIXEL not in response.json()["tools"]
    assert ANALYTICS in response.json()["tools"]


def test_other_visitor_with_the_same_cookie_gets_a_subject_of_their_own(settings):
    cache = "django.middleware.cache.{}CacheMiddleware"
    settings.MIDDLEWARE = [
        cache.format("Update"),
        *settings.MIDDLEWARE,
        cache.format("FetchFrom"),
    ]
    settings.CONSENT_DELIVERY = "cacheable"

    first, second = visit(ALL, "/untouched/"), visit(ALL, "/untouched/")

    assert first.cookies["consent_subject"].value != second.cookies["consent_subject"].value
    assert Record.objects.count() == 2
    assert "private" in first["Cache-Control"]


def test_too_many_decisions_grant_nothing_and_refuse(settings):
    settings.CONSENT_THROTTLE_RATE = "1/h"
    visit(ALL)

    response = visit(SOME)

    assert dict(decided(response).choices) == {"advertising": 0}
    assert Record.objects.count() == 1


def test_listed_twice_it_records_once(settings):
    settings.MIDDLEWARE = with_carry_over()

    visit(ALL)

    assert Record.objects.count() == 1


def test_without_records_the_choice_counts_at_once(settings):
    settings.CONSENT_RECORDS = False

    assert choices(visit(ALL))["functional"] is True
    assert not Record.objects.exists()


def test_without_a_policy_nothing_is_carried_over():
    no_policy()

    response = visit(ALL)

    assert (response.status_code, set(response.cookies)) == (200, set())


def test_without_the_consent_middleware_nothing_is_carried_over(settings):
    settings.MIDDLEWARE = [MIDDLEWARE]

    assert visit(ALL, "/untouched/").status_code == 200


def test_account_gets_only_what_was_refused_in_the_browser(settings, client):
    settings.CONSENT_LOGIN_SYNC = settings.CONSENT_RECORD_USER = True
    client.force_login(get_user_model().objects.create_user("jane"))
    client.cookies["cookie_consent"] = SOME

    response = client.get("/")

    assert choices(response)["functional"] is None
    assert choices(response)["advertising"] is False


def test_asynchronous_stack_carries_over():
    client = AsyncClient()
    client.cookies["cookie_consent"] = SOME

    response: Any = async_to_sync(client.get)("/")

    assert choices(response)["functional"] is True
    assert Record.objects.get().source == "migrated"
    assert async_to_sync(AsyncClient().get)("/untouched/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_grant_does_not_count_unless_it_is_recorded_and_a_refusal_does():
    visit(None)
    with no_ledger():
        granted, mixed = visit(ALL), visit(SOME)

    assert not granted.cookies
    assert set(choices(granted).values()) == {None}
    assert dict(decided(mixed).choices) == {"advertising": 0}
    assert CHAT not in mixed.json()["tools"]
    storing.store_waiting()
    assert Record.objects.get().choices == {"advertising": 0}
    assert Record.objects.get().decided_at <= timezone.now()
    assert dict(decided(visit(ALL)).choices) == {
        "functional": 2,
        "marketing-analytics": 2,
        "advertising": 2,
    }
