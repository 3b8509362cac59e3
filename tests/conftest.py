"""What every test has: empty caches, and a line about the database in the report's head.

Before browser tests it is checked once that the browser starts, so that a machine without one gets
one message instead of an error for each test.
"""

import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cache as cached
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from hypothesis import settings as hypothesis_settings

from consent.findings import report_limit, sightings
from consent.models import revision
from consent.policy import policies
from consent.proof import ledger, notice_counter, storing
from consent.visitor import write_limit

# How long an example takes says more about how busy the machine is than about the code.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")

TOP = Path(__file__).resolve().parents[1]
BROWSER_TESTS = "tests/browser/"


def pytest_report_header() -> str:
    return f"database: {connection.vendor}, {settings.DATABASE_REMARK}"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Check the browser where this process runs the tests by itself."""
    if not (session.config.option.collectonly or hasattr(session.config, "workerinput")):
        check_browser(item.nodeid for item in session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(ids: list[str]) -> None:
    """Check the browser where processes of pytest-xdist run the tests. This one has no items."""
    check_browser(ids)


def check_browser(tests: Iterable[str]) -> None:
    """End the run if ``tests`` (their ids) include browser tests and the browser does not start."""
    if any(test.startswith(BROWSER_TESTS) for test in tests) and (why := browser_problem()):
        raise pytest.UsageError(why)


@cached
def browser_problem() -> str:
    """Return why the browser tests cannot run, or "". It is tried once, in another process."""
    command = [sys.executable, "-m", "tests.browser.launcher"]
    tried = subprocess.run(command, capture_output=True, text=True, cwd=TOP)
    return tried.stderr if tried.returncode else ""


# No test waits for the threads that store later what is not, or could not be, stored at once.
storing.RETRY_SECONDS = notice_counter.STORE_SECONDS = 1_000_000

# Their epoch is far in the future, so that revisions count from 1.
revision.EPOCH = 10**18


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
    storing.waiting.clear()
    notice_counter.forget()
    sightings.forget()
    report_limit.forget()
    write_limit.forget()
    cache.clear()
