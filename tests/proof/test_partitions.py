"""Records by month on PostgreSQL: nothing is lost on the way there, and whole months can go."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import Error, IntegrityError, OperationalError, connection, models, transaction
from django.test import Client, override_settings
from django.utils import timezone

from consent.models import PolicyVersion, Record, Sequence
from consent.models.lock_timeout import is_lock_timeout
from consent.proof import partitions, retention, verification
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site
from tests.models.test_concurrency import at_once
from tests.proof.helpers import alter, decide, findings, purge, sql

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only on PostgreSQL are records partitioned"
)
pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "SELECT 1 FROM pg_locks WHERE relation = 'consent_record'::regclass AND NOT granted"

# All but the primary key and the time.
COLUMNS = ", ".join(
    connection.ops.quote_name(field.column)
    for field in Record._meta.concrete_fields
    if field.name not in ("id", "decided_at")
)


@pytest.fixture(autouse=True)
def _table() -> Iterator[None]:
    """Leave the table to the next test as migrations made it."""
    small_site()
    before = shape() if connection.vendor == "postgresql" else None
    yield
    if before is not None and shape() != before:
        sql("DROP TABLE IF EXISTS consent_record, consent_record_past CASCADE")
        with connection.schema_editor() as editor:
            editor.create_model(Record)


def shape() -> set[Any]:
    """Return what the table is made of: columns, constraints and indexes."""
    return {
        *sql(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'consent_record'::regclass"
        ),
        *sql("SELECT indexdef FROM pg_indexes WHERE tablename = 'consent_record'"),
        *sql("SELECT relkind FROM pg_class WHERE oid = 'consent_record'::regclass"),
        *sql(
            "SELECT column_name, data_type, is_nullable, is_identity "
            "FROM information_schema.columns WHERE table_name = 'consent_record'"
        ),
    }


def partition(*options: str) -> str:
    out = StringIO()
    call_command("consent_partition", *options, stdout=out)
    return out.getvalue()


def month(ahead: int = 0) -> datetime:
    return partitions._month(timezone.now(), ahead)


def name_of(ahead: int) -> str:
    return f"consent_record_{month(ahead):%Y_%m}"


def names() -> list[str]:
    return [found.name for found in partitions.partitions()]


def homes() -> list[str]:
    """Return the partitions of the records, by number."""
    return [
        name
        for (name,) in sql(
            "SELECT tableoid::regclass::text FROM consent_record ORDER BY sequence, number"
        )
    ]


def put(key: str = "", **choices: bool) -> Any:
    return Client(headers=SAME_ORIGIN).put(
        "/consent/api/preferences/",
        {"choices": {**dict.fromkeys(OPTIONAL, False), **choices}, **({"key": key} if key else {})},
        content_type="application/json",
    )


@pytest.mark.skipif(connection.vendor == "postgresql", reason="is for the other databases")
def test_other_databases_are_told_that_they_cannot():
    with pytest.raises(CommandError, match="Only on PostgreSQL"):
        partition()
    assert not partitions.is_partitioned()


@on_postgresql
def test_decisions_go_on_before_and_after():
    assert put().status_code == 200
    ids = set(Record.objects.values_list("pk", flat=True))

    said = partition()

    assert said.startswith("Done. By time: consent_record_past, ")
    assert put(functional=True).status_code == 200
    assert Record.objects.count() == 2
    assert len(set(Record.objects.values_list("pk", flat=True)) - ids) == 1
    assert findings() == ""


@on_postgresql
def test_rows_columns_and_indexes_are_those_from_before():
    for n in range(20):
        decide(n % 16, days=n * 30)
    rows, before = sql("SELECT * FROM consent_record ORDER BY id"), shape()

    partition()

    assert sql("SELECT * FROM consent_record ORDER BY id") == rows
    gone = {str(part[0]) for part in before - shape()}
    # The primary key and what is unique have the time in them; the indexes are on all partitions.
    assert all(
        "INDEX" in part or "UNIQUE" in part or "key" in part or part == "r" or "number" in part
        for part in gone
    ), gone
    for part in (*names(), "consent_record_default"):
        unique = sql("SELECT indexdef FROM pg_indexes WHERE tablename = %s", part)
        assert any("UNIQUE" in text and "(receipt)" in text for (text,) in unique)
        assert any("UNIQUE" in text and "(sequence, number)" in text for (text,) in unique)
    assert not sql("SELECT 1 FROM pg_constraint WHERE conname LIKE 'consent%%_range'")


@on_postgresql
def test_second_run_adds_nothing_and_a_later_one_what_is_missing():
    partition("--months-ahead", "2")
    assert names() == ["consent_record_past", name_of(2)]

    assert partition("--months-ahead", "2").startswith("Nothing to do")
    partition("--months-ahead", "4")

    assert names() == ["consent_record_past", name_of(2), name_of(3), name_of(4)]


@on_postgresql
def test_dry_run_prints_sql_that_does_it():
    decide()
    before = shape()

    printed = partition("--dry-run")

    assert shape() == before
    for statement in printed.split(";\n"):
        if statement:
            sql(statement)
    assert partitions.is_partitioned()
    assert findings() == ""


@on_postgresql
def test_every_month_has_its_partition_and_what_has_none_a_default_one():
    partition("--months-ahead", "3")

    for ahead in (0, 1, 2, 3, 4):
        decide(at=month(ahead) + timedelta(days=3))

    past = ["consent_record_past"] * 2
    assert homes() == [*past, name_of(2), name_of(3), "consent_record_default"]
    assert findings() == ""


@on_postgresql
def test_month_that_comes_late_takes_its_records_out_of_the_default_partition():
    partition("--months-ahead", "2")
    decide(at=month(3) + timedelta(days=3))
    decide(at=month(4))
    decide(at=month(5))

    partition("--months-ahead", "4")

    assert homes() == [name_of(3), name_of(4), "consent_record_default"]
    assert findings() == ""


@on_postgresql
def test_same_key_twice_is_stored_once():
    key = str(uuid4())
    put(key)
    partition()

    put(key)
    put(other := str(uuid4()), functional=True)
    put(other, functional=True)

    assert Record.objects.count() == 2
    assert findings() == ""


@on_postgresql
def test_receipt_and_number_are_unique_in_each_partition():
    partition()
    record = decide()

    for unique, other, value in (("receipt", "number", "99"), ("number", "receipt", "%s")):
        values = COLUMNS.replace(f'"{other}"', value)
        insert = f"INSERT INTO consent_record ({COLUMNS}, decided_at) SELECT {values}, now()"
        given = [uuid4()] if value == "%s" else []
        with pytest.raises(IntegrityError, match=unique), transaction.atomic():
            sql(f"{insert} FROM consent_record", *given)

    assert Record.objects.get() == record


@on_postgresql
def test_copy_in_another_partition_is_found():
    partition()
    decide()
    sql(
        f"INSERT INTO consent_record (id, {COLUMNS}, decided_at) SELECT id, {COLUMNS}, %s "
        "FROM consent_record",
        month(2),
    )

    for size in ("1", "2", "100"):
        found = findings("--batch-size", size)
        assert "1 records with a number that another one has" in found
        assert "1 records altered" in found


@on_postgresql
def test_version_is_still_referred_to():
    partition()
    decide()

    # Here the constraint is checked at the end of the statement, which is a transaction.
    with pytest.raises(IntegrityError, match="consent_record"):
        sql("DELETE FROM consent_policyversion")


@on_postgresql
def test_query_by_date_reads_the_months_that_it_asks_for():
    partition("--months-ahead", "4")
    asked = Record.objects.filter(decided_at__gte=month(2), decided_at__lt=month(3))

    explained = asked.explain()

    assert name_of(2) in explained
    for other in ("consent_record_past", name_of(3), name_of(4), "consent_record_default"):
        assert other not in explained


@on_postgresql
def test_purge_drops_months_that_are_over_and_goes_on_by_batches():
    for n in range(4):
        decide(n % 2, days=n)
    partition("--months-ahead", "4")
    decide(0, at=month(2))
    decide(0, at=month(3))
    late = decide(0, at=month(3) + timedelta(days=20))

    purged = retention.purge(month(3) + timedelta(days=10), batch=1)

    assert purged.partitions == ["consent_record_past", name_of(2)]
    assert purged.records == 6
    assert purged.missing == 0
    assert names() == [name_of(3), name_of(4)]
    assert Record.objects.get() == late
    assert Sequence.objects.get(pk=0).first == late.number
    assert Sequence.objects.get(pk=1).first == 3
    assert findings() == ""
    assert put().status_code == 200
    assert findings() == ""


@on_postgresql
def test_purge_of_a_cutoff_within_a_month_drops_none():
    partition()
    decide()

    assert retention.purge(month(2) - timedelta(seconds=1)).partitions == []
    assert "consent_record_past" in names()


@on_postgresql
def test_command_tells_which_partitions_it_drops(settings):
    partition()
    decide(days=1)
    table = "ALTER TABLE consent_record"
    # As if it had been made three years ago.
    sql(f"{table} DETACH PARTITION consent_record_past")
    sql("UPDATE consent_record_past SET decided_at = '2020-01-01'")
    sql(
        f"{table} ATTACH PARTITION consent_record_past FOR VALUES FROM (MINVALUE) TO ('2021-01-01')"
    )

    assert "Partition consent_record_past would be dropped." in purge("--dry-run")
    assert "consent_record_past" in names()

    said = purge()
    assert said.startswith("1 records")
    assert "Partition consent_record_past dropped." in said


@on_postgresql
def test_records_at_a_months_turn_may_have_come_in_any_order():
    partition()
    decide(0)
    decide(0, at=month(2) + timedelta(seconds=2))
    decide(0, at=month(2) - timedelta(seconds=2))

    assert retention.purge(month(2)).records == 1
    assert findings() == ""

    purged = retention.purge(month(3))
    assert purged.records == 2
    assert purged.partitions == ["consent_record_past", name_of(2)]
    assert findings() == ""


@on_postgresql
def test_record_dated_back_does_not_take_younger_ones_with_it():
    partition()
    decide(0)
    young = decide(0, at=month(2) + timedelta(days=5))
    dated = decide(0, at=month(2) + timedelta(days=6))
    alter(dated, "decided_at", month(1))

    purged = retention.purge(month(2))

    assert purged.partitions == []
    assert purged.records == 1
    assert set(Record.objects.all()) == {young, dated}
    assert "1 records altered" in findings()


@on_postgresql
def test_partition_that_cannot_be_dropped_stays_empty():
    partition()
    decide()
    sql("CREATE VIEW looks AS SELECT * FROM consent_record_past")

    with pytest.raises(Error, match="view looks"):
        retention.purge(month(2))

    sql("DROP VIEW looks")
    assert not Record.objects.exists()
    assert "consent_record_past" in names()
    assert findings() == ""


@on_postgresql
def test_conversion_that_fails_leaves_everything_as_it_was():
    record = decide()
    before = shape()
    # Takes the name of a table that is made last of all.
    sql(f"CREATE TABLE {name_of(3)} (x int)")

    try:
        with pytest.raises(CommandError, match="every record is where it was"):
            partition()
    finally:
        sql(f"DROP TABLE {name_of(3)}")

    assert shape() == before
    assert Record.objects.get() == record
    assert put().status_code == 200
    assert findings() == ""

    assert partition().startswith("Done")
    assert Record.objects.count() == 2
    assert findings() == ""


@on_postgresql
def test_what_looks_at_the_table_has_to_be_made_anew():
    sql("CREATE VIEW looks AS SELECT id FROM consent_record")
    try:
        with pytest.raises(CommandError, match="view looks"):
            partition()
    finally:
        sql("DROP VIEW looks")
    assert not partitions.is_partitioned()


@on_postgresql
def test_rights_go_to_the_new_table():
    sql("DROP ROLE IF EXISTS consent_reader")
    sql("CREATE ROLE consent_reader")
    sql("GRANT SELECT ON consent_record TO consent_reader")

    partition()

    try:
        assert sql("SELECT has_table_privilege('consent_reader', 'consent_record', 'SELECT')") == [
            (True,)
        ]
    finally:
        sql("DROP OWNED BY consent_reader")
        sql("DROP ROLE consent_reader")


@on_postgresql
def test_migrations_go_on_to_work():
    decide()
    partition()
    note = models.CharField(max_length=9, default="")
    note.set_attributes_from_name("note")
    note.model = Record
    index = models.Index(fields=("language",), name="consent_record_note")

    with connection.schema_editor() as editor:
        editor.add_field(Record, note)
        editor.add_index(Record, index)
        for old in Record._meta.indexes:
            editor.remove_index(Record, old)

    assert sql("SELECT note FROM consent_record") == [("",)]
    assert put().status_code == 200
    assert findings() == ""


@on_postgresql
def test_decisions_are_stored_while_the_table_is_converted_and_months_are_added():
    def decide_often() -> None:
        for n in range(15):
            while not decided(n % 16):
                pass

    def decided(sequence: int) -> bool:
        """Decide, if the table is not locked for longer than a decision waits."""
        try:
            decide(sequence)
        except OperationalError as error:
            if not is_lock_timeout(error):
                raise
            return False
        return True

    def convert() -> None:
        partition("--months-ahead", "2")
        partition("--months-ahead", "3")

    at_once(convert, decide_often, decide_often)

    assert Record.objects.count() == 30
    assert findings() == ""
    assert verification.verify(batch=1).findings == {}
    assert PolicyVersion.objects.count() == 1


@on_postgresql
def test_attempt_that_postgresql_ends_for_another_transaction_is_made_again():
    partition("--months-ahead", "2")
    locked = Event()

    def add_a_month() -> None:
        assert locked.wait(30)
        partition("--months-ahead", "3")

    def wait_for_each_other() -> None:
        with transaction.atomic():
            sql("LOCK TABLE ONLY consent_record IN SHARE UPDATE EXCLUSIVE MODE")
            locked.set()
            while not sql(WAITING):
                pass
            sql("LOCK TABLE consent_record_default IN ACCESS SHARE MODE")

    at_once(add_a_month, wait_for_each_other)

    assert name_of(3) in names()
    assert findings() == ""


@on_postgresql
@pytest.mark.parametrize("ahead", ["-1", "121"])
def test_months_ahead_are_limited(ahead):
    with pytest.raises(CommandError, match="from 0 to 120"):
        partition(f"--months-ahead={ahead}")


@on_postgresql
def test_months_are_the_same_without_time_zones():
    with override_settings(USE_TZ=False, TIME_ZONE="America/New_York"):
        partition("--months-ahead", "3")
        partition("--months-ahead", "4")
        assert put().status_code == 200
        decide(days=500)

        assert names()[1:] == [name_of(ahead) for ahead in range(2, 5)]
        assert partitions.due(timezone.now()) == []
        purge()
        assert findings() == ""
