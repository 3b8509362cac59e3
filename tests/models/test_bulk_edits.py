"""Bulk edits, which call neither `save()` nor signals: each process notices them all the same."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from consent.models import Category, Cookie, Policy, RegionRule, Tool
from consent.policy import PolicyCache, process_cache
from tests.factories import CookieFactory, PolicyFactory, ToolFactory

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def cookie() -> Cookie:
    """A cookie of a tool, in a policy that has a region rule and was not changed for long."""
    cookie = CookieFactory(tool__key="chat", tool__category__essential=True)
    RegionRule.objects.create(policy=cookie.tool.policy, regions="DE", regime="opt_in")
    Policy.objects.update(changed_at=LONG_AGO)
    return cookie


def changed_at() -> datetime:
    return Policy.objects.get(key="default").changed_at


def update_of_all(model) -> None:
    thing = model.objects.get()
    model.objects.bulk_update([thing], ["order"])


EDITS = {
    "policies": lambda: Policy.objects.update(name="Another"),
    "categories": lambda: Category.objects.update(name="Another"),
    "tools": lambda: Tool.objects.filter(key="chat").update(enabled=False),
    "cookies": lambda: Cookie.objects.filter(name__startswith="_").update(purpose="Another"),
    "rules": lambda: RegionRule.objects.filter(policy__key="default").update(regime="implied"),
    "tools in bulk": lambda: update_of_all(Tool),
    "categories in bulk": lambda: update_of_all(Category),
    "rules in bulk": lambda: update_of_all(RegionRule),
    "cookies added": lambda: Cookie.objects.bulk_create(
        [Cookie(tool=Tool.objects.get(), name="_added")]
    ),
    "tools added": lambda: Tool.objects.bulk_create(
        [ToolFactory.build(category=Category.objects.get(), policy=Policy.objects.get())]
    ),
    "tools of a policy": lambda: Policy.objects.get().tools.update(name="Another"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_bulk_edit_moves_the_time_of_the_policys_last_change(cookie, edit):
    edit()

    assert changed_at() > LONG_AGO


def test_other_policies_are_left_as_they_are(cookie):
    ToolFactory(category__policy=PolicyFactory(key="other", is_default=False))
    Policy.objects.update(changed_at=LONG_AGO)

    Tool.objects.filter(policy__key="other").update(name="Another")

    assert changed_at() == LONG_AGO
    assert Policy.objects.get(key="other").changed_at > LONG_AGO


def test_category_that_moves_to_another_policy_changes_both(cookie):
    other = PolicyFactory(key="other", is_default=False)
    Policy.objects.update(changed_at=LONG_AGO)

    Category.objects.update(policy=other)

    assert min(Policy.objects.values_list("changed_at", flat=True)) > LONG_AGO


def test_time_of_change_that_is_given_is_stored(cookie):
    now = timezone.now()

    Policy.objects.update(changed_at=now)

    assert changed_at() == now


def test_tool_that_is_disabled_by_an_update_stops_in_every_process(cookie, settings, monkeypatch):
    settings.CONSENT_POLICY_MAX_AGE = 0
    monkeypatch.setattr(process_cache, "sees_own_edits", lambda using: False)
    elsewhere = PolicyCache()
    assert "chat" in elsewhere.current().tools

    Tool.objects.filter(key="chat").update(enabled=False)

    assert "chat" not in elsewhere.current().tools


def test_tool_that_is_enabled_by_an_update_is_new_to_visitors(cookie):
    ToolFactory(key="late", category=Category.objects.get(), disabled=True)
    before = Policy.objects.get().revision

    Tool.objects.filter(key="late").update(enabled=True)

    late = Tool.objects.get(key="late")
    assert late.enabled
    assert late.since == Policy.objects.get().revision == before + 1


def since() -> int:
    return Tool.objects.get(key="chat").since


def revision() -> int:
    return Policy.objects.get(key="default").revision


@pytest.mark.parametrize("vendor", [{"vendor": "Another Ltd"}, {"snippet": "<b>Another</b>"}])
def test_change_of_who_receives_data_is_told_of(cookie, vendor):
    before = revision()

    Tool.objects.filter(key="chat").update(**vendor)

    assert since() == revision() > before


def test_change_of_a_purpose_is_told_of(cookie):
    before = revision()

    Category.objects.update(purpose="Another")

    assert Category.objects.get().since == revision() > before


def test_wording_is_not_told_of(cookie):
    before = revision(), since()

    Tool.objects.update(name="Renamed")

    assert (revision(), since()) == before


def test_tools_that_are_created_in_bulk_are_told_of(cookie):
    before = revision()

    EDITS["tools added"]()

    assert Tool.objects.exclude(key="chat").get().since == revision() > before
