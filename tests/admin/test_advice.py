"""Warnings for editors about what is allowed, but often a mistake."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from consent.admin import advice
from consent.admin.record_list import PeriodFilter
from consent.models import Policy, RegionRule, Tool
from tests.admin.helpers import history, said, send
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


def test_rule_is_warned_about_where_it_is_saved(admin_client: Client) -> None:
    policy = PolicyFactory.create()
    rule = RegionRule.objects.create(policy=policy, order=1, regions="US-TX", regime="implied")
    address = reverse(POLICY, args=[policy.pk])

    page = send(admin_client, address, {"region_rules-0-regions": "US-CA US-TX EEA"})

    rule.refresh_from_db()
    assert rule.regions == "US-CA US-TX EEA"
    assert any("also where the law requires" in text for text in said(page))
    # What did not change is not warned about again.
    assert not any(
        "the law" in text for text in said(send(admin_client, address, {"name": "Ours"}))
    )


def test_tool_that_is_moved_to_an_essential_category_is_warned_about(admin_client: Client) -> None:
    tool: Tool = ToolFactory.create(by_recipe=True, name="Google Analytics", vendor="Google")
    essential = CategoryFactory.create(policy=tool.policy, essential=True, name="Essential")

    page = send(admin_client, reverse(TOOL, args=[tool.pk]), {"category": str(essential.pk)})

    (warning,) = [text for text in said(page) if "essential category" in text]
    assert warning.startswith("“Google Analytics” is in the essential category “Essential”")


def test_snippet_without_a_vendor_is_warned_about(admin_client: Client) -> None:
    category = CategoryFactory.create()
    typed: dict[str, Any] = {
        "name": "Own chat",
        "category": str(category.pk),
        "snippet": "<script>chat()</script>",
    }

    page = send(admin_client, f"{reverse(ADD_TOOL)}?recipe=custom", typed)

    assert any("“Own chat” does not name its vendor" in text for text in said(page))
    named = send(
        admin_client, f"{reverse(ADD_TOOL)}?recipe=custom", {**typed, "vendor": "Us", "key": "two"}
    )
    assert not any("vendor" in text for text in said(named))


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
