"""A lock that somebody holds on a table costs a refusal at most seconds, and nothing else at all.

Without a bound these tests would wait until the lock goes, which is after the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.test import Client
from django.urls import reverse

from consent.models import Counter, PolicyVersion, Record, Sequence
from consent.models.lock_timeout import lock_timeout
from consent.policy import policies
from consent.proof import ledger, storing
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site

pytestmark = [pytest.mark.urls("demo_site.urls"), pytest.mark.usefixtures("database_of_many")]

GRANT, REFUSAL = dict.fromkeys(OPTIONAL, True), dict.fromkeys(OPTIONAL, False)


@pytest.fixture(autouse=True)
def site(database_of_many) -> None:
    # The connection of the tests goes to the file, too, where the database is one.
    connection.close()
    small_site()
    policies.forget()


@pytest.fixture
def visitor() -> Client:
    """Somebody who has allowed everything."""
    allowing = Client(headers=SAME_ORIGIN)
    assert put(allowing, GRANT).status_code == 200
    return allowing


def put(visitor: Client, choices: dict[str, bool]) -> Any:
    address = reverse("consent:api-preferences")
    return visitor.put(address, {"choices": choices}, content_type="application/json")


@contextmanager
def locked(model: type[models.Model]) -> Iterator[None]:
    """Have another connection hold the table as a whole, as a migration or a backup does."""
    held, released = Event(), Event()

    def hold() -> None:
        try:
            with connection.cursor() as cursor:
                begin, end = _LOCKS[connection.vendor](model._meta.db_table)
                for statement in begin:
                    cursor.execute(statement)
                held.set()
                released.wait()
                cursor.execute(end)
        finally:
            held.set()
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        held.wait()
        try:
            yield
        finally:
            released.set()
        holding.result()


_LOCKS: dict[str, Callable[[str], tuple[list[str], str]]] = {
    "postgresql": lambda table: (["BEGIN", f"LOCK TABLE {table}"], "ROLLBACK"),
    "mysql": lambda table: ([f"LOCK TABLES {table} WRITE"], "UNLOCK TABLES"),
    "sqlite": lambda table: (["BEGIN EXCLUSIVE"], "ROLLBACK"),
}


@pytest.mark.parametrize("model", [Record, Counter, Sequence, PolicyVersion])
@pytest.mark.parametrize("method", ["put", "delete"])
def test_refusal_counts_while_a_table_is_locked_and_is_recorded_afterwards(visitor, model, method):
    if method == "put":
        # Another process would not know yet what is stored.
        ledger.forget()
    before = Record.objects.count()

    with locked(model):
        answer = put(visitor, REFUSAL) if method == "put" else delete(visitor)

    assert answer.status_code == 200
    assert "_0" in answer.cookies["consent"].value
    stored = Record.objects.count() > before
    assert answer.json()["recorded"] is stored
    storing.store_waiting()
    assert Record.objects.count() == before + 1
    assert not any(Record.objects.first().choices.values())


def delete(visitor: Client) -> Any:
    return visitor.delete(reverse("consent:api-preferences"))


def test_same_refusal_again_is_not_held_up_either(visitor):
    assert put(visitor, REFUSAL).status_code == 200

    with locked(Record):
        assert put(visitor, REFUSAL).status_code == 200


def test_what_a_mixed_choice_refuses_counts_while_a_table_is_locked(visitor):
    with locked(Record):
        answer = put(visitor, {**GRANT, "advertising": False})

    assert answer.status_code == 200
    assert "advertising_0" in answer.cookies["consent"].value


def test_grant_is_refused_while_a_table_is_locked_and_holds_up_nobody():
    # As in any process that has served a page.
    policies.current()
    newcomer = Client(headers=SAME_ORIGIN)

    with locked(Record):
        answer = put(newcomer, GRANT)

    assert answer.status_code == 503
    assert "consent" not in newcomer.cookies
    assert put(newcomer, GRANT).status_code == 200


def waits() -> tuple[Any, ...]:
    """Return how long the connection waits for locks by itself."""
    question = {
        "postgresql": "SELECT current_setting('lock_timeout')",
        "mysql": "SELECT @@innodb_lock_wait_timeout, @@lock_wait_timeout",
        "sqlite": "PRAGMA busy_timeout",
    }
    with connection.cursor() as cursor:
        cursor.execute(question[connection.vendor])
        answer: tuple[Any, ...] = cursor.fetchone()
    return answer


@pytest.mark.parametrize("fails", [False, True])
def test_bound_is_gone_after_the_block(fails):
    before = waits()
    try:
        with lock_timeout("default"):
            assert waits() != before
            if fails:
                raise ValueError
    except ValueError:
        pass

    assert waits() == before


def test_bound_inside_a_transaction_of_the_website_ends_with_the_block():
    before = waits()
    with transaction.atomic():
        with lock_timeout("default"):
            assert waits() != before
        assert waits() == before
