"""The admin in its skins: packages that replace the templates of Django's admin.

A skin changes the list of installed apps, so each is rendered by a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[3]
STOCK = "stock"
# The apps of each skin, which come before the admin.
SKINS: dict[str, list[str]] = {
    STOCK: [],
    "unfold": ["unfold", "unfold.contrib.filters"],
    "jazzmin": ["jazzmin"],
    "grappelli": ["grappelli"],
    "admin_interface": ["admin_interface", "colorfield"],
}


@dataclass(frozen=True)
class Page:
    """A page of the admin as a skin rendered it."""

    status: int
    html: str
    url_name: str


def command(skin: str, *arguments: str) -> dict[str, Any]:
    """Return how to start the site in ``skin``, for `subprocess`."""
    return {
        "args": [sys.executable, "-m", "tests.admin.skins.site", *arguments],
        "cwd": TOP,
        "env": {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.admin.skins.settings",
            "SKIN": skin,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        "text": True,
    }


def missing(skin: str) -> str | None:
    """Return the package that the skin needs and that is not installed; None where all are."""
    packages = (app.partition(".")[0] for app in SKINS[skin])
    return next((package for package in packages if find_spec(package) is None), None)


def skip_without(skin: str) -> None:
    """Skip the test where the skin is not installed."""
    if package := missing(skin):
        pytest.skip(f"{package} is not installed")


@cache
def _processes() -> dict[str, subprocess.Popen[str]]:
    """Start all skins at once: their processes share the machine's cores."""
    return {
        skin: subprocess.Popen(**command(skin), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for skin in SKINS
        if missing(skin) is None
    }


@cache
def rendered(skin: str) -> dict[str, Page]:
    """Return the pages of the admin by name, as ``skin`` renders them.

    Skips the test where the skin fails on the admin's own pages, which are not this app's.
    """
    skip_without(skin)
    process = _processes()[skin]
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    pages = {name: Page(*page) for name, page in json.loads(output).items()}
    foreign = {name: page for name, page in pages.items() if name.startswith("foreign ")}
    if failed := [name for name, page in foreign.items() if page.status != 200]:
        pytest.skip(f"{skin} does not work with this Django: {', '.join(failed)}")
    return {name: page for name, page in pages.items() if name not in foreign}
