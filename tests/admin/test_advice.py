"""Warnings for editors about what is allowed, but often a mistake."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from consent.admin import advice
from consent.admin.record_list import PeriodFilter
from consent.models import Policy, RegionRule, Tool
from tests.admin.helpers import CATEGORIES, CATEGORY, asked, confirm, history, send
from tests.factories import CategoryFactory, PolicyFactory, ToolFactory

pytestmark = pytest.mark.django_db

ADD_TOOL = "admin:consent_tool_add"
POLICY = "admin:consent_policy_change"
TOOL = "admin:consent_tool_change"


def on_rule(text: str, regime: str = "implied") -> list[str]:
    return list(advice.on_rule(RegionRule(policy=Policy(), regions=text, regime=regime)))


def test_rule_that_lets_tools_run_where_the_law_requires_consent_names_these_regions() -> None:
    (warning,) = on_rule("US-CA US-TX EEA GB")

    assert warning.endswith("requires their consent first: EEA, GB.")
    assert on_rule("US-CA US-TX EEA GB", "opt_in") == []
    assert on_rule("US-OPT-OUT BR") == []


def test_code_that_may_be_meant_as_a_state_is_named_with_its_country() -> None:
    (warning,) = on_rule("CA US-TX")

    assert "“CA” in the rule “CA US-TX” is the country Canada." in warning
    assert "US-CA" in warning
    assert on_rule("CA", "opt_in") == on_rule("US-CA") == on_rule("FR-CA") == []


def test_rule_against_the_law_is_saved_once_it_is_confirmed(admin_client: Client) -> None:
    policy = PolicyFactory.create()
    rule = RegionRule.objects.create(policy=policy, order=1, regions="US-TX", regime="implied")
    address = reverse(POLICY, args=[policy.pk])
    changes = {"region_rules-0-regions": "US-CA US-TX EEA"}

    page = send(admin_client, address, changes)
    rule.refresh_from_db()
    assert (rule.regions, len(asked(page))) == ("US-TX", 1)

    confirm(admin_client, address, changes, "also where the law requires", "EEA.")
    rule.refresh_from_db()
    assert rule.regions == "US-CA US-TX EEA"
    # What did not change is not asked about again.
    assert asked(send(admin_client, address, {"name": "Ours"})) == []
    policy.refresh_from_db()
    assert policy.name == "Ours"


def test_code_of_a_country_is_answered_with_its_name_before_it_is_saved(
    admin_client: Client,
) -> None:
    policy = PolicyFactory.create()
    rule = RegionRule.objects.create(policy=policy, order=1, regions="US-TX", regime="implied")
    changes = {"region_rules-0-regions": "CA"}
    address = reverse(POLICY, args=[policy.pk])

    confirm(admin_client, address, changes, "“CA” in the rule “CA” is the country Canada.")

    rule.refresh_from_db()
    assert rule.regions == "CA"


def test_tick_confirms_only_what_was_shown(admin_client: Client) -> None:
    policy = PolicyFactory.create()
    rule = RegionRule.objects.create(policy=policy, order=1, regions="US-TX", regime="implied")
    address = reverse(POLICY, args=[policy.pk])
    ticked = asked(send(admin_client, address, {"region_rules-0-regions": "FR"}))

    changes = {"region_rules-0-regions": "FR GB", "confirmed": ticked}
    page = send(admin_client, address, changes)

    rule.refresh_from_db()
    assert rule.regions == "US-TX"
    assert asked(page) != ticked


def test_tool_moves_to_an_essential_category_once_that_is_confirmed(admin_client: Client) -> None:
    tool: Tool = ToolFactory.create(by_recipe=True, name="Google Analytics", vendor="Google")
    essential = CategoryFactory.create(policy=tool.policy, essential=True, name="Essential")
    address = reverse(TOOL, args=[tool.pk])
    reason = "“Google Analytics” is in the essential category “Essential”"

    confirm(admin_client, address, {"category": str(essential.pk)}, reason)

    tool.refresh_from_db()
    assert tool.category == essential
    # The preview shows the code without a question.
    preview = send(admin_client, address, {"vendor": ""}, "_preview")
    assert "There is no preview" not in preview.content.decode()


@pytest.mark.parametrize("in_list", [True, False])
def test_category_becomes_essential_once_that_is_confirmed(
    admin_client: Client, in_list: bool
) -> None:
    tool = ToolFactory.create(by_recipe=True, name="Google Analytics", vendor="Google")
    category = tool.category
    address = reverse(CATEGORIES) if in_list else reverse(CATEGORY, args=[category.pk])
    changes = {"form-0-essential" if in_list else "essential": "on"}

    assert asked(send(admin_client, address, changes))
    category.refresh_from_db()
    assert not category.essential
    confirm(admin_client, address, changes, "becomes essential", "refuse them: Google Analytics.")

    category.refresh_from_db()
    assert category.essential
    assert asked(send(admin_client, address, {**changes, "form-0-order": "5"})) == []


def test_category_without_tools_becomes_essential_without_a_question(admin_client: Client) -> None:
    category = CategoryFactory.create()
    send(admin_client, reverse(CATEGORY, args=[category.pk]), {"essential": "on"})
    category.refresh_from_db()
    assert category.essential


def test_placeholder_that_stands_for_nothing_is_asked_about(admin_client: Client) -> None:
    policy = PolicyFactory.create()
    address = reverse(POLICY, args=[policy.pk])
    changes = {"notice_text": "We keep it for {lifetime} on {site}."}

    confirm(admin_client, address, changes, "“{site}” stands for nothing")

    policy.refresh_from_db()
    assert policy.notice_text == changes["notice_text"]


def test_snippet_without_a_vendor_is_saved_once_that_is_confirmed(admin_client: Client) -> None:
    category = CategoryFactory.create()
    address = f"{reverse(ADD_TOOL)}?recipe=custom"
    typed: dict[str, Any] = {
        "name": "Own chat",
        "category": str(category.pk),
        "snippet": "<script>chat()</script>",
    }

    confirm(admin_client, address, typed, "“Own chat” does not name its vendor")
    assert Tool.objects.filter(name="Own chat").count() == 1

    named = send(admin_client, address, {**typed, "vendor": "Us", "key": "two"})
    assert asked(named) == []
    assert Tool.objects.filter(name="Own chat").count() == 2


def test_every_field_of_a_rule_names_its_row(admin_client: Client) -> None:
    policy = PolicyFactory.create()
    RegionRule.objects.create(policy=policy, order=1, regions="US-TX", regime="implied")
    page = admin_client.get(reverse(POLICY, args=[policy.pk])).content.decode()
    for name in ("order", "regions", "regime", "DELETE"):
        field = re.search(rf'<(?:input|select)[^>]*name="region_rules-0-{name}"[^>]*>', page)
        assert field
        assert "US-TX" in field[0].partition('aria-label="')[2].partition('"')[0]


def test_history_of_a_policy_names_only_what_really_changed(admin_client: Client) -> None:
    policy = PolicyFactory.create(introduction="One.\n\nTwo.", explanation="Three.\n\nFour.")
    address = reverse(POLICY, args=[policy.pk])
    # As a browser sends them.
    texts = {
        name: getattr(policy, name).replace("\n", "\r\n")
        for name in ("introduction", "explanation")
    }

    send(admin_client, address, {**texts, "lifetime_days": "90"})

    policy.refresh_from_db()
    assert history(policy) == ["Changed Keep a choice for (days)."]
    assert policy.introduction == "One.\n\nTwo."
    send(admin_client, address, {**texts, "introduction": "One.\r\n\r\nTwo, too."})
    policy.refresh_from_db()
    assert policy.introduction == "One.\n\nTwo, too."


def test_pages_have_what_themes_of_the_admin_read(admin_client: Client) -> None:
    # django-unfold's templates read these two.
    catalogue = admin_client.get(reverse(ADD_TOOL))
    assert catalogue.context["change"] is False
    records = admin_client.get(reverse("admin:consent_record_changelist"))
    filters = records.context["cl"].filter_specs
    period = next(spec for spec in filters if isinstance(spec, PeriodFilter))
    assert period.parameter_name == "period"
