"""Helpers for tests of records: decisions of any time, tampering, and the commands' output."""

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
from consent.policy import policies
from consent.policy.versions import Version, version_of
from consent.proof import ledger, storing

RECORDS, SEQUENCES, VERSIONS = "consent_record", "consent_sequence", "consent_policyversion"


def shown(language: str = "en") -> Version:
    """Return the version of the policy that a visitor sees now."""
    with translation.override(language):
        policy = policies.current()
        return version_of(policy, policy.regime)


# The sequence that a test chose for its thread.
_chosen = local()
_of_the_thread = ledger._number
ledger._number = lambda: getattr(_chosen, "sequence", _of_the_thread())


@contextmanager
def in_sequence(number: int) -> Iterator[None]:
    """Store this thread's records in one sequence."""
    _chosen.sequence = number
    try:
        yield
    finally:
        del _chosen.sequence


def decide(sequence: int = 0, *, at: datetime | None = None, days: float = 0) -> Record:
    """Record a refusal by a new visitor in `sequence`.

    `at` is the time of the decision (default: now, or that many `days` ago).
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
        storing.store(record, version)
    return record


def sql(statement: str, *values: Any) -> list[Any]:
    """Run an SQL statement, bypassing the models, and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []


def alter(record: Record, column: str, value: Any) -> None:
    """Change one column of a stored record by SQL."""
    sql(f"UPDATE {RECORDS} SET {column} = %s WHERE id = %s", value, record.pk)


def remove(*records: Record) -> None:
    """Delete records by SQL, without updating their sequence."""
    for record in records:
        sql(f"DELETE FROM {RECORDS} WHERE id = %s", record.pk)


@contextmanager
def unguarded() -> Iterator[None]:
    """Disable the database's constraint checks, as its owner can."""
    with connection.constraint_checks_disabled():
        yield


def verify(*options: str) -> str:
    """Run `consent_verify`, which must find nothing, and return what it prints."""
    out = StringIO()
    call_command("consent_verify", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def findings(*options: str) -> str:
    """Run `consent_verify`, and return what it finds, or ""."""
    try:
        verify(*options)
    except CommandError as error:
        return str(error) if error.returncode == 1 else ""
    return ""


def purge(*options: str) -> str:
    """Run `consent_purge`, which must print no error, and return its output."""
    out, errors = StringIO(), StringIO()
    call_command("consent_purge", *options, stdout=out, stderr=errors)
    assert errors.getvalue() == ""
    return out.getvalue()
