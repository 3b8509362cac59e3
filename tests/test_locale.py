"""The catalogues that come with the app: complete, up to date, and what a visitor reads."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from gettext import GNUTranslations
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.html import strip_tags
from django.utils.translation import override
from django.utils.translation.template import templatize

from consent.models import Category, Policy, default_texts
from tests.factories import ToolFactory

pytestmark = pytest.mark.once

APP = Path(__file__).resolve().parents[1] / "consent"
LANGUAGES = ("de", "fr")

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
# In what Django makes of a template: calls with string literals, and the rest blotted out.
CALL = re.compile(r"gettext\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
FUNCTIONS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext"}

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


@dataclass
class Entry:
    """A message of a .po file. `parts`: keyword (msgid, msgid_plural, msgstr[0]…) to its text."""

    flags: str = ""
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def originals(self) -> list[str]:
        return [text for keyword, text in self.parts.items() if keyword.startswith("msgid")]

    @property
    def translations(self) -> list[str]:
        return [text for keyword, text in self.parts.items() if keyword.startswith("msgstr")]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each translation with the text that it stands for: singular first, then plurals."""
        for number, translation in enumerate(self.translations):
            yield self.originals[min(number, len(self.originals) - 1)], translation


def source(language: str) -> str:
    return catalogue_path(language).read_text(encoding="utf-8")


def catalogue_path(language: str, suffix: str = ".po") -> Path:
    return APP / "locale" / language / "LC_MESSAGES" / f"django{suffix}"


def read(language: str) -> tuple[str, list[Entry]]:
    """Return the header and the messages of a .po file (entries apart by an empty line)."""
    header, *entries = (_entry(block) for block in source(language).strip().split("\n\n"))
    assert header.originals == [""]
    return header.parts["msgstr"], entries


def _entry(block: str) -> Entry:
    entry, keyword = Entry(), ""
    for line in block.splitlines():
        if line.startswith("#"):
            entry.flags += line.removeprefix("#,") if line.startswith("#,") else ""
            continue
        if not line.startswith('"'):
            keyword, line = line.split(" ", 1)
            assert keyword not in entry.parts, f"no empty line before {line}"
        # The escapes of .po files are among Python's.
        entry.parts[keyword] = entry.parts.get(keyword, "") + ast.literal_eval(line)
    return entry


def entries(language: str) -> list[Entry]:
    return read(language)[1]


def placeholders(text: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(text))


def compiled(language: str) -> dict[Any, str]:
    with catalogue_path(language, ".mo").open("rb") as file:
        catalogue: dict[Any, str] = vars(GNUTranslations(file))["_catalog"]
    return catalogue


def in_python() -> Iterator[str]:
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = node.args[0] if node.args else None
                if node.func.id in FUNCTIONS and isinstance(first, ast.Constant):
                    yield str(first.value)


def in_templates() -> Iterator[str]:
    for path in APP.rglob("*.html"):
        for literal in CALL.findall(templatize(path.read_text(encoding="utf-8"))):
            yield ast.literal_eval(literal)


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
    used = {*in_python(), *in_templates()}
    kept = [entry.parts["msgid"] for entry in entries(language)]

    assert used - set(kept) == set()
    assert set(kept) - used == set()
    assert [text for text, times in Counter(kept).items() if times > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_none_is_a_guess(language):
    header, messages = read(language)
    (plurals,) = re.findall(r"nplurals=(\d+);", header)

    for entry in messages:
        assert all(entry.translations), entry.originals
        assert len(entry.translations) == (int(plurals) if len(entry.originals) > 1 else 1)
        assert "fuzzy" not in entry.flags, entry.originals
    assert "#~" not in source(language)


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
    header, messages = read(language)
    expected: dict[Any, str] = {"": header}
    for entry in messages:
        if len(entry.originals) == 1:
            expected[entry.parts["msgid"]] = entry.parts["msgstr"]
        else:
            for number, translation in enumerate(entry.translations):
                expected[entry.parts["msgid"], number] = translation

    assert compiled(language) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_header_names_the_project_and_nobody(language):
    lines = dict(line.split(": ", 1) for line in read(language)[0].splitlines())

    assert lines["Project-Id-Version"] == "django-consent-tools"
    assert lines["Language"] == language
    assert lines["Last-Translator"] == lines["Language-Team"] == ""
    assert not {name for name in lines if name.startswith("X-")}
    assert "@" not in "".join(lines.values())


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
