"""`consent_status`: figures for monitoring."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from consent.events.models import Delivery
from consent.models import CommandRun, Policy, Sequence
from consent.proof import status, storing
from tests.events.helpers import events_site, time_passes, track
from tests.helpers import OPTIONAL, SAME_ORIGIN, no_ledger, small_site
from tests.proof.helpers import decide

pytestmark = pytest.mark.django_db

STATUS = "/admin/consent/counter/status/"


@pytest.fixture
def site() -> Policy:
    return small_site()


def figures() -> tuple[dict[str, Any], str]:
    """Return what the command prints, and its error."""
    out = StringIO()
    try:
        call_command("consent_status", stdout=out)
    except CommandError as error:
        return json.loads(out.getvalue()), str(error)
    return json.loads(out.getvalue()), ""


def test_site_on_which_all_is_well(site):
    decide(days=3)

    assert figures() == (
        {
            "stopped_policies": [],
            "oldest_record_days": 3,
            "last_purge_days": None,
            "last_verify_days": None,
            "refusals_waiting": 0,
            "events_waiting": 0,
            "events_overdue_seconds": 0,
            "events_given_up": 0,
        },
        "",
    )


def test_site_without_records_is_well():
    found, error = figures()

    assert found["oldest_record_days"] is None
    assert error == ""


def test_records_that_nobody_purges(site, settings):
    settings.CONSENT_RETENTION_DAYS = 100
    decide(days=107.5)
    call_command("consent_verify", verbosity=0)
    assert figures()[1] == ""

    decide(days=109)

    found, error = figures()
    assert found["oldest_record_days"] == 109
    assert "run consent_purge every day" in error


def test_stopped_policy_is_named(site):
    Policy.objects.stop_tools()

    found, error = figures()

    assert found["stopped_policies"] == ["default"]
    assert "consent_stop --undo" in error


@pytest.mark.django_db(transaction=True)
def test_refusals_that_wait_are_counted(site):
    with no_ledger():
        Client(headers=SAME_ORIGIN).put(
            "/consent/api/preferences/",
            {"choices": dict.fromkeys(OPTIONAL, False)},
            content_type="application/json",
        )

    found, error = figures()

    assert found["refusals_waiting"] == len(storing.waiting) == 1
    assert "wait for the database" in error


def test_events_that_wait_and_those_that_were_given_up():
    events_site()
    track()
    assert figures()[0]["events_waiting"] == 1
    time_passes(minutes=12)

    found, error = figures()
    assert 700 < found["events_overdue_seconds"] < 800
    assert "consent_deliver --watch" in error

    Delivery.objects.update(state=Delivery.State.DEAD, due_at=None, ended_at=timezone.now())
    found, error = figures()
    assert (found["events_waiting"], found["events_given_up"]) == (0, 1)
    assert "1 events were given up" in error


def test_database_that_fails_is_said(monkeypatch):
    def fail() -> None:
        raise OperationalError("The server is gone.")

    monkeypatch.setitem(status._sources, "failing", fail)

    with pytest.raises(CommandError, match="cannot be read: The server is gone"):
        call_command("consent_status", stdout=StringIO())


def test_nothing_but_problems_is_printed_with_verbosity_0():
    out = StringIO()

    call_command("consent_status", verbosity=0, stdout=out)

    assert out.getvalue() == ""


def test_ages_of_the_last_purge_and_verification(site):
    decide(days=36)
    assert "never verified: run consent_verify" in figures()[1]

    call_command("consent_verify", verbosity=0)
    call_command("consent_purge", verbosity=0)

    found, error = figures()
    assert (found["last_purge_days"], found["last_verify_days"], error) == (0, 0, "")
    CommandRun.objects.update(ended_at=timezone.now() - timedelta(days=40))
    found, error = figures()
    assert (found["last_purge_days"], found["last_verify_days"]) == (40, 40)
    assert error == "The records were last verified 40 days ago: run consent_verify."


def test_run_that_finds_something_or_deletes_nothing_is_none(site):
    decide(days=36)
    Sequence.objects.update(last=0)
    with pytest.raises(CommandError):
        call_command("consent_verify", verbosity=0)
    call_command("consent_purge", "--dry-run", verbosity=0)

    assert not CommandRun.objects.exists()


@pytest.mark.urls("demo_site.urls")
def test_staff_reads_the_figures_in_the_admin(site, admin_client):
    decide(days=3)

    answer = admin_client.get(STATUS)

    assert answer.status_code == 200
    assert answer.json() == {**figures()[0], "problems": []}
    Policy.objects.update(stopped_at=timezone.now())
    answer = admin_client.get(STATUS)
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["Optional tools are stopped: run consent_stop --undo."]


@pytest.mark.urls("demo_site.urls")
def test_figures_are_for_those_alone_who_may_see_the_statistics(site, client):
    assert client.get(STATUS).status_code == 302
    staff = get_user_model().objects.create_user("eve", is_staff=True)
    client.force_login(staff)

    assert client.get(STATUS).status_code == 403
