"""``manage.py consent_partition``: keep records in monthly partitions, on PostgreSQL."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser, no_translations
from django.db import Error

from consent.management.command import ConsentCommand
from consent.proof import partitions


class Command(ConsentCommand):
    """Partitions the table of records; run again, it adds the coming months."""

    help = (
        "PostgreSQL only: partition the table of records by month, without copying it. Run again, "
        "it adds the coming months; run it from cron. Visitors can decide meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--months-ahead",
            type=int,
            default=3,
            metavar="N",
            help="how many months after this one get a partition (default: 3)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print the SQL and change nothing"
        )

    @no_translations
    def handle(self, *args: object, **options: Any) -> None:
        """Partition. Raises CommandError if that fails; every record is then where it was."""
        if not 0 <= options["months_ahead"] <= 120:
            raise CommandError("--months-ahead has to be a number from 0 to 120.")
        try:
            if options["dry_run"]:
                self._print(partitions.plan(options["months_ahead"]))
                return
            plan = partitions.partition(options["months_ahead"])
            names = [partition.name for partition in partitions.partitions()]
        except partitions.PartitionError as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(
                f"This failed; every record is where it was. Run it again.\n{error}"
            ) from error
        done = "Done" if plan.at_once else "Nothing to do"
        self.stdout.write(f"{done}. By time: {', '.join(names)}")

    def _print(self, plan: partitions.Plan) -> None:
        for statement in plan.before:
            self.stdout.write(f"{statement};")
        if plan.at_once:
            self.stdout.write("BEGIN;")
            for statement in plan.at_once:
                self.stdout.write(f"{statement};")
            self.stdout.write("COMMIT;")
