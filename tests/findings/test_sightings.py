"""What a process keeps is stored as it ends, and a forked one begins with nothing."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from consent.asgi import with_lifespan
from consent.findings import sightings
from consent.findings.sightings import Seen, note
from tests.findings.helpers import found
from tests.helpers import small_site

TOP = Path(__file__).resolve().parents[2]
MYSTERY = Seen("cookie", "mystery", "brought")


@pytest.mark.once
def test_findings_are_stored_as_the_process_ends():
    # What is registered first runs last: this prints after the app has stored what it noted.
    code = """
import atexit
def show():
    from consent.findings.models import Finding
    print(*Finding.objects.values_list("name", flat=True))
atexit.register(show)
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from consent.findings.sightings import Seen, note
note(Seen("cookie", "mystery", "brought"), "mystery")
"""

    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=TOP,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": "sqlite://:memory:",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.stdout.split() == ["mystery"], result.stderr


@pytest.mark.django_db
def test_findings_are_stored_as_an_asgi_server_ends():
    small_site()
    note(MYSTERY, "mystery")
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Any:
        return {"type": next(messages)}

    async def send(message: Any) -> None:
        pass

    async_to_sync(with_lifespan(None))({"type": "lifespan"}, receive, send)

    assert not sightings._waiting
    assert found() == [("mystery", "undeclared", "brought")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_process_begins_with_nothing():
    note(MYSTERY, "mystery")

    with sightings._lock:
        child = os.fork()
        if child == 0:
            is_new = not sightings._waiting and not sightings._remembered
            os._exit(0 if is_new and sightings._lock.acquire(timeout=5) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
