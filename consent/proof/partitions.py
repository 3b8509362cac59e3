"""Records by month, in a table that PostgreSQL partitions by range of their time.

The table as it is becomes the first partition, so that nothing is copied. What a partitioned table
cannot hold unique over all of its partitions, a receipt and a number, is unique in each by an
index; over all of them a number is by the lock of its sequence, and a receipt by being looked for:
see `consent.proof.ledger`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from consent.models import SEQUENCES, Record, Sequence
from consent.models.times import to_utc

TABLE = Record._meta.db_table
PAST, DEFAULT = f"{TABLE}_past", f"{TABLE}_default"
# What ends the past, while the table is made ready; no decision may come after it meanwhile.
_RANGE = f"{PAST}_range"

# Whoever reads the table holds up what changes it, which then holds up every decision.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"

# How far the clocks of a website's servers may differ, with room to spare.
_SKEW = timedelta(days=1)

_MONTHS_PER_YEAR = 12


class PartitionError(Exception):
    """The table cannot be partitioned, for what the text says."""


class Partition(NamedTuple):
    """One partition: its table, and the time before which its records were decided."""

    name: str
    end: datetime


class Dropped(NamedTuple):
    """A partition that is gone, with its records."""

    name: str
    records: int


class Plan(NamedTuple):
    """What is to be done, in SQL. ``before``: one by one; ``at_once``: in one transaction."""

    before: list[str]
    at_once: list[str]


def is_partitioned() -> bool:
    """Say whether records lie in a partitioned table; on another database they never do."""
    return _connection().vendor == "postgresql" and _one(_RELKIND, [TABLE]) == "p"


def plan(months_ahead: int) -> Plan:
    """Return what is to be done so that there are partitions for so many months ahead.

    Raises PartitionError where that cannot be done.
    """
    if _connection().vendor != "postgresql":
        raise PartitionError("Only on PostgreSQL can records be partitioned.")
    until = _month(timezone.now(), months_ahead + 1)
    if is_partitioned():
        start = max((to_utc(p.end) for p in partitions()), default=_month(timezone.now()))
        months = _months(start, until)
        return Plan([], [_LOCK_TIMEOUT, *months] if months else [])
    _check_alone()
    # At least four weeks from now: so long may it take to make the table ready.
    bound = _month(timezone.now(), 2)
    return Plan(_preparation(bound), [_LOCK_TIMEOUT, *_conversion(bound), *_months(bound, until)])


def carry_out(plan: Plan) -> None:
    """Do what `plan` said. Raises django.db.Error where that fails; decisions go on as before."""
    connection = _connection()
    try:
        with connection.cursor() as cursor:
            for statement in plan.before:
                cursor.execute(statement)
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for statement in plan.at_once:
                cursor.execute(statement)
    finally:
        if plan.before and not is_partitioned():
            # Else no decision could be stored, once that time has come.
            with connection.cursor() as cursor:
                cursor.execute(_without_range(TABLE))


def partitions() -> list[Partition]:
    """Return the partitions by their time, but for the default one."""
    return [Partition(*row) for row in _all(_PARTITIONS, [TABLE]) if row[1]]


def due(cutoff: datetime) -> list[Partition]:
    """Return the partitions in which every record was decided before ``cutoff``."""
    return [p for p in partitions() if p.end <= cutoff] if is_partitioned() else []


def drop_before(cutoff: datetime) -> Iterator[Dropped]:
    """Drop the partitions that are `due`, each in a transaction, and yield them.

    The sequences go on behind the last number of what is dropped. Where that would leave out
    records of a much later time, which no clock explains, the partition stays.
    """
    for partition in due(cutoff):
        records: int = _one(_COUNT % _quote(partition.name))
        if _drop(partition):
            yield Dropped(partition.name, records)


def _drop(partition: Partition) -> bool:
    connection = _connection()
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        # In the order of a decision: first its sequence, then the table.
        sequences = Sequence.objects.using(connection.alias).all_locked()
        cursor.execute(_LOCK_TIMEOUT)
        tops = dict(_all(_TOPS % _quote(partition.name), [SEQUENCES - 1]))
        for sequence in sequences:
            top = tops.get(sequence.number)
            if top is None or top < sequence.first:
                continue
            if _leaves_out(sequence, top, partition.end + _SKEW):
                transaction.set_rollback(True, using=connection.alias)
                return False
            sequence.advance(first=top + 1)
        cursor.execute(f"DROP TABLE {_quote(partition.name)}")
    return True


def _leaves_out(sequence: Sequence, top: int, after: datetime) -> bool:
    records = Record.objects.using(_connection().alias).filter(
        sequence=sequence.number, number__gte=sequence.first, number__lt=top, decided_at__gte=after
    )
    return records.exists()


# The SQL of it


def _preparation(bound: datetime) -> list[str]:
    """Return what makes the table ready to be a partition, while decisions go on."""
    table = _quote(TABLE)
    statements = [f"DROP INDEX CONCURRENTLY {_quote(name)}" for (name,) in _all(_INVALID, [TABLE])]
    statements += [
        f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {_quote(name)} ON {table} ({columns})"
        for name, columns in _NEW_INDEXES.items()
    ]
    return [
        *statements,
        _without_range(TABLE),
        f"ALTER TABLE {table} ADD CONSTRAINT {_quote(_RANGE)}"
        f" CHECK (decided_at < {_literal(bound)}) NOT VALID",
        f"ALTER TABLE {table} VALIDATE CONSTRAINT {_quote(_RANGE)}",
    ]


def _conversion(bound: datetime) -> list[str]:
    """Return what puts a partitioned table in the table's place, and that into it."""
    table, past = _quote(TABLE), _quote(PAST)
    constraints = {kind: (name, text) for name, kind, text in _all(_CONSTRAINTS, [TABLE])}
    unique = [name for name, kind, _ in _all(_CONSTRAINTS, [TABLE]) if kind == "u"]
    receipt, number = sorted(unique, key=lambda name: "receipt" not in name)
    indexes = [(name, text) for name, text in _all(_INDEXES, [TABLE]) if name not in _NEW_INDEXES]
    key, foreign = constraints["p"][0], constraints["f"]
    id_sequence = _one(_ID_SEQUENCE, [TABLE])
    return [
        f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
        f"ALTER TABLE {table} RENAME TO {past}",
        *(f"ALTER INDEX {_quote(name)} RENAME TO {_quote(_past(name))}" for name, _ in indexes),
        *(
            f"ALTER TABLE {past} RENAME CONSTRAINT {_quote(name)} TO {_quote(_past(name))}"
            for name in unique
        ),
        f"ALTER TABLE {past} DROP CONSTRAINT {_quote(key)}",
        *(
            f"ALTER TABLE {past} ADD CONSTRAINT {_quote(f'{name}_key')} {kind} USING INDEX"
            f" {_quote(name)}"
            for name, kind in zip(_NEW_INDEXES, ("PRIMARY KEY", "UNIQUE", "UNIQUE"), strict=True)
        ),
        f"CREATE TABLE {table} (LIKE {past} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
        " PARTITION BY RANGE (decided_at)",
        _without_range(TABLE),
        *_rights(),
        f"ALTER TABLE {table} ALTER id ADD GENERATED BY DEFAULT AS IDENTITY"
        f" (SEQUENCE NAME {_quote(_new(id_sequence))})",
        _GO_ON % (_new(id_sequence), _quote(id_sequence)),
        f"ALTER TABLE {past} ALTER id DROP IDENTITY",
        f"ALTER SEQUENCE {_quote(_new(id_sequence))} RENAME TO {_quote(id_sequence)}",
        *(
            f"ALTER TABLE {table} ADD CONSTRAINT {_quote(name)} {kind} ({columns})"
            for name, kind, columns in (
                (key, "PRIMARY KEY", "id, decided_at"),
                (receipt, "UNIQUE", "receipt, decided_at"),
                (number, "UNIQUE", "sequence, number, decided_at"),
            )
        ),
        *(text for _, text in indexes),
        f"ALTER TABLE {table} ADD CONSTRAINT {_quote(foreign[0])} {foreign[1]}",
        f"ALTER TABLE {table} ATTACH PARTITION {past}"
        f" FOR VALUES FROM (MINVALUE) TO ({_literal(bound)})",
        _without_range(PAST),
        f"CREATE TABLE {_quote(DEFAULT)} PARTITION OF {table} DEFAULT",
        *_unique_indexes(DEFAULT),
    ]


