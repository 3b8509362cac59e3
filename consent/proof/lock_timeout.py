"""Bound how long a transaction waits for locks that others hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from django.db import Error, transaction

# Seconds that one statement waits for a lock. MariaDB and MySQL know whole seconds only.
LOCK_TIMEOUT = 1


@contextmanager
def lock_timeout(using: str) -> Iterator[None]:
    """Run the block in a transaction whose statements wait at most LOCK_TIMEOUT for a lock each.

    ``using``: the database's alias. A statement that would wait longer raises
    django.db.OperationalError. What the website's connection was set to holds again afterwards.
    The bound exists on PostgreSQL, MariaDB, MySQL and SQLite.
    """
    connection = transaction.get_connection(using)
    if not connection.in_atomic_block and connection.connection and not connection.is_usable():
        # The server has closed a connection that was kept; the next statement opens a new one.
        connection.close()
    bound = _BOUNDS.get(connection.vendor, nullcontext)
    with bound(connection):
        yield


@contextmanager
def _on_postgresql(connection: Any) -> Iterator[None]:
    """https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT."""
    is_nested = connection.in_atomic_block
    # For the transaction only: poolers give the connection to somebody else after it.
    change = "SELECT current_setting('lock_timeout'), set_config('lock_timeout', %s, true)"
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(change, [f"{LOCK_TIMEOUT}s"])
        before = cursor.fetchone()[0]
        yield
        if is_nested:
            cursor.execute(change, [before])


@contextmanager
def _on_mysql(connection: Any) -> Iterator[None]:
    """https://mariadb.com/kb/en/innodb-system-variables/#innodb_lock_wait_timeout, for rows;
    https://mariadb.com/kb/en/server-system-variables/#lock_wait_timeout, for tables.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@innodb_lock_wait_timeout, @@lock_wait_timeout")
        before = cursor.fetchone()
        _set_on_mysql(cursor, LOCK_TIMEOUT, LOCK_TIMEOUT)
        try:
            with transaction.atomic(using=connection.alias):
                yield
        finally:
            with suppress(Error):
                _set_on_mysql(cursor, *before)


def _set_on_mysql(cursor: Any, rows: int, tables: int) -> None:
    cursor.execute("SET innodb_lock_wait_timeout = %s, lock_wait_timeout = %s", [rows, tables])


@contextmanager
def _on_sqlite(connection: Any) -> Iterator[None]:
    """https://www.sqlite.org/pragma.html#pragma_busy_timeout, in milliseconds."""
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT * 1000}")
        try:
            with transaction.atomic(using=connection.alias):
                yield
        finally:
            with suppress(Error):
                cursor.execute(f"PRAGMA busy_timeout = {before}")


_BOUNDS: dict[str, Callable[[Any], AbstractContextManager[None]]] = {
    "postgresql": _on_postgresql,
    "mysql": _on_mysql,
    "sqlite": _on_sqlite,
}
