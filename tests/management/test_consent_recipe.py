"""`consent_recipe`: what is wrong with recipes, and which facts are old."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from consent.recipes import catalogue
from tests.recipes.test_recipes import GOOD, write


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("consent_recipe", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def directory(tmp_path: Path, monkeypatch) -> Path:
    """Return the only directory with recipes, which has one good recipe without a date."""
    monkeypatch.setattr("consent.recipes.directories", lambda: [tmp_path])
    catalogue.cache_clear()
    write(tmp_path, GOOD)
    yield tmp_path
    catalogue.cache_clear()


def test_all_recipes_of_the_package_are_checked():
    assert run("check") == f"{len(catalogue())} recipes checked; nothing is wrong with them.\n"


def test_only_those_that_are_named_are_checked(directory):
    write(directory, GOOD.replace('kind = "browser"', 'kind = "x"'), "broken.toml")

    assert run("check", "good").startswith("1 recipes checked")
    with pytest.raises(CommandError, match=r"^broken.toml: kind: “x” is not one of: browser, "):
        run("check", "broken")
    with pytest.raises(CommandError, match=r"^broken.toml: kind: "):
        run("check")


def test_a_name_that_no_recipe_has_is_said():
    with pytest.raises(CommandError, match="nonesuch: there is no such recipe"):
        run("check", "google-analytics", "nonesuch")


def test_old_facts_come_first_and_those_without_a_date_before_them(directory):
    for name, day in (("old", "2001-02-03"), ("older", "2000-02-03"), ("new", "2100-01-01")):
        text = GOOD.replace('confidence = "low"', f'confidence = "low"\nchecked = {day}')
        write(directory, text.replace('name = "Good"', f'name = "{name}"', 1), f"{name}.toml")

    assert [line.split()[-4:] for line in run("old").splitlines()[:3]] == [
        ["good", "(Good;", "confidence:", "low)"],
        ["older", "(older;", "confidence:", "low)"],
        ["old", "(old;", "confidence:", "low)"],
    ]
    assert run("old").splitlines()[-1] == "3 of 4 recipes are older than 365 days."


@pytest.mark.parametrize("days", ["-1", "100000", "99999999999999999999"])
def test_an_age_that_is_none_is_refused(days):
    with pytest.raises(CommandError, match="is not between 0 and 36500"):
        run("old", "--days", days)
