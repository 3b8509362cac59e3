"""``manage.py consent_status``: figures for monitoring, as JSON."""

from __future__ import annotations

import json

from django.core.management import CommandError
from django.db import Error

from consent.management.command import ConsentCommand
from consent.proof import status


class Command(ConsentCommand):
    """Prints figures for monitoring; its exit status is 1 if one of them is a problem."""

    help = (
        "Print figures for monitoring as JSON: stopped policies, the age of the oldest record, the "
        "days since the last purge and the last verification, and with consent.events the events "
        "that wait. The exit status is 1 if something needs "
        "attention, and the reasons are printed as errors."
    )

    def handle(self, *args: object, **options: object) -> None:
        """Print the figures. Raises CommandError if the database fails or something is wrong."""
        try:
            values, problems = status.report()
        except Error as error:
            raise CommandError(f"The database cannot be read: {error}") from error
        self.stdout.write(json.dumps(values, indent=2))
        if problems:
            raise CommandError("\n".join(problems))
