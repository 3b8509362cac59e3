"""Events reach a real receiver over https, at least once and only while consent covers them."""

from __future__ import annotations

import logging
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from uuid import uuid4

import pytest
from django.http import HttpRequest
from django.utils import timezone
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

import consent
from consent.events import batch, http_client, network, outbox, retention, signatures
from consent.events import delivery as delivering
from consent.events.delivery import Deliverer, MissingLibraryError
from consent.events.models import Delivery, SigningSecret
from consent.events.models.states import LONGEST_WAIT, wait_after
from consent.models import Category, Policy, Record, Tool
from consent.policy import policies
from consent.proof.recording import decision_of
from tests.events import receiver as receivers
from tests.events.helpers import (
    MARKETING,
    WEBHOOKS,
    Reason,
    State,
    deliver,
    events_site,
    ids,
    states,
    time_passes,
    track,
    visitor,
    webhooks,
)
from tests.events.receiver import status
from tests.factories import CategoryFactory, PolicyFactory
from tests.helpers import consent_in, grant, page_request

pytestmark = pytest.mark.django_db


def knows_localhost() -> bool:
    """Return whether the machine has the name without a DNS server; a bare Debian has not."""
    try:
        return bool(socket.gethostbyname("localhost"))
    except OSError:
        return False


KNOWS_LOCALHOST = pytest.mark.skipif(not knows_localhost(), reason="no file names localhost")


