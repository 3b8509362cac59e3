"""The first step of “Add tool”: what is pasted is recognised, and the form filled in with it."""

import html
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from consent.models import Category, Tool
from consent.recipes import catalogue
from consent.recipes.recognition import MOST_CHARACTERS
from tests import recipes
from tests.admin.helpers import ADD_TOOL, editor, errors, fields
from tests.factories import CategoryFactory, PolicyFactory, ToolFactory

pytestmark = pytest.mark.django_db

VENDOR_CODE = Path(recipes.__file__).with_name("vendor_code")
UNKNOWN = (
    '<script src="https://cdn.acme-chat.example/w.js"></script>\n'
    '<script>document.cookie = "acme_id=1"; localStorage.setItem("acme", 1);</script>'
)
PIXEL = "parameter_pixel_id"


def code_of(key: str) -> str:
    return (VENDOR_CODE / f"{key}.html").read_text(encoding="utf-8")


def text(page: Any) -> str:
    return html.unescape(page.content.decode())


def adding(recipe: str) -> str:
    return f"{reverse(ADD_TOOL)}?recipe={recipe}"


@pytest.fixture(autouse=True)
def advertising() -> Category:
    """The category that Meta Pixel suits, in the policy in use."""
    return CategoryFactory.create(key="advertising", name="Advertising")


def paste(client: Client, code: str) -> Any:
    page = client.post(reverse(ADD_TOOL), {"pasted": code})
    assert page.status_code == 200
    assert not Tool.objects.exists()
    return page


def open_form(client: Client, recipe: str, values: dict[str, Any]) -> Any:
    """Press the button that opens the form of `recipe` with these values."""
    return client.post(adding(recipe), {**values, "_fill_in": "1"})


def offered(page: Any) -> dict[str, dict[str, str]]:
    """Return by recipe what its button sends to the form."""
    return {
        offer.recipe.key: {each.field: each.value for each in offer.values if each.is_filled_in}
        for offer in page.context["offers"]
    }


# What is recognised


def test_the_catalogue_has_a_text_area_for_what_the_vendor_gave(admin_client: Client) -> None:
    page = text(admin_client.get(reverse(ADD_TOOL)))
    assert '<textarea id="dcp-admin-pasted" name="pasted"' in page
    # It comes before the recipes.
    assert page.index("dcp-admin-pasted") < page.index("dcp-admin-recipes")


def test_each_vendor_that_was_recognised_is_offered(admin_client: Client) -> None:
    page = paste(admin_client, code_of("facebook-pixel") + code_of("google-tag-manager"))
    assert offered(page) == {
        "facebook-pixel": {PIXEL: "123456789012345"},
        "google-tag-manager": {"parameter_container_id": "GTM-ABC1234"},
    }
    assert "Add Meta Pixel" in text(page)
    assert f'<input type="hidden" name="{PIXEL}" value="123456789012345">' in text(page)
    assert 'action="?recipe=facebook-pixel"' in text(page)
    assert page.context["analysis"] is None


def test_every_vendor_is_offered_with_the_values_in_its_code(admin_client: Client) -> None:
    for file in sorted(VENDOR_CODE.glob("*.html")):
        page = admin_client.post(reverse(ADD_TOOL), {"pasted": file.read_text(encoding="utf-8")})
        assert list(offered(page)) == [file.stem]


def test_what_is_missing_and_what_is_left_out_is_said(admin_client: Client) -> None:
    code = code_of("facebook-pixel").replace("123456789012345", "YOUR-ID")
    page = text(paste(admin_client, code.replace("PageView", "Purchase")))
    assert "Not found, so please fill it in: Pixel ID" in page
    assert "fbq('track', 'Purchase')" in page


def test_a_tool_that_the_policy_has_is_marked(admin_client: Client, advertising: Category) -> None:
    ToolFactory.create(by_recipe=True, recipe="facebook-pixel", category=advertising)
    page = admin_client.post(reverse(ADD_TOOL), {"pasted": code_of("facebook-pixel")})
    assert "Already added" in text(page)


