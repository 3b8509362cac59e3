"""``manage.py demo_serve``: the demo site, a receiver of its events, and what delivers them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from demo_site.events import point_webhooks_at
from demo_site.receiver import receiving

# Seconds that what delivers has to give back what it took.
PATIENCE = 10


class Command(BaseCommand):
    """Serves until it is stopped, and leaves nothing running."""

    help = (
        "Serves the demo site like runserver, with a receiver of events on a free port of this "
        "machine and “consent_deliver --watch” beside it. Refused without DEBUG."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say where."""
        parser.add_argument("addrport", nargs="?", default="127.0.0.1:8000")
        parser.add_argument("--noreload", action="store_true", help="as runserver has it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve. Raises CommandError where DEBUG is false."""
        if not settings.DEBUG:
            raise CommandError("demo_serve is for one's own machine: it only runs with DEBUG.")

        def serve() -> None:
            call_command("runserver", options["addrport"], use_reloader=not options["noreload"])

        if os.environ.get(DJANGO_AUTORELOAD_ENV) == "true":
            # The reloader runs this command again; the first one has the others already.
            serve()
            return
        # So that whoever ends this process ends the others, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with receiving() as receiver, _delivering():
            if point_webhooks_at(receiver.address):
                self.stdout.write(f"Events are received at {receiver.address}")
            serve()


@contextmanager
def _delivering() -> Iterator[None]:
    """Have what is due delivered by another process meanwhile."""
    command = [sys.executable, sys.argv[0], "consent_deliver", "--watch", "--interval", "0.5"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
