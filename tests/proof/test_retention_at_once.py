"""Decisions, purges and audits at the same time: none of them gets in the way of another."""

from threading import Barrier
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from consent.models import PolicyVersion, Record, Sequence
from consent.policy import policies
from consent.proof import retention, storing, verification, verification_report
from tests.helpers import small_site
from tests.models.test_concurrency import at_once, first
from tests.proof.helpers import decide, shown, sql

OLD = 1_096


@pytest.fixture(autouse=True)
def _site(database_of_many) -> None:
    first(small_site)


def purge() -> int:
    return retention.purge(retention.cutoff_of(), batch=2).records


def found() -> dict[verification_report.Kind, verification_report.Finding]:
    return verification.verify(batch=3).findings


def test_verify_finds_nothing_while_others_decide_and_purge():
    first(lambda: [decide(n % 3, days=OLD) for n in range(30)])

    def decide_some() -> None:
        for n in range(10):
            decide(n % 3)

    def look_often() -> list[object]:
        return [found() for _ in range(5)]

    purged, *seen = at_once(purge, look_often, look_often, decide_some, decide_some)

    assert purged == 30
    assert seen[:2] == [[{}] * 5] * 2
    assert first(found) == {}
    assert first(Record.objects.count) == 20


def test_purges_at_once_delete_each_record_once():
    first(lambda: [decide(n % 2, days=OLD) for n in range(20)])

    assert sum(at_once(purge, purge, purge)) == 20
    assert first(found) == {}


def test_decision_whose_version_was_purged_meanwhile_is_stored_with_it_anew():
    def scene() -> None:
        decide(days=OLD)
        purge()
        assert not PolicyVersion.objects.exists()
        # This process goes on to think that the version is there.
        decide()

    first(scene)

    assert first(lambda: Record.objects.get().version.is_genuine)
    assert first(found) == {}


def test_decision_in_a_request_that_is_one_transaction_is_stored_with_it_anew():
    def scene() -> None:
        decide(days=OLD)
        purge()
        with transaction.atomic():
            decide()

    first(scene)

    assert first(lambda: Record.objects.get().version.is_genuine)
    assert first(found) == {}


def test_refusal_whose_version_was_purged_while_it_waited_is_stored_with_it_anew():
    def scene() -> None:
        refusal = decide(days=OLD)
        refusal.receipt, refusal.decided_at = uuid4(), timezone.now()
        purge()
        storing.waiting.append((refusal, shown()))
        storing.store_waiting()

    first(scene)

    assert first(lambda: Record.objects.get().version.is_genuine)
    assert first(found) == {}


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="elsewhere one cannot see for what a statement waits"
)
def test_versions_are_purged_only_when_no_decision_is_on_its_way():
    def scene() -> None:
        decide(days=OLD)
        Record.objects.all().purge()
        with transaction.atomic():
            Sequence.objects.locked(0).advance(first=2)

    def decide_in_a_long_request() -> None:
        with transaction.atomic():
            decide()
            decided.wait(timeout=30)
            looked.wait(timeout=30)

    def look() -> None:
        decided.wait(timeout=30)
        try:
            sql("SET lock_timeout = '100ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                purge()
        finally:
            looked.wait(timeout=30)

    first(scene)
    decided, looked = Barrier(2), Barrier(2)

    at_once(decide_in_a_long_request, look)

    assert first(purge) == 0
    assert first(Record.objects.count) == 1
    assert first(found) == {}


def test_versions_are_purged_while_others_decide():
    def churn() -> None:
        for n in range(6):
            decide(n, days=OLD)
            purge()

    # Those of other sequences, so that nothing younger holds up what goes.
    at_once(churn, churn, lambda: [decide(6 + n % 10) for n in range(20)])
    first(purge)

    assert first(found) == {}
    assert first(Record.objects.count) == 20
    assert first(PolicyVersion.objects.count) == 1
    policies.forget()
