"""``python -m tests.benchmarks.load.tasks TASK``: what is done in the websites' database.

In a process of its own, as its settings are those of a website. Reads its argument, and writes its
result, as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from uuid import UUID

# Has to come first: the settings.
# isort: off
from tests.benchmarks.load.wsgi import application  # noqa: F401

# isort: on
from django.core.management import call_command
from django.db import connection, transaction

import consent
from consent.events.models import Delivery
from consent.models import PolicyVersion, Record, Tool
from consent.policy import policies
from consent.proof.identifiers import receipt_for
from tests.benchmarks.solutions import consent_tools
from tests.benchmarks.tools import SIZES
from tests.helpers import consent_in, page_request
from tests.proof.consistency import inconsistencies


def seed(_: None) -> None:
    """Make the tables of both websites, and the policy of the page's benchmark."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    consent_tools.seed(SIZES[0])
    # For the bare view; the app stores its own with the first decision.
    PolicyVersion.objects.create(digest="0" * 64, language="en", revision=1, content="{}")


def audit(acknowledged: list[tuple[str, dict[str, bool]]]) -> dict[str, Any]:
    """Compare the rows with what was ``acknowledged``: the keys that were sent, and the choices.

    ``stored``: how many of those have a row; ``others``: rows that nobody was told of, or that are
    there twice; ``faults``: see `tests.proof.consistency`.
    """
    receipts = {receipt_for(UUID(key), choices) for key, choices in acknowledged}
    stored = Record.objects.values_list("receipt", flat=True)
    return {
        "stored": sum(receipt in receipts for receipt in stored),
        "others": sum(receipt not in receipts for receipt in stored),
        "faults": inconsistencies(),
    }


def write_events(argument: tuple[str, int]) -> list[str]:
    """Have that many visitors send an event each to an address; return the bodies."""
    address, number = argument
    Tool.objects.exclude(recipe="webhooks").update(enabled=False)
    Tool.objects.filter(recipe="webhooks").update(parameters={"url": address})
    policies.forget()
    with transaction.atomic():
        for _ in range(number):
            request = page_request()
            consent_in(request).decide({"marketing-analytics": True}, partial=True)
            consent.track(request, "Signed Up", {"plan": "monthly", "seats": 3, "price": "12.50"})
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT * FROM consent_events_delivery")
    return list(Delivery.objects.order_by("pk").values_list("body", flat=True))


def write_again(_: None) -> None:
    """Have the same events be there as before any was sent, and the database as rested."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE consent_events_delivery")
        cursor.execute("INSERT INTO consent_events_delivery SELECT * FROM kept")
        cursor.execute("VACUUM ANALYZE consent_events_delivery")


def count_waiting(_: None) -> int:
    """Return how many events are still to be sent."""
    return Delivery.objects.waiting().count()


TASKS = {task.__name__: task for task in (seed, audit, write_events, write_again, count_waiting)}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(TASKS[sys.argv[1]](json.load(sys.stdin))))