@pytest.fixture
def receiver(tmp_path, monkeypatch, settings):
    """A receiver whose authority this machine trusts, and whose address the settings vouch for."""
    with receivers.receiving(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        settings.CONSENT_EVENTS_TRUSTED_HOSTS = [receivers.HOST]
        yield running


@pytest.fixture
def tool(receiver) -> Tool:
    return events_site(receiver.address)


def only() -> Delivery:
    return Delivery.objects.get()


def test_event_arrives_signed_as_a_receiver_checks_it(receiver, tool):
    track()

    assert deliver() == {State.DELIVERED: 1}

    (received,) = receiver.received
    secret = signatures.written(SigningSecret.objects.get().value)
    message = Webhook(secret).verify(received.body, received.headers)
    assert message["type"] == "Signed Up"
    assert message["id"] == received.headers["webhook-id"] == only().message_id
    assert received.path == "/hook"
    assert received.headers["content-type"] == "application/json"


def test_signature_is_of_this_body_and_this_secret_alone(receiver, tool):
    track()
    deliver()
    (received,) = receiver.received
    secret = SigningSecret.objects.get().value

    for body, key in ((received.body + b" ", secret), (received.body, b"0" * 32)):
        with pytest.raises(WebhookVerificationError):
            Webhook(signatures.written(key)).verify(body, received.headers)


def test_what_has_arrived_is_kept_without_its_content(receiver, tool):
    request = page_request()
    consent_in(request).accept_all()
    consent.track(request, "Signed Up", {"email": "ada@example.com"})
    deliver()

    delivery = only()
    assert (delivery.state, delivery.status, delivery.attempts) == (State.DELIVERED, 204, 1)
    assert (delivery.body, delivery.subject, delivery.user, delivery.decision) == ("", None, "", "")
    assert delivery.ended_at is not None
    assert delivery.due_at is None


def test_new_secret_signs_beside_the_one_before_for_a_while(receiver, tool):
    track(2)
    (old,) = SigningSecret.objects.active(tool)
    new = SigningSecret.objects.rotate(tool, overlap=60)
    deliver()

    (first, _) = receiver.received
    assert first.headers["webhook-signature"].count("v1,") == 2
    for secret in (old, new):
        Webhook(signatures.written(secret.value)).verify(first.body, first.headers)

    SigningSecret.objects.filter(pk=old.pk).update(retires_at=timezone.now())
    track()
    deliver()
    last = receiver.received[-1]
    Webhook(signatures.written(new.value)).verify(last.body, last.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signatures.written(old.value)).verify(last.body, last.headers)


def test_secret_outlives_a_new_key_as_long_as_the_old_one_is_kept(receiver, tool, settings):
    before = SigningSecret.objects.active(tool)[0].value
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [old]
    assert SigningSecret.objects.active(tool)[0].value == before

    settings.SECRET_KEY_FALLBACKS = []
    track()
    assert deliver() == {"failed": 1}
    assert only().reason == Reason.NO_KEY


def test_header_for_a_receiver_that_wants_one_is_sent(receiver, tool):
    values = {"url": receiver.address, "authorization": "Bearer 0123456789abcdef"}
    Tool.objects.filter(pk=tool.pk).update(parameters=values)
    track()
    deliver()

    assert receiver.received[0].headers["authorization"] == "Bearer 0123456789abcdef"


def test_zapier_gets_events_unsigned(receiver, tool, monkeypatch):
    hook = f"https://hooks.zapier.com:{receiver.port}/hooks/catch/123456/abcdef/"
    Tool.objects.filter(pk=tool.pk).update(recipe="zapier", parameters={"hook_url": hook})
    policies.forget()
    track()

    assert deliver() == {"failed": 1}
    # The form of a Zapier address has no port: nothing is sent to what does not fit it.
    assert only().reason == Reason.UNFIT
    assert not receiver.received


# What a receiver does


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_success_ends_a_delivery(receiver, tool, code):
    track()
    receiver.answers.append(status(code))

    assert deliver() == {State.DELIVERED: 1}
    assert only().status == code


@pytest.mark.parametrize(
    ("answer", "reason", "code"),
    [
        (status(500), Reason.REFUSED, 500),
        (status(404), Reason.REFUSED, 404),
        (status(429), Reason.REFUSED, 429),
        (status(301, Location="/elsewhere"), Reason.REDIRECT, 301),
        (status(307, Location="https://127.0.0.1/"), Reason.REDIRECT, 307),
        (receivers.hang_up, Reason.NO_ANSWER, None),
        (receivers.nonsense, Reason.NO_ANSWER, None),
        (receivers.flood, Reason.NO_ANSWER, None),
    ],
)
def test_failure_is_tried_again_with_the_same_id(receiver, tool, answer, reason, code):
    track()
    receiver.answers.append(answer)

    assert deliver() == {"failed": 1}
    failed = only()
    assert (failed.state, failed.reason, failed.status) == (State.WAITING, reason, code)
    assert failed.due_at is not None
    assert failed.due_at > timezone.now()
    assert len(receiver.received) == 1

    time_passes(minutes=1)
    assert deliver() == {State.DELIVERED: 1}
    assert len(set(ids(receiver))) == 1
    assert len({each.body for each in receiver.received}) == 1
    assert only().attempts == 2
    assert only().reason == ""


@pytest.mark.parametrize("slow", [receivers.stall, receivers.drip])
def test_receiver_that_takes_its_time_is_given_up_on_in_time(receiver, tool, settings, slow):
    settings.CONSENT_EVENTS_TIMEOUT = 0.3
    track()
    receiver.answers.append(slow)

    assert deliver() == {"failed": 1}
    assert only().reason == Reason.TIMEOUT


def test_answer_without_an_end_is_not_read_to_it(receiver, tool):
    track(2)
    receiver.answers.append(receivers.pour)

    # What counts was said in its first line.
    assert deliver() == {State.DELIVERED: 2}
    assert receiver.connections == 2
    # What the sockets of both sides hold is poured as well.
    assert receiver.poured < 16_000_000


def test_receiver_that_is_not_there_is_tried_again(receiver, tool):
    Tool.objects.filter(pk=tool.pk).update(parameters={"url": "https://127.0.0.1:9/hook"})
    track(3)

    assert deliver() == {"failed": 3}
    assert {d.reason for d in Delivery.objects.all()} == {Reason.UNREACHABLE}


def test_certificate_of_nobody_is_not_trusted(receiver, tool, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    track()

    assert deliver() == {"failed": 1}
    assert only().reason == Reason.TLS
    assert not receiver.received


@KNOWS_LOCALHOST
def test_certificate_of_another_host_is_not_trusted(receiver, tool, settings):
    settings.CONSENT_EVENTS_TRUSTED_HOSTS = ["localhost"]
    address = receiver.address.replace("127.0.0.1", "localhost")
    Tool.objects.filter(pk=tool.pk).update(parameters={"url": address})
    track()

    assert deliver() == {"failed": 1}
    assert only().reason == Reason.TLS


def test_overloaded_receiver_is_left_alone_as_long_as_it_asks(receiver, tool):
    track(5)
    receiver.answers.append(status(429, Retry_After="120"))

    deliver()

    assert len(receiver.received) == 1
    soonest = timezone.now() + timedelta(seconds=100)
    assert not Delivery.objects.filter(due_at__lt=soonest).exists()
    # Who was not tried has lost no attempt.
    assert list(Delivery.objects.order_by("pk").values_list("attempts", flat=True)) == [
        1,
        0,
        0,
        0,
        0,
    ]
    time_passes(minutes=3)
    assert deliver() == {State.DELIVERED: 5}


def test_receiver_that_asks_for_time_gets_it_from_all_that_waits(receiver, tool, monkeypatch):
    monkeypatch.setattr(delivering, "BATCH", 2)
    track(5)
    receiver.answers.append(status(429, Retry_After="120"))
    deliver()

    assert len(receiver.received) == 1


def test_date_in_retry_after_counts_as_well(receiver, tool):
    track()
    later = datetime.now(UTC) + timedelta(hours=2)
    receiver.answers.append(status(503, Retry_After=format_datetime(later, usegmt=True)))
    deliver()

    due_at = only().due_at
    assert due_at is not None
    assert abs(due_at - later) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "-5",
        "",
        "99999999999999",
        "²",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 1990 00:00:00 GMT",
        "Fri, 31 Dec 99999 23:59:59 GMT",
    ],
)
def test_retry_after_that_is_none_does_no_harm(receiver, tool, value):
    track()
    receiver.answers.append(status(503, Retry_After=value.encode().decode("latin-1")))
    deliver()

    due_at = only().due_at
    assert due_at is not None
    assert due_at < timezone.now() + timedelta(days=1, minutes=1)