def _months(start: datetime, until: datetime) -> list[str]:
    """Return what makes a partition for each month, and moves there what came before it did."""
    statements: list[str] = []
    while start < until:
        end = _month(start, 1)
        name = f"{TABLE}_{start:%Y_%m}"
        span = f"decided_at >= {_literal(start)} AND decided_at < {_literal(end)}"
        statements += [
            f"LOCK TABLE {_quote(DEFAULT)} IN ACCESS EXCLUSIVE MODE",
            f"CREATE TABLE {_quote(name)}"
            f" (LIKE {_quote(TABLE)} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
            _MOVE % (_quote(DEFAULT), span, _quote(name)),
            f"ALTER TABLE {_quote(TABLE)} ATTACH PARTITION {_quote(name)}"
            f" FOR VALUES FROM ({_literal(start)}) TO ({_literal(end)})",
            *_unique_indexes(name),
        ]
        start = end
    return statements


def _unique_indexes(name: str) -> list[str]:
    return [
        f"CREATE UNIQUE INDEX {_quote(f'{name}_{what}')} ON {_quote(name)} ({columns})"
        for what, columns in (("receipt", "receipt"), ("number", "sequence, number"))
    ]


def _rights() -> list[str]:
    """Return what gives the new table the old one's owner, and those their rights who had any."""
    table = _quote(TABLE)
    owner = _one("SELECT relowner::regrole::text FROM pg_class WHERE oid = %s::regclass", [TABLE])
    return [
        f"ALTER TABLE {table} OWNER TO {owner}",
        *(f"GRANT {right} ON {table} TO {role}" for right, role in _all(_GRANTS, [TABLE])),
    ]


