"""Every page of the admin's sections in each skin: it renders, and lacks nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.admin.skins import SKINS, Page, rendered

# Each skin says itself for which versions of Django it is.
pytestmark = pytest.mark.once

EVERY = pytest.mark.parametrize("skin", SKINS)
# Files and JSON.
DOWNLOADS = {
    "consent_record_export",
    "consent_record_subject_export",
    "consent_policyversion_content",
    "consent_counter_status",
}
# Nobody may add or delete what is written once.
REFUSED = {
    f"{model}_{verb}"
    for model in (
        *("consent_record", "consent_policyversion"),
        *("consent_events_delivery", "consent_findings_finding"),
    )
    for verb in ("add", "delete")
}
ADD = ("tool", "category", "policy")
LISTS = ("tools", "categories", "policies", "records", "versions", "statistics", "deliveries")


class Parsed(HTMLParser):
    """What a page contains: links, controls with the form that each belongs to, and words."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.links: list[str] = []
        self.form_of: dict[str, str] = {}
        self.words = ""
        self._form = ""
        self.feed(page.html)
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = given.get("id", "")
        elif tag == "a":
            self.links.append(given.get("href", ""))
        elif tag in ("input", "select", "textarea", "button") and "name" in given:
            self.form_of[given["name"]] = given.get("form", self._form)
        # A skin may show the words of a field in it.
        self.words += f" {given.get('placeholder', '')} "

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = ""

    def handle_data(self, data: str) -> None:
        self.words += data


def parsed(skin: str, name: str) -> Parsed:
    return Parsed(rendered(skin)[name])


def pages_of_ours() -> Iterator[str]:
    """Return the names of the admin's URLs that are those of this app."""

    def below(resolver: URLResolver) -> Iterator[URLPattern]:
        for each in resolver.url_patterns:
            if isinstance(each, URLResolver):
                yield from below(each)
            else:
                yield each

    names = {pattern.name for pattern in below(get_resolver())}
    return (name for name in names if name and name.startswith(("consent_", "consent_events_")))


@EVERY
def test_every_page_renders(skin: str) -> None:
    failed = {name: page.html for name, page in rendered(skin).items() if page.status != 200}
    assert failed == {}


def test_every_page_of_ours_is_among_them() -> None:
    seen = {page.url_name for page in rendered("stock").values()}
    assert set(pages_of_ours()) - DOWNLOADS - REFUSED - seen == set()


@EVERY
@pytest.mark.parametrize("model", ADD)
def test_list_links_to_the_page_that_adds(skin: str, model: str) -> None:
    names = {"tool": "tools", "category": "categories", "policy": "policies"}
    links = {link.partition("?")[0] for link in parsed(skin, names[model]).links}
    assert reverse(f"admin:consent_{model}_add") in links


@EVERY
@pytest.mark.parametrize("name", LISTS)
def test_section_says_what_it_is_for_and_links_the_live_policy(skin: str, name: str) -> None:
    page = parsed(skin, name)
    assert 'class="dcp-admin-introduction"' in rendered(skin)[name].html
    assert reverse("policy") in page.links


@EVERY
@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("tools", ["category", "enabled", "policy"]),
        ("categories", ["policy"]),
        ("records", ["date", "action", "category"]),
        ("deliveries", ["state", "tool"]),
    ],
)
def test_list_has_its_filters(skin: str, name: str, filters: list[str]) -> None:
    words = parsed(skin, name).words.casefold()
    assert [each for each in filters if each not in words] == []
    if name == "records":
        assert {"from", "to"} <= parsed(skin, name).form_of.keys()


@EVERY
@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("tools", ["name", "enabled", "category", "short_vendor", "remark"]),
        ("categories", ["order", "purpose", "essential", "sale", "tools_enabled"]),
        ("policies", ["name", "is_default", "regime", "revision", "changed_at"]),
        ("records", ["decided_at", "action", "allowed", "source", "language", "short_receipt"]),
        ("versions", ["revision", "language", "stored_at", "short_digest"]),
        ("deliveries", ["created_at", "name", "tool_name", "attempts", "answer", "outcome"]),
    ],
)
def test_list_has_its_columns(skin: str, name: str, columns: list[str]) -> None:
    cells = set(re.findall(r"\bfield-(\w+)", rendered(skin)[name].html))
    assert set(columns) - cells == set()


@EVERY
@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("add google-analytics", "?"),
        ("webhooks", reverse("admin:consent_tool_events", args=[1])),
        ("events", reverse("admin:consent_tool_change", args=[1])),
        ("version", reverse("admin:consent_policyversion_content", args=[1])),
        ("google-analytics", reverse("admin:consent_tool_history", args=[1])),
        ("record", reverse("admin:consent_record_subject")),
        ("person on a day", reverse("admin:consent_record_subject_export")),
        ("person on a day", reverse("admin:consent_record_subject_erase")),
        ("policy", reverse("policy")),
    ],
)
def test_page_has_the_links_that_belong_to_it(skin: str, name: str, address: str) -> None:
    # Whichever object it is: in this list it is number 1.
    links = {re.sub(r"/\d+/", "/1/", link) for link in parsed(skin, name).links}
    assert address in links | {link.partition("?")[0] for link in links}


@EVERY
def test_what_is_written_once_links_no_history(skin: str) -> None:
    for name in ("record", "version", "delivery"):
        assert not any(link.endswith("/history/") for link in parsed(skin, name).links)


@EVERY
@pytest.mark.parametrize(
    ("name", "model"), [("google-analytics", "tool"), ("category", "category")]
)
def test_tick_of_a_cosmetic_change_is_sent_with_the_form(skin: str, name: str, model: str) -> None:
    assert parsed(skin, name).form_of["cosmetic"] == f"{model}_form"


@EVERY
def test_tick_of_a_cosmetic_change_is_sent_with_the_list(skin: str) -> None:
    assert parsed(skin, "categories").form_of["cosmetic"].endswith("changelist-form")


@EVERY
@pytest.mark.parametrize("name", ["google-analytics", "add custom"])
def test_preview_is_a_button_of_the_form(skin: str, name: str) -> None:
    assert parsed(skin, name).form_of["_preview"] == "tool_form"


@EVERY
def test_page_without_a_form_has_no_buttons_to_save(skin: str) -> None:
    for name in ("catalogue", "what was pasted", "events", "preview of survey"):
        assert "_save" not in parsed(skin, name).form_of
