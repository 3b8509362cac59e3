"""``manage.py consent_purge``: delete records that are older than the retention period."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser, no_translations
from django.db import Error

from consent.management.command import ConsentCommand
from consent.models import note_run
from consent.proof import partitions, retention


class Command(ConsentCommand):
    """Deletes what is older than the retention period."""

    help = (
        "Delete the records that are older than the retention period, and the versions of the "
        "policy that no record refers to any more; also what other apps keep for a limited time, "
        "such as deliveries of events. It may be stopped at any moment and run again, and may run "
        "while decisions are being recorded. Counters stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--older-than",
            metavar="PERIOD",
            help="such as 1095d, 36m or 3y (default: CONSENT_RETENTION_DAYS)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print how many there are, and delete none"
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=retention.BATCH,
            metavar="N",
            help=f"how many records to delete in one transaction (default: {retention.BATCH})",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="also delete the records of decisions that may still count",
        )

    @no_translations
    def handle(self, *args: object, **options: Any) -> None:
        """Purge. Raises CommandError if the period is invalid, or if the database fails."""
        if options["batch_size"] < 1:
            raise CommandError("--batch-size has to be 1 or more.")
        try:
            cutoff = retention.cutoff_of(options["older_than"])
            if not options["force"]:
                retention.check(cutoff)
        except retention.PeriodError as error:
            raise CommandError(f"{error} Nothing was deleted.") from error
        if options["dry_run"]:
            self._tell(cutoff)
        else:
            self._purge(cutoff, options["batch_size"])

    def _tell(self, cutoff: datetime) -> None:
        lines = [
            f"{retention.due(cutoff):,} records from before {cutoff:%Y-%m-%d %H:%M} would go.",
            *(f"Partition {p.name} would be dropped." for p in partitions.due(cutoff)),
            *(f"{p.count():,} {p.name} would go." for p in retention.purgeables()),
            "Dry run: nothing was deleted.",
        ]
        self.stdout.write("\n".join(lines))

    def _purge(self, cutoff: datetime, batch: int) -> None:
        bar = self.progress_bar(lambda: retention.due(cutoff))
        try:
            purged = retention.purge(cutoff, batch=batch, progress=bar.show)
            others = {p.name: p.delete(batch) for p in retention.purgeables()}
            note_run("consent_purge")
        except Error as error:
            raise CommandError(f"Stopped; run it again to go on. {error}") from error
        finally:
            bar.close()
        self.stdout.write(
            f"{purged.records:,} records from before {cutoff:%Y-%m-%d %H:%M} and "
            f"{purged.versions:,} versions of the policy deleted."
        )
        for name, count in others.items():
            if count:
                self.stdout.write(f"{count:,} {name} deleted.")
        for name in purged.partitions:
            self.stdout.write(f"Partition {name} dropped.")
        if purged.missing:
            self.stderr.write(
                f"{purged.missing:,} records among them were missing already: somebody removed "
                "them. Run consent_verify before each purge."
            )
