"""The first page of a process: its CPU time and the memory that the first pages add.

``python -m tests.benchmarks.first_page SOLUTION TOOLS DELIVERY FOLDER`` asks a new process, whose
database is in the folder already, and prints both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from tests.benchmarks.cases import CACHEABLE, NONE, SERVER, Site

TOP = Path(__file__).resolve().parents[2]
SITES = (NONE, SERVER, CACHEABLE)
PAGES = 10


@dataclass(frozen=True, slots=True)
class FirstPage:
    """The least of several processes: ``milliseconds`` of CPU time, ``bytes`` of memory.

    The memory is all that the process has after its first pages.
    """

    milliseconds: float
    bytes: int


def measure_first_page(
    processes: int, start: Callable[[Site, str], None]
) -> Mapping[Site, FirstPage]:
    """Start so many processes for each site; ``start`` makes its database in a folder."""
    with TemporaryDirectory() as folder:
        for site in SITES:
            start(site, folder)
        found: dict[Site, list[tuple[float, int]]] = {site: [] for site in SITES}
        for _ in range(processes):
            for site in SITES:
                found[site].append(_ask(site, folder))
    return {
        site: FirstPage(min(took for took, _ in each), min(memory for _, memory in each))
        for site, each in found.items()
    }


def _ask(site: Site, folder: str) -> tuple[float, int]:
    arguments = [site.solution, str(site.tools), site.delivery, folder]
    answer = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.first_page", *arguments],
        cwd=TOP,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    took, memory = json.loads(answer.stdout)
    return took, memory


def main(solution: str, tools: str, delivery: str, folder: str) -> None:
    """Print milliseconds and bytes."""
    import django
    from django.conf import settings

    from tests.benchmarks.settings import settings_of

    settings.configure(**settings_of(Site(solution, int(tools), delivery), Path(folder)))
    django.setup()

    from tests.benchmarks.handlers import Call, Handlers

    handlers, call = Handlers(), Call.of("page", "undecided", "")
    before = process_time()
    handlers.body(call)
    took = process_time() - before
    for _ in range(PAGES - 1):
        handlers.body(call)
    sys.stdout.write(json.dumps([took * 1000, _resident()]))


def _resident() -> int:
    """Return the bytes of memory that this process has now (Linux alone says it)."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


if __name__ == "__main__":
    main(*sys.argv[1:])
