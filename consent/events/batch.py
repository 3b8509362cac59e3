"""Send the deliveries of one tool that were claimed together, and store what became of each."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from consent.events import tool_request
from consent.events.consent_check import permitted
from consent.events.models import Delivery, Reason, State
from consent.events.tool_request import ForbiddenHostError, Send, UnusableToolError
from consent.models import Tool
from consent.policy import policies

if TYPE_CHECKING:
    from consent.events.http_client import Answer, Client

logger = logging.getLogger("consent")

# What has arrived is stored together: so many, or those of so many seconds. Where the process dies
# before that, they are sent twice.
SAVED_TOGETHER, SAVED_SECONDS = 50, 1.0
# How old, in seconds, the answer may be to whether consent and policy still cover an event.
CHECKED_SECONDS = 1.0

# In the counts: what is tried again.
FAILED = "failed"


@dataclass
class Outcomes:
    """What became of deliveries so far.

    ``counts``: how many had which outcome: a `State`, or FAILED for those that are tried again.
    ``retries``: by the number of attempts that they have had, when the last of those is due.
    """

    counts: Counter[str] = field(default_factory=Counter)
    retries: dict[int, datetime] = field(default_factory=dict)

    def retry(self, delivery: Delivery, due_at: datetime) -> None:
        """Note when ``delivery``, and what waits with it, is due again."""
        known = self.retries.get(delivery.attempts, due_at)
        self.retries[delivery.attempts] = max(known, due_at)


class Batch:
    """Deliveries of one tool.

    ``goes_on``: whether there is time for another one. ``released_at``: when those that are not
    tried are due again.
    """

    def __init__(
        self,
        deliveries: Sequence[Delivery],
        outcomes: Outcomes,
        goes_on: Callable[[], bool],
        released_at: datetime,
    ) -> None:
        self._left = list(deliveries)
        self._outcomes = outcomes
        self._goes_on = goes_on
        self._released_at = released_at
        self._tool: Tool | None = deliveries[0].tool
        self._arrived: list[Delivery] = []
        self._saved_at = time.monotonic()
        self._checked_at = float("-inf")

    def send(self, client: Client) -> None:
        """Send as many as there is time for, and release the others."""
        self._drop_disabled()
        if self._tool is None or not self._left:
            return
        try:
            send = tool_request.sender(client, self._tool)
        except UnusableToolError as problem:
            # Whether it can be sent or not: what was withdrawn is not kept.
            self._drop_withdrawn()
            self._fail_all(problem.reason)
            return
        except ForbiddenHostError:
            self._drop_withdrawn()
            self._give_up_all(Reason.NOT_HERE)
            return
        try:
            for delivery in self._next():
                self._send(delivery, send)
        finally:
            self._save_arrived()
        Delivery.objects.release(self._left, self._released_at)

    def _next(self) -> Iterator[Delivery]:
        """Yield what consent covers, one by one, as long as there is time."""
        while self._left and self._goes_on():
            self._drop_withdrawn()
            if self._left:
                yield self._left.pop(0)

    def _send(self, delivery: Delivery, send: Send) -> None:
        answer = send(delivery)
        if not answer.reason:
            self._arrive(delivery, answer.status)
            return
        _log(delivery, answer)
        if answer.reason == Reason.GONE and self._tool is not None:
            self._give_up(delivery, answer.reason, answer.status)
            self._tool.retire()
            self._drop_disabled()
            return
        self._fail(delivery, answer.reason, answer.status, answer.after)
        if answer.pauses:
            self._pause(delivery, answer)

    def _drop_disabled(self) -> None:
        """Drop the events of a deleted or disabled tool; a test may go to a disabled one."""
        tool = self._tool
        if tool is None:
            self._drop(self._left, Reason.DISABLED)
        elif not tool.enabled:
            self._drop([each for each in self._left if not each.is_test], Reason.DISABLED)

    def _drop_withdrawn(self) -> None:
        """Drop what consent no longer covers; check that at most every CHECKED_SECONDS."""
        if time.monotonic() - self._checked_at < CHECKED_SECONDS:
            return
        self._checked_at = time.monotonic()
        policies.look()
        covered = {each.pk for each in permitted(self._left)}
        self._drop([each for each in self._left if each.pk not in covered], Reason.WITHDRAWN)

    def _pause(self, delivery: Delivery, answer: Answer) -> None:
        """Have the others wait, too: a receiver that is down or overloaded takes none of them."""
        if answer.after is not None and self._tool is not None:
            until = timezone.now() + timedelta(seconds=answer.after)
            Delivery.objects.release(self._left, until)
            Delivery.objects.postpone(self._tool.pk, until)
            self._left = []
            self._outcomes.retry(delivery, until)
        else:
            self._fail_all(answer.reason, answer.status)

    def _fail_all(self, reason: str, status: int | None = None) -> None:
        for delivery in self._left:
            self._fail(delivery, reason, status)
        self._left = []

    def _fail(
        self, delivery: Delivery, reason: str, status: int | None, after: float | None = None
    ) -> None:
        due_at = delivery.fail(reason, status, after=after)
        self._outcomes.counts[FAILED if due_at else State.DEAD] += 1
        if due_at:
            self._outcomes.retry(delivery, due_at)

    def _give_up_all(self, reason: str) -> None:
        for delivery in self._left:
            self._give_up(delivery, reason, None)
        self._left = []

    def _give_up(self, delivery: Delivery, reason: str, status: int | None) -> None:
        delivery.give_up(reason, status)
        self._outcomes.counts[State.DEAD] += 1

    def _drop(self, deliveries: list[Delivery], reason: str) -> None:
        if deliveries:
            Delivery.objects.drop(deliveries, reason)
            self._outcomes.counts[State.DROPPED] += len(deliveries)
            dropped = {each.pk for each in deliveries}
            self._left = [each for each in self._left if each.pk not in dropped]

    def _arrive(self, delivery: Delivery, status: int | None) -> None:
        delivery.status = status
        self._arrived.append(delivery)
        is_late = time.monotonic() - self._saved_at >= SAVED_SECONDS
        if is_late or len(self._arrived) >= SAVED_TOGETHER:
            self._save_arrived()

    def _save_arrived(self) -> None:
        self._saved_at = time.monotonic()
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            Delivery.objects.arrived(arrived)
            self._outcomes.counts[State.DELIVERED] += len(arrived)


def _log(delivery: Delivery, answer: Answer) -> None:
    """Log what failed; never the address, which may be a secret."""
    tool = delivery.tool
    logger.warning(
        "Event %s for the tool %s: attempt %d failed (%s%s).",
        delivery.message_id,
        tool.key if tool else "?",
        delivery.attempts + 1,
        answer.reason,
        f", {answer.status}" if answer.status else "",
    )
