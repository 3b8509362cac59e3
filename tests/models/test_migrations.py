"""Migrations of the app: a new wording makes none."""

from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.validators import RegexValidator
from django.db.migrations.state import ModelState
from django.db.models import CharField

from consent.models import Policy, Tool
from consent.models.legal_basis import LEGAL_BASES, LegalBasis

# Whether the migrations that are there were applied is looked up.
pytestmark = pytest.mark.django_db

TEXTS = {"verbose_name", "help_text", "choices", "validators"}


def pending() -> str:
    """Return what `makemigrations` would write."""
    said = StringIO()
    call_command("makemigrations", "consent", dry_run=True, verbosity=3, stdout=said)
    return said.getvalue()


def test_models_and_migrations_agree():
    assert "No changes detected" in pending()


def test_new_wording_makes_no_migration(monkeypatch):
    regime = Policy._meta.get_field("regime")
    placement = Tool._meta.get_field("placement")
    monkeypatch.setattr(regime, "help_text", "Another help text.")
    monkeypatch.setattr(regime, "verbose_name", "another label")
    monkeypatch.setattr(placement, "choices", [("head", "Elsewhere"), ("body", "There")])
    monkeypatch.setattr(Policy._meta.get_field("key"), "_validators", [RegexValidator("a", "No.")])
    monkeypatch.setattr("consent.models.default_texts.NOTICE", "Another notice.")
    basis = LegalBasis("New", "New", runs_first=True, asks=True, notice="", addition="")
    monkeypatch.setitem(LEGAL_BASES, "new", basis)

    assert Policy._meta.get_field("notice_text").get_default() == "Another notice."
    assert "No changes detected" in pending()


def test_change_of_a_column_makes_a_migration(monkeypatch):
    monkeypatch.setattr(Policy._meta.get_field("key"), "max_length", 41)

    assert "Alter field key on policy" in pending()


@pytest.mark.parametrize("model", list(apps.get_app_config("consent").get_models()))
def test_no_text_of_a_model_is_part_of_its_migration(model):
    state = ModelState.from_model(model)

    assert not TEXTS & set(state.options)
    assert "verbose_name_plural" not in state.options
    # The primary key that Django adds has a name of its own.
    ours = {name: field for name, field in state.fields.items() if not field.auto_created}
    for name, field in ours.items():
        _name, path, _args, options = field.deconstruct()
        assert not TEXTS & set(options), name
        assert path == f"django.db.models.{type(field).__name__}", name


def test_texts_are_there_for_forms():
    field = Tool._meta.get_field("key")

    assert (str(field.verbose_name), str(Tool._meta.verbose_name_plural)) == ("key", "tools")
    assert field.help_text
    assert field.validators
    assert isinstance(field, CharField)
    assert Tool(placement="head").get_placement_display() == "In the page's head"
