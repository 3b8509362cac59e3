"""The repository itself: its documents say what its code does, and it holds what it may hold."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from consent import __version__
from consent.conf import ConsentSettings
from consent.conf.table import Setting
from consent.events.conf import EventsSettings
from consent.findings.conf import FindingsSettings

pytestmark = pytest.mark.once

TOP = Path(__file__).resolve().parents[1]
ALLOWED = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "NOTICE",
    "README.md",
    "SECURITY.md",
    "consent",
    "demo_site",
    "docs",
    "manage.py",
    # The settings of the documentation site's builder.
    "mkdocs.yml",
    "pyproject.toml",
    "requirements",
    "tests",
}
# What git ignores: the demo's database, what Python and its tools leave behind.
LEFT_BEHIND = {"__pycache__", "build", "dist", "htmlcov", "staticfiles", "test-results"}
# Written so that this file does not hold what it looks for.
FORBIDDEN = re.compile(r"/(?:work|root|home|Users)/[a-z.]|registry\.n[p]m|files\.python[h]osted")
# The tables of settings that docs/settings.md describes.
TABLES = (ConsentSettings, EventsSettings, FindingsSettings)


def setting_names(text: str) -> set[str]:
    return set(re.findall(r"\bCONSENT_[A-Z][A-Z_]*[A-Z]\b", text))


def check_ids(text: str) -> set[str]:
    return set(re.findall(r"\bconsent\.[EIW]\d{3}\b", text))


def text_files() -> Iterator[Path]:
    """Every file of ours that is text: what pip, npm and git keep is not ours."""
    for path in TOP.rglob("*"):
        parts = path.relative_to(TOP).parts
        if (
            any(part in {".git", "node_modules", "__pycache__"} for part in parts)
            or not path.is_file()
        ):
            continue
        if parts[0] in ALLOWED or parts[0] == ".ci" or len(parts) == 1:
            try:
                path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            yield path


def settings_in_code() -> dict[str, Setting[object]]:
    return {setting.name: setting for table in TABLES for setting in table.declared()}


def settings_in_documents() -> dict[str, str]:
    """Return the section of each setting in docs/settings.md."""
    text = TOP.joinpath("docs/settings.md").read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {name.strip("`"): section for name, _, section in (s.partition("\n") for s in sections)}


def test_every_setting_is_documented_and_every_documented_setting_exists():
    headings = re.findall(r"^#+ .*$", TOP.joinpath("docs/settings.md").read_text(), re.MULTILINE)

    assert setting_names("\n".join(headings)) == set(settings_in_code())


@pytest.mark.parametrize("name", settings_in_code())
def test_documents_state_the_default_of_each_setting(name: str):
    default = settings_in_code()[name].default
    shown = f'"{default}"' if isinstance(default, str) else repr(default)
    section = settings_in_documents()[name]

    assert "default" in section
    assert f"`{shown}`" in section


@pytest.mark.parametrize("path", ["README.md", *(str(p) for p in TOP.glob("docs/**/*.md"))])
def test_documents_name_no_setting_that_does_not_exist(path: str):
    assert setting_names(TOP.joinpath(path).read_text()) <= set(settings_in_code())


def test_every_system_check_is_documented_and_every_documented_check_exists():
    code = "\n".join(path.read_text() for path in TOP.glob("consent/**/*.py"))
    documents = "\n".join(path.read_text() for path in TOP.glob("docs/**/*.md"))

    assert check_ids(documents) == check_ids(code)


def test_documents_link_to_files_that_exist():
    missing = [
        f"{document.name}: {target}"
        for document in [*TOP.glob("*.md"), *TOP.glob("docs/**/*.md")]
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text())
        if "://" not in target
        and not target.startswith("mailto:")
        and not document.parent.joinpath(target).exists()
    ]

    assert missing == []


def test_lines_for_cron_name_a_python_that_is_there():
    blocks = [
        block
        for document in TOP.glob("docs/**/*.md")
        for block in re.findall(r"```cron\n(.*?)```", document.read_text(), re.DOTALL)
    ]

    assert blocks
    assert [block for block in blocks if re.search(r"(?<![/\w])python", block)] == []


def test_top_level_holds_only_what_it_may():
    found = {path.name for path in TOP.iterdir() if not path.name.startswith(".")}

    assert {name for name in found - LEFT_BEHIND if not name.endswith(".sqlite3")} == ALLOWED


def test_no_file_names_a_place_on_some_machine():
    guilty = {
        str(path.relative_to(TOP)): found.group()
        for path in text_files()
        if (found := FORBIDDEN.search(path.read_text(encoding="utf-8")))
    }

    assert guilty == {}


def test_changelog_begins_with_this_version_or_what_is_to_come():
    headings = re.findall(r"^## (\S+)", TOP.joinpath("CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] in {__version__, "Unreleased"}
