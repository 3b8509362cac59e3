"""The database is stopped, and started again, while visitors decide."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from threading import Condition, Event
from typing import Any
from uuid import uuid4

from tests.benchmarks.load.cluster import Cluster
from tests.benchmarks.load.settings import OURS, PATH
from tests.benchmarks.load.websites import HOST, ask, served
from tests.benchmarks.tools import OPTIONAL

CLIENTS = 8
# Acknowledged before it is stopped, and again once it is there.
GRANTS = 200
# Refusals that are answered, and grants that are not, while it is down.
MEANWHILE = 20
PATIENCE = 60
NOBODY_ANSWERS = (OSError, HTTPException)

GRANT = dict.fromkeys(OPTIONAL, True)
REFUSAL = dict.fromkeys(OPTIONAL, False)
HEADERS = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}


@dataclass
class Tally:
    """What the clients were told. ``waiting``: refusals that were answered, and not recorded."""

    grants: list[tuple[str, dict[str, bool]]] = field(default_factory=list)
    refusals: list[tuple[str, dict[str, bool]]] = field(default_factory=list)
    waiting: int = 0
    unanswered: int = 0
    changed: Condition = field(default_factory=Condition)

    @property
    def acknowledged(self) -> int:
        """How many decisions count."""
        return len(self.grants) + len(self.refusals)

    def wait(self, reached: Callable[[], bool]) -> None:
        """Wait until ``reached()``; raise TimeoutError where that takes far too long."""
        with self.changed:
            if not self.changed.wait_for(reached, timeout=PATIENCE):
                raise TimeoutError(f"After {PATIENCE} seconds: {self.acknowledged} acknowledged")


@dataclass(frozen=True, slots=True)
class Outage:
    """What came of it. ``grants``, ``refusals``: acknowledged; ``waiting``: refusals of those that
    could not be recorded at once; ``resent``: requests that had to be sent again; ``stored``:
    decisions that have a row; ``others``: rows that nobody was told of, or that are there twice;
    ``faults``: what is wrong with the ledger.
    """

    grants: int
    refusals: int
    waiting: int
    resent: int
    stored: int
    others: int
    faults: dict[str, Any]

    @property
    def is_exact(self) -> bool:
        """Whether each decision has one row, and nothing is wrong."""
        decisions = self.grants + self.refusals
        return self.stored == decisions and not self.others and not self.faults


def outage(cluster: Cluster) -> Outage:
    """Stop and start the database while clients send decisions. To be called with it empty."""
    tally, over = Tally(), Event()
    with served(OURS, cluster) as port, ThreadPoolExecutor(CLIENTS) as threads:
        clients = [
            threads.submit(_decide, port, choices, tally, over)
            for choices in (GRANT, REFUSAL) * (CLIENTS // 2)
        ]
        try:
            tally.wait(lambda: len(tally.grants) >= GRANTS)
            cluster.stop()
            before = tally.unanswered
            tally.wait(
                lambda: tally.waiting >= MEANWHILE and tally.unanswered >= before + MEANWHILE
            )
            cluster.start()
            tally.wait(lambda: len(tally.grants) >= 2 * GRANTS)
        finally:
            over.set()
        for client in clients:
            client.result(timeout=PATIENCE)
        return _compare(cluster, tally)


def _compare(cluster: Cluster, tally: Tally) -> Outage:
    """Read what is stored, once every refusal is."""
    enough = time.monotonic() + PATIENCE
    while True:
        found = ask("audit", OURS, cluster, [*tally.grants, *tally.refusals])
        if found["stored"] >= tally.acknowledged or time.monotonic() > enough:
            return Outage(
                grants=len(tally.grants),
                refusals=len(tally.refusals),
                waiting=tally.waiting,
                resent=tally.unanswered,
                **found,
            )


def _decide(port: int, choices: dict[str, bool], tally: Tally, over: Event) -> None:
    """Be a visitor after another, all of whom make the same choices."""
    connection = HTTPConnection(HOST, port, timeout=5)
    told = tally.refusals if choices is REFUSAL else tally.grants
    deadline = time.monotonic() + 3 * PATIENCE
    while not over.is_set():
        key = str(uuid4())
        body = json.dumps({"choices": choices, "key": key, "source": "notice"})
        while (answer := _put(connection, body)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError("A decision was never acknowledged.")
            with tally.changed:
                tally.unanswered += 1
                tally.changed.notify_all()
        with tally.changed:
            told.append((key, choices))
            tally.waiting += not answer["recorded"]
            tally.changed.notify_all()
    connection.close()


def _put(connection: HTTPConnection, body: str) -> dict[str, Any] | None:
    """Return the answer where the decision is acknowledged, None where it has to be sent again."""
    try:
        connection.request("PUT", PATH, body, HEADERS)
        response = connection.getresponse()
        content = response.read()
    except NOBODY_ANSWERS:
        connection.close()
        return None
    if response.status >= 500:
        return None
    if response.status != 200:
        raise RuntimeError(f"The website answered {response.status}: {content!r}")
    answer: dict[str, Any] = json.loads(content)
    return answer