def test_410_disables_the_tool_and_says_so(receiver, tool):
    track(3)
    receiver.answers.append(status(410))

    assert deliver() == {State.DEAD: 1, State.DROPPED: 2}

    tool.refresh_from_db()
    assert tool.enabled is False
    assert tool.gone_at is not None
    assert len(receiver.received) == 1
    assert states() == [State.DEAD, State.DROPPED, State.DROPPED]
    policies.forget()
    assert consent.track(visitor(MARKETING), "Signed Up") == frozenset()

    tool.enabled = True
    tool.save()
    assert tool.gone_at is None


def test_failing_event_does_not_hold_up_others(receiver, tool):
    track(3)
    receiver.answers.append(status(500))

    assert deliver() == {"failed": 1, State.DELIVERED: 2}


def test_failing_tool_does_not_hold_up_others(receiver, tool):
    webhooks("essential", "https://127.0.0.1:9/", key="audit")
    track(3)

    assert deliver() == {"failed": 3, State.DELIVERED: 3}


def test_slow_receiver_does_not_keep_another_one_waiting(receiver, tool, monkeypatch):
    monkeypatch.setattr(delivering, "TURN", 0.2)
    other = webhooks("essential", f"{receiver.address}/slow", key="slow")
    track(1, "functional")
    assert set(Delivery.objects.values_list("tool", flat=True)) == {other.pk}
    Delivery.objects.bulk_create(
        Delivery(
            event=uuid4(),
            tool=other,
            tool_name=other.name,
            name="Old",
            body="{}",
            is_test=True,
            policy="default",
            regime="opt_in",
            gpc=False,
            created_at=timezone.now(),
            due_at=timezone.now() - timedelta(minutes=1),
        )
        for _ in range(20)
    )
    consent.track(visitor(MARKETING), "Signed Up")
    receiver.observe = lambda received: time.sleep(0.1 if "slow" in received.path else 0)

    deliver()

    order = [each.path.endswith("slow") for each in receiver.received]
    assert order.index(False) <= 4
    assert len(order) == 23


def test_run_leaves_what_it_fails_at_to_another_one(receiver, tool, monkeypatch):
    monkeypatch.setattr("consent.events.models.deliveries.wait_after", lambda attempts: 0)
    track(2)
    receiver.answers.extend([status(500)] * 2)

    assert deliver() == {"failed": 2}
    assert len(receiver.received) == 2
    assert deliver() == {State.DELIVERED: 2}


def test_event_is_given_up_after_the_last_attempt(receiver, tool, settings):
    settings.CONSENT_EVENTS_ATTEMPTS = 3
    track()
    for _ in range(3):
        receiver.answers.append(status(500))
        deliver()
        time_passes(days=1)

    delivery = only()
    assert (delivery.state, delivery.attempts, delivery.status) == (State.DEAD, 3, 500)
    # To be sent again it has to be there still.
    assert delivery.body
    assert deliver() == {}

    assert Delivery.objects.send_again() == 1
    assert deliver() == {State.DELIVERED: 1}
    assert len(set(ids(receiver))) == 1


