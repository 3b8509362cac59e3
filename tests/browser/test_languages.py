"""The visitor's language: what the app says is German to a German, and still fits."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import translation
from django.utils.translation import gettext, pgettext
from playwright.sync_api import expect

import consent
from tests.browser.test_notice import LOOKS, PHONE

LOCALES = Path(consent.__file__).parent / "locale"
LANGUAGES = sorted(path.parents[1].name for path in LOCALES.glob("*/LC_MESSAGES/django.mo"))
# Written from right to left; with long words; and what was there first. The others take minutes.
SAMPLE = {"ar", "de", "el", "fr"}
SPOKEN = pytest.mark.parametrize(
    "language",
    [
        language if language in SAMPLE else pytest.param(language, marks=pytest.mark.exhaustive)
        for language in LANGUAGES
    ],
)
ACCEPT, REJECT, PREFERENCES = "Accept all", "Reject all", "Preferences"


def in_language(language: str, *texts: str) -> list[str]:
    with translation.override(language):
        labels = {text: pgettext("consent", text) for text in texts}
        return [gettext(text) if label == text else label for text, label in labels.items()]


def test_there_are_translations():
    assert set(LANGUAGES) > SAMPLE


@pytest.mark.parametrize(("language", "comes_first"), [("ar", "button"), ("de", "title")])
def test_the_title_comes_first_in_the_direction_of_the_language(enter, language, comes_first):
    visitor = enter(locale=language, viewport=PHONE, reduced_motion="reduce")
    visitor.goto("/")
    visitor.press(*in_language(language, PREFERENCES))

    boxes = {
        "title": visitor.dialog.get_by_role("heading", level=2).bounding_box(),
        "button": visitor.dialog.get_by_role("button").first.bounding_box(),
    }
    left, right = sorted(boxes, key=lambda name: boxes[name]["x"])
    assert left == comes_first
    # The cross covers no word of the title.
    assert boxes[left]["x"] + boxes[left]["width"] <= boxes[right]["x"] + 1


@SPOKEN
def test_everything_is_said_in_the_visitors_language(enter, language):
    visitor = enter(locale=language)
    english = [
        ACCEPT,
        REJECT,
        PREFERENCES,
        "Website Data Collection Preferences",
        "Allow",
        "Category",
        "Purpose",
        "Tools",
        "Save",
        "Cancel",
        "Keep editing",
        "Functional",
    ]
    accept, reject, preferences, title, *columns, save, cancel, keep, functional = in_language(
        language, *english
    )
    assert len({accept, reject, preferences, title, save, cancel} & set(english)) == 0

    visitor.goto("/")

    assert visitor.page.locator("html").get_attribute("lang") == language
    buttons = visitor.notice.get_by_role("button").all_inner_texts()
    assert buttons == [accept, reject, preferences]
    assert visitor.control.inner_text().strip() == title
    visitor.press(preferences)
    expect(visitor.page.get_by_role("dialog", name=title)).to_be_visible()
    assert visitor.dialog.get_by_role("columnheader").all_inner_texts() == columns
    assert visitor.dialog.get_by_role("rowheader").first.inner_text() == functional
    visitor.box("functional").check()
    visitor.press(cancel, visitor.dialog)
    visitor.press(keep, visitor.confirmation)
    visitor.press(save, visitor.dialog)
    expect(visitor.status).to_contain_text(functional)
    expect(visitor.status).not_to_contain_text("Saved")
    for path in ("/consent/preferences/", "/policy/"):
        visitor.goto(path)
        expect(visitor.page.locator("main")).to_contain_text(functional)


@SPOKEN
def test_a_failed_save_is_said_in_the_visitors_language(enter, language):
    visitor = enter(locale=language)
    visitor.goto("/")
    visitor.context.route("**/consent/api/preferences/", lambda route: route.abort())

    visitor.press(*in_language(language, ACCEPT))

    alert = visitor.notice.get_by_role("alert")
    expect(alert).not_to_be_empty()
    expect(alert).not_to_contain_text("Your choice was not saved")


@SPOKEN
@pytest.mark.parametrize("place", ["notice", "dialog"])
def test_longer_words_fit_a_phone_and_make_no_button_smaller(enter, language, place):
    visitor = enter(locale=language, viewport=PHONE, reduced_motion="reduce")
    visitor.goto("/")
    accept, reject, preferences = in_language(language, ACCEPT, REJECT, PREFERENCES)
    root = visitor.notice
    if place == "dialog":
        visitor.press(preferences)
        root = visitor.dialog
    visitor.page.mouse.move(0, 0)

    box = root.bounding_box()
    assert box is not None
    if place == "notice":
        assert box["width"] * box["height"] <= PHONE["width"] * PHONE["height"] / 3
    looks = [
        root.get_by_role("button", name=name, exact=True).evaluate(LOOKS)
        for name in (accept, reject)
    ]
    assert looks[0][:-3] == looks[1][:-3]
    # Browsers place elements at fractions of a pixel.
    assert looks[0][-3:] == pytest.approx(looks[1][-3:], abs=0.15)
    for button in root.get_by_role("button").all():
        expect(button).to_be_in_viewport(ratio=1)
        assert button.evaluate("el => el.scrollWidth <= el.clientWidth + 1")
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
