"""The catalogues that come with the app: complete and up to date."""

import re
from collections import Counter
from gettext import GNUTranslations, c2py
from pathlib import Path

import django
import pytest
from django.conf.locale import LANG_INFO

from tests.messages import (
    APP,
    HEADINGS,
    LANGUAGES,
    VISITORS_SOURCES,
    compiled,
    entries,
    in_source,
    read,
)

pytestmark = pytest.mark.once

# Their catalogues have the texts of the admin and of commands, too.
FOR_THE_TEAM = ("de", "fr")

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")


def placeholders(text: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(text))


def forms_of_numbers(rule: str) -> list[int]:
    """Return which plural form each number takes, from 0 on."""
    form = c2py(rule.partition("plural=")[2].strip().removesuffix(";"))
    return [form(number) for number in range(200)]


def told_apart(rule: str) -> set[frozenset[int]]:
    """Return the numbers that take the same plural form, whatever number the form has."""
    forms = forms_of_numbers(rule)
    return {frozenset(n for n, form in enumerate(forms) if form == each) for each in forms}


def forms_of_one_number(language: str) -> set[int]:
    """Return the plural forms that are for one number only, such as a dual."""
    used = Counter(forms_of_numbers(plural_forms(language)))
    return {form for form, times in used.items() if times == 1}


def plural_forms(language: str) -> str:
    return read(language)[0]["Plural-Forms"]


def django_catalogue(language: str) -> Path:
    return Path(django.__file__).parent / "conf" / "locale" / language / "LC_MESSAGES" / "django.mo"


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
    (plurals,) = map(int, re.findall(r"nplurals=(\d+);", plural_forms(language)))

    for entry in entries(language):
        assert all(entry.translations), entry.originals
        assert len(entry.translations) == (plurals if entry.message.plural else 1)
        assert "fuzzy" not in " ".join(entry.comments), entry.originals
        assert not any(comment.startswith("#~") for comment in entry.comments)


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_those_of_the_original(language):
    single = forms_of_one_number(language)
    wrong = []
    for entry in entries(language):
        for number, (original, translation) in enumerate(entry.pairs()):
            expected, found = placeholders(original), placeholders(translation)
            # A form for one number only may write it as a word, or have a dual.
            if entry.message.plural and number in single and not found:
                expected = Counter()
            if expected != found:
                wrong.append((original, translation))

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_those_of_django(language):
    # Django keeps catalogues of other forms apart, and looks a text up in each of them.
    if language not in LANG_INFO or not (path := django_catalogue(language)).exists():
        pytest.skip("Django has no catalogue of this language.")
    with path.open("rb") as file:
        theirs = GNUTranslations(file).info()["plural-forms"]

    assert told_apart(plural_forms(language)) == told_apart(theirs)


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


def test_no_text_of_visitors_is_one_of_django():
    # Without a context Django's own catalogue would answer for it, and ours for the site's texts.
    theirs = set()
    for path in Path(django.__file__).parent.rglob("LC_MESSAGES/*.mo"):
        with path.open("rb") as file:
            theirs.update(vars(GNUTranslations(file))["_catalog"])
    known = {text[0] if isinstance(text, tuple) else text for text in theirs}

    assert len(known) > 1000
    visitors = in_source(visitors_only=True)
    assert {text for context, text, _ in visitors if not context} & known == set()


def test_no_french_sign_is_parted_from_its_word():
    # A line may break at a plain space.
    translations = [text for entry in entries("fr") for text in entry.translations]

    assert [text for text in translations if re.search("« | [:;?!»]", text)] == []


@pytest.mark.parametrize("package", [name for name in VISITORS_SOURCES if name.endswith("/")])
def test_code_for_visitors_translates_into_the_language_of_the_texts(package):
    # Django's own functions answer in the page's language, in which the app may have no texts.
    for path in (APP / package).rglob("*.py"):
        imported = re.findall(
            r"from django\.utils\.translation import (.*)", path.read_text(encoding="utf-8")
        )
        assert "gettext" not in " ".join(imported), path
