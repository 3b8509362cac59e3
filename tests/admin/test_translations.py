"""The page of the admin on which the owner's texts are translated."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from consent.models import Category, Cookie, Policy, Tool
from tests.admin.helpers import POLICIES, POLICY, editor, fields, said
from tests.factories import CategoryFactory, CookieFactory, PolicyFactory, ToolFactory

pytestmark = pytest.mark.django_db

ALL = ("change_policy", "change_category", "change_tool")
NOTICE = "We count visits. Kept for {lifetime}."


@pytest.fixture(autouse=True)
def policy() -> Policy:
    policy = PolicyFactory.create(notice_text=NOTICE, language="en", controller_name="Ltd")
    category = CategoryFactory.create(policy=policy, name="Counting things")
    tool = ToolFactory.create(category=category, name="Counter")
    CookieFactory.create(tool=tool, name="_c", retention="two days", purpose="Counts you.")
    return policy


def address(language: str = "de", **more: str) -> str:
    policy = Policy.objects.get()
    parameters = "&".join(
        f"{name}={value}" for name, value in {"language": language, **more}.items()
    )
    return f"{reverse('admin:consent_policy_translations', args=[policy.pk])}?{parameters}"


def name_of(model: type[Any], column: str) -> str:
    return f"{model._meta.model_name}-{model.objects.get().pk}-{column}"


def posted(client: Client, changes: dict[str, str], **address_of: str) -> Any:
    """Open the page, change some fields, press “Save”, and return the page that comes."""
    page = client.get(address(**address_of))
    assert page.status_code == 200
    return client.post(address(**address_of), form_data(page, changes), follow=True)


def form_data(page: Any, changes: dict[str, str]) -> dict[str, Any]:
    data = {name: value for name, value in fields(page).items() if "-" in name}
    return {**data, **changes}


def state_of(page: Any, name: str) -> str:
    """Return the state that the page shows of a text."""
    content = page.content.decode().partition(f'name="{name}"')[0]
    return re.findall(r'class="dcp-admin-mark">([^<]*)<', content)[-1]


def test_page_has_every_text_beside_its_translation():
    page = editor(*ALL).get(address())

    content = page.content.decode()
    for model in (Policy, Category, Tool, Cookie):
        for column in model.TEXTS:
            source = getattr(model.objects.get(), column)
            assert (f'name="{name_of(model, column)}"' in content) == bool(source)
    assert escape(NOTICE) in content
    assert {"Text of the notice", "_c: purpose"} <= set(re.findall(r'-label">([^<]+)</p>', content))
    assert state_of(page, name_of(Policy, "notice_text")) == "Missing"
    assert state_of(page, name_of(Policy, "introduction")) == "From a catalogue"
    assert state_of(page, name_of(Tool, "name")) == "A name: may stay as it is"


def test_translations_are_stored_asked_of_nobody_and_counted(policy):
    client = editor(*ALL)
    before = Policy.objects.get().revision
    names = [(Policy, "notice_text"), (Category, "purpose"), (Tool, "name"), (Cookie, "purpose")]

    page = posted(client, {name_of(*each): f"Deutsch {{lifetime}} {each[1]}" for each in names})

    assert said(page) == ["4 translations were saved."]
    for model, column in names:
        stored = model.objects.get().translation("de", column)
        assert stored is not None
        assert stored.text == f"Deutsch {{lifetime}} {column}"
        assert state_of(page, name_of(model, column)) == "Translated"
    assert Policy.objects.get().revision == before
    words = "6 of 8, missing: 2"
    assert words in page.content.decode()
    assert words in client.get(reverse(POLICY, args=[policy.pk])).content.decode()
    assert words in client.get(reverse(POLICIES)).content.decode()


def test_history_has_old_and_new_translation():
    client = editor(*ALL)
    posted(client, {name_of(Category, "purpose"): "Zählen", name_of(Cookie, "purpose"): "Zählt."})
    posted(client, {name_of(Category, "purpose"): "Um zu zählen"})

    entries = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert entries == [
        "Changed purpose (de): “–” → “Zählen”.",  # noqa: RUF001
        "Changed _c: purpose (de): “–” → “Zählt.”.",  # noqa: RUF001
        "Changed purpose (de): “Zählen” → “Um zu zählen”.",
    ]
    assert LogEntry.objects.order_by("pk")[1].get_edited_object() == Tool.objects.get()


def test_nothing_is_stored_where_nothing_was_changed():
    before = Policy.objects.get().changed_at
    page = posted(editor(*ALL), {})

    assert said(page) == ["0 translations were saved."]
    assert Policy.objects.get().changed_at == before
    assert not LogEntry.objects.exists()


def test_empty_text_removes_a_translation():
    client = editor(*ALL)
    posted(client, {name_of(Category, "purpose"): "Zählen"})
    posted(client, {name_of(Category, "purpose"): ""})

    assert Category.objects.get().translations == {}


def test_outdated_translation_is_marked_and_can_be_confirmed_or_corrected():
    client = editor(*ALL)
    name = name_of(Category, "purpose")
    posted(client, {name: "Zählen"})
    Category.objects.update(purpose="To count a lot.")

    page = posted(client, {})
    assert state_of(page, name) == "Outdated: not shown"
    assert "To do what Counting things is for." in page.content.decode()
    assert "outdated: 1" in page.content.decode()

    page = posted(client, {f"{name}-keep": "on"})
    assert state_of(page, name) == "Translated"
    stored = Category.objects.get().translation("de", "purpose")
    assert stored == ("Zählen", "To count a lot.")


def test_only_what_is_open_is_shown_where_that_is_asked_for():
    client = editor(*ALL)
    posted(client, {name_of(Category, "purpose"): "Zählen"})

    content = client.get(address(open="1")).content.decode()

    assert name_of(Category, "name") in content
    assert name_of(Category, "purpose") not in content
    assert name_of(Policy, "introduction") not in content


def test_on_an_error_all_that_was_typed_stays_and_nothing_is_saved():
    typed = {
        name_of(Policy, "notice_text"): "Ohne Platzhalter <b>",
        name_of(Category, "purpose"): "Zählen & mehr",
        name_of(Category, "name"): "x" * 81,
    }
    page = posted(editor(*ALL), typed)

    content = page.content.decode()
    assert "Nothing was saved." in content
    assert "“{lifetime}” is in the text and missing in the translation." in content
    assert "at most 80 characters" in content
    assert [text for text in typed.values() if escape(text) not in content] == []
    assert Category.objects.get().translations == Policy.objects.get().translations == {}


def test_source_that_was_changed_meanwhile_is_not_taken_for_the_translated_one():
    client, name = editor(*ALL), name_of(Category, "purpose")
    page = client.get(address())
    Category.objects.update(purpose="Something else.")

    answer = client.post(address(), form_data(page, {name: "Zählen"}), follow=True)
    assert "The text was changed meanwhile" in answer.content.decode()
    assert Category.objects.get().translations == {}

    client.post(address(), form_data(answer, {}), follow=True)
    assert Category.objects.get().translation("de", "purpose") == ("Zählen", "Something else.")


def test_edit_of_somebody_else_is_kept_unless_it_is_replaced_on_purpose():
    client, name, other = editor(*ALL), name_of(Category, "purpose"), name_of(Category, "name")
    page = client.get(address())
    posted(editor(*ALL), {name: "Zählen", other: "Zähler"})

    answer = client.post(address(), form_data(page, {name: "Zählerei"}), follow=True)
    assert "Somebody else changed this meanwhile to “Zählen”." in answer.content.decode()

    client.post(address(), form_data(answer, {}), follow=True)
    category = Category.objects.get()
    assert category.translation("de", "purpose") == ("Zählerei", category.purpose)
    assert category.translation("de", "name") == ("Zähler", category.name)


def test_page_needs_the_permission_to_change_the_policy():
    client = editor("view_policy", "change_category", "change_tool")

    assert client.get(address()).status_code == 403
    assert client.post(address(), {}).status_code == 403
    assert Client().get(address()).status_code == 302
    link = reverse("admin:consent_policy_translations", args=[Policy.objects.get().pk])
    page = client.get(reverse(POLICY, args=[Policy.objects.get().pk])).content.decode()
    assert f'<a href="{link}">Translations</a>' not in page


@pytest.mark.parametrize(
    ("permission", "is_shown"), [("", False), ("view_tool", True), ("change_tool", True)]
)
def test_texts_of_tools_need_the_permission_for_tools(permission, is_shown):
    client = editor("change_policy", *([permission] if permission else []))
    page = client.get(address())

    assert ("Counts you." in page.content.decode()) == is_shown
    name = name_of(Tool, "name")
    assert (f'name="{name}"' in page.content.decode()) == (permission == "change_tool")
    data = form_data(editor(*ALL).get(address()), {name: "Zähler"})
    client.post(address(), data, follow=True)
    assert bool(Tool.objects.get().translations) == (permission == "change_tool")


@pytest.mark.parametrize("language", ["xx", "en", "<b>"])
def test_language_that_the_website_has_not_is_refused(language):
    assert editor(*ALL).get(address(language)).status_code == 400


def test_policy_that_is_not_there_is_not_found():
    link = reverse("admin:consent_policy_translations", args=[0])

    assert editor(*ALL).get(link).status_code == 404


def test_texts_are_escaped():
    Category.objects.update(name="<script>alert(1)</script>")
    page = posted(editor(*ALL), {name_of(Category, "name"): "<script>alert(2)</script>"})

    assert "<script>alert" not in page.content.decode()
    assert escape("<script>alert(2)</script>") in page.content.decode()


def test_many_texts_come_in_pages(policy):
    category = Category.objects.get()
    tools = [ToolFactory.build(policy=policy, category=category) for _ in range(150)]
    Tool.objects.bulk_create(tools)
    client = editor(*ALL)

    first, second = client.get(address()), client.get(address(page="2"))

    names = [
        set(re.findall(r'name="(tool-\d+-name)"', each.content.decode()))
        for each in (first, second)
    ]
    assert all(names)
    assert not names[0] & names[1]
