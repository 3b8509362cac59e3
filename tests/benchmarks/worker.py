"""One website in a process of its own; it does what it reads, a line of JSON at a time.

``python -m tests.benchmarks.worker SOLUTION TOOLS DELIVERY FOLDER``
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import django
from django.conf import settings

from tests.benchmarks.cases import Site
from tests.benchmarks.settings import settings_of


def main(solution: str, tools: str, delivery: str, folder: str) -> None:
    # Whatever else prints does not get between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    site = Site(solution, int(tools), delivery)
    settings.configure(**settings_of(site, Path(folder)))
    django.setup()
    website = import_module("tests.benchmarks.tasks").Website(site)
    answers.write("null\n")
    answers.flush()
    for line in sys.stdin:
        task, arguments = json.loads(line)
        answers.write(json.dumps(getattr(website, task)(*arguments)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
