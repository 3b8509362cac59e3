"""``manage.py consent_subject``: export or erase one person's records."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser, no_translations
from django.db import Error

from consent.management.command import ConsentCommand
from consent.proof import erasure, receipts, record_files
from consent.proof.subjects import (
    Subject,
    UnknownSubjectError,
    subject_of_receipt,
    users_called,
)

_BY_KEY = "pk="


class Command(ConsentCommand):
    """Finds a person by receipt, subject or account, and exports or erases their records."""

    help = (
        "Export the records of one person, or erase the person from them: subject and user are "
        "removed, and each record is signed anew with the time of the erasure, so that "
        "consent_verify still finds nothing wrong. Events that wait to be sent for that person are "
        "deleted. An erasure cannot be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("action", choices=("export", "erase"))
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument(
            "--receipt", type=UUID, help="a receipt of the person: all records of its browser"
        )
        whose.add_argument(
            "--subject", type=UUID, help="the subject, as records and exports contain it"
        )
        whose.add_argument(
            "--user",
            help=f"an account: its username or primary key ({_BY_KEY}7 is only the latter)",
        )
        parser.add_argument(
            "--format",
            choices=("json", "csv"),
            default="json",
            help="json: the signed receipts with the texts that were shown; csv: the records",
        )
        parser.add_argument(
            "--site",
            default="",
            metavar="URL",
            help="scheme and host that receipts name, such as https://www.example.com",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print how many there are, and do nothing else"
        )

    @no_translations
    def handle(self, *args: object, **options: Any) -> None:
        """Export or erase. Raises CommandError if there is nothing, or if the database fails."""
        try:
            subject = _subject(options)
            if not subject.records.exists():
                raise CommandError("No record belongs to that person.")
            if options["dry_run"]:
                self._tell(subject)
            elif options["action"] == "export":
                self._export(subject, options["format"], options["site"].rstrip("/"))
            else:
                self._erase(subject)
        except Error as error:
            raise CommandError(f"Stopped; run it again to go on. {error}") from error

    def _tell(self, subject: Subject) -> None:
        due = erasure.due(subject)
        lines = [
            f"{subject.records.count():,} records, of which {due.records:,} name the person.",
            *(f"{count:,} {name}." for name, count in due.others.items()),
            "Dry run: nothing was exported, and nothing was erased.",
        ]
        self.stdout.write("\n".join(lines))
        self._tell_others(subject)

    def _export(self, subject: Subject, file_format: str, site: str) -> None:
        if file_format == "csv":
            for text in record_files.chunks(subject.records, "csv"):
                self.stdout.write(text, ending="")
        else:
            records = subject.records.select_related("version")
            found = [receipts.receipt(record, site) for record in records]
            self.stdout.write(json.dumps(found, indent=1))
        self._tell_others(subject)

    def _erase(self, subject: Subject) -> None:
        self._tell_others(subject)
        erased = erasure.erase(subject)
        self.stdout.write(f"{erased.records:,} records erased: they no longer name the person.")
        for name, count in erased.others.items():
            if count:
                self.stdout.write(f"{count:,} {name} deleted.")
        if erased.altered:
            self.stderr.write(
                f"{erased.altered:,} records among them were not genuine before. consent_verify "
                "still reports them."
            )

    def _tell_others(self, subject: Subject) -> None:
        """Say by what else the records name the person, as other records may name that alone."""
        names = subject.names
        others = [
            *(f"--subject {each}" for each in sorted(names.subjects - {subject.subject})),
            *(f"--user {_BY_KEY}{each}" for each in sorted(names.users - {subject.user})),
        ]
        if others:
            self.stderr.write(
                "These records name the person in other ways, too, of which there may be more "
                f"records: {', '.join(map(str, others))}"
            )


def _subject(options: dict[str, Any]) -> Subject:
    """Return whose records are meant. Raises CommandError if that is unknown or ambiguous."""
    try:
        if options["receipt"]:
            return subject_of_receipt(options["receipt"])
    except UnknownSubjectError as error:
        raise CommandError(str(error)) from error
    if options["subject"]:
        return Subject(subject=options["subject"])
    return Subject(user=_primary_key(options["user"]))


def _primary_key(text: str) -> str:
    """Return the primary key of the user whom ``text`` names. Raises CommandError if it is two."""
    if text.startswith(_BY_KEY):
        return text.removeprefix(_BY_KEY)
    keys = users_called(text)
    if len(keys) > 1:
        named = next(key for key in keys if key != text)
        raise CommandError(
            f"“{text}” is the username of one user and the primary key of another. Write "
            f"--user {_BY_KEY}{named} for the first, or --user {_BY_KEY}{text} for the second."
        )
    return keys[0]
