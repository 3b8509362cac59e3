"""The owner's texts in the languages of the website: which one is shown, and when."""

import json

import pytest
from django.utils.translation import override

from consent.models import Category, Cookie, Policy, Tool
from consent.policy import policies
from consent.policy.compiler import build
from consent.policy.versions import disclosure, version_of
from tests.factories import CategoryFactory, CookieFactory, PolicyFactory, ToolFactory

pytestmark = pytest.mark.django_db

NOTICE = "We count visits."


@pytest.fixture(autouse=True)
def policy() -> Policy:
    policy = PolicyFactory.create(notice_text=NOTICE, language="en")
    category = CategoryFactory.create(policy=policy, key="counting", name="Counting things")
    tool = ToolFactory.create(category=category, key="counter", name="Counter")
    CookieFactory.create(tool=tool, name="_c", retention="two days", purpose="Counts you.")
    return policy


def translate(row: Policy | Category | Tool | Cookie, language: str, name: str, text: str) -> None:
    row.translate(language, name, text)
    row.save(update_fields=["translations"])


def notice(language: str) -> tuple[str, str]:
    """Return the notice as a page in `language` shows it, and the language that it is marked as."""
    with override(language):
        shown = disclosure(build().default, "opt_in")["policy"]
    return shown["notice_text"], shown["languages"].get("notice_text", "")


def test_translation_is_shown_in_its_language(policy):
    translate(policy, "de", "notice_text", "Wir zählen Besuche.")

    assert notice("de") == ("Wir zählen Besuche.", "")
    assert notice("en") == (NOTICE, "")


def test_without_one_the_text_itself_is_shown_and_says_its_language():
    assert notice("de") == (NOTICE, "en")


def test_variant_falls_back_as_django_does(policy):
    translate(policy, "de", "notice_text", "Wir zählen Besuche.")
    assert notice("de-at") == ("Wir zählen Besuche.", "")

    translate(policy, "de-at", "notice_text", "Mir zählen Besuche.")
    assert notice("de-at") == ("Mir zählen Besuche.", "")
    assert notice("de") == ("Wir zählen Besuche.", "")


def test_fallback_ends_at_the_policys_own_language():
    policy = Policy.objects.get()
    policy.language = "de"
    translate(policy, "de", "notice_text", "Never shown.")
    policy.save()

    assert notice("de-at") == (NOTICE, "")


def test_outdated_translation_is_not_shown_and_comes_back_with_its_source(policy):
    translate(policy, "de", "notice_text", "Wir zählen Besuche.")
    policy.notice_text = "We count nothing."
    policy.save()
    assert notice("de") == ("We count nothing.", "en")

    policy.notice_text = NOTICE
    policy.save()
    assert notice("de") == ("Wir zählen Besuche.", "")


def test_translation_in_a_language_that_the_app_has_not_is_marked(policy):
    translate(policy, "tr", "notice_text", "Ziyaretçi sayar.")

    assert notice("tr") == ("Ziyaretçi sayar.", "tr")


def test_shipped_text_comes_from_the_catalogue_unless_it_is_translated(policy):
    policy.notice_text = Policy().notice_text
    policy.save()
    assert notice("de")[1] == ""
    assert "Werkzeuge" in notice("de")[0] or "Tools" in notice("de")[0]

    translate(policy, "tr", "notice_text", "Bizim metnimiz.")
    assert notice("tr") == ("Bizim metnimiz.", "tr")


def test_lifetime_and_what_holds_here_are_in_the_language_of_the_notice(policy):
    policy.notice_text = "Kept for {lifetime}."
    policy.save()
    policy.region_rules.create(regions="US-CA", regime="implied")
    addition = "Where you are, optional tools start only if you agree."

    assert notice("de") == (f"Kept for 6 months. {addition}", "en")

    translate(policy, "de", "notice_text", "Bleibt {lifetime}.")
    text, language = notice("de")
    assert text.startswith("Bleibt 6 Monate")
    assert addition not in text
    assert language == ""