def test_waits_grow_and_differ():
    waits = [[wait_after(attempts) for _ in range(50)] for attempts in range(1, 40)]

    for earlier, later in pairwise(waits[:6]):
        assert max(earlier) < min(later)
    assert all(0 < wait <= LONGEST_WAIT for some in waits for wait in some)
    assert all(len(set(some)) > 1 for some in waits)
    assert max(max(some) for some in waits) > LONGEST_WAIT * 0.9


def test_connection_is_kept_for_the_next_event(receiver, tool):
    track(10)
    deliver()

    assert receiver.connections == 1


# Where events may go


@KNOWS_LOCALHOST
def test_name_that_leads_to_this_machine_is_not_connected_to(receiver, tool, settings):
    settings.CONSENT_EVENTS_TRUSTED_HOSTS = []
    address = f"https://localhost:{receiver.port}/hook"
    Tool.objects.filter(pk=tool.pk).update(parameters={"url": address})
    track()

    assert deliver() == {"failed": 1}
    assert only().reason == Reason.NOT_PUBLIC
    assert receiver.connections == 0


def test_literal_of_this_machine_is_not_connected_to(receiver, tool, settings):
    settings.CONSENT_EVENTS_TRUSTED_HOSTS = []
    track()

    assert deliver() == {"failed": 1}
    assert only().reason == Reason.UNFIT
    assert receiver.connections == 0


def test_name_is_looked_up_once_so_that_a_second_answer_gains_nothing(
    receiver, tool, settings, monkeypatch
):
    settings.CONSENT_EVENTS_TRUSTED_HOSTS = ["hooks.test"]
    address = f"https://hooks.test:{receiver.port}/hook"
    Tool.objects.filter(pk=tool.pk).update(parameters={"url": address})
    asked, real = [], socket.getaddrinfo

    # No name server is at hand; this one would name another address the second time.
    def name_server(host, *arguments, **options):
        if host != "hooks.test":
            return real(host, *arguments, **options)
        asked.append(host)
        answer = receivers.HOST if len(asked) == 1 else "127.0.0.2"
        return real(answer, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", name_server)
    track()

    assert deliver() == {State.DELIVERED: 1}
    assert len(asked) == 1
    # What the certificate, and the request, are about is the name all the same.
    assert receiver.received[0].headers["host"] == f"hooks.test:{receiver.port}"


def test_of_several_addresses_only_public_ones_are_connected_to(monkeypatch):
    answers = ["10.0.0.1", "93.184.216.34", "::1", "2606:2800:220:1:248:1893:25c8:1946"]
    found = [(2, 1, 6, "", (address, 443)) for address in answers]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: found)

    assert network._addresses("hooks.example", 443) == [answers[1], answers[3]]


@pytest.mark.parametrize("trusted", [["127.0.0.1"], ["127.0.0.1:{port}"]])
def test_trusted_host_may_be_private_and_unencrypted(tmp_path, settings, trusted):
    with receivers.receiving(tmp_path, secure=False) as receiver:
        names = [name.format(port=receiver.port) for name in trusted]
        settings.CONSENT_EVENTS_TRUSTED_HOSTS = names
        events_site(receiver.address)
        track()

        assert deliver() == {State.DELIVERED: 1}


@pytest.mark.parametrize("hosts", [[], ["other.example", "127.0.0.1:1"]])
def test_copy_of_a_website_sends_nothing_to_hosts_of_the_real_one(receiver, tool, settings, hosts):
    settings.CONSENT_EVENTS_HOSTS = hosts
    track(2)

    assert deliver() == {State.DEAD: 2}
    assert {d.reason for d in Delivery.objects.all()} == {Reason.NOT_HERE}
    assert receiver.connections == 0

    settings.CONSENT_EVENTS_HOSTS = [f"127.0.0.1:{receiver.port}"]
    assert Delivery.objects.send_again() == 2
    assert deliver() == {State.DELIVERED: 2}


# Consent


def decided(*granted: str) -> HttpRequest:
    """Return the request of a new visitor who has decided, with the subject's cookie."""
    request = page_request()
    keys = ("functional", MARKETING, "advertising")
    consent_in(request).decide({key: key in granted for key in keys})
    held = page_request(consent_in(request).decision.text)
    held.COOKIES["consent_subject"] = consent_in(request).current_secret
    return held


