"""The controller of a policy: shown, proven, and asked about again if it becomes another one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from consent.models import Category, Policy, Record, Tool
from consent.policy import policies
from consent.proof import receipts
from consent.transfer import export_policy, import_policy
from tests.admin.helpers import POLICY, confirm, editor, live_policy, send
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site

pytestmark = pytest.mark.django_db

API = "/consent/api/preferences/"
FIELDS = {
    "controller_name": "Example Ltd",
    "controller_address": "1 High Street\nExampleton",
    "controller_contact": "privacy@example.com",
}


@pytest.fixture(autouse=True)
def policy() -> Policy:
    found = small_site()
    for name, value in FIELDS.items():
        setattr(found, name, value)
    found.save()
    return Policy.objects.get()


def by_save(**values: str) -> None:
    policy = Policy.objects.get()
    for name, value in values.items():
        setattr(policy, name, value)
    policy.save()


def by_update_fields(**values: str) -> None:
    policy = Policy.objects.get()
    for name, value in values.items():
        setattr(policy, name, value)
    policy.save(update_fields=list(values))


def by_queryset(**values: str) -> None:
    Policy.objects.update(**values)


def by_import(**values: str) -> None:
    content = json.loads(export_policy().text)
    content["policy"].update(values)
    import_policy(json.dumps(content))


Change = Callable[..., None]
EVERY_WAY = pytest.mark.parametrize("change", [by_save, by_update_fields, by_queryset, by_import])


@EVERY_WAY
def test_another_controller_asks_everybody(policy: Policy, change: Change) -> None:
    change(controller_name="Another Ltd")

    revision = Policy.objects.get().revision
    assert revision > policy.revision
    assert set(Category.objects.values_list("since", flat=True)) == {revision}
    assert set(Tool.objects.values_list("since", flat=True)) == {revision}


@EVERY_WAY
def test_controller_that_is_no_longer_named_asks_everybody(policy: Policy, change: Change) -> None:
    change(controller_name="")

    assert Policy.objects.get().revision > policy.revision


@EVERY_WAY
@pytest.mark.parametrize("name", ["controller_address", "controller_contact", "introduction"])
def test_another_address_or_contact_asks_nobody(policy: Policy, change: Change, name: str) -> None:
    change(**{name: "Elsewhere"})

    after = Policy.objects.get()
    assert (getattr(after, name), after.revision) == ("Elsewhere", policy.revision)


@EVERY_WAY
def test_first_name_asks_nobody(change: Change) -> None:
    by_queryset(controller_name="")
    before = Policy.objects.get().revision

    change(controller_name="Example Ltd")

    assert Policy.objects.get().revision == before


def test_field_that_is_not_saved_asks_nobody(policy: Policy) -> None:
    policy.controller_name = "Another Ltd"
    policy.save(update_fields=["name"])

    assert Policy.objects.get().revision == policy.revision


def test_grant_does_not_cover_another_controller() -> None:
    visitor = Client(headers=SAME_ORIGIN)
    visitor.put(API, {"choices": dict.fromkeys(OPTIONAL, True)}, content_type="application/json")
    assert visitor.get(API).json()["ask"] is False

    by_save(controller_name="Another Ltd")
    policies.forget()

    assert visitor.get(API).json()["ask"] is True


def test_import_says_who_is_asked() -> None:
    content = json.loads(export_policy().text)
    content["policy"]["controller_name"] = "Another Ltd"

    assert import_policy(json.dumps(content), dry_run=True).asked == (
        "everybody: another controller receives their data",
    )


def test_export_has_all_of_it() -> None:
    content = json.loads(export_policy().text)

    assert {name: content["policy"][name] for name in FIELDS} == FIELDS


def test_policy_page_shows_it_and_leaves_out_what_is_empty() -> None:
    page = " ".join(live_policy().split())
    assert "<strong>Example Ltd</strong>" in page
    assert "1 High Street<br>Exampleton" in page
    assert 'href="mailto:privacy@example.com"' in page

    by_save(**dict.fromkeys(FIELDS, ""))
    policies.forget()

    assert "Responsible for your data" not in live_policy()


def test_what_an_editor_writes_is_text() -> None:
    by_save(controller_name="<script>alert(1)</script>", controller_contact="<b>x</b>")
    policies.forget()

    assert "<script>alert(1)" not in live_policy()
    assert "<b>x</b>" not in live_policy()


def test_api_returns_it() -> None:
    assert Client().get("/consent/api/policy/").json()["controller"] == {
        "name": "Example Ltd",
        "address": "1 High Street\nExampleton",
        "contact": "privacy@example.com",
        "languages": {},
    }


def test_receipt_names_the_controller_of_then() -> None:
    visitor = Client(headers=SAME_ORIGIN)
    visitor.put(API, {"choices": dict.fromkeys(OPTIONAL, True)}, content_type="application/json")
    by_save(controller_name="Another Ltd")

    party, *_ = receipts.receipt(Record.objects.get(), "https://a.example")["party_identification"]

    assert party == {
        "party_id": "controller",
        "party_role": "PII controller",
        "party_name": "Example Ltd",
        "party_address": "1 High Street\nExampleton",
        "party_contact": "privacy@example.com",
        "party_url": "https://a.example",
    }


def test_admin_asks_before_another_controller_is_saved(policy: Policy) -> None:
    client = editor("view_policy", "change_policy")
    address = reverse(POLICY, args=[policy.pk])

    send(client, address, {"controller_contact": "+44 1632 960000"})
    assert Policy.objects.get().controller_contact == "+44 1632 960000"

    confirm(client, address, {"controller_name": "Another Ltd"}, "every visitor is asked again.")
    assert Policy.objects.get().revision > policy.revision
