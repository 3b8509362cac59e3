"""A website that does not list ``consent.findings``: nothing of it is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.once


def test_it_has_no_tables_no_pages_no_checks_and_imports_none_of_it():
    code = """
import sys
import django
django.setup()
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.urls import get_resolver
settings.CONSENT_FINDINGS_MOST = "none of these settings is looked at"
call_command("migrate", verbosity=0)
get_resolver().url_patterns
print([name for name in connection.introspection.table_names() if "finding" in name])
print([name for name in sys.modules if name.startswith("consent.findings")])
print([m for m in run_checks(databases=["default"]) if "findings" in m.msg.lower()])
call_command("makemigrations", check_changes=True, dry_run=True)
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=TOP,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.findings.site_without_findings"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[:3] == ["[]", "[]", "[]"]
