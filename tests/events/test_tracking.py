"""`consent.track` writes events for the tools that a visitor allows, and for no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils import timezone

import consent
from consent.events.models import Delivery
from consent.events.outbox import MAX_BODY
from consent.models import Category, Record, Tool
from consent.policy import policies
from consent.proof.recording import Occasion
from consent.signals import decision_stored
from consent.visitor import NotRecordedError
from tests.events.helpers import MARKETING, WEBHOOKS, events_site, visitor, webhooks
from tests.helpers import consent_in, grant, iso, no_table, page_request

pytestmark = pytest.mark.django_db


def body(delivery: Delivery | None = None) -> dict[str, object]:
    """Return what is to be sent, of the only delivery unless one is given."""
    found: dict[str, object] = json.loads((delivery or Delivery.objects.get()).body)
    return found


def test_event_goes_to_the_tool_that_the_visitor_allows():
    events_site()

    went_to = consent.track(visitor(MARKETING), "Signed Up", {"plan": "day return"})

    delivery = Delivery.objects.get()
    assert went_to == {WEBHOOKS}
    assert (delivery.tool.key, delivery.name, delivery.state) == (WEBHOOKS, "Signed Up", "waiting")
    assert delivery.due_at is not None


def test_event_goes_nowhere_without_consent():
    events_site()

    for cookie in (grant(), grant("functional", "advertising"), "", "nonsense"):
        assert consent.track(page_request(cookie), "Signed Up") == frozenset()

    assert not Delivery.objects.exists()


def test_event_goes_to_each_tool_that_is_allowed_and_no_other():
    events_site()
    webhooks("essential", key="audit")
    webhooks("advertising", key="ads")
    webhooks(MARKETING, key="disabled", enabled=False)

    assert consent.track(visitor(MARKETING), "Signed Up") == {WEBHOOKS, "audit"}
    assert consent.track(page_request(), "Signed Up") == {"audit"}

    first, second, third = Delivery.objects.order_by("pk")
    assert first.event == second.event != third.event


def test_tool_that_came_after_the_decision_gets_nothing():
    events_site()
    before = grant(MARKETING)
    Tool.objects.get(key=WEBHOOKS).delete()
    tool = webhooks(MARKETING)
    tool.enabled = False
    tool.save()
    tool.enabled, tool.vendor = True, "Another Ltd"
    tool.save()
    policies.forget()

    assert consent.track(page_request(before), "Signed Up") == frozenset()


def test_tool_that_was_refused_by_itself_gets_nothing():
    events_site(tool_choices=True)
    request = page_request(f"{grant(MARKETING)}.{WEBHOOKS}_0")

    assert consent.track(request, "Signed Up") == frozenset()


def test_tool_that_is_allowed_until_refused_gets_events_of_the_undecided():
    events_site(regime="implied")

    assert consent.track(page_request(), "Signed Up") == {WEBHOOKS}


def test_browser_that_opts_out_keeps_events_from_what_is_sold():
    events_site(regime="implied")
    Category.objects.filter(key=MARKETING).update(sale=True)
    policies.forget()

    request = page_request("", HTTP_SEC_GPC="1")

    assert consent.track(request, "Signed Up") == frozenset()


def test_payload_has_type_time_data_and_the_consent():
    events_site()
    data = {"at": datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC), "price": Decimal("9.90"), "ö": [1]}

    consent.track(visitor(MARKETING), "Ticket Bought", data)

    found = body()
    assert found["type"] == "Ticket Bought"
    assert found["id"] == Delivery.objects.get().message_id
    assert found["data"] == {"at": "2026-05-04T03:02:01Z", "price": "9.90", "ö": [1]}
    assert datetime.fromisoformat(str(found["timestamp"])).tzinfo is not None
    assert found["consent"] == {
        "categories": {
            "functional": False,
            MARKETING: True,
            "advertising": False,
            "essential": True,
        },
        "revision": 2,
        "decided_on": iso(0),
        "regime": "opt_in",
        "gpc": False,
    }


def test_row_names_nobody_who_has_no_subject():
    events_site()

    consent.track(visitor(MARKETING), "Signed Up")

    delivery = Delivery.objects.get()
    assert (delivery.subject, delivery.user) == (None, "")


def test_response_depends_on_the_visitor_no_more_than_without_the_event():
    events_site()
    request = visitor(MARKETING)

    consent.track(request, "Signed Up")

    assert consent_in(request).reader.vary == []


def test_decision_of_the_same_request_counts():
    events_site()
    request = page_request()
    consent_in(request).accept_all()

    assert consent.track(request, "Signed Up") == {WEBHOOKS}
    assert Delivery.objects.get().subject == Record.objects.get().subject


def test_event_is_gone_with_the_transaction_that_it_was_written_in():
    events_site()

    with transaction.atomic():
        consent.track(visitor(MARKETING), "Signed Up")
        assert Delivery.objects.count() == 1
        transaction.set_rollback(True)

    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("", "has 1 to 100 characters"),
        (" ", "has 1 to 100 characters"),
        ("x" * 101, "has 1 to 100 characters"),
        (7, "has 1 to 100 characters"),
        ("a\x00b", "cannot be printed"),
        ("consent.granted", "are the app's own"),
    ],
)
def test_name_that_is_none_is_refused(name, wrong):
    events_site()

    with pytest.raises(consent.EventError, match=wrong):
        consent.track(visitor(MARKETING), name)
    with pytest.raises(ValueError, match=wrong):
        consent.track_for(name, user="1")


@pytest.mark.parametrize(
    "data", [{"a": object()}, {"a": float("nan")}, {"a": "x" * MAX_BODY}, {object(): 1}]
)
def test_data_that_cannot_be_sent_is_refused(data):
    events_site()

    with pytest.raises(consent.EventError, match="Signed Up"):
        consent.track(visitor(MARKETING), "Signed Up", data)

    assert not Delivery.objects.exists()


def test_data_that_holds_itself_is_refused():
    events_site()
    data: dict[str, object] = {}
    data["self"] = data

    with pytest.raises(consent.EventError):
        consent.track(visitor(MARKETING), "Signed Up", data)


def test_request_without_the_middleware_says_so_under_debug(settings):
    events_site()
    webhooks("essential", key="audit")
    request = RequestFactory().get("/")

    settings.DEBUG = False
    assert consent.track(request, "Signed Up") == {"audit"}
    settings.DEBUG = True
    with pytest.raises(ImproperlyConfigured, match="ConsentMiddleware"):
        consent.track(request, "Signed Up")


def test_website_without_server_tools_is_asked_nothing(django_assert_num_queries):
    events_site()
    Tool.objects.all().delete()
    policies.forget()
    request = visitor(MARKETING)
    assert policies.current()

    with django_assert_num_queries(0):
        assert consent.track(request, "Signed Up") == frozenset()


def test_event_takes_one_query(django_assert_num_queries):
    events_site()
    webhooks("essential", key="audit")
    request = visitor(MARKETING)
    assert policies.current()

    with django_assert_num_queries(1):
        consent.track(request, "Signed Up")


@pytest.mark.django_db(transaction=True)
def test_async_code_tracks_the_same():
    events_site()
    request = visitor(MARKETING)

    async def track() -> frozenset[str]:
        return await consent.atrack(request, "Signed Up", {"n": 1})

    assert async_to_sync(track)() == {WEBHOOKS}
    assert body()["data"] == {"n": 1}


# Without a request


def decided(*granted: str, user: str = "", gpc: bool = False) -> Record:
    """Record the decision of a new visitor, and return its record."""
    extra = {"HTTP_SEC_GPC": "1"} if gpc else {}
    request = page_request(**extra)
    if user:
        request.user = get_user_model().objects.get(pk=user)
    keys = ("functional", MARKETING, "advertising")
    consent_in(request).decide({key: key in granted for key in keys})
    return Record.objects.order_by("-pk")[0]


def test_event_for_a_subject_goes_where_their_latest_decision_allows():
    events_site()
    agreed, refused = decided(MARKETING), decided("functional")

    assert consent.track_for("Renewed", {"n": 1}, subject=agreed.subject) == {WEBHOOKS}
    assert consent.track_for("Renewed", subject=str(agreed.subject)) == {WEBHOOKS}
    assert consent.track_for("Renewed", subject=refused.subject) == frozenset()
    assert consent.track_for("Renewed", subject=uuid4()) == frozenset()
    assert set(Delivery.objects.values_list("subject", flat=True)) == {agreed.subject}


def test_event_for_a_user_goes_where_their_latest_decision_allows(settings, django_user_model):
    settings.CONSENT_RECORD_USER = True
    events_site()
    user = django_user_model.objects.create_user("ada")
    decided(MARKETING, user=str(user.pk))

    assert consent.track_for("Renewed", user=user) == {WEBHOOKS}
    assert consent.track_for("Renewed", user=user.pk) == {WEBHOOKS}
    decided(user=str(user.pk))
    assert consent.track_for("Renewed", user=user) == frozenset()


def test_decision_that_has_run_out_allows_only_what_is_essential():
    events_site()
    webhooks("essential", key="audit")
    decided(MARKETING)
    rows = Record.objects.all()
    long_ago = timezone.now() - timedelta(days=200)
    # There is no way to change a record but the database's own.
    super(type(rows), rows)._update([(Record._meta.get_field("decided_at"), None, long_ago)])

    assert consent.track_for("Renewed", subject=Record.objects.get().subject) == {"audit"}


@pytest.mark.parametrize(
    "whom", [{}, {"user": 1, "subject": uuid4()}, {"subject": "nobody"}, {"user": ""}]
)
def test_event_for_nobody_in_particular_is_refused(whom):
    events_site()

    with pytest.raises(consent.EventError):
        consent.track_for("Renewed", **whom)


@pytest.mark.django_db(transaction=True)
def test_async_code_tracks_for_a_subject():
    events_site()
    subject: UUID = decided(MARKETING).subject

    async def track() -> frozenset[str]:
        return await consent.atrack_for("Renewed", subject=subject)

    assert async_to_sync(track)() == {WEBHOOKS}


# Decisions


def decision_site(category: str = MARKETING) -> None:
    events_site()
    Tool.objects.all().delete()
    webhooks(category, hears_decisions=True)


def test_tool_that_is_not_told_of_decisions_hears_none():
    events_site()
    decided(MARKETING)

    assert not Delivery.objects.exists()


def test_grant_change_and_withdrawal_are_told_where_they_are_allowed():
    decision_site("essential")
    request = page_request()
    consent_in(request).decide({"functional": True, MARKETING: True, "advertising": False})
    held = page_request(consent_in(request).decision.text)
    consent_in(held).decide({"functional": True, MARKETING: False, "advertising": False})
    consent_in(held).withdraw()
    consent_in(page_request()).reject_all()

    assert [(d.name, d.tool.key) for d in Delivery.objects.order_by("pk")] == [
        ("consent.granted", WEBHOOKS),
        ("consent.changed", WEBHOOKS),
        ("consent.withdrawn", WEBHOOKS),
        ("consent.changed", WEBHOOKS),
    ]
    told = body(Delivery.objects.order_by("pk")[1])
    assert told["data"]["withdrawn"] == [MARKETING]
    assert told["consent"]["categories"]["functional"] is True
    assert not {"receipt", "subject", "user"} & told["data"].keys()


def test_withdrawal_is_not_told_to_the_tool_that_it_stops():
    decision_site()
    request = page_request()
    consent_in(request).accept_all()
    consent_in(page_request(consent_in(request).decision.text)).withdraw()

    assert [d.name for d in Delivery.objects.all()] == ["consent.granted"]


def test_same_choice_again_is_nothing_to_tell():
    decision_site("essential")
    request = page_request()
    consent_in(request).accept_all()
    consent_in(page_request(consent_in(request).decision.text)).accept_all()

    assert [d.name for d in Delivery.objects.all()] == ["consent.granted"]


def test_decision_is_told_where_nothing_is_recorded(settings):
    settings.CONSENT_RECORDS = False
    decision_site("essential")
    consent_in(page_request()).accept_all()

    assert Delivery.objects.get().name == "consent.granted"
    assert Delivery.objects.get().subject is None


def test_decision_that_comes_twice_is_told_once():
    decision_site("essential")
    occasion = Occasion(key=uuid4())
    for _ in range(2):
        consent_in(page_request()).accept_all(occasion=occasion)

    assert Record.objects.count() == Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_decision_that_is_not_recorded_holds_where_its_event_cannot_be_stored(settings, caplog):
    settings.CONSENT_RECORDS = False
    decision_site("essential")
    request = page_request()
    assert policies.current()

    # As in a view with ATOMIC_REQUESTS: what else it does is not to fail either.
    with no_table(Delivery), transaction.atomic():
        consent_in(request).accept_all()
        assert Tool.objects.exists()

    assert consent_in(request).allows(MARKETING)
    assert "could not be stored" in caplog.text


# The subject's cookie


def subject_cookies(response: HttpResponse) -> set[tuple[str, bool]]:
    """Return the path of each that is set, and whether it is deleted."""
    return {
        (morsel["path"], morsel["max-age"] == 0)
        for morsel in response.cookies.values()
        if morsel.key == "consent_subject"
    }


def answer(request: HttpRequest) -> HttpResponse:
    response = HttpResponse()
    consent_in(request).finish(response)
    return response


def test_whole_site_sees_the_subject_where_events_are_sent():
    events_site()
    request = page_request()
    consent_in(request).accept_all()
    assert subject_cookies(answer(request)) == {("/", False)}

    Tool.objects.filter(key=WEBHOOKS).delete()
    policies.forget()
    request = page_request()
    consent_in(request).accept_all()
    assert subject_cookies(answer(request)) == {("/consent/", False)}


def test_browser_forgets_the_subject_wherever_it_is_kept():
    events_site()
    request = page_request()
    consent_in(request).accept_all()
    held = page_request()
    held.COOKIES["consent_subject"] = consent_in(request).current_secret
    consent_in(held).withdraw(forget=True)

    assert subject_cookies(answer(held)) == {("/", True), ("/consent/", True)}


# Receivers of decision_stored


@contextmanager
def failing_receiver() -> Iterator[None]:
    """Have a receiver of the signal raise what is no error of the database."""

    def fail(**kwargs: object) -> None:
        raise ValueError("The receiver has a fault.")

    decision_stored.connect(fail)
    try:
        yield
    finally:
        decision_stored.disconnect(fail)


def test_grant_does_not_count_where_a_receiver_of_its_signal_fails(caplog):
    decision_site("essential")
    consent = consent_in(page_request())

    with failing_receiver(), pytest.raises(NotRecordedError):
        consent.accept_all()

    assert not consent.allows(MARKETING)
    assert not Record.objects.exists()
    assert not Delivery.objects.exists()
    assert "decision_stored failed" in caplog.text


def test_refusal_counts_where_a_receiver_of_its_signal_fails():
    decision_site("essential")
    consent = consent_in(page_request())

    with failing_receiver():
        consent.reject_all()

    assert not consent.allows(MARKETING)
    assert not consent.must_ask
    assert not consent.is_recorded
