"""Keep records in monthly partitions, on PostgreSQL; the statements are in ``sql/``.

The existing table becomes the first partition, so that nothing is copied. Receipts and numbers are
unique within each partition; `consent.proof.ledger` keeps them unique over all of them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from django.db import OperationalError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from consent.models import Record
from consent.models.times import to_utc

# Whoever reads the table delays the statement that changes it, and that delays every decision.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"

# How often it is tried; https://www.postgresql.org/docs/current/errcodes-appendix.html
_ATTEMPTS, _DEADLOCK = 3, "40P01"


class PartitionError(Exception):
    """The table cannot be partitioned; the text says why."""


class Partition(NamedTuple):
    """One partition: its table, and the time before which its records were decided."""

    name: str
    end: datetime


class Plan(NamedTuple):
    """SQL statements: ``before`` run one by one, ``at_once`` in one transaction."""

    before: list[str]
    at_once: list[str]


def is_partitioned() -> bool:
    """Return whether records are in a partitioned table; on other databases they never are."""
    query = "SELECT 1 FROM pg_partitioned_table WHERE partrelid = to_regclass('consent_record')"
    return _connection().vendor == "postgresql" and bool(_rows(query))


def partitions() -> list[Partition]:
    """Return the partitions in the order of their time, without the default one."""
    return [Partition(*row) for row in _rows(_sql("partitions")) if row[1]]


def plan(months_ahead: int) -> Plan:
    """Return the statements after which there are partitions for so many months ahead.

    Raises PartitionError if that is impossible.
    """
    if _connection().vendor != "postgresql":
        raise PartitionError("Only on PostgreSQL can records be partitioned.")
    until = _month(timezone.now(), months_ahead + 1)
    if is_partitioned():
        start = max((to_utc(p.end) for p in partitions()), default=_month(timezone.now()))
        months = _months(start, until)
        return Plan([], [_LOCK_TIMEOUT, *months] if months else [])
    if dependent := [name for (name,) in _rows(_sql("partition_dependent"))]:
        raise PartitionError(
            f"Remove these, convert, and create them again: {', '.join(dependent)}. "
            "They would belong to consent_record_past alone."
        )
    # At least four weeks from now: the preparation may take as long.
    bound = _month(timezone.now(), 2)
    copied = ";\n".join(text for (text,) in _rows(_sql("partition_copied")))
    conversion = _statements("conversion", bound=bound, copied=copied)
    return Plan(_statements("preparation", bound=bound), [*conversion, *_months(bound, until)])


def carry_out(plan: Plan) -> None:
    """Run the statements of ``plan``. Raises django.db.Error if one fails; nothing is lost then."""
    try:
        with _connection().cursor() as cursor:
            for statement in plan.before:
                cursor.execute(statement)
        with transaction.atomic(using=_connection().alias), _connection().cursor() as cursor:
            for statement in plan.at_once:
                cursor.execute(statement)
    finally:
        if plan.before and not is_partitioned():
            # Its constraint would refuse every decision, once that time has come.
            with _connection().cursor() as cursor:
                cursor.execute(plan.before[0])


def partition(months_ahead: int) -> Plan:
    """Plan and carry out what gives so many months ahead partitions; return what was done.

    PostgreSQL ends one of two transactions that wait for each other, which may be this one among
    visitors' decisions; it is tried again then, as
    https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html advises.
    Raises PartitionError if it is impossible, and django.db.Error if it fails.
    """
    for attempt in count(1):
        wanted = plan(months_ahead)
        try:
            carry_out(wanted)
            break
        except OperationalError as error:
            is_deadlock = getattr(error.__cause__, "sqlstate", "") == _DEADLOCK
            if attempt == _ATTEMPTS or not is_deadlock:
                raise
    return wanted


def due(cutoff: datetime) -> list[Partition]:
    """Return the partitions in which every record was decided before ``cutoff``."""
    return [p for p in partitions() if p.end <= cutoff] if is_partitioned() else []


def drop_empty(cutoff: datetime) -> list[str]:
    """Drop those partitions that are `due` and have no record any more; return their names."""
    return [partition.name for partition in due(cutoff) if _drop_if_empty(partition.name)]


def _drop_if_empty(name: str) -> bool:
    with transaction.atomic(using=_connection().alias), _connection().cursor() as cursor:
        cursor.execute(_LOCK_TIMEOUT)
        # All of it at once: a query locks it in this order, too.
        cursor.execute("LOCK TABLE consent_record IN ACCESS EXCLUSIVE MODE")
        if is_empty := not _rows(f'SELECT 1 FROM "{name}" LIMIT 1'):  # noqa: S608
            cursor.execute(f'DROP TABLE "{name}"')
    return is_empty


def _months(start: datetime, until: datetime) -> list[str]:
    statements: list[str] = []
    while start < until:
        table, end = f"consent_record_{start:%Y_%m}", _month(start, 1)
        statements += _statements("month", table=table, start=start, end=end)
        start = end
    return statements


def _month(moment: datetime, ahead: int = 0) -> datetime:
    """Return the beginning (UTC) of the month so many months after that of ``moment``."""
    months = to_utc(moment).year * 12 + to_utc(moment).month - 1 + ahead
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def _sql(name: str) -> str:
    return Path(__file__).with_name("sql").joinpath(f"{name}.sql").read_text(encoding="ascii")


def _statements(name: str, **values: object) -> list[str]:
    return _sql(f"partition_{name}").format(**values).strip().removesuffix(";").split(";\n")


def _connection() -> BaseDatabaseWrapper:
    return connections[router.db_for_write(Record)]


def _rows(query: str) -> list[Any]:
    with _connection().cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
