"""The demo's events: tracked by its pages, delivered to its own receiver, shown in its panel."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from consent.events.models import Delivery, SigningSecret
from consent.models import Policy, Tool
from consent.policy import policies
from consent.proof import identifiers
from consent.signals import decision_made
from demo_site.events import _remember_decision, point_webhooks_at, remember_decisions
from demo_site.receiver import Receiver, receiving
from tests.demo_site.test_demo_site import LETTER, OWN_PAGE, words
from tests.events.helpers import deliver
from tests.helpers import grant

TOP = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def seeded(settings) -> Policy:
    settings.DEBUG = True
    settings.CONSENT_EVENTS_HOSTS = settings.CONSENT_EVENTS_TRUSTED_HOSTS = ["127.0.0.1"]
    call_command("demo_seed", stdout=StringIO())
    policies.forget()
    return Policy.objects.get(is_default=True)


@pytest.fixture
def visitor(seeded) -> Client:
    """A visitor who allows Marketing & Analytics, and whom a record knows by their cookie."""
    return enter("marketing-analytics")


def enter(*granted: str) -> Client:
    client = Client()
    client.cookies["consent"] = grant(*granted)
    client.cookies["consent_subject"] = identifiers.new_secret()
    return client


def choose(client: Client, **choices: bool) -> None:
    """Decide on a page of the site: all that is not among ``choices`` is refused."""
    others = {"functional": False, "marketing-analytics": False, "advertising": False}
    response = client.put(
        "/consent/api/preferences/",
        {"choices": {**others, **{key.replace("_", "-"): value for key, value in choices.items()}}},
        content_type="application/json",
        headers=OWN_PAGE,
    )
    assert response.status_code == 200


@pytest.fixture
def receiver(transactional_db, seeded, request) -> Iterator[Receiver]:
    # The receiver has connections of its own: what it needs to know has to be there for those.
    SigningSecret.objects.active(Tool.objects.get(key="webhooks"))
    request.getfixturevalue("database_of_many")
    with receiving() as running:
        point_webhooks_at(running.address)
        policies.forget()
        yield running


def names() -> list[tuple[str, str]]:
    rows = Delivery.objects.order_by("pk").values_list("name", "tool__key")
    return sorted(rows)


def test_crossing_that_is_looked_up_is_an_event_of_who_allows_it(visitor, client):
    assert client.post("/look-up/", headers=OWN_PAGE).status_code == 303
    assert names() == []

    response = visitor.post("/look-up/", headers=OWN_PAGE)

    assert response.status_code == 303
    assert names() == [("Crossing Looked Up", "webhooks"), ("Crossing Looked Up", "zapier")]


def test_crossing_is_not_looked_up_from_elsewhere(visitor):
    response = visitor.post("/look-up/", headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 403
    assert visitor.get("/look-up/").status_code == 405
    assert names() == []


def test_letter_is_an_event_that_holds_nothing_of_it(visitor):
    visitor.post("/contact/", LETTER, headers=OWN_PAGE)

    event = Delivery.objects.filter(tool__key="webhooks").get()
    assert event.name == "Letter Sent"
    assert json.loads(event.body)["data"] == {"about": "lost"}


def test_letter_with_a_fault_is_no_event(visitor):
    visitor.post("/contact/", {**LETTER, "email": "nowhere"}, headers=OWN_PAGE)

    assert names() == []


def test_webhooks_is_told_of_a_decision(seeded, client):
    choose(client, marketing_analytics=True)

    assert names() == [("consent.granted", "webhooks")]


def test_panel_before_a_decision_lists_no_event_and_stores_nothing(client, seeded):
    assert "No event is known to be yours before you choose" in words(client)
    client.post("/look-up/", headers=OWN_PAGE)
    assert "No event is known to be yours before you choose" in words(client)
    assert not client.cookies


def test_panel_shows_each_visitor_their_own_events_alone(visitor):
    visitor.post("/look-up/", headers=OWN_PAGE)
    others = [enter("marketing-analytics"), enter(), enter("functional")]
    # Whoever made up a cookie is nobody else.
    others[1].cookies["consent_subject"] = "none"
    for other in others[1:]:
        other.post("/look-up/", headers=OWN_PAGE)

    assert "Crossing Looked Up to Webhooks waiting" in words(visitor)
    for other in others:
        assert "You have no events: without your consent none is sent." in words(other)


def test_panel_shows_the_five_last_events(visitor):
    for _ in range(4):
        visitor.post("/look-up/", headers=OWN_PAGE)
    visitor.post("/contact/", LETTER, headers=OWN_PAGE)

    shown = words(visitor)
    assert shown.count("Letter Sent to") == 2
    assert shown.count("Crossing Looked Up to") == 3


@pytest.mark.django_db(transaction=True)
def test_panel_shows_the_event_of_a_decision(seeded, client):
    remember_decisions()
    try:
        choose(client, marketing_analytics=True)
    finally:
        decision_made.disconnect(_remember_decision)

    assert "consent.granted to Webhooks waiting" in words(client)


@pytest.mark.django_db(transaction=True)
def test_panel_shows_that_a_withdrawal_was_faster(seeded, client):
    choose(client, marketing_analytics=True)
    client.post("/look-up/", headers=OWN_PAGE)
    choose(client)

    assert deliver() == {Delivery.State.DROPPED: 3}

    # Zapier's as well, although none is sent there.
    why = "The visitor's consent no longer covers it dropped"
    for tool in ("Webhooks", "Zapier"):
        assert f"Crossing Looked Up to {tool}: {why}" in words(client)


def test_panel_shows_what_waits_and_what_arrived(receiver, visitor):
    visitor.post("/look-up/", headers=OWN_PAGE)
    assert "Crossing Looked Up to Webhooks waiting" in words(visitor)
    assert b"data-panel-waits" in visitor.get("/panel/").content

    assert deliver() == {Delivery.State.DELIVERED: 1, Delivery.State.DEAD: 1}

    shown = words(visitor)
    assert "to Webhooks: received, its signature is genuine delivered" in shown
    assert "to Zapier: The settings forbid events to this host given up" in shown
    assert b"data-panel-waits" not in visitor.get("/panel/").content


def test_zapiers_event_arrives_at_a_stand_in_for_its_host(receiver, visitor):
    visitor.post("/look-up/", headers=OWN_PAGE)
    said = StringIO()

    call_command("demo_deliver", zapier=receiver.origin, stdout=said)

    assert "2 delivered" in said.getvalue()
    assert settings.CONSENT_EVENTS_HOSTS == ["127.0.0.1"]
    shown = words(visitor)
    assert "to Webhooks: received, its signature is genuine delivered" in shown
    assert "to Zapier: received, by a stand-in for Zapier's host delivered" in shown


def test_delivering_to_the_stand_in_is_refused_without_debug(settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="with DEBUG"):
        call_command("demo_deliver", zapier="http://127.0.0.1:1")


def test_receiver_takes_nothing_that_is_not_signed(receiver):
    request = urllib.request.Request(receiver.address, b'{"type": "Forged"}', method="POST")  # noqa: S310
    request.add_header("webhook-signature", "v1,AAAA")

    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request)  # noqa: S310
    assert [each["genuine"] for each in receiver.got] == [False]


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"null"])
def test_receiver_takes_no_nonsense(receiver, body):
    request = urllib.request.Request(receiver.address, body, method="POST")  # noqa: S310

    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)  # noqa: S310
    assert not receiver.got


def test_address_that_an_owner_has_entered_is_left_alone(seeded):
    tool = Tool.objects.get(key="webhooks")
    revision = seeded.revision

    assert point_webhooks_at("http://127.0.0.1:1/events")
    assert point_webhooks_at("http://127.0.0.1:2/events")
    tool.refresh_from_db()
    assert tool.parameters["url"] == "http://127.0.0.1:2/events"

    tool.parameters = {"url": "https://hooks.example/mine"}
    tool.save()
    assert not point_webhooks_at("http://127.0.0.1:3/events")
    seeded.refresh_from_db()
    assert seeded.revision == revision


def test_no_policy_no_address():
    assert not point_webhooks_at("http://127.0.0.1:1/events")


def test_pages_stand_while_the_receiver_is_gone(visitor):
    point_webhooks_at("http://127.0.0.1:9/events")
    visitor.post("/look-up/", headers=OWN_PAGE)

    assert "Crossing Looked Up to Webhooks waiting" in words(visitor)


@pytest.fixture
def manage(tmp_path) -> Callable[..., subprocess.Popen[str]]:
    """A function that runs a command of the demo, seeded, in a session of its own."""
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "demo_site.settings",
        "PYTHONUNBUFFERED": "1",
    }

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=TOP,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=heed_signals,
        )

    for step in (["migrate", "--verbosity", "0"], ["demo_seed", "--verbosity", "0"]):
        output, _ = (step_process := start(*step)).communicate()
        assert step_process.returncode == 0, output
    return start


def heed_signals() -> None:
    """Take signals as in a terminal, also where the tests run in the background or under nohup.

    What ignores a signal makes the processes that it starts ignore it, too.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@contextmanager
