"""The whole load run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from tests.benchmarks.load.cluster import programs, running_cluster
from tests.benchmarks.load.outage import Outage, outage
from tests.benchmarks.load.settings import OURS
from tests.benchmarks.load.throughput import Throughput, has_wrk, throughput
from tests.benchmarks.load.websites import ask


@dataclass(frozen=True, slots=True)
class LoadEffort:
    """How long to measure: so many rounds, of so many ``seconds`` for each website."""

    rounds: int = 15
    seconds: int = 2


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What was measured. ``database``: what the server calls itself."""

    throughput: Throughput
    outage: Outage
    database: str


def missing() -> str:
    """Return what the load run lacks; "" where all is there."""
    wanted = {
        "PostgreSQL (on Debian: apt-get install postgresql)": programs() is not None,
        "wrk (on Debian: apt-get install wrk)": has_wrk(),
        "gunicorn (requirements/bench.txt)": find_spec("gunicorn") is not None,
    }
    return ", ".join(what for what, is_there in wanted.items() if not is_there)


def measure_load(effort: LoadEffort, say: Callable[[str], None]) -> LoadFigures:
    """Do all of it, each part on a new database server."""
    with running_cluster() as cluster:
        ask("seed", OURS, cluster)
        rates = throughput(cluster, effort.rounds, effort.seconds, say)
        database = cluster.version
    say("Stopping the database under load, and starting it.")
    with running_cluster() as cluster:
        ask("seed", OURS, cluster)
        return LoadFigures(rates, outage(cluster), database)
