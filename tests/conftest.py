"""What every test has: empty caches, and a word about the database in the report's head."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from hypothesis import settings as hypothesis_settings

from consent.policy.compiled import policies
from consent.proof import ledger, notice_counter

# How long an example takes says more about how busy the machine is than about the code.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


def pytest_report_header() -> str:
    return f"database: {connection.vendor}, {settings.DATABASE_REMARK}"


# No test waits for the threads that store later what is not, or could not be, stored at once.
ledger.PATIENCE = notice_counter.PATIENCE = 1_000_000


@pytest.fixture(autouse=True)
def empty_caches() -> Iterator[None]:
    """No compiled policy and no cached value goes from one test to the next."""
    forget_everything()
    yield
    forget_everything()


@pytest.fixture
def database_of_many(transactional_db, tmp_path) -> Iterator[None]:
    """A database that several connections write to; SQLite's in memory is none, so copy that."""
    if not (connection.vendor == "sqlite" and connection.is_in_memory_db()):
        yield
        return
    connection.ensure_connection()
    file = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(file)) as copy:
        connection.connection.backup(copy)
    in_memory = connection.settings_dict["NAME"]
    # What connects from now on reads this; the connection of the tests itself stays as it is.
    connection.settings_dict["NAME"] = str(file)
    yield
    connection.settings_dict["NAME"] = in_memory


def forget_everything() -> None:
    policies.forget()
    ledger.forget()
    ledger.waiting.clear()
    notice_counter.forget()
    cache.clear()
