"""`manage.py consent_init`."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError

from consent.models import Category, Policy, default_texts
from tests.factories import CategoryFactory, PolicyFactory, ToolFactory

pytestmark = pytest.mark.django_db

KEYS = [text.key for text in default_texts.CATEGORIES]


def init() -> str:
    out = StringIO()
    call_command("consent_init", stdout=out, no_color=True)
    return out.getvalue()


def stored() -> list[dict]:
    return [
        row
        for model in (Policy, Category)
        for row in model.objects.order_by("pk").values()
        if row.pop("changed_at", True)
    ]


def category_keys() -> list[str]:
    return list(Category.objects.values_list("key", flat=True))


def test_policy_in_use_with_its_four_categories_is_created():
    init()

    policy = Policy.objects.default()
    assert policy is not None
    assert (policy.key, policy.regime, policy.name) == (
        "default",
        "opt_in",
        default_texts.POLICY_NAME,
    )
    assert category_keys() == KEYS
    assert {c.key for c in policy.categories.filter(essential=True)} == {"essential"}


def test_what_is_created_is_valid():
    init()

    for row in [*Policy.objects.all(), *Category.objects.all()]:
        row.full_clean()


def test_migrations_create_nothing():
    assert stored() == []


def test_second_run_changes_nothing():
    init()
    before = stored()

    said = init()

    assert stored() == before
    assert said == f"policy “{default_texts.POLICY_NAME}”: was there\n"


def test_command_says_what_it_created():
    assert init().splitlines() == [
        f"policy “{default_texts.POLICY_NAME}”: created",
        "category “Functional”: created",
        "category “Marketing & Analytics”: created",
        "category “Advertising”: created",
        "category “Essential”: created",
    ]


def test_what_was_edited_stays():
    init()
    Policy.objects.update(name="Ours", regime="implied", notice_text="We collect data.")
    Category.objects.filter(key="functional").update(name="Comfort", purpose="To help you.")
    before = stored()

    init()

    assert stored() == before


def test_category_that_was_removed_does_not_come_back():
    init()
    Category.objects.get(key="advertising").delete()

    init()

    assert category_keys() == [key for key in KEYS if key != "advertising"]


def test_policy_with_categories_of_its_own_gets_no_others():
    CategoryFactory(key="ours", policy=PolicyFactory())

    init()

    assert category_keys() == ["ours"]


def test_policy_without_categories_gets_them():
    PolicyFactory(name="Ours")

    init()

    assert category_keys() == KEYS
    assert Policy.objects.get().name == "Ours"


def test_policy_in_use_under_another_key_is_left_in_use():
    PolicyFactory(key="ours")

    init()

    assert [policy.key for policy in Policy.objects.all()] == ["ours"]
    assert category_keys() == KEYS


def test_default_policy_that_was_not_in_use_comes_into_use():
    PolicyFactory(is_default=False, name="Ours")

    init()

    policy = Policy.objects.get()
    assert (policy.key, policy.is_default, policy.name) == ("default", True, "Ours")


def test_policies_that_are_not_in_use_stay_as_they_are():
    spare = PolicyFactory(spare=True)
    ToolFactory(category__policy=spare, category__key="theirs")

    init()

    spare.refresh_from_db()
    assert not spare.is_default
    assert list(spare.categories.values_list("key", flat=True)) == ["theirs"]


def test_run_that_fails_halfway_leaves_nothing(monkeypatch):
    monkeypatch.setattr(
        default_texts, "CATEGORIES", (*default_texts.CATEGORIES, default_texts.CATEGORIES[0])
    )

    with pytest.raises(IntegrityError, match=r"(?i)unique|duplicate"):
        init()

    assert stored() == []
