"""A PostgreSQL server of its own: in a temporary directory, with the settings it comes with."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USER = "postgres"
PORT = 5433


def programs() -> Path | None:
    """Return the directory of the newest PostgreSQL's programs; None where there is none.

    Where we are root, there has to be a user for it, too: it refuses to run as root.
    """
    named = shutil.which("initdb")
    found = [Path(named).resolve().parent] if named else []
    found += sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        key=lambda path: int(path.parent.name.split(".")[0]),
    )
    is_allowed = os.geteuid() != 0 or (shutil.which("runuser") and _has_user())
    return found[-1] if found and is_allowed else None


def _has_user() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Cluster:
    """The server in ``folder``, reached by a socket there: nobody else's port is in the way."""

    programs: Path
    folder: Path

    @property
    def database(self) -> dict[str, Any]:
        """Django's settings of its database."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": str(self.folder),
            "PORT": PORT,
            "USER": USER,
            "NAME": USER,
        }

    @property
    def version(self) -> str:
        """What it calls itself."""
        said = subprocess.run(
            [self.programs / "postgres", "--version"], check=True, capture_output=True, text=True
        )
        return said.stdout.strip()

    def create(self) -> None:
        """Make its files."""
        self._run("initdb", "--auth=trust", f"--username={USER}", "--encoding=UTF8")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses='' -c port={PORT} -c unix_socket_directories={self.folder}"
        self._run("pg_ctl", "start", "--wait", f"--log={self.folder / 'log'}", f"-o {options}")

    def stop(self) -> None:
        """Stop it as a power cut does: nothing is written down that was not before."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def _run(self, program: str, *arguments: str) -> None:
        command = [
            self.programs / program,
            f"--pgdata={self.folder / 'data'}",
            *arguments,
        ]
        if os.geteuid() == 0:
            command = ["runuser", "-u", USER, "--", *command]
        subprocess.run(
            command,
            check=True,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start a new server, and remove all of it at the end.

    Raises RuntimeError where PostgreSQL is not installed.
    """
    found = programs()
    if found is None:
        raise RuntimeError("PostgreSQL is not installed (on Debian: apt-get install postgresql).")
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        cluster = Cluster(found, folder)
        cluster.create()
        cluster.start()
        try:
            yield cluster
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                cluster.stop()
