"""``python -m tests.benchmarks``: measure everything, and write the tables."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.benchmarks.cases import HAS_COOKIE_CONSENT
from tests.benchmarks.costs import measure_costs, write_costs
from tests.benchmarks.files import refreshed
from tests.benchmarks.load.events import EventsEffort, measure_events, missing_for_events
from tests.benchmarks.load.measuring import LoadEffort, measure_load, missing
from tests.benchmarks.measuring import TOP, Effort, measure
from tests.benchmarks.report import write, write_events, write_load

QUICK = Effort(rounds=1, batch=1, warm_up=1, processes=1)
QUICK_LOAD = LoadEffort(rounds=1, seconds=1)
QUICK_EVENTS = EventsEffort(rounds=1, events=200)
PAGE, LOAD, EVENTS, COSTS, FILES = "page", "load", "events", "costs", "files"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that all of it works")
    parser.add_argument("--rounds", type=int, default=Effort().rounds, help="default: %(default)s")
    parser.add_argument(
        "--output",
        type=Path,
        default=TOP / "docs" / "benchmarks.md",
        help="the file whose figures to replace; default: docs/benchmarks.md",
    )
    parser.add_argument(
        "--only", choices=(PAGE, LOAD, EVENTS, COSTS, FILES), help="measure nothing else"
    )
    arguments = parser.parse_args()
    if arguments.only == FILES:
        text = arguments.output.read_text(encoding="utf-8")
        arguments.output.write_text(refreshed(text), encoding="utf-8")
        return
    parts = {
        PAGE: measure_page,
        LOAD: measure_decisions,
        EVENTS: measure_sending,
        COSTS: measure_worst,
    }
    for name, part in parts.items():
        if arguments.only in (None, name):
            part(arguments)


def measure_page(arguments: argparse.Namespace) -> None:
    """Measure what consent costs a page, and write it."""
    if not HAS_COOKIE_CONSENT:
        say("django-cookie-consent is not installed (requirements/bench.txt): left out.")
    effort = QUICK if arguments.quick else Effort(rounds=arguments.rounds)
    write(measure(effort, say), arguments.output)
    say(f"Written: {arguments.output.name}")


def measure_decisions(arguments: argparse.Namespace) -> None:
    """Measure decisions under load, and write it; where something is missing, say what."""
    if lacking := missing():
        say(f"The load run is left out; it needs {lacking}.")
        return
    effort = QUICK_LOAD if arguments.quick else LoadEffort()
    write_load(measure_load(effort, say), arguments.output)
    say(f"Written: {arguments.output.name}")


def measure_sending(arguments: argparse.Namespace) -> None:
    """Measure how fast events are sent, and write it; where something is missing, say what."""
    if lacking := missing_for_events():
        say(f"The run of events is left out; it needs {lacking}.")
        return
    effort = QUICK_EVENTS if arguments.quick else EventsEffort()
    write_events(measure_events(effort, say), arguments.output)
    say(f"Written: {arguments.output.name}")


def measure_worst(arguments: argparse.Namespace) -> None:
    """Measure what the worst requests cost, and write it."""
    write_costs(measure_costs(1) if arguments.quick else measure_costs(), arguments.output)
    say(f"Written: {arguments.output.name}")


def say(line: str) -> None:
    """Tell whoever waits how far it is."""
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
