"""The admin's catalogue, and the form of one tool with its preview."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.views.debug import SafeExceptionReporterFilter

from consent.models import Category, Cookie, Tool
from consent.recipes import catalogue
from tests.admin.helpers import (
    ADD_TOOL,
    TOOL,
    TOOLS,
    confirm,
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
from tests.factories import (
    CategoryFactory,
    CookieFactory,
    PolicyFactory,
    ToolFactory,
    example_parameters,
)

pytestmark = pytest.mark.django_db

GA_ID = "parameter_measurement_id"
HOOK = "https://hooks.zapier.com/hooks/catch/424242/topsecret/"
SECRET = "whsec_" + "A" * 32
SNIPPET = '<script src="https://vendor.example/chat.js"></script>'


def adding(recipe: str, **parameters: str) -> str:
    """Return the address of the form that adds a tool by this recipe."""
    query = "".join(f"&{name}={value}" for name, value in parameters.items())
    return f"{reverse(ADD_TOOL)}?recipe={recipe}{query}"


def changing(tool: Tool) -> str:
    return reverse(TOOL, args=[tool.pk])


def text(page: Any) -> str:
    return html.unescape(page.content.decode())


@pytest.fixture
def analytics() -> Category:
    """The category that Google Analytics suits, in the policy in use."""
    return CategoryFactory.create(key="marketing-analytics", name="Marketing & Analytics")


# The catalogue


def offered(page: Any) -> dict[str, list[str]]:
    return {name: [recipe.key for recipe in recipes] for name, recipes in page.context["groups"]}


def test_the_catalogue_offers_every_recipe_by_category(admin_client: Client) -> None:
    policy = PolicyFactory.create()
    # The policy's own name and order; what the policy lacks goes by the name that it would have.
    CategoryFactory.create(policy=policy, key="advertising", name="Ads", order=2)
    CategoryFactory.create(policy=policy, key="functional", name="Help & Chat", order=1)
    groups = offered(admin_client.get(reverse(ADD_TOOL)))
    assert list(groups) == ["Help & Chat", "Ads", "Marketing & Analytics", "Essential"]
    assert "adwords" in groups["Ads"]
    assert sorted(key for keys in groups.values() for key in keys) == sorted(catalogue())


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("adwords", "adwords"),
        ("Facebook PIXEL", "facebook-pixel"),
        ("twitter pixel", "twitter-ads"),
        ("universal analytics", "google-analytics"),
        ("Visual Website Optimizer", "visual-website-optimizer"),
        ("salesloft", "drift"),
    ],
)
def test_the_catalogue_is_searched_by_old_names_and_vendors(
    admin_client: Client, query: str, key: str
) -> None:
    page = admin_client.get(reverse(ADD_TOOL), {"q": query})
    assert offered(page) in [{name: [key]} for name in offered(page)]
    assert f'value="{query}"' in page.content.decode()


def test_a_search_without_a_find_says_so(admin_client: Client) -> None:
    page = admin_client.get(reverse(ADD_TOOL), {"q": "<b>nonesuch"})
    assert "The catalogue has no tool for “<b>nonesuch”." in text(page)
    assert "<b>nonesuch" not in page.content.decode()


def test_the_catalogue_marks_what_the_policy_has(admin_client: Client) -> None:
    ToolFactory.create(by_recipe=True, recipe="google-analytics", disabled=True)
    spare = CategoryFactory.create(policy=PolicyFactory.create(spare=True))
    ToolFactory.create(by_recipe=True, recipe="drift", category=spare)
    page = admin_client.get(reverse(ADD_TOOL))
    assert page.context["in_use"] == {"google-analytics"}
    assert page.content.decode().count("Already added") == 1


def test_the_catalogue_hands_on_pop_up_and_filters(admin_client: Client) -> None:
    PolicyFactory.create()
    asked = {"_popup": "1", "_changelist_filters": "category=1&q=x", "q": "drift", "stray": "1"}
    page = text(admin_client.get(reverse(ADD_TOOL), asked))
    assert "?_popup=1&_changelist_filters=category%3D1%26q%3Dx&recipe=drift" in page
    assert '<input type="hidden" name="_popup" value="1">' in page
    assert "stray" not in page
    # A pop-up has none of the site's navigation.
    assert "View the live policy" not in page


def test_saving_returns_to_the_list_as_it_was_filtered(
    admin_client: Client, analytics: Category
) -> None:
    address = adding("google-analytics", _changelist_filters="q%3Dgoogle")
    page = send(admin_client, address, {GA_ID: "G-ABC1234567"})
    assert page.redirect_chain[-1][0] == f"{reverse(TOOLS)}?q=google"


def test_a_pop_up_hands_the_new_tool_to_its_opener(
    admin_client: Client, analytics: Category
) -> None:
    page = send(admin_client, adding("google-analytics", _popup="1"), {GA_ID: "G-ABC1234567"})
    assert str(Tool.objects.get().pk) in page.context["popup_response_data"]


@pytest.mark.parametrize("recipe", ["nonesuch", "%00", "x" * 3000, "GOOGLE-ANALYTICS"])
def test_an_unknown_recipe_is_not_found(admin_client: Client, recipe: str) -> None:
    assert admin_client.get(adding(recipe)).status_code == 404


# Adding a tool


@pytest.mark.parametrize("recipe", catalogue().values(), ids=lambda recipe: recipe.key)
def test_every_recipe_can_be_added_with_its_examples(admin_client: Client, recipe: Any) -> None:
    category = CategoryFactory.create(key=recipe.category)
    examples = example_parameters(recipe.key)
    page = admin_client.get(adding(recipe.key))
    for parameter in recipe.parameters:
        assert parameter.label in text(page)
        assert parameter.choices or f"Example: {parameter.example}" in text(page)
    own = {name for name in fields(page) if name.startswith("parameter_")}
    assert own == {f"parameter_{name}" for name in examples}
    typed = {f"parameter_{name}": value for name, value in examples.items()}
    send(admin_client, adding(recipe.key), typed)
    tool = Tool.objects.get()
    assert (tool.name, tool.vendor, tool.placement) == (
        recipe.name,
        recipe.vendor,
        recipe.placement,
    )
    assert (tool.key, tool.recipe, tool.category) == (recipe.key, recipe.key, category)
    assert tool.parameters == examples
    assert tool.privacy_url == recipe.privacy_url
    declared = [(each.kind, each.name, each.party) for each in recipe.cookies]
    assert list(tool.cookies.values_list("kind", "name", "party")) == declared


def test_a_new_tool_is_told_recorded_and_served_at_once(
    admin_client: Client,
    analytics: Category,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    assert "Google Analytics" not in live_policy()
    before = revision()
    with django_capture_on_commit_callbacks(execute=True):
        page = send(admin_client, adding("google-analytics"), {GA_ID: "G-ABC1234567"})
    tool = Tool.objects.get()
    assert "Google Analytics" in live_policy()
    assert tool.since == revision() == before + 1
    assert (
        "Visitors who allowed “Marketing & Analytics” are asked again; until they agree, "
        "the changed tool stays off for them." in said(page)
    )
    entry = LogEntry.objects.get()
    assert entry.is_addition()
    assert entry.get_change_message().startswith("Added. Added cookie “_ga”.")
    assert entry.get_change_message().endswith(f"Added revision “{before + 1}”.")


def test_a_tool_that_is_added_disabled_asks_nobody(
    admin_client: Client, analytics: Category
) -> None:
    before = revision()
    changes = {GA_ID: "G-ABC1234567", "enabled": None}
    page = send(admin_client, adding("google-analytics"), changes)
    assert revision() == before
    assert not any("Visitors" in text for text in said(page))


def test_the_same_vendor_can_be_added_twice(admin_client: Client, analytics: Category) -> None:
    CategoryFactory.create(key="google-analytics-2")
    for number in ("1", "2"):
        send(admin_client, adding("google-analytics"), {GA_ID: f"G-ABC123456{number}"})
    keys = list(Tool.objects.order_by("pk").values_list("key", flat=True))
    assert keys == ["google-analytics", "google-analytics-3"]


def test_an_address_fills_in_nothing(admin_client: Client) -> None:
    PolicyFactory.create()
    page = admin_client.get(adding("custom", snippet="%3Cscript%3E", name="Crafted"))
    assert fields(page)["snippet"] == ""
    assert "Crafted" not in text(page).replace("name=Crafted", "")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "UA-12345-1",
            "“UA-12345-1” is not a valid value for Measurement ID. "
            "It looks like this: G-ABC1234567",
        ),
        ("", "Measurement ID is missing. It looks like this: G-ABC1234567"),
        ("G-ABC\0", "Null characters are not allowed."),
        ("G" * 5000, "It looks like this: G-ABC1234567"),
        ("<script>alert(1)</script>", "“<script>alert(1)</script>” is not a valid value"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(
    admin_client: Client, analytics: Category, value: str, message: str
) -> None:
    page = send(admin_client, adding("google-analytics"), {GA_ID: value})
    found = errors(page)
    assert list(found) == [GA_ID]
    assert message in found[GA_ID][0]
    assert "<script>alert" not in page.content.decode()
    assert not Tool.objects.exists()


def test_blanks_around_a_value_do_not_matter(admin_client: Client, analytics: Category) -> None:
    send(admin_client, adding("google-analytics"), {GA_ID: "  G-ABC1234567 \n"})
    assert Tool.objects.get().parameters == {"measurement_id": "G-ABC1234567"}


def test_choices_are_chosen_from_a_list(admin_client: Client) -> None:
    CategoryFactory.create(key="essential", essential=True)
    page = admin_client.get(adding("recaptcha"))
    assert '<option value="v3" selected>v3</option>' in page.content.decode()
    key = catalogue()["recaptcha"].parameters[0].example
    changes = {"parameter_site_key": key, "parameter_version": "v9"}
    found = errors(send(admin_client, adding("recaptcha"), changes))
    assert found == {
        "parameter_version": [
            "“v9” is not a choice for Kind of key. Choose one of: v2, v3, enterprise"
        ]
    }
    send(admin_client, adding("recaptcha"), {**changes, "parameter_version": "v2"})
    assert Tool.objects.get().parameters == {"site_key": key, "version": "v2"}


def test_an_error_loses_nothing_that_was_typed(admin_client: Client, analytics: Category) -> None:
    other = CategoryFactory.create()
    typed = {
        GA_ID: "UA-1",
        "category": str(other.pk),
        "enabled": None,
        "name": "Our statistics",
        "vendor": "Us",
        "privacy_url": "/privacy/",
        "placement": "body",
        "order": "7",
        "key": "statistics",
        "cookies-0-name": "_renamed",
        "cookies-0-purpose": "For us alone.",
        "cookies-1-kind": "storage",
        "cookies-2-retention": "a while",
    }
    page = send(admin_client, adding("google-analytics"), typed)
    shown = fields(page)
    assert {name: shown.get(name) for name in typed} == typed
    assert shown["cookies-4-name"] == "_gat*"


def test_a_wrong_cookie_is_named_and_nothing_is_saved(
    admin_client: Client, analytics: Category
) -> None:
    changes = {GA_ID: "G-ABC1234567", "cookies-0-name": "not a name"}
    page = send(admin_client, adding("google-analytics"), changes)
    assert "“not a name” is not a valid cookie name" in text(page)
    assert fields(page)[GA_ID] == "G-ABC1234567"
    assert not Tool.objects.exists()


# Cookies


def test_cookies_can_be_changed_and_left_out_before_they_are_saved(admin_client: Client) -> None:
    CategoryFactory.create(key="essential", essential=True)
    recipe = catalogue()["recaptcha"]
    names = [cookie.name for cookie in recipe.cookies]
    # Not the kind that a blank row has.
    last = len(names) - 1
    assert recipe.cookies[last].kind == "storage"
    emptied = {f"cookies-{last}-{name}": "" for name in ("name", "retention", "purpose")}
    key = recipe.parameters[0].example
    changes = {"parameter_site_key": key, "cookies-0-name": "_ours_*", **emptied}
    send(admin_client, adding("recaptcha"), changes)
    stored = list(Cookie.objects.order_by("pk").values_list("name", flat=True))
    assert stored == ["_ours_*", *names[1:last]]


def test_cookies_are_changed_added_and_deleted_later(
    admin_client: Client, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    tool = ToolFactory.create()
    for name in ("_kept", "_gone"):
        CookieFactory.create(tool=tool, name=name)
    assert "_gone" in live_policy()
    before = revision()
    changes = {
        "cookies-0-purpose": "For something else.",
        "cookies-1-DELETE": "on",
        "cookies-2-name": "_new_*",
        "cookies-2-kind": "storage",
    }
    with django_capture_on_commit_callbacks(execute=True):
        send(admin_client, changing(tool), changes)
    assert set(tool.cookies.values_list("name", "purpose", "kind")) == {
        ("_kept", "For something else.", "cookie"),
        ("_new_*", "", "storage"),
    }
    assert "_gone" not in live_policy()
    assert "_new_*" in live_policy()
    assert revision() == before


def test_a_cookie_named_twice_is_refused(admin_client: Client) -> None:
    tool = ToolFactory.create()
    CookieFactory.create(tool=tool, name="_id")
    page = send(admin_client, changing(tool), {"cookies-1-name": "_id"})
    # The words differ between versions of Django.
    assert "Please correct the duplicate" in text(page) or "already exists" in text(page)
    assert tool.cookies.count() == 1


def test_emptying_a_stored_cookie_is_no_deletion(admin_client: Client) -> None:
    tool = CookieFactory.create(retention="", purpose="").tool
    page = send(admin_client, changing(tool), {"cookies-0-name": ""})
    assert "This field is required." in text(page)
    assert tool.cookies.count() == 1


# Changing a tool


def test_a_form_has_just_its_vendors_parameters(admin_client: Client) -> None:
    tool = ToolFactory.create(by_recipe=True)
    shown = fields(admin_client.get(changing(tool)))
    assert shown[GA_ID] == "G-ABC1234567"
    assert [name for name in shown if name.startswith("parameter")] == [GA_ID]
    assert "snippet" not in shown


def test_a_parameter_is_changed_without_asking_anybody(admin_client: Client) -> None:
    tool = ToolFactory.create(by_recipe=True)
    before = revision()
    send(admin_client, changing(tool), {GA_ID: "G-NEW1234567", "snippet": "<b>crafted</b>"})
    tool.refresh_from_db()
    assert (tool.parameters, tool.snippet) == ({"measurement_id": "G-NEW1234567"}, "")
    assert revision() == before
    assert history(tool) == ["Changed Measurement ID."]


def test_a_tool_that_moves_to_another_category_is_told(admin_client: Client) -> None:
    tool = ToolFactory.create()
    other = CategoryFactory.create(policy=tool.policy, name="Advertising")
    before = revision()
    page = send(admin_client, changing(tool), {"category": str(other.pk), "cosmetic": "on"})
    tool.refresh_from_db()
    assert (tool.category, tool.since) == (other, before + 1)
    assert any("“Advertising” are asked again" in message for message in said(page))


def test_a_vendors_new_name_can_be_cosmetic(admin_client: Client) -> None:
    tool = ToolFactory.create()
    before = revision()
    send(admin_client, changing(tool), {"vendor": "Example Limited", "cosmetic": "on"})
    assert revision() == before
    send(admin_client, changing(tool), {"vendor": "Somebody Else"})
    assert revision() == before + 1


def test_the_cosmetic_box_stays_ticked_after_an_error(admin_client: Client) -> None:
    tool = ToolFactory.create()
    page = send(admin_client, changing(tool), {"name": "", "cosmetic": "on"})
    assert fields(page)["cosmetic"] == "on"


def test_a_key_in_use_stays(admin_client: Client) -> None:
    tool = ToolFactory.create(key="chat")
    send(admin_client, changing(tool), {"key": "other", "name": "Renamed"})
    tool.refresh_from_db()
    assert (tool.key, tool.name) == ("chat", "Renamed")


def test_a_tool_stays_in_its_policy(admin_client: Client) -> None:
    tool = ToolFactory.create()
    foreign = CategoryFactory.create(policy=PolicyFactory.create(spare=True), name="Elsewhere")
    assert "Elsewhere (A spare policy)" in text(admin_client.get(adding("custom")))
    assert "Elsewhere" not in text(admin_client.get(changing(tool)))
    page = send(admin_client, changing(tool), {"category": str(foreign.pk)})
    assert "category" in errors(page)


def test_a_tool_whose_recipe_is_gone_can_still_be_kept_in_order(admin_client: Client) -> None:
    tool = ToolFactory.create(snippet="", recipe="forgotten", parameters={"token": "hidden-value"})
    page = admin_client.get(changing(tool))
    assert "its recipe “forgotten” is no longer in the catalogue" in text(page)
    assert "hidden-value" not in text(page)
    send(admin_client, changing(tool), {"enabled": None, "snippet": "<b>", "name": "Old"})
    tool.refresh_from_db()
    assert (tool.enabled, tool.name, tool.snippet) == (False, "Old", "")
    assert tool.parameters == {"token": "hidden-value"}


@pytest.mark.parametrize("parameters", [{}, {"measurement_id": 7}, {"old_name": "x"}, ["x"], "x"])
def test_stored_parameters_that_do_not_fit_are_mended_by_saving(
    admin_client: Client, parameters: Any
) -> None:
    tool = ToolFactory.create(by_recipe=True, parameters=parameters)
    assert "Does not run" in text(admin_client.get(changing(tool)))
    send(admin_client, changing(tool), {GA_ID: "G-ABC1234567"})
    tool.refresh_from_db()
    assert tool.parameters == {"measurement_id": "G-ABC1234567"}


# Secrets


@pytest.fixture
def hook() -> Tool:
    return ToolFactory.create(
        by_recipe=True, recipe="zapier", name="Zapier", parameters={"hook_url": HOOK}
    )


def test_a_secret_is_never_shown(admin_client: Client, hook: Tool) -> None:
    for address in (changing(hook), reverse(TOOLS)):
        assert "topsecret" not in text(admin_client.get(address))
    preview = send(admin_client, changing(hook), {}, press="_preview")
    assert "topsecret" not in text(preview)
    looking = text(editor("view_tool").get(changing(hook)))
    assert "topsecret" not in looking
    assert "Catch Hook address: ••••" in looking


def test_a_secret_that_is_left_empty_is_kept(admin_client: Client, hook: Tool) -> None:
    page = admin_client.get(changing(hook))
    assert "A value is stored. Leave this empty to keep it." in text(page)
    send(admin_client, changing(hook), {"name": "Zaps"})
    hook.refresh_from_db()
    assert (hook.name, hook.parameters) == ("Zaps", {"hook_url": HOOK})


def test_a_new_secret_replaces_the_stored_one(admin_client: Client, hook: Tool) -> None:
    new = HOOK.replace("topsecret", "newsecret")
    send(admin_client, changing(hook), {"parameter_hook_url": new})
    hook.refresh_from_db()
    assert hook.parameters == {"hook_url": new}
    assert history(hook) == ["Changed Catch Hook address."]
    assert "newsecret" not in "".join(LogEntry.objects.values_list("change_message", flat=True))


def test_a_wrong_secret_is_refused_without_repeating_it(admin_client: Client, hook: Tool) -> None:
    page = send(admin_client, changing(hook), {"parameter_hook_url": "http://wrongsecret"})
    message = errors(page)["parameter_hook_url"][0]
    assert message.startswith("This is not a valid value for Catch Hook address.")
    assert "wrongsecret" not in text(page)


def test_a_secret_that_an_error_elsewhere_loses_is_asked_for_again(
    admin_client: Client, hook: Tool
) -> None:
    new = HOOK.replace("topsecret", "newsecret")
    for wrong in ({"name": ""}, {"cookies-0-name": "not a name"}):
        page = send(admin_client, changing(hook), {"parameter_hook_url": new, **wrong})
        assert "Enter it again" in errors(page)["parameter_hook_url"][0]
        assert "newsecret" not in text(page)
    hook.refresh_from_db()
    assert hook.parameters == {"hook_url": HOOK}


def test_an_optional_secret_can_be_removed(admin_client: Client) -> None:
    values = {"url": "https://hooks.example/", "authorization": SECRET}
    tool = ToolFactory.create(server=True, parameters=values)
    page = admin_client.get(changing(tool))
    assert "Remove the stored value: Authorization" in text(page)
    send(admin_client, changing(tool), {"remove_authorization": "on"})
    tool.refresh_from_db()
    assert tool.parameters == {"url": "https://hooks.example/"}
    assert "Remove what is stored" not in text(admin_client.get(changing(tool)))


def test_error_reports_leave_out_what_was_typed(admin_client: Client, hook: Tool) -> None:
    new = HOOK.replace("topsecret", "newsecret")
    page = send(admin_client, changing(hook), {"parameter_hook_url": new, "name": ""})
    reported = SafeExceptionReporterFilter().get_post_parameters(page.wsgi_request)
    assert "newsecret" not in str(dict(reported))


# Custom snippets


def test_a_custom_snippet_is_added(admin_client: Client) -> None:
    category = CategoryFactory.create(key="essential", essential=True)
    changes = {"snippet": SNIPPET, "name": "Our Chat", "category": str(category.pk)}
    confirm(admin_client, adding("custom"), changes, "does not name its vendor")
    tool = Tool.objects.get()
    assert (tool.key, tool.recipe, tool.snippet) == ("our-chat", "", SNIPPET)
    assert 'data-consent-tool="our-chat"' in live_page()


@pytest.mark.parametrize(
    ("snippet", "message"),
    [
        ("", "This field is required."),
        ("alert(1)", "There is no HTML element in it"),
        ("<p>\n<script>alert(1)", "<script> is opened in line 2 and never closed"),
    ],
)
def test_a_snippet_that_would_break_the_page_is_refused(
    admin_client: Client, snippet: str, message: str
) -> None:
    category = CategoryFactory.create()
    changes = {"snippet": snippet, "name": "Chat", "category": str(category.pk)}
    page = send(admin_client, adding("custom"), changes)
    assert message in errors(page)["snippet"][0]
    assert fields(page)["snippet"] == snippet


def test_a_snippets_sources_are_taken_and_shown_again(admin_client: Client) -> None:
    tool = ToolFactory.create(snippet=SNIPPET)
    wanted = "script-src https://vendor.example\r\nimg-src https://*.vendor.example"

    send(admin_client, changing(tool), {"sources": wanted})

    tool.refresh_from_db()
    assert tool.sources == wanted.replace("\r\n", "\n")
    assert fields(admin_client.get(changing(tool)))["sources"].split() == wanted.split()


def test_sources_that_would_loosen_the_sites_policy_are_refused(admin_client: Client) -> None:
    tool = ToolFactory.create(snippet=SNIPPET)
    crafted = "script-src https://vendor.example 'unsafe-inline'\nobject-src *;"

    page = send(admin_client, changing(tool), {"sources": crafted})

    inline, directive = errors(page)["sources"]
    assert inline.startswith("Line 1: “'unsafe-inline'” would hold for everything on the page")
    assert directive.startswith("Line 2: “object-src” is no directive that can be added to.")
    tool.refresh_from_db()
    assert tool.sources == ""


def test_sources_are_for_those_who_may_edit_snippets_and_for_snippets(admin_client: Client) -> None:
    snippet, recipe = ToolFactory.create(snippet=SNIPPET), ToolFactory.create(by_recipe=True)
    crafted = {"sources": "script-src https://crafted.example"}
    client = editor("change_tool", "view_tool")
    assert "sources" not in fields(client.get(changing(snippet)))
    assert "sources" not in fields(admin_client.get(changing(recipe)))
    assert "sources" not in fields(admin_client.get(adding("google-analytics")))

    send(client, changing(snippet), crafted)
    send(admin_client, changing(recipe), crafted)

    assert set(Tool.objects.values_list("sources", flat=True)) == {""}


def test_snippets_need_a_permission_of_their_own() -> None:
    category = CategoryFactory.create()
    client = editor("add_tool", "change_tool", "view_tool")
    assert 'recipe=custom"' not in text(client.get(reverse(ADD_TOOL)))
    crafted = {"snippet": SNIPPET, "name": "Chat", "category": category.pk, "placement": "head"}
    management = {"cookies-TOTAL_FORMS": "0", "cookies-INITIAL_FORMS": "0", "order": "0"}
    assert client.get(adding("custom")).status_code == 403
    assert client.post(adding("custom"), {**crafted, **management}).status_code == 403
    preview = {**crafted, **management, "_preview": "1"}
    assert client.post(adding("custom"), preview).status_code == 403
    # Django's admin takes this button for a tool that is added.
    tool = ToolFactory.create(by_recipe=True)
    copied = {**crafted, **management, "_saveasnew": "1"}
    assert client.post(changing(tool), copied).status_code == 403
    assert Tool.objects.count() == 1


def test_whoever_may_not_edit_snippets_reads_them_and_does_the_rest() -> None:
    tool = ToolFactory.create(snippet=SNIPPET)
    other = CategoryFactory.create(policy=tool.policy)
    client = editor("change_tool", "view_tool")
    page = client.get(changing(tool))
    assert "https://vendor.example/chat.js" in text(page)
    assert "Your account may not change its code" in text(page)
    assert "snippet" not in fields(page)
    crafted = {"snippet": "<script>crafted()</script>", "recipe": "drift", "parameters": "{}"}
    moved = {"enabled": None, "category": str(other.pk), "placement": "body"}
    assert "crafted" not in text(send(client, changing(tool), crafted, press="_preview"))
    send(client, changing(tool), {**crafted, **moved})
    tool.refresh_from_db()
    assert (tool.snippet, tool.recipe) == (SNIPPET, "")
    assert (tool.enabled, tool.category, tool.placement) == (False, other, "body")


EDITOR = ("add_tool", "change_tool", "view_tool")
ADDRESSES = [
    ("matomo", "matomo_url", "https://other.example"),
    ("plausible", "host", "https://other.example"),
    ("posthog", "host", "https://other.example"),
    ("google-tag-manager", "container_id", "GTM-OTHER12"),
    ("segment", "write_key", "OtherOtherOtherOtherOtherOther12"),
]


@pytest.mark.parametrize(("recipe", "parameter", "other"), ADDRESSES)
def test_address_of_a_script_needs_the_permission_for_code(
    admin_client: Client, recipe: str, parameter: str, other: str
) -> None:
    found = catalogue()[recipe]
    parameters = {each.name: each.example for each in found.parameters}
    tool = ToolFactory.create(by_recipe=True, recipe=recipe, parameters=parameters)
    changes = {f"parameter_{parameter}": other}
    page = send(editor(*EDITOR), changing(tool), changes)
    assert "decides which scripts run on the website" in text(page)
    tool.refresh_from_db()
    assert tool.parameters == parameters
    send(editor(*EDITOR), changing(tool), {"name": "Renamed"})
    tool.refresh_from_db()
    assert (tool.name, tool.parameters) == ("Renamed", parameters)
    send(admin_client, changing(tool), changes)
    tool.refresh_from_db()
    assert tool.parameters[parameter] == other


def test_tool_comes_into_an_essential_category_only_by_the_permission_for_code(
    admin_client: Client,
) -> None:
    tool = ToolFactory.create(by_recipe=True)
    essential = CategoryFactory.create(policy=tool.policy, essential=True, key="essential")
    moved = {"category": str(essential.pk)}
    assert "runs for everybody" in text(send(editor(*EDITOR), changing(tool), moved))
    assert not Tool.objects.filter(category=essential).exists()
    confirm(admin_client, changing(tool), moved)
    assert Tool.objects.filter(category=essential).exists()
    # What is essential already may be edited.
    send(editor(*EDITOR), changing(tool), {"name": "Renamed"})
    assert Tool.objects.get().name == "Renamed"


def test_recipe_that_is_meant_to_be_essential_may_be(analytics: Category) -> None:
    tool = ToolFactory.create(
        by_recipe=True,
        recipe="stripe",
        parameters={"publishable_key": "pk_test_EXAMPLE0000000000000000"},
        category=analytics,
    )
    essential = CategoryFactory.create(policy=tool.policy, essential=True, key="essential")
    send(editor(*EDITOR), changing(tool), {"category": str(essential.pk)})
    assert Tool.objects.get().category == essential


def test_whoever_may_edit_snippets_changes_them(admin_client: Client) -> None:
    tool = ToolFactory.create(snippet=SNIPPET)
    send(admin_client, changing(tool), {"snippet": "<script>hello()</script>"})
    tool.refresh_from_db()
    assert tool.snippet == "<script>hello()</script>"
    send(admin_client, changing(tool), {"snippet": ""})
    tool.refresh_from_db()
    assert tool.snippet == "<script>hello()</script>"


# Permissions on tools


def test_cookies_follow_the_tools_permissions(analytics: Category) -> None:
    send(editor("add_tool"), adding("google-analytics"), {GA_ID: "G-ABC1234567"})
    tool = Tool.objects.get()
    assert tool.cookies.count() == 5
    send(editor("change_tool"), changing(tool), {"cookies-0-DELETE": "on"})
    assert tool.cookies.count() == 4
    page = editor("view_tool").get(changing(tool))
    assert "_gac_*" in text(page)
    assert not any(name.startswith("cookies-0-name") for name in fields(page))


def test_whoever_may_only_look_sees_settings_and_code(hook: Tool) -> None:
    client = editor("view_tool")
    analytics = ToolFactory.create(by_recipe=True)
    page = text(client.get(changing(analytics)))
    assert "Measurement ID: G-ABC1234567" in page
    assert 'gtag("config", "G-ABC1234567")' in page
    snippet = text(client.get(changing(ToolFactory.create(snippet=SNIPPET))))
    assert "vendor.example/chat.js" in snippet
    assert "Your account may not change its code" not in snippet
    assert client.post(changing(analytics), {"_preview": "1"}).status_code == 403
    assert client.get(reverse(ADD_TOOL)).status_code == 403
    assert client.get(adding("google-analytics")).status_code == 403
    assert reverse(ADD_TOOL) not in text(client.get(reverse(TOOLS)))


# Preview


def test_the_saved_code_is_shown_as_the_page_gets_it(admin_client: Client) -> None:
    essential = CategoryFactory.create(key="essential", essential=True)
    tool = ToolFactory.create(by_recipe=True, category=essential)
    page = admin_client.get(changing(tool))
    code = page.content.decode().partition('aria-label="Code">')[2].partition("</pre>")[0]
    assert 'data-consent-tool="tool-' in html.unescape(code)
    assert html.unescape(code) in live_page()


def test_a_preview_shows_what_was_typed_and_saves_nothing(admin_client: Client) -> None:
    tool = CookieFactory.create(tool=ToolFactory.create(by_recipe=True)).tool
    before = (revision(), Tool.objects.values().get(), LogEntry.objects.count())
    changes = {GA_ID: "G-TYPED12345", "name": "Typed", "cookies-0-DELETE": "on"}
    page = send(admin_client, changing(tool), changes, press="_preview")
    assert 'gtag("config", "G-TYPED12345")' in text(page)
    assert "Nothing was saved." in text(page)
    assert (revision(), Tool.objects.values().get(), LogEntry.objects.count()) == before
    assert tool.cookies.count() == 1


def test_a_preview_shows_what_a_tool_is_told(admin_client: Client) -> None:
    category = CategoryFactory.create(key="ads", consent_types="ad_storage")
    tool = ToolFactory.create(by_recipe=True, recipe="microsoft-uet", category=category)
    page = send(admin_client, changing(tool), {}, press="_preview")
    assert '"ad_storage":"granted"' in text(page)
    assert "\1" not in text(page)


def test_a_preview_of_a_new_tool_saves_nothing(admin_client: Client, analytics: Category) -> None:
    changes = {GA_ID: "G-TYPED12345"}
    page = send(admin_client, adding("google-analytics"), changes, press="_preview")
    assert 'src="https://www.googletagmanager.com/gtag/js?id=G-TYPED12345"' in text(page)
    assert "Visitors who allow “Marketing & Analytics”" in text(page)
    assert not Tool.objects.exists()


def test_a_preview_escapes_what_it_shows(admin_client: Client) -> None:
    category = CategoryFactory.create()
    code = "<script>alert(1)</script>"
    changes = {"snippet": code, "name": "Chat", "category": str(category.pk)}
    page = send(admin_client, adding("custom"), changes, press="_preview")
    assert "alert(1)" in text(page)
    assert "<script>alert(1)" not in page.content.decode()
    assert " nonce=" not in text(page)


def test_a_tool_that_something_else_loads_is_declared(admin_client: Client) -> None:
    category = CategoryFactory.create()
    changes = {"name": "Bundled", "category": category.pk, "vendor": "Example Ltd"}
    sources = {"sources": "img-src https://cdn.example"}
    page = send(admin_client, adding("declared"), {**changes, **sources})
    tool = Tool.objects.get()
    assert page.redirect_chain
    assert (tool.key, tool.is_only_declared, *sources.values()) == ("bundled", True, tool.sources)

    page = admin_client.get(changing(tool))
    assert "Only declared: pages get no code" in text(page)
    assert not {"snippet", "placement"} & fields(page).keys()
    assert fields(page)["sources"] == tool.sources
    assert "Only declared" in text(admin_client.get(reverse(TOOLS)))


def test_declaring_a_tool_needs_no_permission_for_code_but_its_hosts_do() -> None:
    category = CategoryFactory.create()
    client = editor("add_tool", "change_tool", "view_tool")
    assert 'recipe=declared"' in text(client.get(reverse(ADD_TOOL)))
    crafted = {"snippet": SNIPPET, "sources": "script-src https://crafted.example"}
    changes = {"name": "Bundled", "category": category.pk, "vendor": "Example Ltd", **crafted}
    send(client, adding("declared"), changes)
    tool = Tool.objects.get()
    assert (tool.snippet, tool.sources) == ("", "")

    send(client, changing(tool), crafted)
    tool.refresh_from_db()
    assert (tool.snippet, tool.sources) == ("", "")


def test_a_preview_says_what_is_wrong_first(admin_client: Client, analytics: Category) -> None:
    page = send(admin_client, adding("google-analytics"), {GA_ID: "UA-1"}, press="_preview")
    assert "Measurement ID: “UA-1” is not a valid value" in text(page)
    assert "<script data-consent-tool" not in text(page)


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ({"by_recipe": True, "enabled": False}, "Nobody: it is not enabled."),
        ({"by_recipe": True, "category__essential": True}, "Every visitor"),
        ({"by_recipe": True, "category__policy__implied": True}, "Visitors who have not refused"),
        ({"by_recipe": True, "placement": "manual", "key": "ga"}, '{% consent_tool "ga" %}'),
        ({"server": True}, "Sent from your server; pages get no code."),
        (
            {"by_recipe": True, "recipe": "youtube", "parameters": {}, "key": "film"},
            '{% consent_embed "film" id="aBcDeFgHiJk" title="…" %}',
        ),
        ({"snippet": "", "recipe": "forgotten"}, "Does not run: its recipe “forgotten” is gone."),
    ],
)
def test_the_form_says_who_gets_the_code_and_where(
    admin_client: Client, tool: dict[str, Any], expected: str
) -> None:
    assert expected in text(admin_client.get(changing(ToolFactory.create(**tool))))


@pytest.mark.parametrize("recipe", ["youtube", "webhooks"])
def test_what_no_page_starts_has_no_place_on_it(admin_client: Client, recipe: str) -> None:
    CategoryFactory.create()

    assert "placement" not in fields(admin_client.get(adding(recipe)))


def test_a_preview_of_nothing_is_not_found(admin_client: Client) -> None:
    address = reverse(TOOL, args=["424242"])
    assert admin_client.post(address, {"_preview": "1"}).status_code == 404


def test_enter_saves_rather_than_previews(admin_client: Client) -> None:
    page = admin_client.get(changing(ToolFactory.create())).content.decode()
    assert page.index('name="_save"') < page.index('name="_preview"')
