"""Run management commands in separate processes, on the tests' database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from tests.events.receiver import HOST

TOP = Path(__file__).resolve().parents[1]
PATIENCE = 120


def start(
    *arguments: str, authority: Path, database: dict[str, Any] | None = None, **changed: Any
) -> subprocess.Popen[str]:
    """Start ``manage.py`` with ``arguments`` and the settings in ``changed``.

    The process trusts the certificate ``authority`` and may send events to this machine.
    ``database`` overrides single settings of the database.
    """
    here = {**settings.DATABASES["default"], "NAME": connection.settings_dict["NAME"]}
    values = {
        "DATABASES": {"default": {**here, **(database or {})}},
        "CONSENT_EVENTS_TRUSTED_HOSTS": [HOST],
        **changed,
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=TOP,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.command_settings",
            "SETTINGS": json.dumps(values, default=str),
            "SSL_CERT_FILE": str(authority),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait until the process ends, check that its exit status is 0, and return its output."""
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return output, errors
