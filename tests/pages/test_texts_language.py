"""Pages in a language that the app does not have: its parts say that they are in another one."""

import re
from html.parser import HTMLParser

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils.formats import date_format
from django.utils.translation import override

from consent.models import Category, Policy, PolicyVersion, Record
from consent.pages import template_functions as tags
from consent.pages.embeds import consent_block
from tests.factories import ToolFactory
from tests.helpers import SAME_ORIGIN, page_request, small_site
from tests.messages import APP

pytestmark = [pytest.mark.django_db, pytest.mark.once]

VOID = {"br", "hr", "img", "input", "link", "meta", "base"}
# Django's own catalogues have them.
FOREIGN = {"tr": ("Kaydet", "Kapat"), "fa": ("ذخیره", "بستن")}
# The app's own, and one of a site that is in the language of the page.
FRAMES = {
    "own": (APP / "templates" / "consent" / "base.html").read_text(encoding="utf-8"),
    "site's": '<html lang="{{ LANGUAGE_CODE }}"><main>{% block content %}{% endblock %}</main>',
}
PAGES = ("policy/", "preferences/", "receipts/")


@pytest.fixture(autouse=True)
def policy(settings) -> Policy:
    settings.LANGUAGES = [*django_settings.LANGUAGES, ("tr", "Türkçe"), ("fa", "فارسی")]
    return small_site()


class _Texts(HTMLParser):
    """Collects the texts with the language and the direction that are written around them."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self.languages = [(language, "")]
        self.found: dict[str, tuple[str, str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        language, direction = self.languages[-1]
        here = given.get("lang") or language, given.get("dir") or direction
        if tag not in VOID:
            self.languages.append(here)
        for name in ("aria-label", "data-all"):
            if given.get(name):
                self.found[str(given[name])] = here

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.languages.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found[" ".join(data.split())] = self.languages[-1]


def texts_of(markup: str, language: str) -> dict[str, tuple[str, str]]:
    parser = _Texts(language)
    parser.feed(re.sub(r"(?s)<template.*?</template>", "", markup))
    return parser.found


def body(language: str, *parts: str) -> dict[str, tuple[str, str]]:
    with override(language):
        request = page_request()
        written = [tags.FUNCTIONS[part](request) for part in parts]
    return texts_of("".join(map(str, written)), language)


@pytest.mark.parametrize("language", ["tr", "fa"])
@pytest.mark.parametrize("delivery", ["server", "cacheable"])
def test_the_parts_of_a_page_are_english_and_say_so(settings, language, delivery):
    settings.CONSENT_DELIVERY = delivery

    found = body(language, "consent_body", "consent_policy", "consent_preferences_button")

    assert {"Accept all", "Save", "Close", "Tools", "Saved. You allow all categories."} <= set(
        found
    )
    assert not set(FOREIGN[language]) & set(found)
    assert {where for text, where in found.items() if re.search("[a-z]", text)} == {("en", "ltr")}


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_the_parts_of_a_page_in_their_language_say_nothing(language):
    # The owner's texts do: `tests/pages/test_translations.py`.
    Policy.objects.update(language=language)

    found = body(language, "consent_body", "consent_policy", "consent_preferences_button")

    assert set(found.values()) == {(language, "")}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("language", ["tr", "fa"])
def test_the_apps_own_pages_are_english_and_say_so(settings, tmp_path, path, frame, language):
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / "base.html").write_text(FRAMES[frame])
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    browser = Client(headers={**SAME_ORIGIN, "Accept-Language": language})
    browser.post("/consent/preferences/", {"action": "accept-all"})

    markup = browser.get(f"/consent/{path}").content.decode()

    main = re.search("(?s)<main>(.*)</main>", markup)
    around = re.search(r'<html lang="([^"]*)"', markup)
    assert main
    assert around
    found = texts_of(main[1], around[1])
    assert set(found.values()) <= {("en", "ltr")}
    assert not set(FOREIGN[language]) & set(found)


def test_dates_and_numbers_are_those_of_the_texts(settings):
    settings.LANGUAGE_CODE = "de"
    settings.LANGUAGES = [*settings.LANGUAGES]
    browser = Client(headers={**SAME_ORIGIN, "Accept-Language": "tr"})
    browser.post("/consent/preferences/", {"action": "accept-all"})

    markup = browser.get("/consent/receipts/").content.decode()

    decided = Record.objects.get().decided_at
    with override("de"):
        assert date_format(decided, "DATETIME_FORMAT") in markup


def test_title_of_an_embed_stays_in_the_language_of_the_page():
    ToolFactory(category=Category.objects.get(key="functional"), key="map", name="Map")
    with override("fa"):
        markup = consent_block(page_request(), "map", "<b>x</b>", title="نقشه")

    found = texts_of(markup, "fa")
    assert found["نقشه"] == ("fa", "rtl")
    assert found["Load once"] == ("en", "ltr")


def test_a_record_says_in_which_language_the_text_was_shown():
    browser = Client(headers={**SAME_ORIGIN, "Accept-Language": "tr"})
    page = browser.get("/consent/preferences/").context["version"]

    browser.post("/consent/preferences/", {"action": "reject-all", "version": page})

    record = Record.objects.get()
    assert record.language == record.version.language == record.version.shown["language"] == "en"
    assert PolicyVersion.objects.get().digest.startswith(page.partition(".")[0])
    assert "6 months" in record.version.content


def test_a_refusal_of_a_form_or_of_the_api_is_in_one_language():
    headers = {**SAME_ORIGIN, "Accept-Language": "tr"}
    browser = Client(headers=headers)

    page = browser.post("/consent/preferences/", {"action": "dance"}).context["error"]
    answer = browser.put(
        "/consent/api/preferences/", {"choices": {"no": True}}, content_type="application/json"
    ).json()

    assert page.startswith("Nothing was saved: ")
    assert "there is no action “dance”" in page
    assert "There is no category with this key." in str(answer)


def test_a_text_of_the_owner_is_looked_up_in_the_language_of_the_page():
    # Django's own catalogue translates it.
    Category.objects.filter(key="functional").update(name="Monday")
    Policy.objects.get().touch()

    assert "Pazartesi" in body("tr", "consent_policy")
