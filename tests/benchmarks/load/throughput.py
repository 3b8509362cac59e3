"""How many decisions a second, beside how many bare inserts."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.load.cluster import Cluster
from tests.benchmarks.load.settings import BARE, OURS, PATH
from tests.benchmarks.load.websites import HOST, served

CONNECTIONS = 8
SCRIPT = Path(__file__).with_name("put.lua")


@dataclass(frozen=True, slots=True)
class Run:
    """One run against one website. Times in milliseconds."""

    rate: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Throughput:
    """All rounds: a run against the app, and one against the bare view right before or after."""

    rounds: Sequence[tuple[Run, Run]]

    @property
    def ratio(self) -> float:
        """The median of the rates' ratios."""
        return median(ours.rate / bare.rate for ours, bare in self.rounds)

    def medians(self, website: str) -> Run:
        """Return the medians of each figure of ``website``."""
        runs = [pair[(OURS, BARE).index(website)] for pair in self.rounds]
        return Run(
            median(run.rate for run in runs),
            median(run.p50 for run in runs),
            median(run.p99 for run in runs),
        )


def has_wrk() -> bool:
    """Say whether the load generator is installed."""
    return shutil.which("wrk") is not None


def throughput(
    cluster: Cluster, rounds: int, seconds: int, say: Callable[[str], None]
) -> Throughput:
    """Ask both websites in turn, ``rounds`` times, for so many ``seconds`` each."""
    with served(OURS, cluster) as ours, served(BARE, cluster) as bare:
        for port in (ours, bare):
            _wrk(port, 2)
        pairs = []
        for number in range(rounds):
            if number % 2:
                theirs = _wrk(bare, seconds)
                pairs.append((_wrk(ours, seconds), theirs))
            else:
                pairs.append((_wrk(ours, seconds), _wrk(bare, seconds)))
            say(f"Load, round {number + 1} of {rounds}.")
    return Throughput(pairs)


def _wrk(port: int, seconds: int) -> Run:
    """Send decisions; raise RuntimeError where one of them is not answered as it should be."""
    done = subprocess.run(
        [
            *("wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s"),
            *(f"--script={SCRIPT}", f"http://{HOST}:{port}{PATH}"),
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    if figures["failed"] or not figures["requests"]:
        raise RuntimeError(f"Under load, the website failed: {figures}")
    rate = figures["requests"] / figures["duration"] * 1_000_000
    return Run(rate, figures["p50"] / 1000, figures["p99"] / 1000)
