"""The admin's sections: categories and policies edited in place, the list of tools, junk, history.

What the form of one tool does is in test_admin_tools.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from consent.models import Category, Cookie, Policy, Tool
from consent.policy import policies
from consent.recipes import CONSENT_TYPES
from consent.recipes.keys import MAX_CATEGORIES
from tests.admin.helpers import (
    ADD_TOOL,
    CATEGORIES,
    CATEGORY,
    POLICIES,
    POLICY,
    TOOL,
    TOOLS,
    editor,
    errors,
    fields,
    history,
    live_page,
    live_policy,
    revision,
    said,
    send,
)
from tests.factories import CategoryFactory, CookieFactory, PolicyFactory, ToolFactory

pytestmark = pytest.mark.django_db

Commit = Callable[[], AbstractContextManager[Any]]


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Callable[..., Any]) -> Commit:
    """What a commit sets off is done at the end of the block, as in a real transaction."""
    return partial(django_capture_on_commit_callbacks, execute=True)


@pytest.fixture
def essential() -> Category:
    return CategoryFactory.create(key="essential", name="Essential", essential=True)


def select(client: Client, action: str, *tools: Tool, **data: str) -> Any:
    """Run an action of the list of tools on some of them."""
    chosen = {"action": action, "_selected_action": [tool.pk for tool in tools], "index": "0"}
    return client.post(reverse(TOOLS), {**chosen, **data}, follow=True)


# Sections


@pytest.mark.parametrize(
    "name",
    [
        TOOLS,
        CATEGORIES,
        POLICIES,
        ADD_TOOL,
        "admin:consent_category_add",
        "admin:consent_policy_add",
    ],
)
def test_every_section_links_the_live_policy(admin_client: Client, name: str) -> None:
    PolicyFactory.create(policy_url="/what-we-collect/")
    page = admin_client.get(reverse(name)).content.decode()
    assert 'href="/what-we-collect/"' in page
    assert page.count("View the live policy") == 1


@pytest.mark.parametrize("name", [TOOL, CATEGORY, POLICY])
def test_every_form_links_the_live_policy(admin_client: Client, name: str) -> None:
    tool = ToolFactory.create()
    thing = {TOOL: tool, CATEGORY: tool.category, POLICY: tool.policy}[name]
    page = admin_client.get(reverse(name, args=[thing.pk])).content.decode()
    assert f'href="{reverse("consent:policy")}"' in page


def test_an_admin_without_a_policy_says_what_is_missing(admin_client: Client) -> None:
    page = admin_client.get(reverse(ADD_TOOL))
    assert "There is no active policy yet" in page.content.decode()
    for name in (TOOLS, CATEGORIES, POLICIES):
        assert admin_client.get(reverse(name)).status_code == 200


# Categories


def test_categories_are_edited_in_the_list(admin_client: Client, commit: Commit) -> None:
    category = CategoryFactory.create(name="Maps", purpose="To show a map.")
    ToolFactory.create(category=category)
    assert "To show a map." in live_policy()
    changes = {"form-0-order": "7", "form-0-purpose": "To show where we are."}
    before = revision()
    with commit():
        page = send(admin_client, reverse(CATEGORIES), changes)
    category.refresh_from_db()
    assert (category.order, category.purpose) == (7, "To show where we are.")
    assert "To show where we are." in live_policy()
    assert category.since == revision() == before + 1
    assert any("Visitors are asked again about “Maps”" in text for text in said(page))
    assert history(category) == [f"Changed Order and Purpose. Added revision “{before + 1}”."]


def test_a_cosmetic_change_in_the_list_asks_nobody(admin_client: Client, commit: Commit) -> None:
    category = ToolFactory.create().category
    live_policy()
    changes = {"form-0-purpose": "The same, said better.", "cosmetic": "on"}
    before, since = revision(), category.since
    with commit():
        page = send(admin_client, reverse(CATEGORIES), changes)
    category.refresh_from_db()
    assert (revision(), category.since) == (before, since)
    assert "The same, said better." in live_policy()
    assert "Visitors are not asked again." in said(page)
    assert history(category) == ["Changed Purpose. Changed wording only, as a cosmetic change."]


def test_a_cosmetic_change_in_the_form_asks_nobody(admin_client: Client) -> None:
    category = ToolFactory.create().category
    address = reverse(CATEGORY, args=[category.pk])
    before = revision()
    page = send(admin_client, address, {"purpose": "The same, said better.", "cosmetic": "on"})
    assert revision() == before
    assert "Visitors are not asked again." in said(page)
    send(admin_client, address, {"purpose": "Something else."})
    assert revision() == before + 1


@pytest.mark.parametrize("is_list", [True, False])
def test_only_who_may_edit_snippets_lets_tools_run_for_everybody(is_list: bool) -> None:
    category = ToolFactory.create().category
    address = reverse(CATEGORIES) if is_list else reverse(CATEGORY, args=[category.pk])
    changes = {"form-0-essential" if is_list else "essential": "on"}

    page = send(editor("view_category", "change_category"), address, changes)

    assert "may make a category with tools essential" in page.content.decode()
    category.refresh_from_db()
    assert not category.essential


def test_category_without_tools_may_become_essential(essential: Category) -> None:
    category = CategoryFactory.create()
    client = editor("view_category", "change_category")
    send(client, reverse(CATEGORY, args=[category.pk]), {"essential": "on"})
    category.refresh_from_db()
    assert category.essential


def test_what_stops_being_essential_is_never_cosmetic(
    admin_client: Client, essential: Category
) -> None:
    ToolFactory.create(category=essential)
    before = revision()
    changes = {"form-0-essential": None, "cosmetic": "on"}
    page = send(admin_client, reverse(CATEGORIES), changes)
    essential.refresh_from_db()
    assert not essential.essential
    assert essential.since == revision() == before + 1
    assert any("Visitors are asked again about “Essential”" in text for text in said(page))


def test_the_cosmetic_box_is_explained(admin_client: Client) -> None:
    category = CategoryFactory.create()
    for address in (reverse(CATEGORIES), reverse(CATEGORY, args=[category.pk])):
        page = admin_client.get(address).content.decode()
        assert 'aria-describedby="id_cosmetic_helptext"' in page
        assert "if the new wording means the same" in page
    assert "cosmetic" not in fields(admin_client.get(reverse("admin:consent_category_add")))


def test_a_new_order_is_nothing_to_tell_of(admin_client: Client) -> None:
    category = ToolFactory.create().category
    before = revision()
    page = send(admin_client, reverse(CATEGORIES), {"form-0-order": "3"})
    assert revision() == before
    assert said(page) == ["1 category was changed successfully."]
    assert history(category) == ["Changed Order."]


@pytest.mark.parametrize(
    ("has_tool", "is_essential", "expected"),
    [
        (False, False, "“Maps” has no enabled tool: visitors are asked when it has one."),
        (True, True, "“Maps” is essential: no visitor is asked; the policy page shows the change."),
    ],
)
def test_the_editor_reads_why_nobody_is_asked(
    admin_client: Client, has_tool: bool, is_essential: bool, expected: str
) -> None:
    category = CategoryFactory.create(name="Maps", essential=is_essential)
    ToolFactory.create(category=category, enabled=has_tool)
    page = send(admin_client, reverse(CATEGORIES), {"form-0-purpose": "Something else."})
    assert expected in said(page)


def test_nobody_is_asked_about_a_policy_that_is_not_in_use(admin_client: Client) -> None:
    PolicyFactory.create()
    tool = ToolFactory.create(
        category=CategoryFactory.create(policy=PolicyFactory.create(spare=True)), enabled=False
    )
    page = send(admin_client, reverse(TOOL, args=[tool.pk]), {"enabled": "on"})
    assert "The policy is not active: no visitor is asked at the moment." in said(page)


def test_a_new_category_gets_its_key_from_its_name(admin_client: Client) -> None:
    ToolFactory.create(key="live-chat")
    add = reverse("admin:consent_category_add")
    send(admin_client, add, {"name": "Live Chat!", "purpose": "To talk."})
    send(admin_client, add, {"name": "Карты", "purpose": "To show a map."})
    keys = list(Category.objects.order_by("pk").values_list("key", flat=True))
    assert keys[-2:] == ["live-chat-2", "custom"]


def test_a_wrong_key_is_refused(admin_client: Client) -> None:
    PolicyFactory.create()
    changes = {"name": "Maps", "purpose": "To show a map.", "key": "All Maps"}
    page = send(admin_client, reverse("admin:consent_category_add"), changes)
    assert "“All Maps” is not a valid key" in errors(page)["key"][0]
    assert fields(page)["purpose"] == "To show a map."


def test_a_key_in_use_stays(admin_client: Client) -> None:
    category = CategoryFactory.create(key="maps")
    other = PolicyFactory.create(spare=True)
    changes = {"key": "charts", "policy": str(other.pk), "name": "Charts"}
    send(admin_client, reverse(CATEGORY, args=[category.pk]), changes)
    category.refresh_from_db()
    assert (category.key, category.name, category.policy.key) == ("maps", "Charts", "default")


def test_a_key_that_clashes_already_does_not_break_the_forms(admin_client: Client) -> None:
    tool = ToolFactory.create()
    category = CategoryFactory.create(key=tool.key, purpose="To show a map.")
    send(admin_client, reverse(CATEGORY, args=[category.pk]), {"purpose": "Something else."})
    send(admin_client, reverse(TOOL, args=[tool.pk]), {"name": "Renamed"})
    category.refresh_from_db()
    tool.refresh_from_db()
    assert (category.purpose, tool.name) == ("Something else.", "Renamed")


def test_one_category_too_many_is_refused(admin_client: Client) -> None:
    CategoryFactory.create_batch(MAX_CATEGORIES)
    changes = {"name": "One more", "purpose": "To be too many."}
    page = send(admin_client, reverse("admin:consent_category_add"), changes)
    assert "A policy has at most" in errors(page)["__all__"][0]


def test_a_category_with_tools_is_not_deleted(admin_client: Client) -> None:
    tool = ToolFactory.create(name="Chatter")
    category = tool.category
    page = admin_client.get(reverse("admin:consent_category_delete", args=[category.pk]))
    several = admin_client.post(
        reverse(CATEGORIES),
        {"action": "delete_selected", "_selected_action": category.pk, "index": "0"},
    )
    for answer in (page, several):
        markup = answer.content.decode()
        assert "these tools. Move each tool to another category or delete it" in markup
        assert "Chatter" in answer.content.decode()
    admin_client.post(page.request["PATH_INFO"], {"post": "yes"})
    assert Category.objects.filter(pk=category.pk).exists()


def test_an_empty_category_is_deleted_and_gone_from_the_page(
    admin_client: Client, commit: Commit
) -> None:
    category = CategoryFactory.create(name="Abandoned")
    assert "Abandoned" in live_policy()
    with commit():
        admin_client.post(
            reverse("admin:consent_category_delete", args=[category.pk]), {"post": "yes"}
        )
    assert "Abandoned" not in live_policy()


def test_the_signals_of_a_category_are_boxes(admin_client: Client, commit: Commit) -> None:
    category = CategoryFactory.create(key="ads", consent_types="ad_storage ad_user_data")
    tool = ToolFactory.create(category=category, by_recipe=True, recipe="microsoft-uet")
    address = reverse(CATEGORY, args=[category.pk])
    assert fields(admin_client.get(address))["consent_types"] == ["ad_storage", "ad_user_data"]
    before, version = revision(), policies.current().fingerprint
    with commit():
        send(admin_client, address, {"consent_types": ["ad_user_data", "analytics_storage"]})
    category.refresh_from_db()
    assert category.consent_types == "ad_user_data analytics_storage"
    assert history(category) == ["Changed Signals granted here."]
    assert revision() == before
    assert policies.current().fingerprint != version
    assert policies.current().tools[tool.key]


def test_boxes_that_nobody_touched_are_no_change(admin_client: Client) -> None:
    category = CategoryFactory.create(consent_types="ad_user_data ad_storage")
    send(admin_client, reverse(CATEGORY, args=[category.pk]), {})
    category.refresh_from_db()
    assert set(category.consent_types.split()) == {"ad_storage", "ad_user_data"}
    assert history(category) == ["No fields changed."]


def test_all_signals_can_be_taken_from_a_category(admin_client: Client) -> None:
    category = CategoryFactory.create(consent_types="ad_storage")
    send(admin_client, reverse(CATEGORY, args=[category.pk]), {"consent_types": None})
    category.refresh_from_db()
    assert category.consent_types == ""


@pytest.mark.parametrize("sent", [["ad_storage", "adstorage"], ["ad_storage", "ad_storage"], "x y"])
def test_what_is_no_signal_is_refused(admin_client: Client, sent: Any) -> None:
    category = CategoryFactory.create()
    page = send(admin_client, reverse(CATEGORY, args=[category.pk]), {"consent_types": sent})
    assert errors(page)["consent_types"]
    category.refresh_from_db()
    assert category.consent_types == ""


def test_every_signal_is_explained(admin_client: Client) -> None:
    page = admin_client.get(reverse(CATEGORY, args=[CategoryFactory.create().pk]))
    for name in CONSENT_TYPES:
        assert f"({name})" in page.content.decode()


# Policies


def test_the_settings_of_consent_mode_are_edited(admin_client: Client) -> None:
    policy = PolicyFactory.create()
    changes = {"wait_for_update": "0", "ads_data_redaction": None, "url_passthrough": "on"}
    send(admin_client, reverse(POLICY, args=[policy.pk]), changes)
    policy.refresh_from_db()
    settings = (policy.wait_for_update, policy.ads_data_redaction, policy.url_passthrough)
    assert settings == (0, False, True)


def test_waiting_too_long_is_refused(admin_client: Client) -> None:
    address = reverse(POLICY, args=[PolicyFactory.create().pk])
    assert errors(send(admin_client, address, {"wait_for_update": "10001"}))["wait_for_update"]


def test_the_texts_show_at_once_and_ask_nobody(admin_client: Client, commit: Commit) -> None:
    policy = ToolFactory.create().policy
    live_policy()
    before = revision()
    with commit():
        send(admin_client, reverse(POLICY, args=[policy.pk]), {"introduction": "Read this."})
    assert "Read this." in live_policy()
    assert revision() == before


def test_the_policy_in_use_can_be_neither_switched_off_nor_deleted(admin_client: Client) -> None:
    policy = PolicyFactory.create()
    address = reverse(POLICY, args=[policy.pk])
    send(admin_client, address, {"is_default": None, "key": "other", "name": "Renamed"})
    policy.refresh_from_db()
    assert (policy.is_default, policy.key, policy.name) == (True, "default", "Renamed")
    delete = reverse("admin:consent_policy_delete", args=[policy.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    assert "delete_selected" not in admin_client.get(reverse(POLICIES)).content.decode()


def test_another_policy_takes_over(admin_client: Client, commit: Commit) -> None:
    PolicyFactory.create()
    spare = PolicyFactory.create(spare=True, introduction="From the spare one.")
    assert "From the spare one." not in live_policy()
    with commit():
        page = send(admin_client, reverse(POLICY, args=[spare.pk]), {"is_default": "on"})
    assert any("every visitor is asked again" in text for text in said(page))
    assert "From the spare one." in live_policy()
    assert list(Policy.objects.filter(is_default=True)) == [spare]


def test_a_second_policy_begins_beside_the_one_in_use(admin_client: Client) -> None:
    PolicyFactory.create()
    send(admin_client, reverse("admin:consent_policy_add"), {"name": "Second"})
    policies = Policy.objects.order_by("pk").values_list("key", "is_default")
    assert list(policies) == [("default", True), ("default-2", False)]


def test_a_spare_policy_is_deleted_with_all_it_has(admin_client: Client) -> None:
    PolicyFactory.create()
    spare = ToolFactory.create(
        category=CategoryFactory.create(policy=PolicyFactory.create(spare=True))
    ).policy
    delete = reverse("admin:consent_policy_delete", args=[spare.pk])
    admin_client.post(delete, {"post": "yes"})
    assert not Policy.objects.filter(pk=spare.pk).exists()
    assert not Tool.objects.exists()


# The list of tools


def test_a_tool_is_enabled_in_the_list(
    admin_client: Client, essential: Category, commit: Commit
) -> None:
    tool = ToolFactory.create(category=essential, disabled=True)
    before = revision()
    assert tool.snippet not in live_page()
    with commit():
        send(admin_client, reverse(TOOLS), {"form-0-enabled": "on"})
    tool.refresh_from_db()
    assert tool.since == revision() == before + 1
    assert f'data-consent-tool="{tool.key}"' in live_page()
    assert history(tool) == [f"Changed Enabled: yes. Added revision “{before + 1}”."]


def test_a_tool_is_disabled_in_the_list(
    admin_client: Client, essential: Category, commit: Commit
) -> None:
    tool = ToolFactory.create(category=essential)
    assert f'data-consent-tool="{tool.key}"' in live_page()
    with commit():
        page = send(admin_client, reverse(TOOLS), {"form-0-enabled": None})
    assert f'data-consent-tool="{tool.key}"' not in live_page()
    assert said(page) == ["1 tool was changed successfully."]
    assert history(tool) == ["Changed Enabled: no."]


def test_the_editor_reads_once_who_is_asked_again(admin_client: Client) -> None:
    category = CategoryFactory.create(name="Advertising")
    ToolFactory.create_batch(3, category=category, disabled=True)
    changes = {f"form-{row}-enabled": "on" for row in range(3)}
    page = send(admin_client, reverse(TOOLS), changes)
    asked = [text for text in said(page) if text.startswith("Visitors who allowed")]
    assert len(asked) == 1
    assert "“Advertising”" in asked[0]


def test_tools_are_enabled_together(
    admin_client: Client, essential: Category, commit: Commit
) -> None:
    on, *off = [ToolFactory.create(category=essential, enabled=on) for on in (True, False, False)]
    since, before = on.since, revision()
    live_page()
    with commit():
        page = select(admin_client, "enable", on, *off)
    for tool in (on, *off):
        tool.refresh_from_db()
        assert f'data-consent-tool="{tool.key}"' in live_page()
    assert on.since == since
    assert sorted(tool.since for tool in off) == [before + 1, before + 2]
    assert revision() == before + 2
    assert "2 tools were enabled." in said(page)
    assert history(on) == []
    assert [history(tool) for tool in off] == [
        [f"Changed Enabled: yes. Added revision “{tool.since}”."] for tool in off
    ]


def test_tools_are_disabled_together(
    admin_client: Client, essential: Category, commit: Commit
) -> None:
    tools = ToolFactory.create_batch(2, category=essential)
    live_page()
    with commit():
        page = select(admin_client, "disable", *tools)
    assert "data-consent-tool" not in live_page()
    assert said(page) == ["2 tools were disabled."]
    assert [history(tool) for tool in tools] == [["Changed Enabled: no."]] * 2


def test_tools_are_deleted_together(
    admin_client: Client, essential: Category, commit: Commit
) -> None:
    tools = ToolFactory.create_batch(2, category=essential)
    CookieFactory.create(tool=tools[0])
    live_page()
    changed_at = Policy.objects.get().changed_at
    with commit():
        select(admin_client, "delete_selected", *tools, post="yes")
    assert "data-consent-tool" not in live_page()
    # Other processes look at this.
    assert Policy.objects.get().changed_at > changed_at
    assert not Cookie.objects.exists()
    assert LogEntry.objects.filter(action_flag=3).count() == 2


def test_a_deleted_tool_is_gone_from_the_page(
    admin_client: Client, essential: Category, commit: Commit
) -> None:
    tool = ToolFactory.create(category=essential)
    live_page()
    with commit():
        admin_client.post(reverse("admin:consent_tool_delete", args=[tool.pk]), {"post": "yes"})
    assert "data-consent-tool" not in live_page()


def listed(client: Client, **parameters: Any) -> list[str]:
    page = client.get(reverse(TOOLS), parameters)
    return [tool.name for tool in page.context["cl"].result_list]


def test_tools_are_filtered_by_category(admin_client: Client) -> None:
    wanted, _other = ToolFactory.create(), ToolFactory.create()
    assert listed(admin_client, category__id__exact=wanted.category_id) == [wanted.name]


@pytest.mark.parametrize(
    "query", ["Google Ads", "google ireland", "AdWords", "adwords GOOGLE", "Google AdWords"]
)
def test_tools_are_found_by_name_vendor_and_old_names(admin_client: Client, query: str) -> None:
    ToolFactory.create(name="Chatter", vendor="Chat Ltd")
    ToolFactory.create(
        by_recipe=True, recipe="adwords", name="Google Ads", vendor="Google Ireland Limited"
    )
    assert listed(admin_client, q=query) == ["Google Ads"]


def test_a_tool_of_ones_own_is_found_by_name_and_vendor(admin_client: Client) -> None:
    ToolFactory.create(name="Chatter", vendor="Talkative Ltd")
    ToolFactory.create()
    for query in ("chat", "talkative", "chatter ltd"):
        assert listed(admin_client, q=query) == ["Chatter"]
    assert listed(admin_client, q="nothing of the kind") == []


def test_the_list_says_which_tools_do_not_run(admin_client: Client) -> None:
    ToolFactory.create(name="Fine", by_recipe=True)
    ToolFactory.create(name="Gone", snippet="", recipe="forgotten")
    ToolFactory.create(name="Broken", by_recipe=True, parameters={"measurement_id": "UA-1"})
    ToolFactory.create(name="Server", server=True)
    page = admin_client.get(reverse(TOOLS)).content.decode()
    assert "its recipe “forgotten” is gone" in page
    assert "“UA-1” is not a valid value for Measurement ID" in page
    assert "Sent from your server" in page
    assert page.count("Does not run") == 2


@pytest.mark.parametrize("name", [TOOLS, CATEGORIES])
def test_a_longer_list_costs_no_more_queries(admin_client: Client, name: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(reverse(name)).status_code == 200
        return len(captured)

    ToolFactory.create(by_recipe=True)
    few = queries()
    for _number in range(5):
        CookieFactory.create(tool=ToolFactory.create(by_recipe=True))
    assert queries() == few


def test_fields_in_a_list_say_which_row_they_are_in(admin_client: Client) -> None:
    tool = ToolFactory.create(name="Chatter", category__name="Functional")
    assert 'aria-label="Enabled: Chatter"' in admin_client.get(reverse(TOOLS)).content.decode()
    page = admin_client.get(reverse(CATEGORIES)).content.decode()
    assert f'aria-label="Purpose: {tool.category}"' in page


# Permissions


def test_whoever_may_only_look_sees_all_and_changes_nothing() -> None:
    tool = ToolFactory.create(by_recipe=True)
    client = editor("view_tool", "view_category", "view_policy")
    things = {TOOL: tool, CATEGORY: tool.category, POLICY: tool.policy}
    for name, thing in things.items():
        address = reverse(name, args=[thing.pk])
        page = client.get(address)
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert client.post(address, {"name": "Crafted"}).status_code == 403
    for name in (TOOLS, CATEGORIES, POLICIES):
        assert client.get(reverse(name)).status_code == 200
        assert client.post(reverse(name), {"_save": "1"}).status_code in (200, 403)
    before = revision()
    select(client, "disable", tool)
    tool.refresh_from_db()
    assert (tool.enabled, tool.name, revision()) == (True, tool.name, before)


def test_staff_without_permission_see_nothing() -> None:
    tool = ToolFactory.create()
    client = editor()
    addresses = [reverse(name) for name in (TOOLS, CATEGORIES, POLICIES, ADD_TOOL)]
    for address in [*addresses, reverse(TOOL, args=[tool.pk])]:
        assert client.get(address).status_code == 403


# Junk

JUNK = ["\0", "junk", "-1", "9" * 30, "x" * 5000, "%00", "[", "1,2", "null", "Ünïcode"]


@pytest.fixture
def junk_client(admin_client: Client) -> Client:
    """A client that gets the page of an error, as a browser does, rather than the error."""
    admin_client.raise_request_exception = False
    return admin_client


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        (TOOLS, "q"),
        (TOOLS, "o"),
        (TOOLS, "p"),
        (TOOLS, "e"),
        (TOOLS, "category__id__exact"),
        (TOOLS, "enabled__exact"),
        (TOOLS, "policy"),
        (TOOLS, "id__in"),
        (TOOLS, "name"),
        (TOOLS, "name__regex"),
        (TOOLS, "cookies__name"),
        (TOOLS, "_to_field"),
        (CATEGORIES, "policy"),
        (CATEGORIES, "order"),
        (POLICIES, "changed_at"),
        (ADD_TOOL, "recipe"),
        (ADD_TOOL, "q"),
        (ADD_TOOL, "_popup"),
        (ADD_TOOL, "_to_field"),
        (ADD_TOOL, "_changelist_filters"),
        ("admin:consent_category_add", "policy"),
        ("admin:consent_category_add", "order"),
    ],
)
def test_junk_in_an_address_is_never_a_failure(
    junk_client: Client, name: str, parameter: str
) -> None:
    ToolFactory.create(by_recipe=True)
    for junk in JUNK:
        assert junk_client.get(reverse(name), {parameter: junk}).status_code < 500, junk


@pytest.mark.parametrize("name", [TOOLS, CATEGORIES])
@pytest.mark.parametrize("action", ["enable", "delete_selected", "junk"])
def test_junk_as_a_selection_is_never_a_failure(
    junk_client: Client, name: str, action: str
) -> None:
    tool = ToolFactory.create()
    for junk in JUNK:
        data = {"action": action, "_selected_action": junk, "index": "0"}
        assert junk_client.post(reverse(name), data).status_code < 500, junk
    assert Tool.objects.filter(pk=tool.pk).exists()


@pytest.mark.parametrize("name", [TOOLS, CATEGORIES])
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"form-TOTAL_FORMS": "junk", "form-INITIAL_FORMS": "-1"},
        {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": "9" * 30},
        {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": "\0"},
        {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "0", "form-0-enabled": "on"},
    ],
)
def test_junk_in_an_edited_list_is_never_a_failure(
    junk_client: Client, name: str, data: dict[str, str]
) -> None:
    tool = ToolFactory.create()
    assert junk_client.post(reverse(name), {**data, "_save": "1"}).status_code < 500
    assert list(Tool.objects.values_list("name", flat=True)) == [tool.name]


@pytest.mark.parametrize("page", ["change", "delete", "history"])
def test_junk_as_an_object_is_never_a_failure(junk_client: Client, page: str) -> None:
    for pk in ("junk", "9" * 30, "_00", "-1"):
        assert junk_client.get(f"{reverse(TOOLS)}{pk}/{page}/").status_code < 500, pk