def test_all_texts_of_the_owner_are_translated():
    Policy.objects.update(controller_name="Ltd", controller_address="UK", controller_contact="x")
    for model in (Policy, Category, Tool, Cookie):
        for row in model.objects.all():
            for name in row.TEXTS:
                translate(row, "de", name, f"de: {name}")

    with override("de"):
        shown = disclosure(build().default, "opt_in")

    [category] = shown["categories"]
    [tool] = category["tools"]
    [cookie] = tool["cookies"]
    assert [shown["policy"][name] for name in ("name", "introduction", "explanation")] == [
        "de: name",
        "de: introduction",
        "de: explanation",
    ]
    controller = shown["policy"]["controller"]
    assert controller == {
        **{name: f"de: controller_{name}" for name in ("name", "address", "contact")},
        "languages": {},
    }
    assert [category["name"], category["purpose"]] == ["de: name", "de: purpose"]
    assert [tool["name"], cookie["retention"], cookie["purpose"]] == [
        "de: name",
        "de: retention",
        "de: purpose",
    ]


def test_equal_text_is_translated_once_unless_it_has_a_translation_of_its_own():
    first = Cookie.objects.get()
    second = CookieFactory.create(tool=first.tool, name="_d", retention="two days")
    translate(first, "de", "retention", "zwei Tage")

    assert retentions() == ["zwei Tage", "zwei Tage"]

    translate(second, "de", "retention", "2 Tage lang")
    assert retentions() == ["zwei Tage", "2 Tage lang"]


def retentions() -> list[str]:
    with override("de"):
        [category] = disclosure(build().default, "opt_in")["categories"]
    return [cookie["retention"] for cookie in category["tools"][0]["cookies"]]


def test_names_say_no_language_unless_they_are_translated():
    with override("de"):
        [category] = disclosure(build().default, "opt_in")["categories"]

    assert category["languages"] == {"name": "en", "purpose": "en"}
    assert category["tools"][0]["languages"] == {}


def test_translation_asks_nobody_and_is_part_of_the_version(policy):
    before = build().default
    with override("de"):
        old = version_of(before, "opt_in")
    tool = Tool.objects.get()
    translate(policy, "de", "notice_text", "Wir zählen Besuche.")
    translate(tool.category, "de", "purpose", "Um zu zählen.")
    translate(tool, "de", "name", "Zähler")

    after = build().default
    with override("de"):
        new = version_of(after, "opt_in")

    assert after.revision == before.revision
    assert [tool.since for tool in after.tools.values()] == [
        tool.since for tool in before.tools.values()
    ]
    assert after.fingerprint == before.fingerprint
    assert new.digest != old.digest
    assert json.loads(new.content)["policy"]["notice_text"] == "Wir zählen Besuche."


@pytest.mark.parametrize("how", ["save", "update", "bulk_update"])
def test_every_way_to_edit_one_is_noticed(policy, how):
    category = Category.objects.get()
    before = Policy.objects.get().changed_at
    category.translate("de", "purpose", "Um zu zählen.")
    if how == "save":
        category.save(update_fields=["translations"])
    elif how == "update":
        Category.objects.update(translations=category.translations)
    else:
        Category.objects.bulk_update([category], ["translations"])

    assert Policy.objects.get().changed_at > before
    assert Category.objects.get().since == category.since


def test_queries_are_no_more_than_without_translations(policy, django_assert_num_queries):
    translate(policy, "de", "notice_text", "Wir zählen Besuche.")
    with django_assert_num_queries(6):
        build()
    policies.forget()
    policies.current()
    with django_assert_num_queries(0), override("de"):
        disclosure(policies.current(), "opt_in")


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        "de",
        {"de": None},
        {"de": {"notice_text": "Wir"}},
        {"de": {"notice_text": {"text": 1, "source": NOTICE}}},
        {"de": {"notice_text": {"text": " ", "source": NOTICE}}},
        {"de": {"notice_text": {"text": "Wir"}}},
    ],
)
def test_invalid_translations_are_as_none(policy, stored):
    Policy.objects.filter(pk=policy.pk).update(
        translations=stored if stored is not None else "null"
    )

    assert notice("de") == (NOTICE, "en")
