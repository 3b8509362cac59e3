"""``python -m tests.benchmarks.load.sending``: a worker that sends what another process gives it.

Reads one line of JSON, the bare client's address and bodies or null for the app's; says ``ready``;
waits for a line; sends; and says ``done``.
"""

from __future__ import annotations

import json
import ssl
import sys
from collections.abc import Callable, Sequence

# Has to come first: the settings.
# isort: off
from tests.benchmarks.load.wsgi import application  # noqa: F401

# isort: on
import httpcore
from django.db import connection

from consent.events.delivery import Deliverer
from consent.policy import policies


def deliverer() -> Callable[[], None]:
    """Return what ``consent_deliver`` does, with its connection to the database made."""
    found = Deliverer()
    connection.ensure_connection()
    policies.current()
    return found.run


def bare(address: str, bodies: Sequence[str]) -> Callable[[], None]:
    """Return what posts each of ``bodies``, and nothing else."""
    headers = {"Content-Type": "application/json"}
    pool = httpcore.ConnectionPool(ssl_context=ssl.create_default_context())
    contents = [body.encode() for body in bodies]

    def run() -> None:
        for content in contents:
            answer = pool.request("POST", address, headers=headers, content=content)
            if answer.status != 204:
                raise RuntimeError(f"The receiver answered {answer.status}.")

    return run


def main() -> None:
    work = json.loads(sys.stdin.readline())
    send = bare(**work) if work else deliverer()
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    send()
    print("done", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
