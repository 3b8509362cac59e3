"""What a process has counted, and the refusals that wait in it, are stored when it ends.

Under servers as websites run them: with one thread and with several, loaded before the fork and
after it, replaced after so many requests, and asynchronous.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

TOP = Path(__file__).resolve().parents[2]
# Where the environment has the servers.
SCRIPTS = Path(sys.executable).parent
HOST = "127.0.0.1"
PAGES = 60

GUNICORN = ("gunicorn", "demo_site.wsgi", "--bind=fd://{fd}", "--workers=2")
UWSGI = (
    *("uwsgi", "--http-socket=fd://{fd}", "--module=demo_site.wsgi", "--need-app"),
    *("--master", "--processes=2", "--hook-master-start=unix_signal:15 gracefully_kill_them_all"),
)
SERVERS = {
    "one thread": GUNICORN,
    "several threads": (*GUNICORN, "--threads=4"),
    "forked after loading": (*GUNICORN, "--threads=4", "--preload"),
    "replaced after some requests": (*GUNICORN, "--max-requests=7"),
    "uWSGI, which forks after loading": (*UWSGI, "--enable-threads"),
    "uWSGI, several threads, loaded after the fork": (*UWSGI, "--threads=4", "--lazy-apps"),
    "uWSGI without threads": UWSGI,
    "asynchronous": ("uvicorn", "demo_site.asgi:application", "--fd={fd}"),
    "asynchronous, with several workers": (
        *("uvicorn", "demo_site.asgi:application", "--fd={fd}", "--workers=2"),
    ),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> dict[str, str]:
    """The environment of a process of the demo site, with a database that is seeded."""
    database = tmp_path_factory.mktemp("servers") / "db.sqlite3"
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{database}",
        "DJANGO_SETTINGS_MODULE": "demo_site.settings",
        "DATABASE_FILE": str(database),
    }
    for arguments in (["migrate", "--verbosity=0"], ["demo_seed"]):
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=TOP, env=environment, check=True, capture_output=True)
    return environment


@pytest.fixture(params=SERVERS)
def server(request) -> tuple[str, ...]:
    command = SERVERS[request.param]
    if not (SCRIPTS / command[0]).exists():
        pytest.skip(f"{command[0]} cannot be installed here")
    return command


@contextmanager
def served(arguments: tuple[str, ...], environment: dict[str, str]) -> Iterator[int]:
    """Serve the site, yield its port, and end it as a service manager does."""
    with socket.create_server((HOST, 0), backlog=128) as listener:
        number = listener.fileno()
        process = subprocess.Popen(
            [SCRIPTS / arguments[0], *(each.format(fd=number) for each in arguments[1:])],
            cwd=TOP,
            env=environment,
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            yield listener.getsockname()[1]
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors, errors.decode()


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    connection = HTTPConnection(HOST, port, timeout=60)
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body) if body else None, headers)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def rows(environment: dict[str, str], query: str) -> int:
    with closing(sqlite3.connect(environment["DATABASE_FILE"])) as database:
        return int(database.execute(query).fetchone()[0])


def test_each_page_is_counted_once(site, server):
    counted = "SELECT COALESCE(SUM(number), 0) FROM consent_counter WHERE event = 'shown'"
    before = rows(site, counted)

    with served(server, site) as port:
        for _ in range(PAGES):
            assert ask(port, "GET", "/")[0] == 200

    assert rows(site, counted) - before == PAGES


def test_refusal_that_waits_for_the_database_is_stored_at_the_end(site, server):
    count = "SELECT COUNT(*) FROM consent_record"
    before = rows(site, count)
    choices = dict.fromkeys(("functional", "marketing-analytics", "advertising"), False)

    with served(server, site) as port:
        assert ask(port, "GET", "/")[0] == 200
        with closing(sqlite3.connect(site["DATABASE_FILE"], isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            status, body = ask(port, "PUT", "/consent/api/preferences/", {"choices": choices})
        assert status == 200
        assert json.loads(body)["recorded"] is False
        assert rows(site, count) == before

    assert rows(site, count) == before + 1