def test_unknown_code_is_analysed_and_offered_as_a_custom_snippet(admin_client: Client) -> None:
    page = paste(admin_client, UNKNOWN)
    assert offered(page) == {}
    for part in ("cdn.acme-chat.example", "acme_id", "Add as a custom snippet", "script-src https"):
        assert part in text(page)


@pytest.mark.parametrize("pasted", ["Hello, could you add the chat?", "   ", "\0", "<b></b>"])
def test_text_without_code_is_said_to_be_that(admin_client: Client, pasted: str) -> None:
    page = text(paste(admin_client, f"x {pasted}"))
    assert "There is no code in it" in page


def test_nothing_pasted_shows_the_catalogue(admin_client: Client) -> None:
    assert "groups" in paste(admin_client, "").context


def test_pasted_text_is_shown_as_text(admin_client: Client) -> None:
    nasty = '</textarea><script>alert(1)</script><img src=x onerror="alert(2)">'
    page = paste(admin_client, nasty).content.decode()
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page


def test_text_that_is_too_long_is_said_to_be_cut(admin_client: Client) -> None:
    assert "too long" in text(paste(admin_client, "x" * (MOST_CHARACTERS + 1)))
    assert "too long" not in text(paste(admin_client, "x" * MOST_CHARACTERS))


def test_without_a_policy_the_page_says_so(admin_client: Client) -> None:
    PolicyFactory._meta.model.objects.all().delete()
    assert "There is no active policy yet" in text(paste(admin_client, UNKNOWN))


def test_a_pop_up_and_filters_are_handed_on(admin_client: Client) -> None:
    page = admin_client.post(f"{reverse(ADD_TOOL)}?_popup=1", {"pasted": "GTM-ABC1234"})
    assert 'action="?_popup=1&recipe=google-tag-manager"' in text(page)
    assert "_blank" not in text(page)


# The form with what was found


def test_the_form_is_filled_in_and_nothing_is_saved(
    admin_client: Client, advertising: Category
) -> None:
    page = open_form(admin_client, "facebook-pixel", {PIXEL: "123456789012345"})
    shown = fields(page)
    assert page.status_code == 200
    assert (shown[PIXEL], shown["name"]) == ("123456789012345", "Meta Pixel")
    assert shown["category"] == str(advertising.pk)
    assert shown["cookies-0-name"] == catalogue()["facebook-pixel"].cookies[0].name
    assert (errors(page), Tool.objects.count()) == ({}, 0)


def test_the_form_that_was_filled_in_is_saved(admin_client: Client) -> None:
    page = open_form(admin_client, "facebook-pixel", {PIXEL: "123456789012345"})
    admin_client.post(adding("facebook-pixel"), {**fields(page), "_save": "1"})
    tool = Tool.objects.get()
    assert (tool.recipe, tool.parameters) == ("facebook-pixel", {"pixel_id": "123456789012345"})
    assert tool.cookies.count() == len(catalogue()["facebook-pixel"].cookies)


def test_a_custom_snippet_is_filled_in(admin_client: Client, advertising: Category) -> None:
    analysis = paste(admin_client, UNKNOWN).context["analysis"]
    sent = {name: getattr(analysis, name) for name in ("name", "sources", "snippet", "placement")}
    cookies = {"cookie": ["acme_id"], "storage": ["acme"]}
    page = open_form(admin_client, "custom", {**sent, **cookies, "category": "advertising"})
    shown = fields(page)
    assert shown["snippet"] == UNKNOWN
    assert shown["sources"] == "script-src https://cdn.acme-chat.example"
    assert shown["name"] == "cdn.acme-chat.example"
    assert shown["category"] == str(advertising.pk)
    rows = [(shown[f"cookies-{n}-kind"], shown[f"cookies-{n}-name"]) for n in (0, 1)]
    assert rows == [("cookie", "acme_id"), ("storage", "acme")]
    admin_client.post(adding("custom"), {**shown, "vendor": "Acme", "_save": "1"})
    assert Tool.objects.get().snippet == UNKNOWN


