"""The catalogues that come with the app: complete, up to date, and what a visitor reads."""

import re
from collections import Counter
from html import unescape
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.html import strip_tags
from django.utils.translation import override

from consent.models import Category, Policy, default_texts
from tests.factories import ToolFactory
from tests.messages import HEADINGS, LANGUAGES, compiled, entries, in_source, read

pytestmark = pytest.mark.once

# Their catalogues have the texts of the admin and of commands, too.
FOR_THE_TEAM = ("de", "fr")

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")

# The control, then the buttons of notice and dialog.
LABELS = {
    "de": (
        "Einstellungen zur Website-Datenerhebung",
        "Alle akzeptieren",
        "Alle ablehnen",
        "Einstellungen",
        "Speichern",
        "Abbrechen",
    ),
    "fr": (
        "Préférences de collecte de données",
        "Tout accepter",
        "Tout refuser",
        "Préférences",
        "Enregistrer",
        "Annuler",
    ),
}
DEFAULT_TEXTS = (
    default_texts.POLICY_NAME,
    default_texts.INTRODUCTION,
    default_texts.EXPLANATION,
    default_texts.NOTICE,
    *(text for category in default_texts.CATEGORIES for text in (category.name, category.purpose)),
)


def placeholders(text: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(text))


def words(text: str) -> str:
    """Return the text as one line; a soft hyphen only says where a button's label may break."""
    return " ".join(text.replace("\N{SOFT HYPHEN}", "").split())


def page(path: str, language: str) -> tuple[str, list[str]]:
    """Return what a visitor with that browser language reads, and the buttons' labels."""
    response = Client().get(path, headers={"Accept-Language": f"{language}-CH,en;q=0.5"})
    markup = response.content.decode()
    buttons = re.findall(r"<button[^>]*>(.*?)</button>", markup, re.DOTALL)
    return words(unescape(strip_tags(markup))), [words(strip_tags(label)) for label in buttons]


# The files


@pytest.mark.parametrize("language", LANGUAGES)
def test_has_exactly_the_texts_of_code_and_templates(language):
    visitors, all_messages = in_source(visitors_only=True), in_source()
    kept = [entry.message for entry in entries(language)]

    # A catalogue without the team's texts has none of them, so that no page of the admin is mixed.
    assert set(kept) == (all_messages if language in FOR_THE_TEAM else visitors)
    assert [message for message, times in Counter(kept).items() if times > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translator_meets_the_visitors_texts_first(language):
    visitors = in_source(visitors_only=True)
    kept = entries(language)
    order = [entry.message in visitors for entry in kept]
    headings = {
        kept.index(entry): entry.comments[0] for entry in kept if {*HEADINGS} & {*entry.comments}
    }

    assert order == sorted(order, reverse=True)
    begins = [0, len(visitors)] if language in FOR_THE_TEAM else [0]
    assert headings == dict(zip(begins, HEADINGS, strict=False))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_none_is_a_guess(language):
    header, messages = read(language)
    (plurals,) = re.findall(r"nplurals=(\d+);", header["Plural-Forms"])

    for entry in messages:
        assert all(entry.translations), entry.originals
        assert len(entry.translations) == (int(plurals) if len(entry.originals) > 1 else 1)
        assert "fuzzy" not in " ".join(entry.comments), entry.originals
        assert not any(comment.startswith("#~") for comment in entry.comments)


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_those_of_the_original(language):
    wrong = [
        (original, translation)
        for entry in entries(language)
        for original, translation in entry.pairs()
        if placeholders(original) != placeholders(translation)
    ]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_bring_no_markup_of_their_own(language):
    # A template writes them as they are, some between the quotes of an attribute.
    wrong = [
        translation
        for entry in entries(language)
        for original, translation in entry.pairs()
        if any(original.count(sign) != translation.count(sign) for sign in '<>"')
    ]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_file_is_up_to_date(language):
    expected = {}
    for entry in entries(language):
        context, text, plural = entry.message
        key = f"{context}\4{text}" if context else text
        for number, translation in enumerate(entry.translations):
            expected[(key, number) if plural else key] = translation

    catalogue = vars(compiled(language))["_catalog"]

    assert {key: text for key, text in catalogue.items() if key} == expected
    assert catalogue[""].splitlines() == [": ".join(line) for line in read(language)[0].items()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_header_names_the_project_and_nobody(language):
    header, _ = read(language)

    assert header["Project-Id-Version"] == "django-consent-tools"
    assert header["Language"] == language
    assert header["Last-Translator"] == header["Language-Team"] == ""
    assert not {name for name in header if name.startswith("X-")}
    assert "@" not in "".join(header.values())


def test_no_french_sign_is_parted_from_its_word():
    # A line may break at a plain space.
    translations = [text for entry in entries("fr") for text in entry.translations]

    assert [text for text in translations if re.search("« | [:;?!»]", text)] == []


# What is read


@pytest.mark.parametrize(
    ("language", "days", "expected"),
    [
        ("de", 1, "1 Tag"),
        ("de", 30, "30 Tage"),
        ("de", 182, "6 Monate"),
        ("de", 365, "1 Jahr"),
        ("de", 730, "2 Jahre"),
        ("fr", 1, "1 jour"),
        ("fr", 30, "30 jours"),
        ("fr", 182, "6 mois"),
        ("fr", 365, "1 an"),
        ("fr", 730, "2 ans"),
    ],
)
def test_lifetime_in_words(language, days, expected):
    with override(language):
        assert default_texts.lifetime(days) == expected


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text", [default_texts.NOTICE, default_texts.IMPLIED_NOTICE, default_texts.INTRODUCTION]
)
def test_texts_call_the_control_what_it_is_called(language, text):
    with override(language):
        assert words(LABELS[language][0]) in words(default_texts.localized(text))


@pytest.fixture
def policy(db) -> Policy:
    """The policy that a website begins with, and one tool that visitors are to be asked about."""
    call_command("consent_init", stdout=StringIO())
    ToolFactory(category=Category.objects.get(key="functional"), name="Chat")
    return Policy.objects.get()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["/consent/policy/", "/consent/preferences/"])
def test_visitor_reads_labels_in_their_language(policy, path, language):
    _, buttons = page(path, language)

    assert set(LABELS[language]) <= set(buttons)
    assert not {"Accept all", "Reject all", "Preferences", "Save", "Cancel"} & set(buttons)


@pytest.mark.parametrize("language", LANGUAGES)
def test_visitor_reads_the_default_texts_in_their_language(policy, language):
    read_by_visitor, _ = page("/consent/policy/", language)

    with override(language):
        lifetime = default_texts.lifetime(policy.lifetime_days)
        shown = {text: default_texts.localized(text, lifetime=lifetime) for text in DEFAULT_TEXTS}
    for original, translation in shown.items():
        assert translation != original
        assert words(translation) in read_by_visitor


@pytest.mark.parametrize("language", LANGUAGES)
def test_visitor_reads_in_their_language_that_tools_run_already(policy, language):
    policy.regime = "implied"
    policy.save()

    read_by_visitor, _ = page("/consent/policy/", language)

    with override(language):
        lifetime = default_texts.lifetime(policy.lifetime_days)
        assert (
            words(default_texts.localized(default_texts.IMPLIED_NOTICE, lifetime=lifetime))
            in read_by_visitor
        )


def test_other_languages_read_english(policy):
    _, buttons = page("/consent/policy/", "it")

    assert {"Accept all", "Reject all", "Preferences", "Save", "Cancel"} <= set(buttons)
