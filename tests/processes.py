"""Management commands in processes of their own, on the database of the tests."""

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
    """Start ``manage.py`` with ``arguments``, and these settings ``changed``.

    It trusts ``authority`` and may send to this machine. ``database``: of its settings for the
    database, what is another than here.
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
            "DJANGO_SETTINGS_MODULE": "tests.process_settings",
            "SETTINGS": json.dumps(values, default=str),
            "SSL_CERT_FILE": str(authority),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait until it ends by itself, and return what it wrote; it has to have been content."""
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return output, errors
