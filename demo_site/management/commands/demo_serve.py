"""``manage.py demo_serve``: serve the demo site, deliver its events, and receive them."""

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

# Seconds in which the delivering process may return the events that it has claimed.
PATIENCE = 10
# The signal of a terminal that is closed; not every platform has it.
HANGUPS = [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []


class Command(BaseCommand):
    """Serves until it is stopped, and then stops the processes that it has started."""

    help = (
        "Serves the demo site like runserver, with a receiver of events on a free port of this "
        "machine and “demo_deliver --watch” beside it. Refused without DEBUG."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the address and port."""
        parser.add_argument("addrport", nargs="?", default="127.0.0.1:8000")
        parser.add_argument("--noreload", action="store_true", help="as for runserver")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve. Raises CommandError if DEBUG is false or the port is in use."""
        if not settings.DEBUG:
            raise CommandError("demo_serve runs only on your own machine, with DEBUG = True.")

        def serve() -> None:
            remember_decisions()
            call_command("runserver", options["addrport"], use_reloader=not options["noreload"])

        if os.environ.get(DJANGO_AUTORELOAD_ENV) == "true":
            # The reloader runs this command again; the first one has started the others.
            serve()
            return
        _check_free(options["addrport"])
        # A signal that ends this process must end the others too.
        for number in (signal.SIGTERM, *HANGUPS):
            # `nohup` ignores the hang-up, so that the command outlives its terminal.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda *_: sys.exit(0))
        with receiving() as receiver, _delivering(receiver.origin):
            if point_webhooks_at(receiver.address):
                self.stdout.write(f"Events are received at {receiver.address}")
            serve()


def _check_free(addrport: str) -> None:
    """Raise CommandError if the address is in use.

    `runserver` would end this process at once, without stopping the processes that it has started,
    and the events of the other server would go to a receiver that is gone.
    """
    found = naiveip_re.match(addrport)
    # `runserver` reports an invalid address. An IPv6 address is in brackets and not checked here.
    if found is None or addrport.startswith("["):
        return
    try:
        socket.create_server((found["addr"] or "127.0.0.1", int(found["port"]))).close()
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise CommandError(f"Cannot serve at {addrport}: {why}.") from error


@contextmanager
def _delivering(zapier: str) -> Iterator[None]:
    """Run a process that delivers due events; ``zapier``: address of the stand-in for its host."""
    manage = [sys.executable, sys.argv[0]]
    command = [*manage, "demo_deliver", "--watch", "--interval", "0.5", "--zapier", zapier]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
