"""``manage.py consent_deliver``: sends the events that are due to server-side tools."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations
from django.db import Error, close_old_connections, connections
from django.utils import timezone

from consent.events.delivery import FAILED, Deliverer, MissingLibraryError
from consent.events.models import Delivery, State
from consent.management.progress import Bar

logger = logging.getLogger("consent")

# Seconds between two queries for due deliveries.
INTERVAL = 1.0


class Command(BaseCommand):
    """Sends the due events once, or continuously.

    As a program it exits with 1 if an event failed or was given up, and without ``--watch``.
    """

    has_failures = False

    help = (
        "Send the events that are due to server-side tools, where the visitor's consent still "
        "covers them. It may be stopped at any moment and run again, and several may run at once."
    )

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a program, whose exit code tells cron of failures."""
        super().run_from_argv(argv)
        if self.has_failures:
            sys.exit(1)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --watch and --interval."""
        parser.add_argument(
            "--watch", action="store_true", help="keep running, and send new events, until stopped"
        )
        parser.add_argument(
            "--interval",
            type=float,
            default=INTERVAL,
            metavar="SECONDS",
            help=f"with --watch: time between two queries; by default {INTERVAL:g}",
        )

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        """Deliver. Raises CommandError where the library or the database fails."""
        if options["interval"] <= 0:
            raise CommandError("--interval has to be more than 0.")
        try:
            deliverer = self.deliverer(options)
        except MissingLibraryError as error:
            raise CommandError(str(error)) from error
        with deliverer:
            if options["watch"]:
                self._watch(deliverer, options["interval"], options["verbosity"])
            else:
                self._run(deliverer, options["verbosity"])
                self.has_failures = bool(deliverer.counts[FAILED] + deliverer.counts[State.DEAD])
        if options["verbosity"] > 0:
            self._report(deliverer)

    def deliverer(self, options: Mapping[str, Any]) -> Deliverer:
        """Return what delivers. Raises MissingLibraryError. A subclass may have its own client."""
        return Deliverer()

    def _run(self, deliverer: Deliverer, verbosity: int) -> None:
        due = Delivery.objects.due(timezone.now())
        bar = Bar(self.stderr, due.count, verbosity=verbosity)
        try:
            deliverer.run(bar.show)
        except Error as error:
            raise CommandError(f"Stopped; run it again to go on. {error}") from error
        finally:
            bar.close()

    def _watch(self, deliverer: Deliverer, interval: float, verbosity: int) -> None:
        stopped = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            deliverer.stop()
            stopped.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        if verbosity > 0:
            self.stderr.write("Sending due events. Stop with Ctrl-C.")
        bar = Bar(self.stderr, lambda: 1, verbosity=verbosity)
        while not stopped.is_set():
            try:
                while not stopped.is_set() and deliverer.round():
                    bar.show(deliverer.counts.total())
            except Error:
                logger.exception("The database does not answer; due events wait until it does.")
                connections.close_all()
            close_old_connections()
            stopped.wait(interval)
        bar.close()

    def _report(self, deliverer: Deliverer) -> None:
        counts = deliverer.counts
        self.stdout.write(
            f"{counts[State.DELIVERED]:,} delivered, {counts[FAILED]:,} to be tried again, "
            f"{counts[State.DROPPED]:,} dropped, {counts[State.DEAD]:,} given up."
        )
