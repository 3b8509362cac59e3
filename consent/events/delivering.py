"""Sends what is due: takes some, asks whether consent still covers it, posts it, notes the answer.

Any number of processes may do so at once, and each may die at any moment: what it had taken is due
again a little later, with the same id.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from importlib.util import find_spec
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string

from consent.conf import conf
from consent.events import endpoints, signatures
from consent.events.endpoints import Endpoint
from consent.events.permitting import permitted
from consent.models import Delivery, SigningSecret, Tool, parameter_errors
from consent.models.signing import UnknownKeyError
from consent.policy import policies

logger = logging.getLogger("consent")

BATCH = 100
# What has arrived is noted together: so many, or those of so many seconds. Who dies before has
# them sent twice.
NOTED, NOTED_SECONDS = 50, 1.0
# How old, in seconds, an answer to whether consent and policy cover an event may be.
ASKED_SECONDS = 1.0
# What has been due for longer than that is waiting for somebody who delivers.
PATIENCE = timedelta(minutes=10)
# Seconds beyond those of one attempt that a batch belongs to who took it.
LEASE = 60

# In a tally: what is tried again.
FAILED = "failed"

# Not imported before somebody sends: its library is an extra, and no page needs it.
CLIENT = "consent.events.posting.Client"

State, Reason = Delivery.State, Delivery.Reason


class MissingLibraryError(Exception):
    """The library that sends is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Events are sent by httpcore, which is not installed: "
            "pip install 'django-consent-tools[events]'."
        )


def can_send() -> bool:
    """Say whether the library that sends is installed."""
    return find_spec("httpcore") is not None


