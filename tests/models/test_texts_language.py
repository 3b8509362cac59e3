"""The one language of the app's own texts, whatever languages the page and the site have."""

import pytest
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import get_language, override

from consent.models import texts_language as texts
from consent.models.texts_language import texts_language
from tests.messages import LANGUAGES, Message, write_catalogue

pytestmark = pytest.mark.once

CODE = Message("code of the language of the consent texts", "en", "")
SENTENCE = "Your choice is saved."


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_is_the_active_one_if_the_app_has_it(language):
    with override(language):
        assert texts_language() == language
        assert texts.attributes_of_texts() == texts.attributes_of_page() == ""


@pytest.mark.parametrize("variant", ["en-gb", "de-at", "fr-ca"])
def test_a_variant_counts_as_its_language(variant):
    with override(variant):
        assert texts_language() == variant
        assert texts.attributes_of_texts() == ""


@pytest.mark.parametrize("language", ["tr", "fa", "zh-hans", None])
def test_is_english_otherwise(language):
    with override(language):
        assert texts_language() == "en"
        assert texts.attributes_of_texts() == ' lang="en" dir="ltr"'
        assert texts.gettext(SENTENCE) == SENTENCE


def test_is_the_one_to_which_django_falls_back(settings):
    settings.LANGUAGE_CODE = "de"
    # Django's tests forget what was read of catalogues only with this setting.
    settings.LANGUAGES = [*settings.LANGUAGES]

    with override("tr"):
        assert texts_language() == "de"
        assert texts.gettext(SENTENCE) == "Ihre Auswahl ist gespeichert."
        assert get_language() == "tr"


def test_without_translation_they_are_english(settings, monkeypatch):
    settings.USE_I18N = False
    settings.LANGUAGE_CODE = "de"
    # As when the process starts: Django looks at the setting once.
    monkeypatch.setattr(translation, "_trans", type(translation._trans)())

    assert texts_language() == "en"


def test_a_page_from_right_to_left_has_its_direction_back():
    with override("fa"):
        assert texts.attributes_of_page() == ' lang="fa" dir="rtl"'


@pytest.mark.parametrize(("named", "expected"), [(True, "Kaydedildi."), (False, SENTENCE)])
def test_a_sites_catalogue_is_used_if_it_names_its_language(settings, tmp_path, named, expected):
    # Without the code nobody knows whether it has all texts, and a part would mix two languages.
    code = {CODE: ["tr"]} if named else {}
    write_catalogue(tmp_path, "tr", {Message("", SENTENCE, ""): ["Kaydedildi."], **code})
    settings.LOCALE_PATHS = [tmp_path]

    with override("tr"):
        assert texts.gettext(SENTENCE) == expected


def test_a_lazy_text_is_translated_when_it_is_used():
    lazy = texts.gettext_lazy(SENTENCE)

    assert isinstance(lazy, Promise)
    for language, expected in (("de", "Ihre Auswahl ist gespeichert."), ("tr", SENTENCE)):
        with override(language):
            assert str(lazy) == expected


def test_plurals_are_those_of_the_language_of_the_texts():
    with override("tr"):
        days = [
            texts.npgettext("how long a choice is kept", "%(number)d day", "%(number)d days", n)
            for n in (1, 2)
        ]

    assert days == ["%(number)d day", "%(number)d days"]