def test_withdrawal_before_delivery_drops_the_event(receiver, tool):
    request = decided(MARKETING)
    consent.track(request, "Signed Up", {"email": "ada@example.com"})
    consent_in(request).withdraw()

    assert deliver() == {State.DROPPED: 1}
    delivery = only()
    assert (delivery.state, delivery.reason) == (State.DROPPED, Reason.WITHDRAWN)
    assert (delivery.body, delivery.subject) == ("", None)
    assert not receiver.received


@pytest.mark.parametrize("obstacle", ["forbidden", "unfit"])
def test_withdrawal_drops_the_event_also_where_none_can_be_sent(receiver, tool, settings, obstacle):
    request = decided(MARKETING)
    consent.track(request, "Signed Up", {"email": "ada@example.com"})
    consent_in(request).withdraw()
    if obstacle == "forbidden":
        settings.CONSENT_EVENTS_HOSTS = []
    else:
        Tool.objects.filter(pk=tool.pk).update(parameters={"url": "nonsense"})

    assert deliver() == {State.DROPPED: 1}
    assert (only().reason, only().body, only().subject) == (Reason.WITHDRAWN, "", None)


def test_withdrawal_counts_although_consent_was_given_again(receiver, tool):
    request = decided(MARKETING)
    consent.track(request, "Signed Up")
    consent_in(request).withdraw()
    consent_in(request).accept_all()

    assert deliver() == {State.DROPPED: 1}


def test_withdrawal_in_the_same_millisecond_as_the_event_counts(receiver, tool):
    request = decided(MARKETING)
    consent.track(request, "Signed Up")
    consent_in(request).withdraw()
    withdrawn_at = Record.objects.latest("pk").decided_at
    consent_in(request).accept_all()
    Delivery.objects.update(created_at=withdrawn_at + timedelta(microseconds=900))

    assert deliver() == {State.DROPPED: 1}


def test_withdrawal_in_the_request_that_allowed_it_drops_the_event(receiver, tool):
    request = page_request()
    consent_in(request).accept_all()
    consent.track(request, "Signed Up")
    consent_in(request).withdraw()

    assert deliver() == {State.DROPPED: 1}


def test_withdrawal_of_somebody_else_drops_nothing(receiver, tool):
    consent.track(decided(MARKETING), "Signed Up")
    consent_in(decided(MARKETING)).withdraw()

    assert deliver() == {State.DELIVERED: 1}


def test_refusal_of_another_category_drops_nothing(receiver, tool):
    request = decided(MARKETING)
    consent.track(request, "Signed Up")
    consent_in(request).decide({"functional": False}, partial=True)

    assert deliver() == {State.DELIVERED: 1}


def test_withdrawal_between_two_attempts_drops_the_event(receiver, tool):
    request = decided(MARKETING)
    consent.track(request, "Signed Up")
    receiver.answers.append(status(500))
    deliver()
    consent_in(request).withdraw()
    time_passes(days=1)

    assert deliver() == {State.DROPPED: 1}
    assert len(receiver.received) == 1


def test_withdrawal_of_the_same_user_elsewhere_drops_the_event(
    receiver, tool, settings, django_user_model
):
    settings.CONSENT_RECORD_USER = True
    ada = django_user_model.objects.create_user("ada")
    here, there = page_request(grant(MARKETING)), page_request()
    here.user = there.user = ada
    consent.track(here, "Signed Up")
    assert only().user == str(ada.pk)
    consent_in(there).reject_all()

    assert deliver() == {State.DROPPED: 1}


def test_withdrawal_on_a_server_whose_clock_is_late_counts(receiver, tool):
    request = decided(MARKETING)
    consent.track(request, "Signed Up")
    consent_in(request).withdraw()
    Delivery.objects.update(created_at=timezone.now() + timedelta(seconds=30))

    assert deliver() == {State.DROPPED: 1}


def test_grant_before_an_older_refusal_is_nothing_to_drop_for(receiver, tool):
    request = decided()
    consent_in(request).accept_all()
    consent.track(request, "Signed Up")

    assert deliver() == {State.DELIVERED: 1}


