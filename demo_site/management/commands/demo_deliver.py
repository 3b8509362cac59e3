"""``manage.py demo_deliver``: ``consent_deliver`` with a stand-in for Zapier's host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.test import override_settings

from consent.events.delivery import Deliverer
from consent.events.management.commands import consent_deliver
from demo_site.zapier import ZAPIER_HOST, StandInClient


class Command(consent_deliver.Command):
    """Delivers; what is for Zapier goes to a receiver on this machine."""

    help = "Delivers events like consent_deliver; those for Zapier go to a stand-in. Needs DEBUG."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the address of the stand-in."""
        super().add_arguments(parser)
        parser.add_argument("--zapier", required=True, metavar="ADDRESS", help="of the stand-in")

    def handle(self, *args: Any, **options: Any) -> None:
        """Deliver. Raises CommandError as consent_deliver does, and if DEBUG is false."""
        if not settings.DEBUG:
            raise CommandError("demo_deliver runs only on your own machine, with DEBUG = True.")
        # Only here: the client of consent_deliver would send to the real host.
        with override_settings(CONSENT_EVENTS_HOSTS=[*settings.CONSENT_EVENTS_HOSTS, ZAPIER_HOST]):
            super().handle(*args, **options)

    def deliverer(self, options: Mapping[str, Any]) -> Deliverer:
        """Return what delivers."""
        return Deliverer(StandInClient(options["zapier"]))
