"""`manage.py consent_verify`: whoever alters or removes a record without the key is found out."""

import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from django.core import serializers
from django.core.management import CommandError
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from consent.models import Policy, PolicyVersion, Record, Sequence
from consent.policy import policies
from consent.proof import retention, verification, verification_report
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site
from tests.proof.helpers import (
    RECORDS,
    SEQUENCES,
    VERSIONS,
    alter,
    decide,
    findings,
    remove,
    sql,
    unguarded,
    verify,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site() -> None:
    small_site()


@pytest.fixture
def records() -> list[Record]:
    return [decide() for _ in range(5)]


def as_stored(value: object) -> object:
    """Return a value as the database's driver takes it."""
    field = Record._meta.get_field("receipt")
    return field.get_db_prep_value(value, connection)


def uuid_value() -> object:
    return as_stored(uuid4())


COLUMNS: dict[str, Callable[[], object]] = {
    "receipt": uuid_value,
    "subject": uuid_value,
    "user": lambda: "7",
    "revision": lambda: 3,
    "choices": lambda: '{"functional": 2}',
    "granted": lambda: "functional",
    "action": lambda: "accept_all",
    "source": lambda: "notice",
    "language": lambda: "de",
    "regime": lambda: "implied",
    "gpc": lambda: True,
    "decided_at": lambda: timezone.now() - timedelta(days=1),
    "erased_at": timezone.now,
    "sequence": lambda: 1,
    "number": lambda: 99,
    "signature": lambda: "x" * 80,
}


def test_records_that_were_dumped_as_json_and_loaded_are_genuine():
    decide(at=timezone.now().replace(microsecond=123_456))
    rows = [*PolicyVersion.objects.all(), *Sequence.objects.all(), *Record.objects.all()]
    dumped = serializers.serialize("json", rows)
    for table in (RECORDS, VERSIONS, SEQUENCES):
        sql(f"DELETE FROM {table}")

    for row in serializers.deserialize("json", dumped):
        row.save()

    assert Record.objects.count() == 1
    assert findings() == ""


def test_site_without_decisions_has_nothing_to_prove():
    assert "0 records" in verify()


def test_decisions_of_visitors_pass():
    for choice in (True, False):
        answer = Client(headers=SAME_ORIGIN).put(
            "/consent/api/preferences/",
            {"choices": dict.fromkeys(OPTIONAL, choice)},
            content_type="application/json",
        )
        assert answer.status_code == 200, answer.content

    assert verify().startswith("2 records and 1 versions of the policy checked.")


@pytest.mark.parametrize("size", ["1", "2", "5", "6"])
def test_pages_of_any_size_are_read_to_the_end(records, size):
    decide(3)

    assert verify("--batch-size", size).startswith("6 records")


def test_every_stored_column_is_tried():
    columns = {field.column for field in Record._meta.concrete_fields}
    assert columns - {"id", "version_id"} == set(COLUMNS)


@pytest.mark.parametrize("column", COLUMNS)
def test_altered_column_is_found(records, column):
    name = connection.ops.quote_name(column)

    alter(records[2], name, COLUMNS[column]())

    found = findings()
    if column in ("sequence", "number"):
        assert "1 records missing:\n  sequence 0, number 3" in found
        assert "1 records that no sequence accounts for:" in found
    elif column == "signature":
        assert "1 records signed with a key" in found
    else:
        assert "1 records altered:" in found
    assert column in ("receipt", "sequence", "number") or str(records[2].receipt) in found


def test_record_moved_to_another_version_is_found(records):
    other = PolicyVersion.objects.create(digest="0" * 64, language="en", revision=2, content="{}")
    other_pk = other.pk

    alter(records[2], "version_id", other_pk)

    assert "records that refer to a version that was altered" in findings()


@pytest.mark.parametrize(
    ("column", "value"),
    [("content", "{}"), ("digest", "0" * 64), ("language", "fr"), ("revision", 3)],
)
def test_altered_version_is_found_with_its_records(records, column, value):
    sql(f"UPDATE {VERSIONS} SET {column} = %s", value)

    found = findings()

    assert "1 versions of the policy altered:" in found
    assert "5 records that refer to a version" in found


def test_removed_version_is_found_by_its_records(records):
    version = PolicyVersion.objects.get()
    with unguarded():
        sql(f"DELETE FROM {VERSIONS}")

        assert "5 records that refer to a version that was altered or removed" in findings()

        version._state.adding = True
        version.save()


def test_version_forged_with_its_digest_is_found_by_the_records(records):
    content = PolicyVersion.objects.get().content.replace("Functional", "Necessary")
    forged = PolicyVersion(content=content)
    digest = sha256(forged.content.encode()).hexdigest()

    sql(f"UPDATE {VERSIONS} SET content = %s, digest = %s", content, digest)

    assert "5 records altered:" in findings()


def test_signatures_that_were_swapped_are_found(records):
    alter(records[0], "signature", records[1].signature)
    alter(records[1], "signature", records[0].signature)

    assert "2 records altered:" in findings()


@pytest.mark.parametrize("place", range(5))
def test_removed_record_is_found(records, place):
    remove(records[place])

    found = findings()

    assert "1 records missing:" in found
    assert f"sequence 0, number {place + 1}" in found


def test_removed_range_is_one_entry(records):
    remove(*records[1:4])

    assert "3 records missing:\n  sequence 0, numbers 2 to 4" in findings()


@pytest.mark.parametrize("size", ["1", "2"])
def test_gap_between_two_pages_is_found(records, size):
    remove(records[2])

    assert "sequence 0, number 3" in findings("--batch-size", size)


def test_records_of_a_whole_sequence_removed_are_found(records):
    remove(*records)

    assert "5 records missing:\n  sequence 0, numbers 1 to 5" in findings()


def test_sequence_removed_with_its_records_is_found(records):
    decide(1)
    remove(*records)
    sql(f"DELETE FROM {SEQUENCES} WHERE number = 0")

    assert "sequence 0 is missing" in findings()


def test_decision_does_not_make_up_for_a_sequence_that_was_removed(records):
    remove(*records)
    sql(f"DELETE FROM {SEQUENCES} WHERE number = 0")

    decide()

    assert findings().endswith("1 sequences altered or missing:\n  sequence 0: altered")


def test_sequences_that_were_looked_into_are_accepted(records):
    remove(records[4])
    sql(f"UPDATE {SEQUENCES} SET last = 4 WHERE number = 0")
    decide()

    assert "1 sequences signed" in verify("--accept-sequences")

    assert findings() == ""


def test_sequence_removed_without_its_records_is_found(records):
    sql(f"DELETE FROM {SEQUENCES} WHERE number = 0")

    assert "sequence 0 is missing" in findings()


def test_all_sequences_removed_are_found(records):
    sql(f"DELETE FROM {SEQUENCES}")

    assert "16 sequences altered or missing" in findings()


def test_sequence_with_another_number_is_found(records):
    sql(f"UPDATE {SEQUENCES} SET number = 16 WHERE number = 3")

    found = findings()

    assert "sequence 3 is missing" in found
    assert "sequence 16 is not one of the app's" in found


def test_renumbering_does_not_hide_a_removal(records):
    remove(records[2])
    alter(records[3], "number", 3)
    alter(records[4], "number", 4)
    sql(f"UPDATE {SEQUENCES} SET last = 4 WHERE number = 0")

    found = findings()

    assert "2 records altered:" in found
    assert "sequence 0: altered" in found


@pytest.mark.parametrize("column", ["first", "last"])
def test_sequence_shortened_to_hide_a_removal_is_found(records, column):
    remove(records[0 if column == "first" else 4])
    change = "first = 2" if column == "first" else "last = 4"
    sql(f"UPDATE {SEQUENCES} SET {change} WHERE number = 0")

    assert findings().endswith("1 sequences altered or missing:\n  sequence 0: altered")


@pytest.mark.parametrize("column", ["first", "last"])
def test_later_decisions_and_purges_do_not_make_up_for_a_shortened_sequence(records, column):
    remove(records[0 if column == "first" else 4])
    change = "first = 2" if column == "first" else "last = 4"
    sql(f"UPDATE {SEQUENCES} SET {change} WHERE number = 0")

    decide()
    with transaction.atomic():
        Sequence.objects.locked(0).advance(first=3)

    assert "sequence 0: altered" in findings()
    decide()
    assert "sequence 0: altered" in findings()


def test_sequence_of_an_older_day_is_found_by_the_records_beyond(records):
    old = sql(f"SELECT last, signature FROM {SEQUENCES} WHERE number = 0")[0]
    decide()
    sql(f"UPDATE {SEQUENCES} SET last = %s, signature = %s WHERE number = 0", *old)

    found = findings()

    assert "1 records that no sequence accounts for:\n  sequence 0, number 6" in found


def test_record_in_a_sequence_that_is_none_is_found(records):
    alter(records[4], "sequence", 77)

    assert "sequence 77, number 5" in findings()


def test_records_below_the_first_are_left_over_and_still_verified(records):
    with transaction.atomic():
        Sequence.objects.locked(0).advance(first=4)
    assert findings() == ""

    remove(records[0])
    alter(records[1], "granted", "functional")

    assert "1 records altered:" in findings()
    assert "missing" not in findings()


def test_what_is_named_is_bounded_and_the_rest_is_counted(records):
    records += [decide() for _ in range(20)]
    sql(f"UPDATE {RECORDS} SET granted = 'functional'")

    found = findings()

    assert "25 records altered:" in found
    assert found.count("\n  ") == verification_report.NAMED + 1
    assert found.endswith("and 5 more")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite stores text in any column")
@pytest.mark.parametrize("column", ["decided_at", "receipt", "revision", "number"])
def test_column_that_cannot_be_read_is_found(records, column):
    with unguarded():
        alter(records[2], column, "garbage")

    assert "records altered" in findings() or "records that no sequence" in findings()


def test_keys_are_rotated_without_an_end(settings, records):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the second key, which is long enough for everybody"
    decide()
    assert findings() == ""

    settings.CONSENT_SIGNING_KEYS = [
        "a third key, of its own",
        settings.SECRET_KEY,
        *settings.SECRET_KEY_FALLBACKS,
    ]
    decide()
    assert findings() == ""


def test_old_and_new_processes_record_side_by_side_while_a_key_is_rotated(settings):
    for keys in (["a"], ["a", "b"], ["b", "a"], ["a", "b"], ["b", "a"]):
        settings.CONSENT_SIGNING_KEYS = keys
        decide()

    assert findings() == ""


def test_records_of_a_key_that_was_dropped_are_found(settings, records):
    settings.CONSENT_SIGNING_KEYS = ["a new key, and the old one is gone"]

    found = findings()

    assert "5 records signed with a key that the settings do not have:" in found
    assert "16 sequences altered or missing:" in found
    assert "sequence 0: unknown key" in found


# Anchors


@pytest.fixture
def anchor(tmp_path: Path, records: list[Record]) -> str:
    file = tmp_path / "anchor.json"
    assert f"Anchor written to {file}" in verify("--anchor-file", str(file))
    return str(file)


def test_anchor_of_an_unchanged_ledger_agrees(anchor):
    assert findings("--against", anchor) == ""


def test_sequence_that_went_on_agrees_with_its_anchor(anchor):
    decide()
    decide(5)

    assert findings("--against", anchor) == ""


def test_end_cut_off_together_with_its_signature_is_found_by_the_anchor(tmp_path, records):
    before = sql(f"SELECT last, signature FROM {SEQUENCES} WHERE number = 0")[0]
    last = decide()
    file = str(tmp_path / "anchor.json")
    verify("--anchor-file", file)
    remove(last)
    sql(f"UPDATE {SEQUENCES} SET last = %s, signature = %s WHERE number = 0", *before)
    assert findings() == ""

    assert "sequence 0, number 6: it ends before that" in findings("--against", file)

    decide()
    assert "sequence 0, number 6: it is another record" in findings("--against", file)


def test_everything_removed_is_found_by_the_anchor(anchor):
    for table in (RECORDS, SEQUENCES, VERSIONS):
        sql(f"DELETE FROM {table}")
    assert findings() == ""

    assert "sequence 0, number 5: it ends before that" in findings("--against", anchor)


def test_record_of_the_anchor_may_be_purged(anchor, records):
    Record.objects.all().purge()
    with transaction.atomic():
        Sequence.objects.locked(0).advance(first=6)

    assert findings("--against", anchor) == ""


def test_anchor_is_not_overwritten_where_something_is_found(anchor, records):
    before = Path(anchor).read_bytes()
    decide()
    remove(records[4])

    assert findings("--anchor-file", anchor) != ""
    assert Path(anchor).read_bytes() == before


def test_anchor_file_says_what_is_printed(anchor):
    assert f"Anchor: {json.loads(Path(anchor).read_text())['anchor']}" in verify()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"ends": [[1, 2]]}', '{"ends": [["a",1,2]]}'])