def _check_alone() -> None:
    """Raise PartitionError where something would go on to belong to the old table alone."""
    depending = [what for (what,) in _all(_DEPENDING, [TABLE] * 3)]
    if depending:
        raise PartitionError(
            f"Remove these, convert, and make them again: {', '.join(depending)}. "
            f"They would go on to belong to {PAST} alone."
        )


def _without_range(table: str) -> str:
    return f"ALTER TABLE {_quote(table)} DROP CONSTRAINT IF EXISTS {_quote(_RANGE)}"


def _past(name: str) -> str:
    return f"{name[:58]}_past"


def _new(name: str) -> str:
    return f"{name[:59]}_new"


def _month(moment: datetime, ahead: int = 0) -> datetime:
    """Return the beginning (UTC) of the month so many months after that of ``moment``."""
    moment = to_utc(moment)
    year, month = divmod(moment.year * _MONTHS_PER_YEAR + moment.month - 1 + ahead, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def _literal(moment: datetime) -> str:
    return f"'{moment:%Y-%m-%d} 00:00:00+00'"


def _connection() -> BaseDatabaseWrapper:
    return connections[router.db_for_write(Record)]


def _quote(name: str) -> str:
    return _connection().ops.quote_name(name)


def _all(query: str, values: Iterable[Any] = ()) -> list[Any]:
    with _connection().cursor() as cursor:
        cursor.execute(query, list(values))
        return list(cursor.fetchall())


def _one(query: str, values: Iterable[Any] = ()) -> Any:
    rows = _all(query, values)
    return rows[0][0] if rows else None


# Indexes that a partition needs, and that the table as it is does not have.
_NEW_INDEXES = {
    f"{PAST}_id": "id, decided_at",
    f"{PAST}_receipt": "receipt, decided_at",
    f"{PAST}_number": "sequence, number, decided_at",
}

_RELKIND = "SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)"

_PARTITIONS = """
SELECT c.relname,
    substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''([^'']+)''\\)')::timestamptz
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = %s::regclass ORDER BY 2
"""

_COUNT = "SELECT count(*) FROM %s"

_GO_ON = """SELECT setval('"%s"', last_value, is_called) FROM %s"""

_MOVE = "WITH moved AS (DELETE FROM %s WHERE %s RETURNING *) INSERT INTO %s SELECT * FROM moved"

_TOPS = """
SELECT s, (SELECT max(number) FROM %s WHERE sequence = s) FROM generate_series(0, %%s) s
"""

_INVALID = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %s::regclass AND NOT i.indisvalid
"""

_CONSTRAINTS = """
SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %s::regclass
"""

_INDEXES = """
SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %s::regclass AND NOT i.indisunique
"""

_ID_SEQUENCE = """
SELECT relname FROM pg_class WHERE oid = pg_get_serial_sequence(%s, 'id')::regclass
"""

_GRANTS = """
SELECT privilege_type,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
        || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = %s::regclass AND grantee <> relowner
"""

_DEPENDING = """
SELECT 'trigger ' || tgname FROM pg_trigger
WHERE tgrelid = %s::regclass AND NOT tgisinternal
UNION SELECT 'view ' || ev_class::regclass FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = objid
WHERE classid = 'pg_rewrite'::regclass AND refobjid = %s::regclass
UNION SELECT 'foreign key ' || conname FROM pg_constraint WHERE confrelid = %s::regclass
"""
