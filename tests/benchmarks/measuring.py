"""Takes the websites in turn, round by round, and keeps every figure."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.cases import (
    COMPARED,
    LARGE_SERVER,
    NONE,
    SAME_OUTPUT,
    SERVER,
    VISITORS,
    Case,
    Comparison,
    Site,
    all_comparisons,
    grown,
)
from tests.benchmarks.first_page import FirstPage, measure_first_page

TOP = Path(__file__).resolve().parents[2]
MOST_REQUESTS = 50
SLOW_ROUNDS = 5

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    ``processes``: how many new processes are asked for a first page, and how often the policy is
    edited. ``batch``, ``warm_up``: milliseconds that a batch of requests, and the requests before
    all rounds, should take.
    """

    rounds: int = 120
    processes: int = 5
    batch: float = 10
    warm_up: float = 100


class Worker:
    """A website's process, as seen from here."""

    def __init__(self, site: Site, folder: str) -> None:
        arguments = (site.solution, str(site.tools), site.delivery, folder)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.worker", *arguments],
            cwd=TOP,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._site = site

    def ready(self) -> None:
        """Wait until the website is there."""
        self._read()

    def ask(self, task: str, *arguments: Any) -> Any:
        """Return what a method of `tasks.Website` returns."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([task, arguments]) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The website {self._site.name} ended; its reason is above.")
        return json.loads(line)


@dataclass(frozen=True)
class Figures:
    """What was measured.

    ``times``: microseconds a request, of a case and of what it is compared with, one right after
    the other, by the number of the round.
    """

    times: Mapping[Comparison, Mapping[int, tuple[float, float]]]
    bodies: Mapping[tuple[Site, str], str]
    queries: Mapping[tuple[Site, str], int]
    files: Mapping[Site, Mapping[str, str]]
    memory: Mapping[Site, Mapping[str, int]]
    first_pages: Mapping[Site, FirstPage]
    states: Mapping[Site, float]
    edits: Mapping[Site, float]
    rounds: int = 0

    def time(self, case: Case) -> float:
        """Return the median over all times that it was measured."""
        return median(
            pair[position]
            for comparison, pairs in self.times.items()
            for position, each in enumerate(comparison)
            if each == case
            for pair in pairs.values()
        )

    def added(self, case: Case, base: Case) -> float:
        """Return the median of what ``case`` took longer than ``base`` beside it."""
        return median(ours - theirs for ours, theirs in self.times[case, base].values())

    def ratio(self, case: Case, base: Case) -> float:
        """Return the median of how many times as long as ``base`` beside it it took."""
        return median(ours / theirs for ours, theirs in self.times[case, base].values())


@contextmanager
def websites(sites: Collection[Site]) -> Iterator[dict[Site, Worker]]:
    """Start a process for each of ``sites``, and end them all."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        workers = {}
        for site in sites:
            workers[site] = Worker(site, folder)
            stack.callback(workers[site].close)
        for worker in workers.values():
            worker.ready()
        yield workers


def measure(effort: Effort, say: Say) -> Figures:
    """Do all of it."""
    comparisons = all_comparisons()
    sites = {case.site for comparison in comparisons for case in comparison}
    say(f"Starting {len(sites)} websites.")
    with websites(sites) as workers:
        _equalize(workers)
        times = _times(comparisons, workers, effort, say)
        pages = [*product((NONE, *COMPARED), VISITORS), *product([LARGE_SERVER], VISITORS)]
        return Figures(
            times=times,
            bodies={(site, v): workers[site].ask("body", "page", v) for site, v in pages},
            queries={(site, v): workers[site].ask("queries", "page", v) for site, v in pages},
            files={site: workers[site].ask("files") for site in COMPARED},
            memory={
                site: workers[site].ask("memory") for site in sites if site.delivery == "server"
            },
            first_pages=measure_first_page(effort.processes, _make_database),
            states={site: workers[site].ask("states", effort.rounds) for site in grown(SERVER)},
            edits={
                site: workers[site].ask("slowest_after_edit", effort.processes)
                for site in grown(SERVER)
            },
            rounds=effort.rounds,
        )


def _make_database(site: Site, folder: str) -> None:
    worker = Worker(site, folder)
    worker.ready()
    worker.close()


def _equalize(workers: Mapping[Site, Worker]) -> None:
    """Pad the small policy's pages; raise AssertionError where output that must be equal is not."""
    for small, large in SAME_OUTPUT:
        if small.page == "padded":
            missing = _length(workers, large) - _length(workers, small)
            workers[small.site].ask("pad", small.visitor, missing)
        assert _length(workers, small) == _length(workers, large), (small, large)


def _length(workers: Mapping[Site, Worker], case: Case) -> int:
    return len(workers[case.site].ask("body", case.page, case.visitor).encode())


def _times(
    comparisons: tuple[Comparison, ...], workers: Mapping[Site, Worker], effort: Effort, say: Say
) -> dict[Comparison, dict[int, tuple[float, float]]]:
    def ask(task: str, case: Case, amount: float) -> float:
        took = workers[case.site].ask(task, case.page, case.visitor, case.mode, amount)
        return float(took)

    cases = dict.fromkeys(case for comparison in comparisons for case in comparison)
    say(f"Warming up {len(cases)} kinds of request.")
    fit = {case: effort.batch * 1000 / ask("warm", case, effort.warm_up) for case in cases}

    def time(case: Case) -> float:
        return ask("time", case, max(1, min(MOST_REQUESTS, round(fit[case]))))

    times: dict[Comparison, dict[int, tuple[float, float]]] = {pair: {} for pair in comparisons}
    for number in range(effort.rounds):
        # Always the same orders, and nothing always after the same other thing.
        chance = random.Random(number)  # noqa: S311
        for case, base in chance.sample(comparisons, len(comparisons)):
            # A request that is far too long for a batch is not made in every round.
            if fit[case] <= 0.5 and number % SLOW_ROUNDS:
                continue
            if chance.random() < 0.5:
                times[case, base][number] = (time(case), time(base))
            else:
                theirs = time(base)
                times[case, base][number] = (time(case), theirs)
        if (number + 1) % 10 == 0 or number + 1 == effort.rounds:
            say(f"Round {number + 1} of {effort.rounds}.")
    return times
