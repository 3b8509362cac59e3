"""Delivers in the background, where a backend of TASKS is named in CONSENT_EVENTS_TASKS.

The task delivers whatever is due, not just what it was begun for: so a task that is lost costs only
time, and a second one that finds nothing to do costs next to nothing.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from typing import Any

from django.db import router, transaction

from consent.events.conf import conf
from consent.events.delivery import Deliverer
from consent.events.models import Delivery
from consent.tasking import DEFAULT, task

logger = logging.getLogger("consent")


@partial(task, backend=conf.TASKS or DEFAULT)
def deliver() -> dict[str, int]:
    """Send the due events, and return the number of deliveries by outcome.

    What failed is tried again by a task that begins then, where the backend can wait: one for all
    that have failed equally often, as they wait about equally long.
    """
    with Deliverer() as deliverer:
        deliverer.run()
    for due_at in deliverer.retries.values():
        _begin(due_at)
    return dict(deliverer.counts)


def deliver_soon() -> None:
    """Begin the task once the open transaction is committed, where one is to deliver."""
    if conf.TASKS:
        transaction.on_commit(_begin, using=router.db_for_write(Delivery), robust=True)


def _begin(run_after: datetime | None = None) -> None:
    """Enqueue the task. Never raises: ``consent_deliver``, or the next task, finds all of it."""
    if not conf.TASKS:
        return
    try:
        # Without a library for tasks it is a plain function, and `consent.checks` says so.
        chosen: Any = deliver.using(backend=conf.TASKS)
        if run_after is None:
            chosen.enqueue()
        elif chosen.get_backend().supports_defer:
            chosen.using(run_after=run_after).enqueue()
    except Exception:
        logger.exception("The task that delivers events could not be begun; they wait for another.")
