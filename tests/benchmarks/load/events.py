"""How many events a second are sent to a tool, beside how many a bare client posts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import Any

from tests.benchmarks.load.cluster import Cluster, programs, running_cluster
from tests.benchmarks.load.settings import BARE, OURS
from tests.benchmarks.load.websites import ask, environment
from tests.benchmarks.measuring import TOP
from tests.events.plain_receiver import PlainReceiver, receiving_much

SENDERS = 8


@dataclass(frozen=True, slots=True)
class EventsEffort:
    """How long to measure: so many rounds, with so many ``events`` sent in both ways in each."""

    rounds: int = 11
    events: int = 4_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One run. ``rate``: events a second; ``busy``: the share of a core that the receiver took."""

    rate: float
    busy: float


@dataclass(frozen=True, slots=True)
class Sending:
    """All rounds: a run of the app's, and one of the bare client right before or after.

    ``database``: what the server calls itself.
    """

    events: int
    database: str
    rounds: Sequence[tuple[Sent, Sent]]

    @property
    def ratio(self) -> float:
        """The median of the rates' ratios."""
        return median(ours.rate / bare.rate for ours, bare in self.rounds)

    def medians(self, website: str) -> Sent:
        """Return the medians of each figure."""
        runs = [pair[(OURS, BARE).index(website)] for pair in self.rounds]
        return Sent(median(run.rate for run in runs), median(run.busy for run in runs))


def missing_for_events() -> str:
    """Return what this run lacks; "" where all is there."""
    wanted = {
        "PostgreSQL (on Debian: apt-get install postgresql)": programs() is not None,
        "httpcore (requirements/bench.txt)": find_spec("httpcore") is not None,
    }
    return ", ".join(what for what, is_there in wanted.items() if not is_there)


def measure_events(effort: EventsEffort, say: Callable[[str], None]) -> Sending:
    """Send in both ways in turn, from a database server of its own."""
    with running_cluster() as cluster:
        ask("seed", OURS, cluster)
        return sending(cluster, effort.rounds, effort.events, say)


def sending(cluster: Cluster, rounds: int, events: int, say: Callable[[str], None]) -> Sending:
    """Send so many ``events`` in both ways in turn, ``rounds`` times."""
    with receiving_much(cluster.folder, keeps=False) as receiver:

        def ours() -> Sent:
            ask("write_again", OURS, cluster)
            sent = _send([None] * SENDERS, cluster, receiver, events)
            if left := ask("count_waiting", OURS, cluster):
                raise RuntimeError(f"{left} events were not sent.")
            return sent

        bodies = ask("write_events", OURS, cluster, [receiver.address, events])

        def bare() -> Sent:
            work = [
                {"address": receiver.address, "bodies": bodies[number::SENDERS]}
                for number in range(SENDERS)
            ]
            return _send(work, cluster, receiver, events)

        pairs = []
        for number in range(rounds):
            if number % 2:
                theirs = bare()
                pairs.append((ours(), theirs))
            else:
                pairs.append((ours(), bare()))
            say(f"Events, round {number + 1} of {rounds}.")
    return Sending(events, cluster.version, pairs)


def _send(
    work: Sequence[dict[str, Any] | None], cluster: Cluster, receiver: PlainReceiver, events: int
) -> Sent:
    """Have a process for each of ``work`` begin at once; see how long it takes them all."""
    receiver.forget()
    with _senders(work, cluster, receiver) as senders:
        began, worked = time.monotonic(), time.process_time()
        for each in senders:
            _tell(each, "")
        for each in senders:
            _hear(each, "done")
        seconds, busy = time.monotonic() - began, time.process_time() - worked
    if receiver.number != events:
        raise RuntimeError(f"{receiver.number} of {events} events were received.")
    return Sent(events / seconds, busy / seconds)


@contextmanager
def _senders(
    work: Sequence[dict[str, Any] | None], cluster: Cluster, receiver: PlainReceiver
) -> Iterator[list[subprocess.Popen[str]]]:
    """Run the processes, and yield them once all are ready."""
    senders = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.load.sending"],
            cwd=TOP,
            env={**environment(OURS, cluster), "SSL_CERT_FILE": str(receiver.authority)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in work
    ]
    try:
        for each, its in zip(senders, work, strict=True):
            _tell(each, json.dumps(its))
        for each in senders:
            _hear(each, "ready")
        yield senders
    finally:
        for each in senders:
            each.kill()
            each.communicate()


def _tell(sender: subprocess.Popen[str], line: str) -> None:
    assert sender.stdin is not None
    sender.stdin.write(f"{line}\n")
    sender.stdin.flush()


def _hear(sender: subprocess.Popen[str], expected: str) -> None:
    assert sender.stdout is not None
    said = sender.stdout.readline().strip()
    if said != expected:
        raise RuntimeError(f"A sender said {said!r}, not {expected!r}.")
