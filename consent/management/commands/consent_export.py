"""``manage.py consent_export``: a policy as one JSON file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from consent.transfer import Export, TransferError, export_policy

STANDARD: Final = "-"
# With secrets in it, a file is for its owner only.
_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o666


class Command(BaseCommand):
    """Writes what `consent_import` reads."""

    help = (
        "Write a policy with its categories, tools and cookies as JSON, to carry it to another "
        "installation with consent_import. Secrets, such as the address of a webhook, are left out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say which policy, and where to."""
        parser.add_argument(
            "--policy", metavar="KEY", help="which policy; else the one that is in use"
        )
        parser.add_argument(
            "--output",
            metavar="FILE",
            default=STANDARD,
            help="where to write it; “-”, the default, is the standard output",
        )
        parser.add_argument(
            "--with-secrets",
            action="store_true",
            help="write secrets, too; the file is then readable only for you",
        )

    @no_translations
    def handle(self, *args: object, **options: Any) -> None:
        """Write the policy. Raises CommandError where there is none, or nowhere to write to."""
        with_secrets = options["with_secrets"]
        try:
            export = export_policy(options["policy"], with_secrets=with_secrets)
        except TransferError as error:
            raise CommandError(str(error)) from error
        if options["output"] == STANDARD:
            self._print(export)
        else:
            self._store(export, Path(options["output"]), _PRIVATE if with_secrets else _PUBLIC)
        if export.left_out:
            self.stderr.write(f"Secrets left out: {', '.join(export.left_out)}", str)

    def _print(self, export: Export) -> None:
        # As UTF-8, whatever the terminal's own encoding is.
        binary = getattr(self.stdout, "buffer", None)
        if binary is None:
            self.stdout.write(export.text, ending="")
        else:
            self.stdout.flush()
            binary.write(export.text.encode())
            binary.flush()

    def _store(self, export: Export, path: Path, mode: int) -> None:
        try:
            with open(path, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                if mode == _PRIVATE:
                    # The file may have been there before, readable for others.
                    path.chmod(mode)
                file.write(export.text.encode())
        except OSError as error:
            raise CommandError(f"Cannot write {path}: {error.strerror}.") from error
        self.stderr.write(f"Policy {export.key} written to {path}", str)
