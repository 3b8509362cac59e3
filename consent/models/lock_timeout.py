"""Bound how long a transaction waits for locks that others hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from django.db import Error, transaction

# Seconds that one statement waits for a lock. MariaDB and MySQL know whole seconds only.
LOCK_TIMEOUT = 1

# How the databases say that a lock was waited for too long: an SQLSTATE, and numbers of errors.
# https://www.postgresql.org/docs/current/errcodes-appendix.html,
# https://mariadb.com/kb/en/mariadb-error-code-reference/, https://www.sqlite.org/rescode.html
_SQLSTATE, _MYSQL_ERROR, _SQLITE_ERRORS = "55P03", 1205, (5, 6)


@contextmanager
def lock_timeout(using: str) -> Iterator[None]:
    """Run the block in a transaction whose statements wait at most LOCK_TIMEOUT for a lock each.

    ``using``: the database's alias. A statement that would wait longer raises
    django.db.OperationalError. What the website's connection was set to holds again afterwards.
    The bound exists on PostgreSQL, MariaDB, MySQL and SQLite.
    """
    connection = transaction.get_connection(using)
    bound = _BOUNDS.get(connection.vendor, _transaction)
    with bound(connection):
        yield


def is_lock_timeout(error: Error) -> bool:
    """Return whether a lock was waited for too long: the database is there, and is busy."""
    cause = error.__cause__
    return (
        getattr(cause, "sqlstate", "") == _SQLSTATE
        or error.args[:1] == (_MYSQL_ERROR,)
        or getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_ERRORS
    )


def _transaction(connection: Any) -> AbstractContextManager[None]:
    block: AbstractContextManager[None] = transaction.atomic(using=connection.alias)
    return block


@contextmanager
def _on_postgresql(connection: Any) -> Iterator[None]:
    """https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT."""
    is_nested = connection.in_atomic_block
    # For the transaction only: poolers give the connection to somebody else after it.
    change = "SELECT current_setting('lock_timeout'), set_config('lock_timeout', %s, true)"
    with _transaction(connection), connection.cursor() as cursor:
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
    rows, tables = "SESSION innodb_lock_wait_timeout", "SESSION lock_wait_timeout"
    with connection.cursor() as cursor:
        cursor.execute(
            "SET @consent_rows = @@innodb_lock_wait_timeout, @consent_tables = @@lock_wait_timeout,"
            f" {rows} = %s, {tables} = %s",
            [LOCK_TIMEOUT, LOCK_TIMEOUT],
        )
        try:
            with _transaction(connection):
                yield
        finally:
            with suppress(Error):
                cursor.execute(f"SET {rows} = @consent_rows, {tables} = @consent_tables")


@contextmanager
def _on_sqlite(connection: Any) -> Iterator[None]:
    """https://www.sqlite.org/pragma.html#pragma_busy_timeout, in milliseconds."""
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT * 1000}")
        try:
            with _transaction(connection):
                yield
        finally:
            with suppress(Error):
                cursor.execute(f"PRAGMA busy_timeout = {before}")


_BOUNDS: dict[str, Callable[[Any], AbstractContextManager[None]]] = {
    "postgresql": _on_postgresql,
    "mysql": _on_mysql,
    "sqlite": _on_sqlite,
}
