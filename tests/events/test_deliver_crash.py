"""Deliverers die at any moment: what consent covers arrives all the same, and nothing else does."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from subprocess import Popen
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

import consent
from consent.events.batch import SAVED_TOGETHER
from consent.events.conf import conf
from consent.events.delivery import LEASE
from consent.events.models import Delivery
from tests import command_processes
from tests.events.helpers import MARKETING, Reason, State, events_site, time_passes
from tests.events.plain_receiver import PlainReceiver, receiving_much
from tests.events.receiver import HOST
from tests.events.test_delivering import decided
from tests.helpers import consent_in

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="elsewhere deliverers wait for each other"
    ),
]

EVENTS = 4_000
VISITORS = 100
# Of the visitors: who never allowed it, who took it back before, and who does in each round, one
# half while deliverers run and one half while all are dead.
NEVER, BEFORE, EACH_ROUND = 5, 10, 4
# Deliverers at once; in each round all of them are killed, one after the other.
DELIVERERS = 3
ROUNDS = 5
# At most so many requests come between two kills.
BETWEEN = 140


class Crowd:
    """The visitors, the events that are written for each, and who took consent back in which round.

    ``number``: of the visitor. ``withdrawn``: number to the round from which on nothing may come;
    0 is before all.
    """

    def __init__(self) -> None:
        self.requests = [decided(*([MARKETING] if n >= NEVER else [])) for n in range(VISITORS)]
        self.withdrawn: dict[int, int] = {}
        self.visitor_of: dict[str, int] = {}
        self.withdrawn.update(dict.fromkeys(range(NEVER), 0))
        self._write()
        for number in range(NEVER, NEVER + BEFORE):
            self.withdraw(number, 0)

    def withdraw(self, number: int, from_round: int) -> None:
        consent_in(self.requests[number]).withdraw()
        self.withdrawn[number] = from_round

    def some(self) -> range:
        """Return visitors that have not taken it back yet."""
        first = len(self.withdrawn)
        return range(first, first + EACH_ROUND // 2)

    def _write(self) -> None:
        """Write as many events for each visitor, in turn: copies of the one that is tracked.

        Whoever never allowed it has them, too, as a defect elsewhere might leave them.
        """
        patterns = [self._pattern(number) for number in range(VISITORS)]
        made = [self._copy(patterns[n % VISITORS], n % VISITORS) for n in range(EVENTS)]
        Delivery.objects.all().delete()
        Delivery.objects.bulk_create(made, batch_size=1_000)

    def _pattern(self, number: int) -> Delivery:
        consented = consent.track(self.requests[number], "Signed Up", {"visitor": number})
        assert bool(consented) == (number >= NEVER)
        if not consented:
            found = self._pattern_of_another()
            own = consent_in(self.requests[number]).snapshot
            found.subject = own.subject
            found.decision = own.standing.decision.text
            return found
        return Delivery.objects.latest("pk")

    def _pattern_of_another(self) -> Delivery:
        consent.track(self.requests[-1], "Signed Up", {})
        return Delivery.objects.latest("pk")

    def _copy(self, pattern: Delivery, number: int) -> Delivery:
        values = {
            field.attname: getattr(pattern, field.attname)
            for field in Delivery._meta.concrete_fields
            if not field.primary_key
        }
        event = uuid4()
        body = pattern.body.replace(pattern.event.hex, event.hex)
        made = Delivery(**{**values, "event": event, "body": body})
        self.visitor_of[made.message_id] = number
        return made


@pytest.fixture
def chance() -> random.Random:
    seed = random.randrange(2**32)  # noqa: S311
    print(f"seed: {seed}")  # noqa: T201
    return random.Random(seed)  # noqa: S311


@contextmanager
def deliverers(receiver: PlainReceiver) -> Iterator[list[Popen[str]]]:
    """Run several; whatever is left of them at the end is killed."""
    running = [
        command_processes.start("consent_deliver", authority=receiver.authority)
        for _ in range(DELIVERERS)
    ]
    try:
        yield running
    finally:
        for each in running:
            kill(each)


def kill(process: Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_deliverers_that_are_killed_lose_nothing_and_send_nothing_without_consent(
    transactional_db, tmp_path, settings, chance
):
    settings.CONSENT_EVENTS_TRUSTED_HOSTS = [HOST]
    # All these visitors come from one address.
    settings.CONSENT_THROTTLE_RATE = None
    with receiving_much(tmp_path) as receiver:
        events_site(receiver.address)
        crowd = Crowd()
        begins = [0]
        for number in range(1, ROUNDS + 1):
            begins.append(len(receiver.ids))
            kill_all_in_turn(receiver, crowd, number, chance)
            for visitor in crowd.some():
                crowd.withdraw(visitor, number + 1)
            nothing_is_lost_or_stuck(receiver)
            time_passes(seconds=lease())
        begins.append(len(receiver.ids))
        finish(receiver)

    nothing_came_without_consent(receiver, crowd, begins)
    all_else_came(receiver, crowd)
    twice_is_the_same(receiver)


def kill_all_in_turn(
    receiver: PlainReceiver, crowd: Crowd, number: int, chance: random.Random
) -> None:
    with deliverers(receiver) as running:
        for process in running:
            receiver.wait_for(receiver.number + chance.randint(1, BETWEEN))
            kill(process)
            if process is running[0]:
                for visitor in crowd.some():
                    crowd.withdraw(visitor, number + 1)


def lease() -> float:
    return LEASE + conf.TIMEOUT


def nothing_is_lost_or_stuck(receiver: PlainReceiver) -> None:
    """Each event is there; what has not come to its end is whole, and due again by itself."""
    rows = list(Delivery.objects.all())
    assert len(rows) == EVENTS
    latest = timezone.now() + timedelta(seconds=lease())
    came = set(receiver.ids)
    for row in rows:
        if row.state == State.WAITING:
            assert row.body
            assert row.due_at <= latest
        else:
            assert row.state == State.DROPPED or row.message_id in came


def finish(receiver: PlainReceiver) -> None:
    """Deliver until nothing waits. What a dead one took with its last breath is due a bit later."""
    for _ in range(5):
        running = [
            command_processes.start("consent_deliver", authority=receiver.authority)
            for _ in range(DELIVERERS)
        ]
        for process in running:
            command_processes.end(process)
        if not Delivery.objects.waiting().exists():
            return
        time_passes(seconds=lease())
    pytest.fail(f"Something never ends: {Delivery.objects.waiting().values()[:5]}")


def nothing_came_without_consent(receiver: PlainReceiver, crowd: Crowd, begins: list[int]) -> None:
    for number, begin in enumerate(begins):
        gone = {visitor for visitor, since in crowd.withdrawn.items() if since <= number}
        came = {crowd.visitor_of[each] for each in receiver.ids[begin:]}
        assert not gone & came


def all_else_came(receiver: PlainReceiver, crowd: Crowd) -> None:
    allowed = {each for each, number in crowd.visitor_of.items() if number not in crowd.withdrawn}
    came = set(receiver.ids)
    assert allowed <= came <= set(crowd.visitor_of)
    states = Counter(Delivery.objects.values_list("state", "reason"))
    assert set(states) == {(State.DELIVERED, ""), (State.DROPPED, Reason.WITHDRAWN)}
    assert states[State.DELIVERED, ""] <= len(came)


def twice_is_the_same(receiver: PlainReceiver) -> None:
    """What came more than once has one id and one content; few did, as arrivals are noted soon."""
    bodies = defaultdict(set)
    for each, body in zip(receiver.ids, receiver.bodies, strict=True):
        bodies[each].add(body)
    assert all(len(found) == 1 for found in bodies.values())
    assert len(receiver.ids) - len(bodies) <= ROUNDS * DELIVERERS * SAVED_TOGETHER