def test_file_that_is_no_anchor_is_refused(anchor, content):
    Path(anchor).write_text(content)

    with pytest.raises(CommandError, match="is no anchor"):
        verify("--against", anchor)


def test_anchor_that_was_altered_is_refused(anchor):
    Path(anchor).write_text(Path(anchor).read_text().replace(" 5,", " 4,"))

    with pytest.raises(CommandError, match="was altered"):
        verify("--against", anchor)


def test_anchor_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CommandError, match="Cannot read"):
        verify("--against", str(tmp_path / "none.json"))


# While others write


def once(action: Callable[[], object]) -> Callable[[int], None]:
    """Return a progress callback that does `action` after the first batch."""
    left = [action]

    def progress(records: int) -> None:
        if left:
            left.pop()()

    return progress


def test_records_purged_while_they_are_being_read_are_not_missed():
    old = [decide(days=1_200) for _ in range(3)]
    decide()

    report = verification.verify(
        batch=1, progress=once(lambda: retention.purge(retention.cutoff_of()))
    )

    assert report.findings == {}
    assert report.records == 2
    assert not Record.objects.filter(pk__in=[record.pk for record in old]).exists()


def test_records_removed_while_they_are_being_read_are_missed(records):
    report = verification.verify(batch=1, progress=once(lambda: remove(*records[1:3])))

    assert report.findings[verification_report.Kind.MISSING].count == 2


def test_records_added_while_others_are_being_read_are_left_to_the_next_time(records):
    report = verification.verify(batch=1, progress=once(decide))

    assert report.findings == {}
    assert report.ends[0] == verification_report.End(5, records[4].signature)


def test_version_added_while_records_are_being_read_is_verified_with_its_record(records):
    def add() -> None:
        Policy.objects.update(name="Another name", revision=3)
        policies.forget()
        decide(7)

    report = verification.verify(batch=1, progress=once(add))

    assert report.findings == {}
    assert (report.records, report.versions) == (6, 2)
