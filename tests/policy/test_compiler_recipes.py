"""A tool whose recipe cannot be read does not run, and keeps no other tool from running."""

import logging

import pytest

from consent.policy import build
from consent.recipes import RecipeError, find
from tests.factories import ToolFactory, example_parameters

pytestmark = pytest.mark.django_db


def test_only_the_recipes_that_tools_use_are_read(monkeypatch):
    ToolFactory(key="stats", recipe="matomo", parameters=example_parameters("matomo"), snippet="")
    monkeypatch.setattr("consent.recipes.catalogue", lambda: pytest.fail("all files are read"))

    assert build().default.tools["stats"].markup


def test_an_invalid_recipe_stops_its_own_tools_alone(monkeypatch, caplog):
    ToolFactory(key="stats", recipe="matomo", parameters=example_parameters("matomo"), snippet="")
    ToolFactory(key="chat", snippet="<script>chat()</script>")

    def broken(key: str):
        if key == "matomo":
            raise RecipeError("matomo.toml", "name", "is missing.")
        return find(key)

    monkeypatch.setattr("consent.policy.compiler.find", broken)
    with caplog.at_level(logging.ERROR, logger="consent"):
        tools = build().default.tools

    assert not tools["stats"].markup
    assert tools["chat"].markup
    assert "The recipe matomo is invalid" in caplog.text


@pytest.mark.parametrize("key", ["", "nothing", "../keys", "Matomo"])
def test_an_unknown_key_finds_nothing(key):
    assert find(key) is None
