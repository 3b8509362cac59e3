"""Events are delivered by a task where one is named: Django's own, or that of django-tasks."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import django
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from django_tasks_db.models import DBTaskResult

from consent.events.models import Delivery
from consent.events.tasks import deliver as task
from tests import command_processes
from tests.events import receiver as receivers
from tests.events.helpers import Reason, State, deliver, events_site, states, time_passes, track
from tests.events.receiver import Receiver, status
from tests.settings import BACKGROUND, TASKS

pytestmark = pytest.mark.django_db(transaction=True)

RUN_AT_ONCE = 9999


@pytest.fixture(autouse=True)
def receiver(tmp_path, monkeypatch, settings) -> Iterator[Receiver]:
    """A receiver of the website's events, which are delivered by a task."""
    settings.CONSENT_EVENTS_TASKS = BACKGROUND
    with receivers.receiving(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        settings.CONSENT_EVENTS_TRUSTED_HOSTS = [receivers.HOST]
        events_site(running.address)
        yield running


def work() -> None:
    """Run a worker until no task is ready."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
    before = {number: signal.getsignal(number) for number in signals}
    options = ("--batch", "--no-startup-delay", "--backend", BACKGROUND)
    try:
        call_command("db_worker", *options, verbosity=0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tasks() -> list[DBTaskResult]:
    """Return those that no worker has had yet."""
    return list(DBTaskResult.objects.filter(status="READY").order_by("run_after"))


def all_time_passes() -> None:
    """Let what waits be due, and the tasks for it."""
    time_passes(days=1)
    later = DBTaskResult.objects.filter(status="READY").exclude(run_after__year=RUN_AT_ONCE)
    later.update(run_after=F("run_after") - timedelta(days=1))


def test_library_is_djangos_where_it_has_one():
    expected = "django.tasks." if django.VERSION >= (6, 0) else "django_tasks."

    assert type(task).__module__.startswith(expected)


def test_task_begins_with_the_commit_and_nothing_is_sent_before_it(receiver):
    with transaction.atomic():
        track()
        assert tasks() == []

    (begun,) = tasks()
    assert begun.task.func is task.func
    assert not receiver.received

    work()
    assert states() == [State.DELIVERED]
    assert len(receiver.received) == 1
    assert tasks() == []


def test_what_is_rolled_back_begins_no_task():
    with transaction.atomic():
        track()
        transaction.set_rollback(True)

    assert tasks() == []
    assert states() == []


def test_without_the_setting_no_task_begins(settings):
    settings.CONSENT_EVENTS_TASKS = None
    track()

    assert tasks() == []


def test_worker_says_what_became_of_the_events():
    track(3)
    work()

    results = [each.return_value for each in DBTaskResult.objects.order_by("started_at")]
    assert results == [{State.DELIVERED: 3}, {}, {}]


def test_failure_is_tried_again_by_a_task_that_begins_then(receiver):
    receiver.answers.append(status(500))
    track()
    work()

    delivery = Delivery.objects.get()
    (later,) = tasks()
    assert (delivery.state, delivery.reason) == (State.WAITING, Reason.REFUSED)
    assert later.run_after == delivery.due_at

    work()
    assert tasks() == [later]
    all_time_passes()
    work()
    assert states() == [State.DELIVERED]
    assert tasks() == []


def test_each_of_those_that_failed_unequally_often_has_its_task(receiver):
    receiver.answers.extend([status(500)] * 3)
    track()
    work()
    all_time_passes()
    DBTaskResult.objects.all().delete()
    track()
    work()

    due = sorted(Delivery.objects.values_list("due_at", flat=True))
    assert sorted(Delivery.objects.values_list("attempts", flat=True)) == [1, 2]
    assert [each.run_after for each in tasks()] == due


def test_those_that_failed_equally_often_share_a_task(receiver):
    receiver.answers.extend([status(500)] * 3)
    track(3)
    work()

    (later,) = tasks()
    assert later.run_after == max(Delivery.objects.values_list("due_at", flat=True))


def test_receiver_that_asks_to_wait_has_the_task_begin_when_all_are_due(receiver):
    receiver.answers.append(status(429, Retry_After="600"))
    track(3)
    work()

    (later,) = tasks()
    assert later.run_after == max(Delivery.objects.values_list("due_at", flat=True))
    all_time_passes()
    work()
    assert states() == [State.DELIVERED] * 3


def test_what_is_given_up_begins_no_task(receiver, settings):
    settings.CONSENT_EVENTS_ATTEMPTS = 1
    receiver.answers.append(status(500))
    track()
    work()

    assert states() == [State.DEAD]
    assert tasks() == []


@contextmanager
def no_queue() -> Iterator[None]:
    """Take away the table of tasks, and bring it back."""
    table, elsewhere = DBTaskResult._meta.db_table, "tasks_elsewhere"
    with connection.schema_editor() as editor:
        editor.alter_db_table(DBTaskResult, table, elsewhere)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(DBTaskResult, elsewhere, table)


def test_queue_that_fails_breaks_no_request_and_loses_no_event(caplog):
    with no_queue():
        with transaction.atomic():
            track()
        assert "could not be begun" in caplog.text

    assert tasks() == []
    assert states() == [State.WAITING]
    assert deliver() == {State.DELIVERED: 1}


def test_queue_that_fails_after_a_failure_loses_no_event(receiver, caplog):
    receiver.answers.append(status(500))
    track()
    with no_queue():
        task.func()
        assert "could not be begun" in caplog.text

    time_passes(minutes=1)
    assert deliver() == {State.DELIVERED: 1}


@pytest.mark.parametrize(
    ("backends", "chosen"),
    [
        ({"ours": TASKS[BACKGROUND]}, None),
        ({"ours": TASKS[BACKGROUND]}, "ours"),
        ({"default": {**TASKS["default"], "QUEUES": ["mail"]}}, None),
    ],
)
def test_website_needs_no_backend_for_anything_else(tmp_path: Path, backends, chosen):
    nobody = tmp_path / "authority.pem"

    command_processes.end(
        command_processes.start(
            "check", authority=nobody, TASKS=backends, CONSENT_EVENTS_TASKS=chosen
        )
    )
