"""The tutorial works as it is written, from an empty directory to a first tool."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

TOP = Path(__file__).resolve().parents[1]
TEXT = TOP.joinpath("docs/tutorial.md").read_text()

# What a visitor sees then; the tool is added as the form of the admin does it.
VISIT = """
import django
django.setup()
from django.contrib.auth import get_user_model
from django.test import Client
from django.test.utils import setup_test_environment
from consent.models import Category, Tool
from consent.recipes import catalogue

setup_test_environment()
visitor, owner = Client(headers={"Sec-Fetch-Site": "same-origin"}), Client()
assert "dcp-notice" not in visitor.get("/").text
owner.force_login(get_user_model().objects.get())
form = owner.get("/admin/consent/tool/add/?recipe=google-analytics")
assert form.status_code == 200
category = Category.objects.get(key="marketing-analytics")
recipe = catalogue()["google-analytics"]
Tool.objects.from_recipe(recipe, category, {"measurement_id": "G-ABC123"})
page = visitor.get("/").text
assert "dcp-notice" in page and "gtag/js" not in page
visitor.post("/consent/preferences/", {"action": "reject-all"})
page = visitor.get("/").text
assert "gtag/js" not in page and "help us" not in page
assert set(visitor.cookies) == {"consent"}
visitor.post("/consent/preferences/", {"action": "save", "choices": ["marketing-analytics"]})
page = visitor.get("/").text
assert "gtag/js?id=G-ABC123" in page and "help us" in page
assert "Website Data Collection Preferences" in visitor.get("/consent/preferences/").text
"""


def files() -> dict[str, str]:
    """Return the files that the tutorial has the reader write, by their names."""
    return dict(re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', TEXT, re.DOTALL))


def commands() -> list[list[str]]:
    """Return the commands, but for those that install, or serve until somebody ends them."""
    lines = "".join(re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)).splitlines()
    left_out = ("-m venv", "pip install", "runserver")
    return [line.split() for line in lines if not any(part in line for part in left_out)]


def run(folder: Path, *arguments: str) -> str:
    """Run Python on ``arguments`` there, and return all that it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "PYTHONPATH": os.pathsep.join([str(folder), str(TOP)]),
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "DJANGO_SUPERUSER_PASSWORD": "secret",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_tutorial_leads_to_a_first_tool(tmp_path):
    printed = ""
    for program, *arguments in commands():
        if program.endswith("django-admin"):
            run(tmp_path, "-m", "django", *arguments, "--settings=django.conf.global_settings")
            for name, text in files().items():
                file = tmp_path / name
                file.parent.mkdir(parents=True, exist_ok=True)
                before = file.read_text() if name.endswith("settings.py") else ""
                file.write_text(f"{before}\n{text}".lstrip("\n"))
        else:
            extra = ["--noinput"] if "createsuperuser" in arguments else []
            printed = run(tmp_path, *arguments, *extra)

    # The last command was the check.
    assert re.findall(r"consent\.[EWI]\d+", printed) == ["consent.I025"]
    run(tmp_path, "-c", VISIT)