@pytest.mark.parametrize(
    "values",
    [
        {PIXEL: "javascript:alert(1)"},
        {PIXEL: "1" * 5000, "cookie": ["x"] * 500},
        {"parameter_nonesuch": "1", "name": "Taken over", "snippet": "<script>x()</script>"},
        {"category": "nonesuch", "placement": "nowhere", PIXEL: "\0"},
    ],
)
def test_values_that_the_recipe_does_not_accept_are_not_filled_in(
    admin_client: Client, values: dict[str, Any]
) -> None:
    page = open_form(admin_client, "facebook-pixel", values)
    assert page.status_code == 200
    assert (fields(page)[PIXEL], fields(page)["name"]) == ("", "Meta Pixel")


def test_bad_values_of_a_custom_snippet_are_refused_when_it_is_saved(admin_client: Client) -> None:
    values = {"snippet": "<script>\0", "placement": "nowhere", "category": "x\0", "sources": "x y"}
    page = open_form(admin_client, "custom", {**values, "cookie": ["a\0b"], "name": "N" * 500})
    assert page.status_code == 200
    page = admin_client.post(adding("custom"), {**fields(page), "_save": "1"})
    assert {"snippet", "sources", "name"} <= errors(page).keys()
    assert not Tool.objects.exists()


def test_a_link_fills_in_nothing(admin_client: Client) -> None:
    page = admin_client.get(adding("custom") + "&_fill_in=1&snippet=%3Cscript%3E&name=x")
    assert (fields(page)["snippet"], fields(page)["name"]) == ("", "")
    assert fields(page)["placement"] == "head"
    page = admin_client.get(adding("facebook-pixel") + f"&_fill_in=1&{PIXEL}=123456789012345")
    assert fields(page)[PIXEL] == ""


@pytest.mark.parametrize("address", ["", "?recipe=custom"])
def test_another_website_cannot_send_it(address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    sent = {"pasted": UNKNOWN, "snippet": UNKNOWN, "_fill_in": "1"}
    assert client.post(reverse(ADD_TOOL) + address, sent).status_code == 403


# Permissions


def test_who_may_not_add_tools_may_not_paste() -> None:
    client = editor("view_tool")
    assert client.post(reverse(ADD_TOOL), {"pasted": UNKNOWN}).status_code == 403


def test_who_may_not_edit_snippets_gets_no_code_in_this_way() -> None:
    client = editor("add_tool", "view_tool", "add_cookie")
    page = text(paste(client, UNKNOWN))
    assert "Only users with the permission to edit custom snippets may add this code" in page
    assert "Add as a custom snippet" not in page
    assert open_form(client, "custom", {"snippet": UNKNOWN}).status_code == 403
    assert open_form(client, "nonesuch", {"snippet": UNKNOWN}).status_code == 404
    page = open_form(client, "declared", {"snippet": UNKNOWN, "sources": "script-src https://a.b"})
    assert {"snippet", "sources"}.isdisjoint(fields(page))


def test_who_may_not_edit_snippets_gets_no_value_that_decides_which_scripts_run() -> None:
    client = editor("add_tool", "view_tool", "add_cookie")
    container = "parameter_container_id"
    page = paste(client, "GTM-ABC1234")
    assert offered(page) == {"google-tag-manager": {}}
    assert "Your account may not fill in everything" in text(page)
    page = open_form(client, "google-tag-manager", {container: "GTM-ABC1234"})
    assert fields(page)[container] == ""
    sent = {**fields(page), container: "GTM-ABC1234", "_save": "1"}
    page = client.post(adding("google-tag-manager"), sent)
    assert container in errors(page)
    assert not Tool.objects.exists()
