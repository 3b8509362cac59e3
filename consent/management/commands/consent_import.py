"""``manage.py consent_import``: makes a policy what a file of ``consent_export`` says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from consent.transfer import TransferError, import_policy

STANDARD: Final = "-"


class Command(BaseCommand):
    """Stores a file's policy, all of it or nothing, and prints the difference."""

    help = (
        "Make a policy what a file of consent_export says: all of it or nothing. Prints what is "
        "added, changed and removed, and whether visitors are asked again. A second run changes "
        "nothing. What is not in the file stays, unless --delete is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say which file, and how to take it."""
        parser.add_argument("file", metavar="FILE", help="the file; “-” is the standard input")
        parser.add_argument(
            "--dry-run", action="store_true", help="print the difference and change nothing"
        )
        parser.add_argument(
            "--policy",
            metavar="KEY",
            help="change or create this policy, instead of the one that the file names",
        )
        parser.add_argument(
            "--delete",
            action="store_true",
            help="remove categories, tools and cookies of the policy that are not in the file",
        )
        parser.add_argument(
            "--cosmetic",
            action="store_true",
            help="a new wording of a purpose or a vendor's name means the same: ask nobody for it",
        )

        parser.add_argument(
            "--no-code",
            action="store_true",
            help="refuse a file that changes which scripts run: snippets, addresses of scripts, "
            "containers, or tools that come into an essential category",
        )

    @no_translations
    def handle(self, *args: object, **options: Any) -> None:
        """Import the file. Raises CommandError, with nothing changed, where it is not right."""
        name = options["file"]
        text = _read(name)
        try:
            report = import_policy(
                text,
                key=options["policy"],
                delete=options["delete"],
                cosmetic=options["cosmetic"],
                may_edit_code=not options["no_code"],
                dry_run=options["dry_run"],
            )
        except TransferError as error:
            source = "The standard input" if name == STANDARD else name
            raise CommandError(
                f"{source} is not imported; nothing was changed.\n{error}"
            ) from error
        self.stdout.write("\n".join(report.lines))


def _read(name: str) -> str:
    """Return the text of the file; without the byte order mark that some editors write."""
    try:
        content = sys.stdin.buffer.read() if name == STANDARD else Path(name).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"Cannot read {name}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not UTF-8 (byte {error.start}); save it as that.") from error
