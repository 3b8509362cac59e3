"""`manage.py consent_deliver`: once or for ever, alone or several at once."""

from __future__ import annotations

import signal
from collections import Counter
from io import StringIO
from subprocess import Popen
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.db import connection

from consent.models import Delivery
from consent.outbox import delivering
from tests import processes
from tests.events import State, events_site, states, track
from tests.plain_receiver import receiving_much
from tests.receiver import HOST, receiving, stall, status

on_a_server = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="processes of their own need a database that is shared"
)


@pytest.fixture
def receiver(tmp_path, monkeypatch, settings):
    with receiving(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        settings.CONSENT_EVENTS_TRUSTED_HOSTS = [HOST]
        yield running


def run(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("consent_deliver", *arguments, stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
def test_one_run_says_how_many_had_which_outcome(receiver):
    events_site(receiver.address)
    track(3)
    receiver.answers.append(status(500))

    assert run() == "2 delivered, 1 to be tried again, 0 dropped, 0 given up.\n"
    assert run() == "0 delivered, 0 to be tried again, 0 dropped, 0 given up.\n"


@pytest.mark.django_db
@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_shown_on_a_terminal_alone(receiver, is_terminal):
    events_site(receiver.address)
    track(3)
    errors = StringIO()
    errors.isatty = lambda: is_terminal  # type: ignore[method-assign]

    run(stderr=OutputWrapper(errors))

    assert ("100% 3" in errors.getvalue()) is is_terminal


@pytest.mark.parametrize("interval", ["0", "-1"])
def test_interval_that_is_none_is_refused(interval):
    with pytest.raises(CommandError, match="--interval has to be more than 0"):
        run("--watch", "--interval", interval)


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(delivering, "can_send", lambda: False)

    with pytest.raises(CommandError, match=r"pip install 'django-consent-tools\[events\]'"):
        run()


def ended(process: Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGTERM)
    return processes.end(process)


@on_a_server
@pytest.mark.django_db(transaction=True)
def test_watching_delivers_what_comes_and_gives_back_the_rest_when_it_is_stopped(receiver):
    events_site(receiver.address)
    process = processes.start(
        "consent_deliver", "--watch", "--interval", "0.05", authority=receiver.authority
    )
    try:
        assert process.stderr is not None
        assert "Stop with Ctrl-C" in process.stderr.readline()
        track(2)
        receiver.wait_for(2)
        # While it waits for an answer it is told to end; the rest is nobody's then.
        receiver.answers.append(stall)
        track(3)
        receiver.wait_for(3)
        process.send_signal(signal.SIGTERM)
        receiver.released.set()
        output, _ = processes.end(process)
    finally:
        process.kill()

    assert output.startswith("2 delivered, ")
    assert states().count(State.DELIVERED) == 2
    assert len(receiver.received) == 3
    waiting = Delivery.objects.filter(state=State.WAITING).order_by("pk")
    assert [each.claim for each in waiting] == [None, None, None]


@on_a_server
@pytest.mark.django_db(transaction=True)
def test_watching_goes_on_after_the_database_was_away(receiver):
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL can end the connections of others")
    events_site(receiver.address)
    process = processes.start(
        "consent_deliver", "--watch", "--interval", "0.05", authority=receiver.authority
    )
    try:
        track()
        receiver.wait_for(1)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        track()
        receiver.wait_for(2)
        ended(process)
    finally:
        process.kill()

    assert states() == [State.DELIVERED] * 2


@on_a_server
@pytest.mark.django_db(transaction=True)
def test_several_at_once_deliver_each_event_once(tmp_path, settings):
    settings.CONSENT_EVENTS_TRUSTED_HOSTS = [HOST]
    with receiving_much(tmp_path) as receiver:
        events_site(receiver.address)
        track(400)
        running = [
            processes.start("consent_deliver", authority=receiver.authority) for _ in range(3)
        ]
        reports = [processes.end(process)[0] for process in running]

    assert Counter(receiver.ids).most_common(1)[0][1] == 1
    assert len(receiver.ids) == 400
    assert set(states()) == {State.DELIVERED}
    assert sum(int(report.split()[0]) for report in reports) == 400
