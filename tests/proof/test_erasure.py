"""Erasing a person from the records: the proof goes on, and no other change passes for it."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from consent.models import Record, signing
from consent.models.signing import Verdict
from consent.proof import erasure, partitions, storing
from consent.proof.erasure import Erasable
from consent.proof.subjects import Names, Subject, UnknownSubjectError, subject_of_receipt
from tests.helpers import small_site
from tests.proof.helpers import (
    RECORDS,
    alter,
    decide,
    findings,
    in_sequence,
    purge,
    remove,
    shown,
    sql,
    unguarded,
    verify,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site() -> None:
    small_site()


def record_of(
    subject: UUID | None = None, user: str = "", *, days: float = 0, sequence: int = 0
) -> Record:
    """Record a refusal by a browser, an account, or both."""
    version = shown()
    record = Record(
        receipt=uuid4(),
        subject=subject,
        user=user,
        revision=2,
        choices={"functional": 0},
        action="reject_all",
        source="code",
        language=version.language,
        regime="opt_in",
        gpc=False,
        decided_at=timezone.now() - timedelta(days=days),
    )
    with in_sequence(sequence):
        storing.store(record, version)
    return record


def stored(record: Record) -> Record:
    return Record.objects.get(receipt=record.receipt)


def erase(record: Record) -> Record:
    """Erase whoever made the record, and return it as it is stored now."""
    erasure.erase(subject_of_receipt(record.receipt))
    return stored(record)


def put(record: Record, **values: Any) -> None:
    """Write columns of a record by SQL, as its database takes them."""
    for name, value in values.items():
        field = Record._meta.get_field(name)
        alter(record, connection.ops.quote_name(name), field.get_db_prep_value(value, connection))


@pytest.fixture
def erased() -> Record:
    """An erased record between two others."""
    decide()
    record = record_of(uuid4(), "7")
    decide()
    return erase(record)


# Whose records


def test_all_records_of_the_browser_that_a_receipt_leads_to_are_erased():
    browser = uuid4()
    first, second, other = record_of(browser), record_of(browser, "7"), record_of(uuid4())

    done = erasure.erase(subject_of_receipt(first.receipt))

    assert done.records == 2
    for record in (first, second):
        assert (stored(record).subject, stored(record).user) == (None, "")
    assert stored(other).subject == other.subject
    assert findings() == ""


def test_account_is_erased_in_every_browser():
    records = [record_of(uuid4(), "7"), record_of(None, "7"), record_of(uuid4(), "70")]

    assert erasure.erase(Subject(user="7")).records == 2

    assert [stored(record).user for record in records] == ["", "", "70"]
    assert findings() == ""


def test_users_whose_keys_differ_in_case_only_are_two():
    records = [record_of(None, "abc"), record_of(None, "ABC")]

    assert erasure.erase(Subject(user="abc")).records == 1

    assert [stored(record).user for record in records] == ["", "ABC"]


def test_refusal_that_names_nobody_is_found_and_left_as_it_is():
    record, other = record_of(), record_of()

    subject = subject_of_receipt(record.receipt)

    assert [each.receipt for each in subject.records] == [record.receipt]
    assert erasure.due(subject).records == erasure.erase(subject).records == 0
    assert stored(record).erased_at is stored(other).erased_at is None


def test_unknown_receipt_is_named():
    receipt = uuid4()

    with pytest.raises(UnknownSubjectError, match=str(receipt)):
        subject_of_receipt(receipt)


def test_more_records_than_one_transaction_takes_are_all_erased(monkeypatch):
    monkeypatch.setattr(erasure, "BATCH", 2)
    browser = uuid4()
    for sequence in (0, 0, 1, 1, 2):
        record_of(browser, sequence=sequence)

    assert erasure.erase(Subject(subject=browser)).records == 5

    assert not Record.objects.filter(subject=browser).exists()
    assert findings() == ""


# The proof


def test_erased_record_keeps_the_decision_and_says_when_it_was_erased(erased):
    assert erased.choices == {"functional": 0}
    assert erased.verdict() is Verdict.GENUINE
    assert timezone.now() - erased.erased_at < timedelta(minutes=1)


def test_nothing_tells_whom_an_erased_record_named():
    record = record_of(None, "7")
    erase(record)

    guess = {**record.signed(record.version.digest), "user": "7", "erased_at": ""}
    row = str(sql(f"SELECT * FROM {RECORDS}"))

    assert signing.sign("record", guess) == record.signature
    assert record.signature not in row


def test_second_erasure_changes_nothing(erased):
    assert erasure.erase(Subject(receipt=erased.receipt)).records == 0

    assert stored(erased).signature == erased.signature


@pytest.mark.parametrize(
    "change",
    [
        {"erased_at": None},
        {"erased_at": timezone.now() - timedelta(days=1)},
        {"subject": uuid4()},
        {"user": "8"},
        {"choices": {"functional": 2}},
        {"granted": "functional"},
        {"decided_at": timezone.now() - timedelta(days=1)},
        {"gpc": True},
    ],
)
def test_erased_record_that_was_altered_afterwards_is_found(erased, change):
    put(erased, **change)

    assert "1 records altered:" in findings()


def test_identity_that_was_put_back_is_found_and_can_be_erased_again(erased):
    browser = uuid4()
    put(erased, subject=browser)

    done = erasure.erase(Subject(subject=browser))

    assert (done.records, done.altered) == (1, 1)
    assert stored(erased).subject is None


def test_forged_erasure_is_found():
    record = record_of(uuid4())

    put(record, subject=None, user="", erased_at=timezone.now())

    assert "1 records altered:" in findings()


def test_erasure_that_was_copied_to_another_record_is_found(erased):
    other = record_of(uuid4())

    put(other, subject=None, erased_at=erased.erased_at, signature=erased.signature)

    assert "1 records altered:" in findings()


def test_erasure_signed_with_another_key_is_found():
    record = record_of(uuid4())
    with override_settings(CONSENT_SIGNING_KEYS=["not the website's own"]):
        record.subject, record.erased_at = None, timezone.now()
        record.sign(record.version.digest)

    put(record, subject=None, erased_at=record.erased_at, signature=record.signature)

    assert "1 records signed with a key that the settings do not have" in findings()


def test_erased_record_that_was_removed_is_found(erased):
    remove(erased)

    assert "sequence 0, number 2" in findings()


@pytest.mark.parametrize("column", ["granted", "user"])
def test_erasure_does_not_make_a_record_genuine_that_was_altered_before(column):
    record = record_of(uuid4())
    put(record, **{column: "functional"})

    done = erasure.erase(Subject(subject=record.subject))

    assert (done.records, done.altered) == (1, 1)
    assert stored(record).subject is None
    assert f"1 records altered:\n  {record.receipt}" in findings()


def test_record_with_a_lost_key_stays_one(settings):
    record = record_of(uuid4())
    settings.CONSENT_SIGNING_KEYS = ["a new key, and the old one is gone"]

    erase(record)

    assert "1 records signed with a key" in findings()


def test_record_is_signed_with_the_present_key(settings):
    record = record_of(uuid4())
    settings.CONSENT_SIGNING_KEYS = ["a new key", settings.SECRET_KEY]

    signature = erase(record).signature

    assert signature.startswith(signing.key_name())
    assert findings() == ""


def test_anchor_agrees_after_its_record_was_erased(tmp_path: Path):
    record = record_of(uuid4())
    anchor = str(tmp_path / "anchor.json")
    verify("--anchor-file", anchor)

    erase(record)

    assert findings("--against", anchor) == ""
    remove(record)
    assert "it is another record" in findings("--against", anchor)


def test_erased_record_is_purged_as_the_others():
    record = record_of(uuid4(), days=2_000)
    erase(record)

    assert purge().startswith("1 records")
    assert findings() == ""


# Other apps


def test_what_other_apps_hold_goes_before_the_records_lose_their_names():
    browser, seen = uuid4(), []
    record = record_of(browser, "7")

    def delete(names: Names) -> int:
        seen.append((names, stored(record).subject))
        return 3

    erasure.register(Erasable("letters", lambda names: 3, delete))
    try:
        due = erasure.due(Subject(user="7"))
        done = erasure.erase(Subject(user="7"))
    finally:
        del erasure._erasables["letters"]

    assert due.others["letters"] == done.others["letters"] == 3
    assert seen == [(Names(frozenset([browser]), frozenset(["7"])), browser)]


# Partitions


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only there are partitions")
@pytest.mark.django_db(transaction=True)
def test_records_in_several_partitions_are_erased():
    browser = uuid4()
    record_of(browser)
    partitions.carry_out(partitions.plan(1))
    try:
        record_of(browser)
        assert erasure.erase(Subject(subject=browser)).records == 2
        assert findings() == ""
    finally:
        sql("DROP TABLE IF EXISTS consent_record, consent_record_past CASCADE")
        with connection.schema_editor() as editor:
            editor.create_model(Record)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite stores text in any column")
def test_unreadable_time_of_erasure_is_found(erased):
    with unguarded():
        alter(erased, "erased_at", "garbage")

    assert "1 records altered" in findings()
