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

from consent.models import PolicyVersion, Record
from consent.recording import receipt_for
from tests.audits import faults
from tests.benchmarks.solutions import consent_tools
from tests.benchmarks.tools import SIZES


def seed(_: None) -> None:
    """Make the tables of both websites, and the policy of the page's benchmark."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    consent_tools.seed(SIZES[0])
    # For the bare view; the app stores its own with the first decision.
    PolicyVersion.objects.create(digest="0" * 64, language="en", revision=1, content="{}")


def audit(acknowledged: list[tuple[str, dict[str, bool]]]) -> dict[str, Any]:
    """Compare the rows with what was ``acknowledged``: the keys that were sent, and the choices.

    ``stored``: how many of those have a row; ``others``: rows that nobody was told of, or that are
    there twice; ``faults``: see `tests.audits`.
    """
    receipts = {receipt_for(UUID(key), choices) for key, choices in acknowledged}
    stored = Record.objects.values_list("receipt", flat=True)
    return {
        "stored": sum(receipt in receipts for receipt in stored),
        "others": sum(receipt not in receipts for receipt in stored),
        "faults": faults(),
    }


if __name__ == "__main__":
    task = {"seed": seed, "audit": audit}[sys.argv[1]]
    sys.stdout.write(json.dumps(task(json.load(sys.stdin))))
