"""Recipes of the project's directories, of installed apps and of other installed packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core import checks
from django.test import Client, modify_settings, override_settings
from django.urls import reverse

from consent.policy import build
from consent.recipes import RecipeError, catalogue, directories, find, problems, search, valid
from consent.recipes.sources import RECIPES
from tests.factories import ToolFactory
from tests.recipes.installed import install, naming, package
from tests.recipes.test_recipes import GOOD, write

pytestmark = pytest.mark.once

OWN = RECIPES
ADD_TOOL = "admin:consent_tool_add"


def messages(*ids: str) -> list[checks.CheckMessage]:
    """Return the messages of the system check about recipes; all if no id is given."""
    wanted = ids or ("consent.E007", "consent.E008", "consent.W031", "consent.I032")
    return [each for each in checks.run_checks(tags=["consent"]) if each.id in wanted]


@pytest.fixture
def own(tmp_path: Path, settings) -> Path:
    """Return a directory of the project that is in CONSENT_RECIPE_DIRS."""
    directory = tmp_path / "own"
    directory.mkdir()
    settings.CONSENT_RECIPE_DIRS = [directory]
    return directory


@pytest.fixture
def app(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """Return the directory for recipes of an app that is installed during the test."""
    directory = package(tmp_path / "apps", "vendors_here") / "consent_recipes"
    directory.mkdir()
    monkeypatch.syspath_prepend(tmp_path / "apps")
    with modify_settings(INSTALLED_APPS={"append": "vendors_here"}):
        yield directory
    sys.modules.pop("vendors_here", None)


@pytest.fixture
def site(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """Return a directory in which distributions are found that a test installs."""
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    with override_settings(CONSENT_RECIPE_DIRS=()):
        yield directory


# The directories of a project


def test_directory_of_the_project_adds_recipes(own: Path):
    write(own, GOOD)

    assert catalogue()["good"].name == "Good"
    assert find("good") == catalogue()["good"]
    assert [recipe.key for recipe in search("good inc")] == ["good"]
    assert "google-analytics" in catalogue()
    assert messages() == []


def test_directory_may_be_written_as_text(tmp_path: Path, settings):
    write(tmp_path, GOOD)
    settings.CONSENT_RECIPE_DIRS = (str(tmp_path),)

    assert "good" in catalogue()


def test_recipe_is_gone_with_its_directory(tmp_path: Path):
    write(tmp_path, GOOD)
    with override_settings(CONSENT_RECIPE_DIRS=[tmp_path]):
        assert "good" in catalogue()
        assert find("good")

    assert "good" not in catalogue()
    assert find("good") is None


@pytest.mark.parametrize("value", ["/srv", None, 7, [7], ["recipes"], [Path("~/x")], [b"/srv"]])
def test_value_that_is_no_list_of_absolute_paths_is_reported_and_passed_over(settings, value):
    settings.CONSENT_RECIPE_DIRS = value

    (message,) = messages()
    assert message.id == "consent.E007"
    assert message.msg.startswith(f"CONSENT_RECIPE_DIRS is {value!r}; it has to be a list of abs")
    assert OWN in directories()


@pytest.mark.parametrize("name", ["missing", "file.txt", "x" * 5000, "nul\0", "a/../missing"])
def test_path_that_is_no_directory_is_reported_and_passed_over(
    tmp_path: Path, settings, admin_client: Client, name: str
):
    (tmp_path / "file.txt").touch()
    (tmp_path / "good").mkdir()
    write(tmp_path / "good", GOOD)
    settings.CONSENT_RECIPE_DIRS = [f"{tmp_path}/{name}", tmp_path / "good"]

    (message,) = messages()
    assert message.id == "consent.W031"
    assert repr(f"{tmp_path}/{name}") in message.msg
    assert message.hint
    assert "Good" in add_tool_page(admin_client)


def add_tool_page(admin: Client) -> str:
    """Return the page of the admin that offers the recipes."""
    answer = admin.get(reverse(ADD_TOOL))
    assert answer.status_code == 200
    return answer.content.decode()


# Installed packages


def test_entry_point_names_a_package_with_recipes(site: Path):
    install(site, naming("acme_recipes"))
    write(package(site, "acme_recipes"), GOOD)

    assert catalogue()["good"].name == "Good"
    assert messages() == []


def test_package_may_be_inside_of_another(site: Path):
    install(site, naming("acme.web.recipes"))
    write(package(site, "acme.web.recipes"), GOOD)

    assert "good" in catalogue()
    assert messages() == []


def test_no_code_of_a_package_runs_because_it_has_recipes(site: Path):
    install(site, naming("acme_recipes", "acme.recipes"))
    for name, key in (("acme", "unused"), ("acme.recipes", "inner"), ("acme_recipes", "outer")):
        write(package(site, name, "raise AssertionError('imported')"), GOOD, f"{key}.toml")

    assert {"inner", "outer"} <= catalogue().keys()
    assert messages() == []
    assert not {"acme", "acme_recipes"} & sys.modules.keys()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("acme_nowhere", "which is not an installed package with a directory."),
        ("acme_recipes.nowhere", "which is not an installed package with a directory."),
        (f"acme_recipes.{'x' * 5000}", "which is not an installed package with a directory."),
        ("acme_module", "which is not an installed package with a directory."),
        ("builtins", "which is not an installed package with a directory."),
        ("__main__", "which is not an installed package with a directory."),
        ("acme_recipes:DIRECTORY", "which is not the dotted name of a package."),
        ("../acme_recipes", "which is not the dotted name of a package."),
        ("acme recipes", "which is not the dotted name of a package."),
        ("", "which is not the dotted name of a package."),
        ("acme_empty", "which contains no TOML file: is its package data complete?"),
    ],
)
def test_entry_point_that_leads_to_no_recipe_is_reported_and_passed_over(
    site: Path, admin_client: Client, value: str, reason: str
):
    install(site, naming("acme_recipes", value))
    write(package(site, "acme_recipes"), GOOD)
    package(site, "acme_empty")
    (site / "acme_module.py").touch()

    (message,) = messages()
    assert message.id == "consent.W031"
    assert message.msg == (
        f"Recipes are missing: The entry point 'name1' of acme-recipes names {value!r}, {reason}"
    )
    assert "Good" in add_tool_page(admin_client)


@pytest.mark.parametrize("text", [b"[other]\nno value\n", b"[\xff]\n"])
def test_damaged_entry_points_of_any_package_are_reported_and_passed_over(site: Path, text: bytes):
    install(site, naming("acme_recipes"))
    write(package(site, "acme_recipes"), GOOD)
    install(site, "", "damaged").write_bytes(text)

    (message,) = messages()
    assert message.id == "consent.W031"
    assert "entry points of installed packages cannot be read" in message.msg
    assert "google-analytics" in catalogue()


# Several recipes with one key


def replacements() -> set[str]:
    return {message.msg for message in messages("consent.I032")}


def replaces(used: Path, other: Path, key: str) -> str:
    return f"The recipe {used / key}.toml replaces {other / key}.toml, which has the same key."


def named(name: str) -> str:
    return GOOD.replace('name = "Good"', f'name = "{name}"')


def test_what_a_project_names_replaces_the_rest_and_that_is_said(
    own: Path, app: Path, tmp_path: Path, settings
):
    second = tmp_path / "second"
    second.mkdir()
    settings.CONSENT_RECIPE_DIRS = [own, second]
    expected = set()
    for directory in (app, second, own):
        write(directory, named(directory.name), "hotjar.toml")
        assert_used(directory)
        expected = {replaces(directory, each, "hotjar") for each in (app, second, OWN)}

    assert replacements() == expected
    assert len(messages()) == 3


def assert_used(directory: Path) -> None:
    """Check that the recipe of Hotjar is the one in ``directory``."""
    catalogue.cache_clear()
    find.cache_clear()
    found = find("hotjar")
    assert found is not None
    assert found.name == catalogue()["hotjar"].name == directory.name


def test_package_that_is_only_installed_replaces_nothing_and_that_is_said(site: Path):
    install(site, naming("acme_recipes", "beta_recipes"))
    acme, beta = package(site, "acme_recipes"), package(site, "beta_recipes")
    write(acme, GOOD, "hotjar.toml")
    write(acme, named("Acme"), "chat.toml")
    write(beta, named("Beta"), "chat.toml")

    assert catalogue()["hotjar"].name == "Hotjar"
    assert catalogue()["chat"].name == "Acme"
    assert replacements() == {replaces(OWN, acme, "hotjar"), replaces(acme, beta, "chat")}


def test_project_replaces_by_a_package_if_it_names_its_directory(site: Path, settings):
    install(site, naming("acme_recipes"))
    acme = package(site, "acme_recipes")
    write(acme, GOOD, "hotjar.toml")
    settings.CONSENT_RECIPE_DIRS = [acme]

    assert catalogue()["hotjar"].name == "Good"
    # Although it is named twice, the directory is one.
    assert replacements() == {replaces(acme, OWN, "hotjar")}


# Invalid recipes


def test_invalid_recipe_is_reported_with_its_file_field_and_directory(own: Path):
    path = write(own, GOOD.replace('kind = "browser"', 'kind = "x"'))

    (message,) = messages()
    assert message.id == "consent.E008"
    assert "good.toml: kind: “x” is not one of: browser, server, embed." in message.msg
    assert message.hint == f"Correct or remove the file {path}."


def test_invalid_recipe_of_a_package_takes_no_other_from_admin_and_pages(
    site: Path, admin_client: Client
):
    install(site, naming("acme_recipes"))
    acme = package(site, "acme_recipes")
    write(acme, GOOD)
    write(acme, "name = ", "broken.toml")
    for key in ("good", "broken"):
        ToolFactory(key=key, recipe=key, parameters={"site": "abc"}, snippet="")

    tools = build().default.tools
    assert tools["good"].markup
    assert not tools["broken"].markup
    assert "good" in valid()
    page = add_tool_page(admin_client)
    assert "Good" in page
    assert "Hotjar" in page
    with pytest.raises(RecipeError, match=r"^broken\.toml: is not valid TOML"):
        catalogue()


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("{1,5}", "{99999999999999999999}", 1),
        f"name = {'9' * 5000}",
        f"name = {'[' * 100_000}",
        "name = 2026-02-31",
    ],
    ids=["repetition", "digits", "nested", "day"],
)
def test_file_that_breaks_a_parser_is_an_invalid_recipe(own: Path, text: str):
    write(own, text)

    (problem,) = problems()
    assert problem.startswith("good.toml: ")


def test_directory_and_dangling_link_with_a_recipes_name_are_invalid_recipes(own: Path):
    (own / "good.toml").mkdir()
    (own / "gone.toml").symlink_to(own / "nowhere")

    assert [problem.split(":")[0] for problem in problems()] == ["gone.toml", "good.toml"]
    for key in ("good", "gone"):
        with pytest.raises(RecipeError, match="cannot be read"):
            find(key)
