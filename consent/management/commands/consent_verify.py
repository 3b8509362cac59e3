"""``manage.py consent_verify``: find records that were altered or removed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser, no_translations

from consent.management.command import ConsentCommand
from consent.models import Record, note_run
from consent.models.signing import Verdict
from consent.proof import ledger, receipts, verification
from consent.proof.verification_report import NAMED, End, Report, digest_of

_FORMAT = "consent-anchor 1"


class Command(ConsentCommand):
    """Prints which records, versions and sequences were altered or removed."""

    help = (
        "Check every record, version and sequence of the proof of decisions: whether one was "
        "altered, and whether any is missing. The exit status is 1 if something is found. It may "
        "run while decisions are recorded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--anchor-file",
            metavar="FILE",
            help="if nothing is found, write the ends of the sequences to this file",
        )
        parser.add_argument(
            "--against",
            metavar="FILE",
            help="check that the sequences reach at least as far as this anchor says",
        )
        parser.add_argument(
            "--accept-sequences",
            action="store_true",
            help="sign the sequences as they are now, after you have investigated a finding about "
            "them; nothing is checked",
        )
        parser.add_argument(
            "--receipt",
            metavar="FILE",
            help="check only whether the website issued this receipt, and that it was not altered",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=verification.BATCH,
            metavar="N",
            help=f"how many records to read at a time (default: {verification.BATCH})",
        )

    @no_translations
    def handle(self, *args: object, **options: Any) -> None:
        """Verify. Raises CommandError if something is found."""
        if options["batch_size"] < 1:
            raise CommandError("--batch-size has to be 1 or more.")
        if options["accept_sequences"]:
            self.stdout.write(f"{ledger.accept_sequences()} sequences signed as they are.")
            return
        if options["receipt"]:
            self.stdout.write(_verify_receipt(options["receipt"]))
            return
        against = _read(options["against"]) if options["against"] else None
        bar = self.progress_bar(verification.extent)
        report = verification.verify(against, batch=options["batch_size"], progress=bar.show)
        bar.close()
        self.stdout.write(
            f"{report.records:,} records and {report.versions:,} versions of the policy checked.\n"
            f"Anchor: {report.anchor}"
        )
        if report.findings:
            raise CommandError("\n".join(_lines(report)))
        note_run("consent_verify")
        self.stdout.write("Nothing was altered, and nothing is missing.")
        if options["anchor_file"]:
            _write(options["anchor_file"], report)
            self.stdout.write(f"Anchor written to {options['anchor_file']}")


def _lines(report: Report) -> list[str]:
    lines = ["The proof of decisions is not as it was stored."]
    for kind, finding in report.findings.items():
        lines.append(f"{finding.count:,} {kind.value}:")
        lines += [f"  {name}" for name in finding.names]
        if finding.entries > NAMED:
            lines.append(f"  and {finding.entries - NAMED:,} more")
    return lines


def _verify_receipt(name: str) -> str:
    """Return the text about a genuine receipt. Raises CommandError for any other file."""
    try:
        document = json.loads(Path(name).read_bytes())
        verdict = receipts.verify(document)
    except OSError as error:
        raise CommandError(f"Cannot read {name}: {error.strerror}.") from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise CommandError(f"{name} is no receipt.") from error
    if verdict is not Verdict.GENUINE:
        raise CommandError(f"{name} is not a receipt as this website issued it: {verdict.value}.")
    kept = Record.objects.filter(receipt=document["receipt_id"]).exists()
    return (
        f"Genuine: this website issued receipt {document['receipt_id']}, and "
        f"{'keeps its record' if kept else 'no longer keeps its record'}."
    )


def _read(name: str) -> dict[int, End]:
    """Return the ends in an anchor's file. Raises CommandError if it is not one."""
    try:
        content = json.loads(Path(name).read_bytes())
        ends = {int(number): End(int(last), str(sig)) for number, last, sig in content["ends"]}
        intact = content["format"] == _FORMAT and content["anchor"] == digest_of(ends)
    except OSError as error:
        raise CommandError(f"Cannot read {name}: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise CommandError(f"{name} is no anchor of consent_verify.") from error
    if not intact:
        raise CommandError(f"{name} was altered: its ends are not those of its anchor.")
    return ends


def _write(name: str, report: Report) -> None:
    """Write an anchor completely or not at all. Raises CommandError if that fails."""
    ends = [[number, *end] for number, end in sorted(report.ends.items())]
    content = {"format": _FORMAT, "anchor": report.anchor, "ends": ends}
    path = Path(name)
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(f"{json.dumps(content, indent=1)}\n", encoding="ascii")
        os.replace(part, path)
    except OSError as error:
        raise CommandError(f"Cannot write {name}: {error.strerror}.") from error
