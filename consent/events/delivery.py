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
from itertools import groupby
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.module_loading import import_string

from consent.events.batch import FAILED, Batch, Outcomes
from consent.events.conf import conf
from consent.events.models import Delivery

if TYPE_CHECKING:
    from consent.events.http_client import Client

__all__ = ["FAILED", "Deliverer", "MissingLibraryError", "can_send", "overdue"]

BATCH = 100
# What has been due for longer than that is waiting for somebody who delivers.
PATIENCE = timedelta(minutes=10)
# Seconds beyond those of one attempt for which nobody else takes what was claimed.
LEASE = 60

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
        """Deliver until nothing is due, or `stop` is called. Raises django.db.Error."""
        while not self._is_stopping and self.round():
            progress(self.counts.total())

    def stop(self) -> None:
        """Have it end after the event that it is at; what it has claimed is released."""
        self._is_stopping = True

    def round(self) -> int:
        """Claim some that are due and send them; return how many they were.

        Raises django.db.Error where the database fails; what was claimed is due again later.
        """
        until = time.monotonic() + LEASE / 2

        def goes_on() -> bool:
            return not self._is_stopping and time.monotonic() < until

        claimed = Delivery.objects.claim(BATCH, LEASE + conf.TIMEOUT)
        for _, group in groupby(claimed, key=lambda each: each.tool_id):
            Batch(list(group), self._outcomes, goes_on).send(self._client)
        return len(claimed)


def overdue() -> timedelta | None:
    """Return for how long something is due already; None where that is not long."""
    now = timezone.now()
    oldest = Delivery.objects.due(now - PATIENCE).first()
    return now - oldest.due_at if oldest and oldest.due_at else None
