"""Records: every decision is proven, once, with what was shown; nothing is pretended."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from consent.models import (
    Policy,
    Record,
)
from consent.recording import subject_of
from tests.scenes import (
    OPTIONAL,
    SAME_ORIGIN,
    small_site,
)

pytestmark = pytest.mark.django_db

API = "/consent/api/preferences/"
FORM = "/consent/preferences/"
ALL = dict.fromkeys(OPTIONAL, True)
NONE = dict.fromkeys(OPTIONAL, False)
SOME = {**NONE, "functional": True}


@pytest.fixture(autouse=True)
def site() -> Policy:
    return small_site()


@pytest.fixture
def browser() -> Client:
    return Client(headers=SAME_ORIGIN)


def put(browser: Client, choices: dict[str, bool], **body: Any) -> Any:
    return browser.put(API, {"choices": choices, **body}, content_type="application/json")


def only_record() -> Record:
    return Record.objects.get()


def test_record_says_who_chose_what_when_where_and_on_which_text(browser):
    before = timezone.now()

    put(browser, SOME, source="notice")

    record = only_record()
    assert record.choices == {"functional": 2, "marketing-analytics": 0, "advertising": 0}
    assert record.granted == "functional"
    assert (record.action, record.source) == ("chosen", "notice")
    assert (record.language, record.regime, record.gpc) == ("en", "opt_in", False)
    assert (record.revision, record.user) == (2, "")
    assert before <= record.decided_at <= timezone.now()
    assert record.subject == subject_of(browser.cookies["consent_subject"].value)
    assert record.version.revision == 2
    shown = record.version.shown
    assert shown["policy"]["notice_text"].startswith("Some tools on this site")
    assert [category["key"] for category in shown["categories"]] == [*OPTIONAL, "essential"]
    assert shown["categories"][1]["tools"][0]["cookies"][0]["name"] == "_ga"


def test_no_column_holds_an_address_or_a_browser(browser):
    put(browser, ALL)

    columns = {field.name for field in Record._meta.get_fields()}
    assert not {"ip", "ip_address", "user_agent", "fingerprint"} & columns
    assert "127.0.0.1" not in json.dumps(only_record().signed(""))
