"""A ledger to look into: decisions of any time, and ways around everything that guards them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from threading import local
from typing import Any
from uuid import uuid4

from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone, translation

from consent.models import Record
from consent.policy.compiled import policies
from consent.policy.versions import Version, version_of
from consent.proof import ledger

RECORDS, SEQUENCES, VERSIONS = "consent_record", "consent_sequence", "consent_policyversion"


def shown(language: str = "en") -> Version:
    """Return what a visitor is shown now."""
    with translation.override(language):
        policy = policies.current()
        return version_of(policy, policy.regime)


# Which sequence a thread's decisions go to, where a test says so.
_chosen = local()
_of_the_thread = ledger._number
ledger._number = lambda: getattr(_chosen, "sequence", _of_the_thread())


@contextmanager
def in_sequence(number: int) -> Iterator[None]:
    """Let what this thread decides meanwhile go to one sequence."""
    _chosen.sequence = number
    try:
        yield
    finally:
        del _chosen.sequence


def decide(sequence: int = 0, *, at: datetime | None = None, days: float = 0) -> Record:
    """Record a refusal by a new visitor in `sequence`.

    `at`: when, if not now, or so many `days` ago.
    """
    version = shown()
    record = Record(
        receipt=uuid4(),
        subject=uuid4(),
        revision=2,
        choices={"functional": 0},
        action="reject_all",
        source="code",
        language=version.language,
        regime="opt_in",
        gpc=False,
        decided_at=at or timezone.now() - timedelta(days=days),
    )
    with in_sequence(sequence):
        ledger.store(record, version)
    return record


def sql(statement: str, *values: Any) -> list[Any]:
    """Run a statement in the database itself, and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []


def alter(record: Record, column: str, value: Any) -> None:
    """Change one column of a record that is stored."""
    sql(f"UPDATE {RECORDS} SET {column} = %s WHERE id = %s", value, record.pk)


def remove(*records: Record) -> None:
    """Delete records, and tell nobody."""
    for record in records:
        sql(f"DELETE FROM {RECORDS} WHERE id = %s", record.pk)


@contextmanager
def unguarded() -> Iterator[None]:
    """Let through what the database itself would refuse, as whoever owns it can."""
    with connection.constraint_checks_disabled():
        yield


def verify(*options: str) -> str:
    """Run `consent_verify`, and return what it prints; it is to find nothing."""
    out = StringIO()
    call_command("consent_verify", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def findings(*options: str) -> str:
    """Run `consent_verify`, and return what it finds; "" where that is nothing."""
    try:
        verify(*options)
    except CommandError as error:
        return str(error) if error.returncode == 1 else ""
    return ""


def purge(*options: str) -> str:
    """Run `consent_purge`, and return what it prints, of which nothing is an error."""
    out, errors = StringIO(), StringIO()
    call_command("consent_purge", *options, stdout=out, stderr=errors)
    assert errors.getvalue() == ""
    return out.getvalue()
