"""Deliver the events that are due: claim some, check consent, send them, store the outcome.

Any number of processes may do so at once, and each may die at any moment: what it had claimed is
due again a little later, with the same id.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from consent.events.batch import FAILED, Batch, Outcomes
from consent.events.conf import conf
from consent.events.models import Delivery, DeliveryQuerySet

if TYPE_CHECKING:
    from consent.events.http_client import Client

__all__ = ["FAILED", "Deliverer", "MissingLibraryError", "can_send", "overdue"]

BATCH = 100
# What has been due for longer than that is waiting for somebody who delivers.
PATIENCE = timedelta(minutes=10)
# Seconds beyond those of one attempt for which nobody else takes what was claimed.
LEASE = 60
# Seconds for which one tool's events are sent before it is the next tool's turn.
TURN = 5.0

# Not imported before somebody sends: its library is an extra, and no page needs it.
CLIENT = "consent.events.http_client.Client"


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


class Deliverer:
    """Sends events, one after the other. For one thread; close it in the end.

    ``client``: posts them, by default a new `consent.events.http_client.Client`. Raises
    MissingLibraryError if there is none and the extra is not installed.
    """

    def __init__(self, client: Client | None = None) -> None:
        if client is None and not can_send():
            raise MissingLibraryError
        self._client = client or import_string(CLIENT)()
        self._outcomes = Outcomes()
        self._is_stopping = False

    def __enter__(self) -> Deliverer:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    @property
    def counts(self) -> Counter[str]:
        """How many had which outcome so far: a `State`, or FAILED for what is tried again."""
        return self._outcomes.counts

    @property
    def retries(self) -> dict[int, datetime]:
        """When what failed is due again: number of attempts to the last of those."""
        return self._outcomes.retries

    def run(self, progress: Callable[[int], None] = lambda done: None) -> None:
        """Deliver until nothing is due, or `stop` is called. Raises django.db.Error.

        What fails is left to another run: otherwise one that fails slowly would never end.
        """
        started = timezone.now()
        while not self._is_stopping and self.round(started):
            progress(self.counts.total())

    def stop(self) -> None:
        """End after the present event, and release the others that were claimed."""
        self._is_stopping = True

    def round(self, started: datetime | None = None) -> int:
        """Send some of each tool's events that are due, and return how many were claimed.

        ``started``: what failed after that is left out. Raises django.db.Error if the database
        fails; what was claimed is due again later.
        """
        now = timezone.now()
        due = Delivery.objects.filter(due_at__lte=now)
        if started is not None:
            due = due.filter(Q(due_at__lte=started) | Q(attempts=0))
        return sum(self._take_turn(due.filter(tool=tool), started or now) for tool in due.tools())

    def _take_turn(self, due: DeliveryQuerySet, released_at: datetime) -> int:
        """Send events of one tool, for a short time, so that a slow receiver delays no other."""
        if self._is_stopping:
            return 0
        until = time.monotonic() + min(TURN, LEASE / 2)

        def goes_on() -> bool:
            return not self._is_stopping and time.monotonic() < until

        claimed = due.claim(BATCH, LEASE + conf.TIMEOUT)
        if claimed:
            Batch(claimed, self._outcomes, goes_on, released_at).send(self._client)
        return len(claimed)


def overdue() -> timedelta | None:
    """Return for how long something is due already; None where that is not long."""
    now = timezone.now()
    oldest = Delivery.objects.due(now - PATIENCE).first()
    return now - oldest.due_at if oldest and oldest.due_at else None
