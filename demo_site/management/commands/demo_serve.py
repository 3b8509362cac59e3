"""``manage.py demo_serve``: the demo site, a receiver of its events, and what delivers them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.commands.runserver import naiveip_re
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from demo_site.events import point_webhooks_at, remember_decisions
from demo_site.receiver import receiving

# Seconds that what delivers has to give back what it took.
PATIENCE = 10
# What a terminal sends that is closed; not everywhere is there such a signal.
HANGUPS = [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []


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
        """Serve. Raises CommandError where DEBUG is false, or somebody else has the port."""
        if not settings.DEBUG:
            raise CommandError("demo_serve is for one's own machine: it only runs with DEBUG.")

        def serve() -> None:
            remember_decisions()
            call_command("runserver", options["addrport"], use_reloader=not options["noreload"])

        if os.environ.get(DJANGO_AUTORELOAD_ENV) == "true":
            # The reloader runs this command again; the first one has the others already.
            serve()
            return
        _check_free(options["addrport"])
        # So that whoever ends this process ends the others, too.
        for number in (signal.SIGTERM, *HANGUPS):
            # Unless it is to outlive its terminal, as `nohup` has it.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda *_: sys.exit(0))
        with receiving() as receiver, _delivering():
            if point_webhooks_at(receiver.address):
                self.stdout.write(f"Events are received at {receiver.address}")
            serve()


def _check_free(addrport: str) -> None:
    """Raise CommandError where somebody serves there already.

    `runserver` ends the process on the spot then, and what was started beside it would stay; and
    the other one's events would go to a receiver that is gone.
    """
    found = naiveip_re.match(addrport)
    # What is no address, `runserver` says better. An IPv6 address is in brackets.
    if found is None or addrport.startswith("["):
        return
    try:
        socket.create_server((found["addr"] or "127.0.0.1", int(found["port"]))).close()
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise CommandError(f"There is no serving at {addrport}: {why}.") from error


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
