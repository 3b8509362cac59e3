"""Under a load of grants and refusals a table is locked, a worker killed, and the database gone.

What was answered with ``recorded: true`` is stored, and no refusal takes two seconds.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Condition, Event
from typing import Any, Protocol
from uuid import uuid4

import psycopg
import pytest

from tests.benchmarks.load.cluster import Cluster, programs, running_cluster
from tests.benchmarks.load.outage import GRANT, HEADERS, REFUSAL
from tests.benchmarks.load.settings import OURS, PATH
from tests.benchmarks.load.websites import HOST, ask, served

pytestmark = [pytest.mark.once, pytest.mark.exhaustive]

# As many as the server has workers, so that none waits for another one's answer.
CLIENTS = 3
# Decisions that are answered between two disturbances, and refusals during a lock.
BETWEEN, MEANWHILE = 100, 20
PATIENCE = 60
LONGEST = 2.0


class Database(Protocol):
    """A database in which a table can be locked, and whose connections can all be ended."""

    @property
    def database(self) -> dict[str, Any]: ...
    @property
    def folder(self) -> Path: ...
    def locked(self) -> Any: ...
    def restart(self) -> None: ...


@dataclass(frozen=True)
class PostgreSQL:
    cluster: Cluster

    @property
    def database(self) -> dict[str, Any]:
        return self.cluster.database

    @property
    def folder(self) -> Path:
        return self.cluster.folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        address = {"host": str(self.folder), "port": 5433, "user": "postgres"}
        with psycopg.connect(**address) as connection:  # type: ignore[arg-type]
            connection.execute("LOCK TABLE consent_record")
            yield
            connection.rollback()

    def restart(self) -> None:
        self.cluster.stop()
        self.cluster.start()


@dataclass(frozen=True)
class MariaDB:
    folder: Path
    name: str = "consent_disturbed"

    @property
    def database(self) -> dict[str, Any]:
        return {
            "ENGINE": "django.db.backends.mysql",
            "HOST": HOST,
            "USER": "root",
            "NAME": self.name,
        }

    def connect(self, **more: Any) -> Any:
        import MySQLdb

        return MySQLdb.connect(host=HOST, user="root", connect_timeout=2, **more)

    def create(self) -> None:
        with closing(self.connect()) as connection:
            connection.query(f"DROP DATABASE IF EXISTS {self.name}")
            connection.query(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4")

    @contextmanager
    def locked(self) -> Iterator[None]:
        with closing(self.connect(database=self.name)) as connection:
            connection.query("LOCK TABLES consent_record WRITE")
            yield
            connection.query("UNLOCK TABLES")

    def restart(self) -> None:
        """End every connection to this database: others use the server, too."""
        with closing(self.connect()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE db = %s", [self.name]
            )
            for (number,) in cursor.fetchall():
                cursor.execute(f"KILL {number}")


@pytest.fixture(params=["postgresql", "mysql"])
def database(request, tmp_path) -> Iterator[Database]:
    if request.param == "postgresql":
        if programs() is None:
            pytest.skip("PostgreSQL's programs are not installed")
        with running_cluster() as cluster:
            yield PostgreSQL(cluster)
        return
    pytest.importorskip("MySQLdb")
    found = MariaDB(tmp_path)
    try:
        found.create()
    except Exception as error:
        pytest.skip(f"MariaDB does not answer: {error}")
    yield found
    with closing(found.connect()) as connection:
        connection.query(f"DROP DATABASE {found.name}")


@dataclass
class Answers:
    """What visitors were answered: key and choices of what was recorded, and of what was not."""

    recorded: list[tuple[str, dict[str, bool]]] = field(default_factory=list)
    waiting: list[tuple[str, dict[str, bool]]] = field(default_factory=list)
    longest: float = 0.0
    changed: Condition = field(default_factory=Condition)

    def wait(self, reached: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(reached, timeout=PATIENCE), len(self.recorded)

    def wait_for_more(self) -> None:
        enough = len(self.recorded) + BETWEEN
        self.wait(lambda: len(self.recorded) >= enough)


def decide(port: int, choices: dict[str, bool], answers: Answers, over: Event) -> None:
    """Be one visitor after another. Who gets no answer is gone."""
    while not over.is_set():
        key = str(uuid4())
        body = json.dumps({"choices": choices, "key": key, "source": "notice"})
        connection = HTTPConnection(HOST, port, timeout=PATIENCE)
        begin = time.monotonic()
        try:
            connection.request("PUT", PATH, body, HEADERS)
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException):
            continue
        finally:
            connection.close()
        seconds = time.monotonic() - begin
        if choices is GRANT and response.status == 503:
            continue
        assert response.status == 200, content
        is_recorded = json.loads(content)["recorded"]
        with answers.changed:
            (answers.recorded if is_recorded else answers.waiting).append((key, choices))
            if choices is REFUSAL:
                answers.longest = max(answers.longest, seconds)
            answers.changed.notify_all()


def kill_a_worker() -> None:
    """Kill one of the processes that the server, a child of this process, has started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        number, _, rest = stat.read_text().partition(" (")
        parents[int(number)] = int(rest.rpartition(") ")[2].split()[1])
    workers = [child for child, parent in parents.items() if parents.get(parent) == os.getpid()]
    os.kill(workers[-1], signal.SIGKILL)


def test_what_was_recorded_is_stored_and_no_refusal_waits(database):
    ask("seed", OURS, database)
    answers, over = Answers(), Event()
    with served(OURS, database) as port, ThreadPoolExecutor(CLIENTS) as threads:
        clients = [
            threads.submit(decide, port, choices, answers, over)
            for choices in (GRANT, REFUSAL, REFUSAL)
        ]
        try:
            answers.wait_for_more()
            with database.locked():
                answers.wait(lambda: len(answers.waiting) >= MEANWHILE)
            answers.wait_for_more()
            kill_a_worker()
            answers.wait_for_more()
            database.restart()
            answers.wait_for_more()
        finally:
            over.set()
        for client in clients:
            client.result(timeout=PATIENCE)

    found = ask("audit", OURS, database, answers.recorded)
    assert found["stored"] == len(answers.recorded) >= 4 * BETWEEN
    assert found["faults"] == {}
    assert answers.longest < LONGEST
