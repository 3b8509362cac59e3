"""`manage.py consent_deliver`: once or for ever, alone or with others."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from subprocess import Popen

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from consent.events import delivery as delivering
from consent.events.management.commands import consent_deliver
from consent.events.models import Delivery
from consent.models import Tool
from tests import command_processes
from tests.events import receiver as receivers
from tests.events.helpers import WEBHOOKS, State, events_site, states, track
from tests.events.plain_receiver import receiving_much
from tests.events.receiver import Receiver, status
from tests.proof.helpers import sql

pytestmark = pytest.mark.django_db(transaction=True)

needs_server = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="elsewhere processes cannot share it, or wait"
)

NAME = "deliverer"


@pytest.fixture(autouse=True)
def receiver(tmp_path, monkeypatch, settings) -> Iterator[Receiver]:
    with receivers.receiving(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        settings.CONSENT_EVENTS_TRUSTED_HOSTS = [receivers.HOST]
        events_site(running.address)
        yield running


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str, errors: StringIO | None = None) -> str:
    """Run the command here; return what it says."""
    output = StringIO()
    call_command("consent_deliver", *arguments, stdout=output, stderr=errors or StringIO())
    return output.getvalue()


def test_report_says_how_many_had_which_outcome(receiver, settings):
    settings.CONSENT_EVENTS_ATTEMPTS = 1
    receiver.answers.append(status(404))
    track(3)
    Delivery.objects.filter(pk=Delivery.objects.latest("pk").pk).update(decision="")

    assert run() == "1 delivered, 0 to be tried again, 1 dropped, 1 given up.\n"

    settings.CONSENT_EVENTS_ATTEMPTS = 2
    receiver.answers.append(status(404))
    track()
    assert run() == "0 delivered, 1 to be tried again, 0 dropped, 0 given up.\n"


def test_nothing_to_do_is_said_as_well():
    assert run() == "0 delivered, 0 to be tried again, 0 dropped, 0 given up.\n"


def test_progress_is_drawn_on_a_terminal_alone():
    watched, written = Terminal(), StringIO()
    track(2)
    run(errors=watched)
    track(2)
    run(errors=written)

    assert "100% 2" in watched.getvalue()
    assert written.getvalue() == ""


def test_verbosity_0_prints_nothing():
    errors = Terminal()
    track(2)

    assert run("--verbosity", "0", errors=errors) == ""
    assert errors.getvalue() == ""


@pytest.mark.parametrize("attempts", [1, 12], ids=["given up", "to be tried again"])
def test_program_exits_with_1_after_a_failure(receiver, settings, monkeypatch, attempts):
    # A program closes the connections in the end; here others need them.
    monkeypatch.setattr("django.core.management.base.connections.close_all", lambda: None)
    settings.CONSENT_EVENTS_ATTEMPTS = attempts
    program = ["manage.py", "consent_deliver", "--verbosity", "0"]
    track(2)
    receiver.answers.append(status(500))

    with pytest.raises(SystemExit) as ended:
        consent_deliver.Command().run_from_argv(program)
    assert ended.value.code == 1

    track()
    consent_deliver.Command().run_from_argv(program)


@pytest.mark.parametrize("interval", ["0", "-1"])
def test_interval_has_to_be_more_than_nothing(interval):
    with pytest.raises(CommandError, match="more than 0"):
        run("--watch", "--interval", interval)


def test_database_that_fails_is_said():
    with no_outbox(), pytest.raises(CommandError, match="run it again"):
        run()


@contextmanager
def no_outbox() -> Iterator[None]:
    """Take away the table of deliveries, and bring it back."""
    table, elsewhere = Delivery._meta.db_table, "consent_elsewhere"
    with connection.schema_editor() as editor:
        editor.alter_db_table(Delivery, table, elsewhere)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(Delivery, elsewhere, table)


def test_missing_library_is_said(monkeypatch):
    monkeypatch.setattr(delivering, "can_send", lambda: False)

    with pytest.raises(CommandError, match="pip install"):
        run()


def test_stop_gives_back_what_is_not_sent(receiver, monkeypatch):
    deliverers = []
    monkeypatch.setattr(
        consent_deliver,
        "Deliverer",
        lambda: deliverers.append(delivering.Deliverer()) or deliverers[0],
    )
    receiver.observe = lambda received: deliverers[0].stop()
    track(3)

    run()

    assert states() == [State.DELIVERED, State.WAITING, State.WAITING]
    left = Delivery.objects.waiting()
    assert set(left.values_list("claim", "attempts")) == {(None, 0)}


# In processes of their own


@pytest.fixture
def watching(receiver) -> Iterator[Popen[str]]:
    """One that stays, and looks for events a hundred times a second."""
    process = command_processes.start(
        "consent_deliver",
        *("--watch", "--interval", "0.01"),
        authority=receiver.authority,
        database={"OPTIONS": {"application_name": NAME}},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@needs_server
def test_watch_sends_what_comes_until_it_is_told_to_stop(receiver, watching):
    for number in (1, 2):
        track()
        receiver.wait_for(number)
    watching.send_signal(signal.SIGTERM)

    output, errors = command_processes.end(watching)

    assert output == "2 delivered, 0 to be tried again, 0 dropped, 0 given up.\n"
    assert errors == "Sending due events. Stop with Ctrl-C.\n"
    assert states() == [State.DELIVERED] * 2


@needs_server
def test_watch_that_is_told_to_stop_ends_its_event_and_gives_back_the_rest(receiver, watching):
    def stop_first(handler: receivers.Handler) -> None:
        watching.send_signal(signal.SIGTERM)
        status(204)(handler)

    receiver.answers.append(stop_first)
    with transaction.atomic():
        track(20)
    command_processes.end(watching)

    assert states() == [State.DELIVERED] + [State.WAITING] * 19
    assert len(receiver.received) == 1
    left = Delivery.objects.waiting()
    assert set(left.values_list("claim", "attempts")) == {(None, 0)}


@needs_server
def test_watch_goes_on_once_the_database_is_back(receiver, watching):
    track()
    receiver.wait_for(1)
    killed = sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", NAME
    )
    assert killed
    track()
    receiver.wait_for(2)
    watching.send_signal(signal.SIGTERM)

    _, errors = command_processes.end(watching)

    assert "The database does not answer" in errors
    assert states()[1] == State.DELIVERED


@needs_server
def test_several_at_once_send_each_event_once(tmp_path):
    events = 400
    with receiving_much(tmp_path) as receiver:
        Tool.objects.filter(key=WEBHOOKS).update(parameters={"url": receiver.address})
        track(events)
        together = [
            command_processes.start("consent_deliver", authority=receiver.authority)
            for _ in range(3)
        ]
        said = [command_processes.end(process)[0] for process in together]

    assert set(Counter(receiver.ids).values()) == {1}
    assert len(receiver.ids) == events
    assert sum(int(each.partition(" ")[0]) for each in said) == events
    assert states() == [State.DELIVERED] * events
