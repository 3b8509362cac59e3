"""Runs the websites under gunicorn, and what is to be done in their database."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

from tests.benchmarks.load.cluster import Cluster
from tests.benchmarks.measuring import TOP

# More than the machine has cores, as some wait for the database.
WORKERS = 3
HOST = "127.0.0.1"


@contextmanager
def served(website: str, cluster: Cluster) -> Iterator[int]:
    """Serve ``website`` and return its port; what it logs is in the cluster's folder."""
    log_file = cluster.folder / f"{website}.log"
    with socket.create_server((HOST, 0), backlog=1024) as listener, log_file.open("ab") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "gunicorn", "tests.benchmarks.load.wsgi"),
                f"--bind=fd://{listener.fileno()}",
                f"--workers={WORKERS}",
            ],
            cwd=TOP,
            env=environment(website, cluster),
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            port: int = listener.getsockname()[1]
            # Accepted at once, and answered once the website is there.
            first = HTTPConnection(HOST, port, timeout=60)
            first.request("GET", "/")
            first.getresponse().read()
            first.close()
            yield port
        finally:
            process.terminate()
            process.wait(timeout=60)


def ask(task: str, website: str, cluster: Cluster, argument: Any = None) -> Any:
    """Return what a function of `tasks` returns."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load.tasks", task],
        cwd=TOP,
        env=environment(website, cluster),
        input=json.dumps(argument),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)


def environment(website: str, cluster: Cluster) -> dict[str, str]:
    """Return what a process is told its website and its database by."""
    return {
        **os.environ,
        "LOAD_WEBSITE": website,
        "LOAD_DATABASE": json.dumps(cluster.database),
    }
