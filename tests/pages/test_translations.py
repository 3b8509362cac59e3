"""The owner's texts in the visitor's language: on pages, in the API, in records and receipts."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from consent.models import Category, Cookie, Policy, Record, Tool
from consent.pages import template_functions as tags
from tests.helpers import SAME_ORIGIN, page_request, small_site

pytestmark = pytest.mark.django_db

NOTICE, PURPOSE = "We count visits.", "To do what we do."
GERMAN = {
    (Policy, "notice_text"): "Wir zählen Besuche.",
    (Policy, "name"): "Unsere Daten",
    (Category, "purpose"): "Um zu tun, was wir tun.",
    (Category, "name"): "Nützliches",
    (Tool, "name"): "Plauderei",
    (Cookie, "purpose"): "Unterscheidet Besuche.",
    (Cookie, "retention"): "zwei Jahre",
}


@pytest.fixture(autouse=True)
def policy() -> Policy:
    policy = small_site(notice_text=NOTICE, language="en")
    Category.objects.update(purpose=PURPOSE, name="Useful things")
    return policy


@pytest.fixture
def german() -> None:
    for (model, name), text in GERMAN.items():
        for row in model.objects.all():
            row.translate("de", name, text)
            row.save(update_fields=["translations"])


def parts(language: str, *names: str) -> str:
    with override(language):
        request = page_request()
        return "".join(tags.FUNCTIONS[name](request) for name in names)


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize("language", ["de", "de-at"])
def test_notice_dialog_and_table_are_in_the_visitors_language(language):
    markup = parts(language, "consent_body", "consent_policy")

    assert [text for text in GERMAN.values() if text not in markup] == ["Unsere Daten"]
    assert NOTICE not in markup
    assert PURPOSE not in markup
    assert 'lang="en"' not in markup


def test_text_in_another_language_than_the_page_says_so():
    markup = parts("de", "consent_body", "consent_policy")

    assert f'<span lang="en" dir="ltr">{NOTICE}</span>' in markup
    assert f' lang="en" dir="ltr">{PURPOSE}' in markup
    assert '<th scope="row" role="rowheader" lang="en" dir="ltr">Useful things</th>' in markup


@pytest.mark.usefixtures("german")
def test_page_from_right_to_left_says_the_direction_of_what_is_not(policy):
    policy.refresh_from_db()
    policy.language = "he"
    policy.save()

    assert f'<span lang="he" dir="rtl">{NOTICE}</span>' in parts("en", "consent_body")


@pytest.mark.usefixtures("german")
def test_policy_page_and_preferences_are_in_the_visitors_language():
    client = Client(headers={"Accept-Language": "de"})

    policy_page = client.get("/consent/policy/").content.decode()
    preferences = client.get("/consent/preferences/").content.decode()

    assert "<h1>Unsere Daten</h1>" in policy_page
    assert "Um zu tun, was wir tun." in policy_page
    assert "Nützliches" in preferences


def test_name_within_a_sentence_says_its_language():
    client = Client(headers={**SAME_ORIGIN, "Accept-Language": "de"})
    client.post("/consent/preferences/", {"action": "accept-all"})

    markup = client.get("/consent/preferences/").content.decode()

    assert 'Sie erlauben: <span lang="en" dir="ltr">Useful things</span>' in markup


@pytest.mark.usefixtures("german")
def test_text_of_a_translation_is_escaped(policy):
    policy.refresh_from_db()
    policy.translate("de", "notice_text", "<script>alert(1)</script>")
    policy.save()

    markup = parts("de", "consent_body")
    assert "<script>alert" not in markup
    assert "&lt;script&gt;alert(1)" in markup


@pytest.mark.usefixtures("german")
def test_api_answers_in_the_visitors_language_and_names_what_is_in_another():
    def answer(language: str) -> dict:
        return (
            Client()
            .get(reverse("consent:api-policy"), headers={"Accept-Language": language})
            .json()
        )

    german, french = answer("de"), answer("fr")

    assert (german["language"], french["language"]) == ("de", "fr")
    assert german["notice_text"] == "Wir zählen Besuche."
    assert german["languages"] == {}
    assert german["categories"][0]["tools"][0]["name"] == "Plauderei"
    assert french["notice_text"] == NOTICE
    assert french["languages"] == {"notice_text": "en"}
    assert french["categories"][0]["languages"] == {"name": "en", "purpose": "en"}


@pytest.mark.usefixtures("german")
def test_record_version_and_receipt_have_what_was_shown(settings):
    settings.CONSENT_RECORDS = True
    client = Client(headers={**SAME_ORIGIN, "Accept-Language": "de"})
    client.post("/consent/preferences/", {"action": "accept-all"})
    record = Record.objects.get()

    shown = json.loads(record.version.content)
    receipt = client.get(f"/consent/receipts/{record.receipt}/").content.decode()
    copy = client.get(reverse("consent:api-receipt", args=[record.receipt])).json()

    assert record.language == record.version.language == shown["language"] == "de"
    assert shown["policy"]["notice_text"] == "Wir zählen Besuche."
    assert "Wir zählen Besuche." in receipt
    assert copy["pii_processing"]["language"] == "de"
    assert copy["pii_processing"]["purposes"][0]["purpose"] == "Nützliches"
    assert record.version.is_genuine


def test_receipt_says_the_language_of_a_text_that_was_shown_in_another(settings):
    settings.CONSENT_RECORDS = True
    client = Client(headers={**SAME_ORIGIN, "Accept-Language": "de"})
    client.post("/consent/preferences/", {"action": "accept-all"})
    record = Record.objects.get()
    Policy.objects.update(notice_text="Something else.")

    receipt = client.get(f"/consent/receipts/{record.receipt}/").content.decode()

    assert f'<p lang="en" dir="ltr">{NOTICE}</p>' in receipt