class _UnusableError(Exception):
    """A tool whose settings do not let anything be sent. ``reason``: of `Delivery.Reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _ForbiddenError(Exception):
    """A tool whose host no event may go to, today or later."""


class Courier:
    """Delivers, one event after the other. For one thread; close it in the end.

    ``tally``: how many had which outcome so far: a state of `Delivery`, or FAILED for those
    that are tried again. ``retries``: when those are due, by the number of attempts that they have
    had: the last of each. Raises MissingLibraryError where the extra is not installed.
    """

    def __init__(self) -> None:
        if not can_send():
            raise MissingLibraryError
        self._client = import_string(CLIENT)()
        self.tally: Counter[str] = Counter()
        self.retries: dict[int, datetime] = {}
        self.is_stopping = False

    def __enter__(self) -> Courier:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def run(self, progress: Callable[[int], None] = lambda done: None) -> None:
        """Deliver until nothing is due, or `stop` is called. Raises django.db.Error."""
        while not self.is_stopping and self.round():
            progress(sum(self.tally.values()))

    def stop(self) -> None:
        """Have it end after the event that it is at; what it has taken is given back."""
        self.is_stopping = True

    def try_again(self, delivery: Delivery, due_at: datetime) -> None:
        """Keep in mind when ``delivery``, and what waits with it, is due again."""
        known = self.retries.get(delivery.attempts, due_at)
        self.retries[delivery.attempts] = max(known, due_at)

    def round(self) -> int:
        """Take some that are due and send them; return how many they were.

        Raises django.db.Error where the database fails; what was taken is due again later.
        """
        taken_at = time.monotonic()
        claimed = Delivery.objects.claim(BATCH, LEASE + conf.EVENTS_TIMEOUT)
        for _, group in groupby(claimed, key=lambda each: each.tool_id):
            _Trip(self, list(group), until=taken_at + LEASE / 2).make(self._client)
        return len(claimed)


class _Trip:
    """What was taken for one tool, on its way. ``until``: when the rest is to be given back."""

    def __init__(self, courier: Courier, deliveries: Sequence[Delivery], until: float) -> None:
        self._courier = courier
        self._left = list(deliveries)
        self._tool: Tool | None = deliveries[0].tool
        self._until = until
        self._arrived: list[Delivery] = []
        self._noted_at = time.monotonic()
        self._asked_at = float("-inf")

    def make(self, client: Any) -> None:
        self._drop_disabled()
        if self._tool is None or not self._left:
            return
        try:
            send = self._way(client, self._tool)
        except _UnusableError as problem:
            # Whether it could be sent or not: what was taken back is not kept.
            self._ask()
            self._fail_all(problem.reason)
            return
        except _ForbiddenError:
            self._ask()
            self._give_up_all(Reason.NOT_HERE)
            return
        try:
            for delivery in self._next():
                self._send(delivery, send)
        finally:
            self._note_arrivals()
        Delivery.objects.release(self._left, timezone.now())

    @staticmethod
    def _way(client: Any, tool: Tool) -> Callable[[Delivery], Any]:
        """Return what sends a delivery to ``tool``. Raises _UnusableError where nothing can, and
        _ForbiddenError where nothing may.
        """
        endpoint, secrets, more = _endpoint(tool), _secrets(tool), _headers(tool)

        def send(delivery: Delivery) -> Any:
            body = delivery.body.encode()
            now = int(time.time())
            headers = signatures.headers(delivery.message_id, now, body, secrets)
            return client.post(endpoint, body, {**headers, **more})

        return send

    def _drop_disabled(self) -> None:
        """Drop what goes to nobody any more. A test may go to a tool that is not enabled yet."""
        tool = self._tool
        if tool is None:
            self._drop(self._left, Reason.DISABLED)
        elif not tool.enabled:
            self._drop([each for each in self._left if not each.is_test], Reason.DISABLED)

    def _next(self) -> Iterator[Delivery]:
        """Yield what consent covers, one by one, as long as there is time."""
        while self._left and not self._courier.is_stopping and time.monotonic() < self._until:
            self._ask()
            if self._left:
                yield self._left.pop(0)

    def _ask(self) -> None:
        """Drop what consent no longer covers; ask at most every ASKED_SECONDS."""
        if time.monotonic() - self._asked_at < ASKED_SECONDS:
            return
        self._asked_at = time.monotonic()
        policies.look()
        covered = {each.pk for each in permitted(self._left)}
        self._drop([each for each in self._left if each.pk not in covered], Reason.WITHDRAWN)

    def _send(self, delivery: Delivery, send: Callable[[Delivery], Any]) -> None:
        answer = send(delivery)
        if not answer.reason:
            delivery.status = answer.status
            self._arrived.append(delivery)
            is_late = time.monotonic() - self._noted_at >= NOTED_SECONDS
            if is_late or len(self._arrived) >= NOTED:
                self._note_arrivals()
            return
        _log(delivery, answer)
        if answer.reason == Reason.GONE and self._tool is not None:
            delivery.give_up(answer.reason, answer.status)
            self._courier.tally[State.DEAD] += 1
            self._tool.retire()
            self._drop_disabled()
            return
        self._fail(delivery, answer.reason, answer.status, answer.after)
        if answer.pauses:
            self._pause(delivery, answer)

    def _pause(self, delivery: Delivery, answer: Any) -> None:
        """Have the rest wait, too: a receiver that is down, or overloaded, takes none of them."""
        if answer.after is not None and self._tool is not None:
            until = timezone.now() + timedelta(seconds=answer.after)
            Delivery.objects.release(self._left, until)
            Delivery.objects.postpone(self._tool.pk, until)
            self._left = []
            self._courier.try_again(delivery, until)
        else:
            self._fail_all(answer.reason, answer.status)

    def _give_up_all(self, reason: str) -> None:
        for delivery in self._left:
            delivery.give_up(reason)
            self._courier.tally[State.DEAD] += 1
        self._left = []

    def _fail_all(self, reason: str, status: int | None = None) -> None:
        for delivery in self._left:
            self._fail(delivery, reason, status)
        self._left = []

    def _fail(
        self, delivery: Delivery, reason: str, status: int | None, after: float | None = None
    ) -> None:
        due_at = delivery.fail(reason, status, after=after)
        self._courier.tally[FAILED if due_at else State.DEAD] += 1
        if due_at:
            self._courier.try_again(delivery, due_at)

    def _drop(self, deliveries: list[Delivery], reason: str) -> None:
        if deliveries:
            Delivery.objects.drop(deliveries, reason)
            self._courier.tally[State.DROPPED] += len(deliveries)
            dropped = {each.pk for each in deliveries}
            self._left = [each for each in self._left if each.pk not in dropped]

    def _note_arrivals(self) -> None:
        self._noted_at = time.monotonic()
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            Delivery.objects.arrived(arrived)
            self._courier.tally[State.DELIVERED] += len(arrived)


def _endpoint(tool: Tool) -> Endpoint:
    recipe, values = tool.get_recipe(), tool.parameters
    if (
        recipe is None
        or not recipe.endpoint
        or not isinstance(values, dict)
        or parameter_errors(recipe, values)
    ):
        raise _UnusableError(Reason.UNFIT)
    # What fits has an address that can be read.
    endpoint = endpoints.read(values[recipe.endpoint])
    if not endpoint.may_be_used:
        raise _ForbiddenError
    return endpoint


def _headers(tool: Tool) -> Mapping[str, str]:
    recipe = tool.get_recipe()
    value = tool.parameters.get(recipe.authorization, "") if recipe else ""
    return {"Authorization": value} if value else {}


def _secrets(tool: Tool) -> list[bytes]:
    recipe = tool.get_recipe()
    if recipe is None or not recipe.signed:
        return []
    found = []
    for secret in SigningSecret.objects.active(tool):
        try:
            found.append(secret.value)
        except UnknownKeyError:
            logger.error("The key of a signing secret of the tool %s is gone.", tool.key)
    if not found:
        raise _UnusableError(Reason.NO_KEY)
    return found


def _log(delivery: Delivery, answer: Any) -> None:
    """Say what failed; never where to, which may be a secret."""
    tool = delivery.tool
    logger.warning(
        "Event %s for the tool %s: attempt %d failed (%s%s).",
        delivery.message_id,
        tool.key if tool else "?",
        delivery.attempts,
        answer.reason,
        f", {answer.status}" if answer.status else "",
    )


def overdue() -> timedelta | None:
    """Return for how long something is due already; None where that is not long."""
    now = timezone.now()
    oldest = Delivery.objects.due(now - PATIENCE).first()
    return now - oldest.due_at if oldest and oldest.due_at else None
