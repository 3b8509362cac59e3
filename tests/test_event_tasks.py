"""A worker for tasks delivers what is tracked: after the commit, and never in the request."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

import consent
from consent import tasks
from consent.models import Delivery, Tool
from tests import receiver as receivers
from tests.events import MARKETING, State, events_site, states, track, visitor
from tests.receiver import Receiver, status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _background(settings) -> None:
    settings.CONSENT_EVENTS_TASKS = "background"


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """The worker's handlers are not the tests'."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def receiver(tmp_path, monkeypatch, settings):
    with receivers.receiving(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        settings.CONSENT_EVENTS_TRUSTED_HOSTS = [receivers.HOST]
        events_site(running.address)
        yield running


def work() -> None:
    """Run a worker until it finds nothing to do."""
    options = ("--batch", "--backend=background", "--interval=0", "--no-startup-delay")
    call_command("db_worker", *options, "--no-reload", verbosity=0)


def enqueued() -> list[Any]:
    return list(DBTaskResult.objects.filter(status="READY").order_by("enqueued_at"))


def test_worker_delivers_what_was_tracked(receiver: Receiver):
    track(3)
    assert len(enqueued()) == 3
    assert not receiver.received

    work()

    assert states() == [State.DELIVERED] * 3
    assert len(receiver.received) == 3
    assert enqueued() == []


def test_nothing_is_enqueued_before_the_commit_nor_without_one(receiver: Receiver):
    with transaction.atomic():
        consent.track(visitor(MARKETING), "Signed Up")
        assert enqueued() == []
    assert len(enqueued()) == 1

    with transaction.atomic():
        consent.track(visitor(MARKETING), "Signed Up")
        transaction.set_rollback(True)
    assert len(enqueued()) == 1


def test_nothing_is_enqueued_where_no_tool_is_allowed_or_no_backend_is_named(receiver, settings):
    consent.track(visitor(), "Signed Up")
    settings.CONSENT_EVENTS_TASKS = None
    track()

    assert enqueued() == []
    assert states() == [State.WAITING]


def test_what_failed_is_tried_by_a_task_that_waits(receiver: Receiver):
    track()
    receiver.answers.append(status(500))
    work()

    (task,) = enqueued()
    assert task.run_after is not None
    assert task.run_after == Delivery.objects.get().due_at
    work()
    assert len(receiver.received) == 1

    soon = timezone.now() - timedelta(seconds=1)
    DBTaskResult.objects.update(run_after=soon)
    Delivery.objects.update(due_at=soon)
    work()
    assert states() == [State.DELIVERED]
    assert enqueued() == []


def test_failing_receiver_makes_one_task_however_many_events(receiver: Receiver):
    track(5)
    receiver.answers.extend([receivers.hang_up] * 5)
    work()

    assert states() == [State.WAITING] * 5
    assert len(enqueued()) == 1


def test_event_is_kept_although_no_task_can_be_begun(receiver, settings, caplog):
    settings.CONSENT_EVENTS_TASKS = "nowhere"
    track()

    assert states() == [State.WAITING]
    assert "could not be begun" in caplog.text


def test_lost_task_is_made_up_for_by_the_next(receiver: Receiver):
    track(2)
    DBTaskResult.objects.all().delete()
    track()
    work()

    assert states() == [State.DELIVERED] * 3


def test_task_says_what_became_of_the_events(receiver: Receiver):
    track(2)
    Tool.objects.update(enabled=False)
    assert tasks.deliver.call() == {State.DROPPED: 2}


def test_task_is_not_begun_for_a_backend_that_cannot_wait(receiver, settings):
    track()
    DBTaskResult.objects.all().delete()
    receiver.answers.append(status(500))
    settings.CONSENT_EVENTS_TASKS = "default"

    tasks.deliver.call()

    # The immediate one would deliver at once, over and over.
    assert states() == [State.WAITING]
    assert len(receiver.received) == 1