def ending(serving: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Whatever becomes of the test, leave nothing of it running."""
    try:
        yield serving
    finally:
        # Where all is well it has ended by itself, and all that it had started.
        with suppress(ProcessLookupError):
            os.killpg(serving.pid, signal.SIGKILL)
        serving.wait()
        serving.stdout.close()


def interrupt_all(serving: subprocess.Popen[str]) -> None:
    """Do what Ctrl-C does in a terminal."""
    os.killpg(serving.pid, signal.SIGINT)


def terminate(serving: subprocess.Popen[str]) -> None:
    serving.terminate()


def hang_up(serving: subprocess.Popen[str]) -> None:
    serving.send_signal(signal.SIGHUP)


@pytest.mark.parametrize(
    ("stop", "options"),
    [(interrupt_all, []), (terminate, []), (hang_up, []), (terminate, ["--noreload"])],
)
def test_serving_begins_and_ends_with_what_receives_and_delivers(manage, options, stop):
    with ending(manage("demo_serve", "127.0.0.1:0", *options)) as serving:
        lines = iter(serving.stdout.readline, "")
        said = next(line for line in lines if "Events are received at" in line)
        address = said.split()[-1]
        with urllib.request.urlopen(address) as answer:  # noqa: S310
            assert json.load(answer) == []
        next(line for line in lines if "Quit the server" in line)

        stop(serving)

        # All of them have the same output: it is at its end once each of them is.
        said, _ = serving.communicate(timeout=30)
        assert serving.returncode == 0
        assert "Traceback" not in said
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        urllib.request.urlopen(address)  # noqa: S310


def test_serving_where_somebody_else_does_begins_nothing(manage):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        # Without the reloader this is the process that `runserver` would end on the spot.
        with ending(manage("demo_serve", f"127.0.0.1:{port}", "--noreload")) as serving:
            said, _ = serving.communicate(timeout=30)

            assert serving.returncode == 1
            assert f"Cannot serve at 127.0.0.1:{port}: Address already in use." in said
            # Whoever serves there keeps the events.
            assert "Events are received at" not in said


def test_serving_is_refused_without_debug():
    with pytest.raises(CommandError, match=r"runs only .* with DEBUG"):
        call_command("demo_serve")