def test_withdrawal_while_others_are_being_sent_drops_the_event(receiver, tool, monkeypatch):
    monkeypatch.setattr(batch, "CHECKED_SECONDS", 0)
    request = decided(MARKETING)
    consent.track(request, "Signed Up")
    consent.track(request, "Signed Up")
    post = http_client.Client.post

    def post_and_withdraw(*arguments):
        answer = post(*arguments)
        consent_in(request).withdraw()
        return answer

    monkeypatch.setattr(http_client.Client, "post", post_and_withdraw)

    assert deliver() == {State.DELIVERED: 1, State.DROPPED: 1}


def test_tool_that_is_disabled_while_others_are_being_sent_gets_no_more(
    receiver, tool, monkeypatch
):
    monkeypatch.setattr(batch, "CHECKED_SECONDS", 0)
    track(3)
    post = http_client.Client.post

    def post_and_disable(*arguments):
        answer = post(*arguments)
        # As another process does it: this one is not told.
        Tool.objects.filter(pk=tool.pk).update(enabled=False)
        Policy.objects.update(changed_at=timezone.now())
        return answer

    monkeypatch.setattr(http_client.Client, "post", post_and_disable)

    assert deliver() == {State.DELIVERED: 1, State.DROPPED: 2}


def test_decision_about_another_policy_drops_nothing(receiver, tool, settings, django_user_model):
    settings.CONSENT_RECORD_USER = True
    ada = django_user_model.objects.create_user("ada")
    request = page_request(grant(MARKETING))
    request.user = ada
    consent.track(request, "Signed Up")

    PolicyFactory.create(key="shop", is_default=False, hosts="shop.example", revision=1)
    CategoryFactory.create(policy=Policy.objects.get(key="shop"), key=MARKETING)
    policies.forget()
    settings.ALLOWED_HOSTS = ["shop.example"]
    there = page_request(HTTP_HOST="shop.example")
    there.user = ada
    consent_in(there).reject_all()
    assert Record.objects.get().version.policy == "shop"

    assert deliver() == {State.DELIVERED: 1}


def test_tool_of_the_same_key_is_another_tool(receiver, tool):
    track()
    spare = CategoryFactory.create(policy=PolicyFactory.create(spare=True))
    tool.category = spare
    tool.save()
    webhooks(MARKETING, receiver.address)

    assert deliver() == {State.DROPPED: 1}


def test_what_is_sold_since_is_not_sent_of_who_opted_out(receiver):
    events_site(receiver.address, regime="implied")
    consent.track(page_request("", HTTP_SEC_GPC="1"), "Signed Up")
    Category.objects.filter(key=MARKETING).update(sale=True)
    policies.forget()

    assert deliver() == {State.DROPPED: 1}


def test_decision_that_ran_out_meanwhile_drops_the_event(receiver, tool):
    track()
    Policy.objects.update(lifetime_days=1)
    policies.forget()
    Delivery.objects.update(decision=grant(MARKETING, day=1))

    assert deliver() == {State.DROPPED: 1}


def test_tool_that_was_moved_since_gets_no_event_of_before(receiver, tool):
    track()
    tool.category = Category.objects.get(key="advertising")
    tool.save()

    assert deliver() == {State.DROPPED: 1}
    assert only().reason == Reason.WITHDRAWN


def test_tool_that_was_disabled_or_deleted_since_gets_nothing(receiver, tool):
    track(2)
    tool.enabled = False
    tool.save()
    assert deliver() == {State.DROPPED: 2}

    other = webhooks(MARKETING, receiver.address, key="other")
    track()
    other.delete()
    assert deliver() == {State.DROPPED: 1}
    assert {d.reason for d in Delivery.objects.all()} == {Reason.DISABLED}
    assert Delivery.objects.order_by("-pk")[0].tool_name == "Other"
    assert not receiver.received


def test_policy_that_is_no_longer_in_use_drops_its_events(receiver, tool):
    track()
    Policy.objects.update(is_default=False)
    policies.forget()

    assert deliver() == {State.DROPPED: 1}


def test_edit_of_a_moment_ago_counts(receiver, tool, settings):
    settings.CONSENT_POLICY_MAX_AGE = 3_600
    track()
    assert policies.current()
    # As another process does it: this one is not told.
    Tool.objects.filter(pk=tool.pk).update(since=99)
    Policy.objects.update(revision=99, changed_at=timezone.now())

    assert deliver() == {State.DROPPED: 1}


