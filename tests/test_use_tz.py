"""Websites with ``USE_TZ = False``: their times are naive, and nothing else is different.

The time zone has summer time, so that local time, UTC and the order of two moments all differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

import consent
from consent.events.models import Delivery, SigningSecret
from consent.models import Policy, Record, day_of
from consent.models.signing import Verdict
from consent.models.times import from_timestamp, local_today, midnight, to_local, to_utc
from consent.policy.decision import Decision, parse
from consent.proof import retention
from consent.proof.recording import decision_of
from tests.admin.helpers import editor
from tests.events.helpers import MARKETING, deliver, events_site, track, webhooks
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site
from tests.proof.helpers import decide, findings, purge

NEW_YORK = ZoneInfo("America/New_York")
CODE = Path(consent.__file__).parent
API = "/consent/api/preferences/"
RECORDS = "admin:consent_record_changelist"
EXPORT = "admin:consent_record_export"
# A naive time.
local = datetime.fromisoformat
# In the hour that comes twice, since summer time ends in it.
REPEATED = local("2026-11-01 01:30")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def naive(db) -> Iterator[None]:
    with override_settings(USE_TZ=False, TIME_ZONE="America/New_York"):
        yield


@pytest.fixture
def site() -> Policy:
    return small_site()


@pytest.fixture
def visitor(site) -> Client:
    return Client(headers=SAME_ORIGIN)


def choose(browser: Client, *granted: str) -> Record:
    body = {"choices": {key: key in granted for key in OPTIONAL}}
    assert browser.put(API, body, content_type="application/json").status_code == 200
    return Record.objects.order_by("pk").last()


def decision_in(browser: Client) -> Decision:
    decision = parse(browser.cookies["consent"].value)
    assert decision is not None
    return decision


def exported(client: Client, selected: str = "") -> list[dict[str, str]]:
    answer = client.get(f"{reverse(EXPORT)}?format=jsonl{selected}")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    return [json.loads(line) for line in lines]


def test_time_becomes_utc_whatever_its_kind():
    assert to_utc(local("2026-07-01 22:00")) == datetime(2026, 7, 2, 2, tzinfo=UTC)
    assert to_utc(datetime(2026, 7, 1, 22, tzinfo=UTC)) == datetime(2026, 7, 1, 22, tzinfo=UTC)
    assert to_utc(datetime(2026, 7, 1, 22, tzinfo=NEW_YORK)).utcoffset() == timedelta(0)
    assert day_of(local("2026-07-01 22:00")) == date(2026, 7, 1)


def test_repeated_hour_is_the_same_before_and_after_a_database():
    assert to_utc(REPEATED.replace(fold=1)) == to_utc(REPEATED)


def test_time_of_a_timestamp_is_as_django_has_it():
    assert from_timestamp(0) == local("1969-12-31 19:00")
    with override_settings(USE_TZ=True):
        assert from_timestamp(0) == datetime(1970, 1, 1, tzinfo=UTC)


def test_days_are_those_of_the_website():
    assert local_today() == datetime.now(NEW_YORK).date()
    assert midnight(date(2026, 7, 1)) == local("2026-07-01 00:00")
    assert to_local(REPEATED) == REPEATED
    with override_settings(USE_TZ=True):
        assert local_today() == datetime.now(NEW_YORK).date()
        assert midnight(date(2026, 7, 1)) == datetime(2026, 7, 1, 4, tzinfo=UTC)
        assert to_local(datetime(2026, 7, 1, tzinfo=UTC)).hour == 20


def test_only_one_module_converts_times():
    allowed = CODE / "models" / "times.py"
    conversion = re.compile(r"\b(astimezone|localtime|localdate|make_aware|make_naive|utcnow)\b")
    guilty = [
        str(path.relative_to(CODE))
        for path in CODE.rglob("*.py")
        if path != allowed and conversion.search(path.read_text())
    ]

    assert guilty == []


def test_record_is_genuine_and_says_when(visitor):
    record = choose(visitor, "functional")

    assert record.verdict() is Verdict.GENUINE
    assert timezone.is_naive(record.decided_at)
    assert abs(to_utc(record.decided_at) - datetime.now(UTC)) < timedelta(seconds=30)
    made, decision = decision_of(record), decision_in(visitor)
    assert (made.day, made.revision, made.choices) == (
        decision.day,
        decision.revision,
        decision.choices,
    )


def test_record_of_the_repeated_hour_is_genuine(site):
    decide(at=REPEATED.replace(fold=1))

    assert findings() == ""


def test_visitor_reads_receipts_and_withdraws(visitor):
    record = choose(visitor, "functional")

    page = visitor.get("/consent/receipts/")
    assert f'datetime="{record.decided_at:%Y-%m-%dT%H:%M}' in page.text
    receipt = visitor.get(f"/consent/api/receipts/{record.receipt}/")
    assert to_utc(record.decided_at).isoformat() in receipt.text
    assert visitor.delete(API).status_code == 200
    assert not decision_in(visitor).allowed


def test_records_are_listed_by_days_of_the_website(site):
    client = editor("view_record")
    decide(at=local("2026-07-01 23:30"))
    decide(at=local("2026-07-02 00:30"))

    for selected, number in (("", 2), ("?to=2026-07-01", 1), ("?from=2026-07-02", 1)):
        page = client.get(f"{reverse(RECORDS)}{selected}")
        assert page.status_code == 200
        assert len(page.context["cl"].result_list) == number


def test_record_has_a_page(visitor):
    record = choose(visitor)

    page = editor("view_record").get(reverse("admin:consent_record_change", args=[record.pk]))
    assert page.status_code == 200


def test_export_is_in_utc_and_takes_days_of_the_website(site):
    client = editor("view_record", "export_record")
    decide(at=local("2026-07-01 23:30"))
    decide(at=local("2026-07-02 00:30"))

    assert [row["decided_at"] for row in exported(client, "&to=2026-07-01")] == [
        "2026-07-02T03:30:00+00:00"
    ]
    csv = client.get(f"{reverse(EXPORT)}?format=csv")
    assert f"consent-records-{local_today()}.csv" in csv.headers["Content-Disposition"]
    assert b"2026-07-02T04:30:00+00:00" in b"".join(csv.streaming_content)


def test_statistics_count_the_decision(visitor):
    choose(visitor, "functional")

    page = editor("view_counter", "view_record", "export_record").get(
        reverse("admin:consent_counter_changelist")
    )
    assert page.status_code == 200
    assert f"from={local_today() - timedelta(days=29)}" in page.text


def test_choice_of_a_user_follows_them(settings, site):
    settings.CONSENT_LOGIN_SYNC = settings.CONSENT_RECORD_USER = True
    ada = get_user_model().objects.create_superuser("ada", password="secret")
    phone, laptop = Client(headers=SAME_ORIGIN), Client(headers=SAME_ORIGIN)
    phone.force_login(ada)
    choose(phone, "functional")

    laptop.post("/admin/login/", {"username": "ada", "password": "secret"})

    followed = parse(laptop.cookies["consent.account"].value)
    assert followed is not None
    assert followed.allowed == {"functional"}


def test_old_records_are_purged_and_the_others_are_whole(site):
    decide(days=400)
    young = decide(days=100)

    assert "1 records" in purge("--older-than", "1y", "--dry-run")
    purge("--older-than", "1y")

    assert list(Record.objects.values_list("pk", flat=True)) == [young.pk]
    assert findings() == ""
    assert retention.cutoff_of("6m") < timezone.now()


def test_event_says_its_time_in_utc_and_is_tried_again_later(settings):
    # Nothing answers there.
    settings.CONSENT_EVENTS_TRUSTED_HOSTS = ["127.0.0.1"]
    events_site("https://127.0.0.1:1/in")

    body = json.loads(track()[0].body)
    deliver()

    assert body["timestamp"].endswith("Z")
    when = datetime.fromisoformat(body["timestamp"])
    assert abs(when - datetime.now(UTC)) < timedelta(seconds=30)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == (Delivery.State.WAITING, 1)
    assert timezone.now() < delivery.due_at < timezone.now() + timedelta(hours=1)


def test_address_of_an_event_gets_a_second_secret_for_some_time(site):
    tool = webhooks(MARKETING)

    SigningSecret.objects.rotate(tool, 3600)
    SigningSecret.objects.rotate(tool, 3600)

    assert SigningSecret.objects.in_use(tool).count() == 2


def test_tool_that_was_retired_is_listed_with_the_time(admin_client):
    tool = events_site()
    tool.retire()

    page = admin_client.get(reverse("admin:consent_tool_changelist"))
    assert "410 Gone" in page.text


def test_gpc_resource_has_the_day_of_the_last_change(visitor):
    Policy.objects.update(changed_at=local("2026-07-01 22:00"))

    answer = visitor.get("/.well-known/gpc.json")
    assert answer.json() == {"gpc": True, "lastUpdate": "2026-07-02"}
