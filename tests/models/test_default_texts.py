"""The texts that a policy starts with, and how stored texts are shown."""

import pytest
from django.utils.translation import override

from consent.models import Category, Policy, default_texts
from consent.models.default_texts import lifetime, localized
from consent.recipes.keys import CATEGORY_KEY_LENGTH


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (1, "1 day"),
        (2, "2 days"),
        (30, "30 days"),
        (59, "59 days"),
        (60, "2 months"),
        (91, "3 months"),
        (180, "6 months"),
        (182, "6 months"),
        (183, "6 months"),
        (364, "12 months"),
        (365, "1 year"),
        (366, "12 months"),
        (395, "13 months"),
        (730, "2 years"),
    ],
)
def test_lifetime_is_said_in_the_words_that_one_would_use(days: int, words: str):
    assert lifetime(days) == words


def test_lifetime_in_words_is_never_off_by_more_than_half_a_month():
    days_in = {"day": 1, "month": 365 / 12, "year": 365}

    for days in range(1, 396):
        number, unit = lifetime(days).split()
        assert abs(int(number) * days_in[unit.removesuffix("s")] - days) <= 365 / 24


def test_placeholders_are_filled():
    text = "Kept for {lifetime}. Again: {lifetime}."

    assert localized(text, lifetime="6 months") == "Kept for 6 months. Again: 6 months."


@pytest.mark.parametrize("text", ["{", "}", "{}", "{0}", "{unknown}", "{lifetime", "100 % {a.b!r}"])
def test_stray_braces_stay_as_they_are(text: str):
    assert localized(text, lifetime="6 months") == text


def test_stored_text_is_shown_in_the_visitors_language():
    # Of Django's own catalogue, as a site's is.
    with override("de"):
        assert localized("January") == "Januar"
        assert localized("Our own words") == "Our own words"


def test_empty_text_stays_empty():
    # To GNU's gettext "" means the catalogue's header.
    with override("de"):
        assert localized("") == ""


@pytest.mark.parametrize(
    "text", [default_texts.NOTICE, default_texts.IMPLIED_NOTICE, default_texts.INTRODUCTION]
)
def test_texts_say_how_long_a_choice_is_kept_and_where_to_change_it(text: str):
    shown = localized(text, lifetime="6 months")

    assert "for 6 months" in shown
    assert "“Website Data Collection Preferences”" in shown
    assert "{" not in shown


@pytest.mark.parametrize("text", [default_texts.NOTICE, default_texts.IMPLIED_NOTICE])
def test_notice_names_third_parties_and_says_it_in_two_or_three_sentences(text: str):
    assert "other companies" in text
    assert 2 <= text.count(". ") + text.endswith(".") <= 3


@pytest.mark.parametrize("text", default_texts.CATEGORIES, ids=lambda text: text.key)
def test_categories_of_the_default_policy_are_valid(text: default_texts.CategoryText):
    category = Category(policy=Policy(), **text._asdict())

    category.clean_fields(exclude=["policy"])
    assert len(text.key) <= CATEGORY_KEY_LENGTH


def test_default_policy_has_four_categories_of_which_one_is_essential():
    assert {text.key: text.essential for text in default_texts.CATEGORIES} == {
        "functional": False,
        "marketing-analytics": False,
        "advertising": False,
        "essential": True,
    }