def test_test_event_goes_to_a_tool_that_is_not_enabled_yet(receiver, tool):
    tool.enabled = False
    tool.save()
    delivery = outbox.store_test(tool)

    assert deliver() == {State.DELIVERED: 1}
    assert receiver.messages[0]["type"] == "consent.test"
    assert receiver.messages[0]["consent"] is None
    assert receiver.messages[0]["id"] == delivery.message_id


# Several at once, and those that die


def test_what_is_taken_is_nobody_elses_until_it_is_due_again(receiver, tool):
    track(3)
    mine = Delivery.objects.claim(2, seconds=60)

    assert [each.pk for each in Delivery.objects.claim(5, seconds=60)] == [
        Delivery.objects.order_by("-pk")[0].pk
    ]
    assert deliver() == {}

    time_passes(minutes=2)
    assert deliver() == {State.DELIVERED: 3}
    # Who had it first notes nothing any more.
    Delivery.objects.drop(mine, Reason.DISABLED)
    mine[0].fail(Reason.REFUSED)
    Delivery.objects.release(mine, timezone.now())
    assert states() == [State.DELIVERED] * 3


def test_deliverer_that_is_stopped_gives_back_what_it_has_taken(receiver, tool):
    track(5)
    with Deliverer() as deliverer:
        receiver.observe = lambda received: deliverer.stop()
        deliverer.run()

    assert len(receiver.received) == 1
    assert deliver() == {State.DELIVERED: 4}
    assert len(set(ids(receiver))) == 5
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}


def test_deliverer_whose_time_is_over_gives_back_the_rest(receiver, tool, monkeypatch):
    monkeypatch.setattr(delivering, "LEASE", 0)
    track(3)
    with Deliverer() as deliverer:
        assert deliverer.round() == 3

    assert not receiver.received
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {0}
    assert Delivery.objects.due(timezone.now()).count() == 3


def test_without_the_library_it_says_what_to_install(tool, monkeypatch):
    monkeypatch.setattr(delivering, "can_send", lambda: False)

    with pytest.raises(MissingLibraryError, match=r"django-consent-tools\[events\]"):
        Deliverer()


def test_cost_of_the_queries_does_not_grow_with_the_batch(
    receiver, tool, django_assert_max_num_queries
):
    track(batch.SAVED_TOGETHER)
    with django_assert_max_num_queries(17) as few:
        deliver()
    track(delivering.BATCH)
    with django_assert_max_num_queries(len(few.captured_queries) + 2):
        deliver()


def test_deliverers_that_die_use_up_no_attempt(receiver, tool, settings):
    settings.CONSENT_EVENTS_ATTEMPTS = 2
    track()
    for _ in range(3):
        # Each claims the event, and is killed.
        assert len(Delivery.objects.claim(10, 60)) == 1
        time_passes(seconds=61)
    receiver.answers.append(status(500))

    assert deliver() == {"failed": 1}
    assert Delivery.objects.get().attempts == 1
    time_passes(hours=1)
    assert deliver() == {State.DELIVERED: 1}
    assert Delivery.objects.get().attempts == 2


# Secrets


def test_no_log_and_no_row_says_where_events_go(receiver, tool, caplog):
    caplog.set_level(logging.DEBUG)
    secret = signatures.written(SigningSecret.objects.active(tool)[0].value)
    Tool.objects.filter(pk=tool.pk).update(
        parameters={"url": receiver.address.replace("/hook", "/very-secret-path")}
    )
    track(2)
    receiver.answers.extend([status(500), receivers.hang_up])
    deliver()

    written = [record.getMessage() for record in caplog.records if record.name == "consent"]
    assert len(written) == 2
    assert "very-secret-path" not in "".join(written)
    assert secret not in caplog.text
    for row in Delivery.objects.values():
        assert "very-secret-path" not in str(row)


# Retention


def test_what_has_come_to_its_end_is_purged_after_a_month(receiver, tool, settings):
    track(2)
    deliver()
    track()
    assert retention.purge() == 0

    Delivery.objects.filter(state=State.DELIVERED).update(
        ended_at=timezone.now() - timedelta(days=31)
    )
    assert retention.purge(batch=1) == 2
    assert states() == [State.WAITING]


def test_record_is_the_same_decision(receiver, tool):
    decided(MARKETING)

    assert set(decision_of(Record.objects.get()).text.split(".")) == set(
        grant(MARKETING).split(".")
    )
    assert WEBHOOKS in policies.current().tools
