"""``manage.py consent_stop``: stop all optional tools at once, and start them again."""

from __future__ import annotations

from typing import Any

from django.core.management import CommandError
from django.core.management.base import CommandParser

from consent.management.command import ConsentCommand
from consent.models import Policy


class Command(ConsentCommand):
    """Stops all optional tools of all policies, or of one."""

    help = (
        "Stop all optional tools, whatever visitors allowed. Pages follow within "
        "CONSENT_POLICY_MAX_AGE seconds. With --undo they run again where visitors allow them, and "
        "nobody is asked anew."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--undo", action="store_true", help="Start the tools again.")
        parser.add_argument("--policy", metavar="KEY", help="Only of this policy.")

    def handle(self, *args: object, **options: Any) -> None:
        """Stop or start the tools."""
        policies = Policy.objects.all()
        if options["policy"] is not None:
            policies = policies.filter(key=options["policy"])
            if not policies.exists():
                raise CommandError(f"There is no policy with the key “{options['policy']}”.")
        if options["undo"]:
            number, done = policies.start_tools(), "started again"
        else:
            number, done = policies.stop_tools(), "stopped"
        self.stdout.write(f"Optional tools {done} in {number} policies.")
