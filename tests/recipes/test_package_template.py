"""The template of a package of recipes: built as documented, it is found, and its tests pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from consent.recipes import catalogue, files_of
from tests.recipes.test_sources import messages

pytestmark = pytest.mark.once

TOP = Path(__file__).resolve().parents[2]
GUIDE = TOP.joinpath("docs", "recipe-packages.md").read_text(encoding="utf-8")
# A heading with the name of a file, and the first block of code after it.
DOCUMENTED = re.compile(r"^## `([^`]+)`\n.*?^```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the package, with the files of the guide."""
    directory = tmp_path_factory.mktemp("acme-consent-recipes")
    for name, text in DOCUMENTED.findall(GUIDE):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (directory / "acme_consent_recipes" / "__init__.py").touch()
    return directory


@pytest.fixture(scope="module")
def installed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with what is in the package's wheel, as pip unpacks it."""
    site = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(site / "dist")]
    run(build, project)
    (wheel,) = (site / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    return site


@pytest.fixture
def site(installed: Path, monkeypatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(installed)
    with override_settings(CONSENT_RECIPE_DIRS=()):
        yield installed


def run(command: list[str], directory: Path, *path: Path) -> str:
    done = subprocess.run(
        command,
        cwd=directory,
        env={
            **{name: value for name, value in os.environ.items() if "DJANGO" not in name},
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_guide_shows_each_file_that_it_lists(project: Path):
    listed = re.search(r"```text\n(.*?)```", GUIDE, re.DOTALL)
    assert listed
    names = re.findall(r"[\w.-]+\.(?:toml|py)\b", listed[1])

    assert len(names) == 5
    assert sorted(path.name for path in project.rglob("*.*") if path.is_file()) == sorted(names)


def test_recipe_of_the_built_package_is_found(site: Path):
    path = site / "acme_consent_recipes" / "acme-chat.toml"

    assert files_of("acme-chat") == [path]
    assert catalogue()["acme-chat"].vendor == "Acme, Inc."
    assert messages() == []


def test_tests_of_the_package_pass(project: Path, installed: Path):
    said = run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "-p", "no:cacheprovider"],
        # Not in the project: the package that is tested is the installed one.
        project / "tests",
        installed,
        TOP,
    )

    assert "3 passed" in said
