"""The rules of policy, categories, tools and cookies."""

import re
from datetime import UTC, datetime

import pytest
from django.core import serializers
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import RestrictedError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from consent.models import Category, Cookie, Policy, Tool
from consent.recipes import catalogue
from consent.recipes.keys import MAX_CATEGORIES
from tests.factories import (
    CategoryFactory,
    CookieFactory,
    PolicyFactory,
    ToolFactory,
    example_parameters,
)
from tests.helpers import put_all_policies_in_use

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

MATOMO = example_parameters("matomo")


def revision() -> int:
    return Policy.objects.values_list("revision", flat=True).get(key="default")


def raised_by(instance: Category | Tool, *, cosmetic: bool = False, **changes: object) -> int:
    """Save `changes` as an editor does; return by how much the policy's revision rose."""
    before = revision()
    for name, value in changes.items():
        setattr(instance, name, value)
    instance.save(cosmetic=cosmetic)
    instance.refresh_from_db()
    return revision() - before


def forget_changes() -> None:
    Policy.objects.update(changed_at=LONG_AGO)


def was_touched(policy: Policy | None = None) -> bool:
    changed_at = Policy.objects.values_list("changed_at", flat=True)
    return changed_at.get(pk=(policy or PolicyFactory()).pk) > LONG_AGO


# What visitors must be told of.


def test_added_category_raises_the_revision_and_is_stamped():
    PolicyFactory()
    before = revision()

    category = CategoryFactory()

    assert revision() == before + 1
    assert Category.objects.get().since == category.since == before + 1


def test_added_tool_raises_the_revision_and_is_stamped():
    category = CategoryFactory()
    before = revision()

    tool = ToolFactory(category=category)

    assert revision() == before + 1
    assert Tool.objects.get().since == tool.since == before + 1
    assert Category.objects.get().since == before


def test_enabled_tool_raises_the_revision_and_is_stamped():
    tool = ToolFactory(disabled=True)
    ToolFactory()

    assert raised_by(tool, enabled=True) == 1
    assert tool.since == revision()


def test_moved_tool_raises_the_revision_and_is_stamped():
    tool, category = ToolFactory(), CategoryFactory()

    assert raised_by(tool, category=category) == 1
    assert tool.since == revision()


@pytest.mark.parametrize("change", [{"vendor": "Another Ltd"}, {"recipe": "drift", "snippet": ""}])
def test_tool_by_which_somebody_else_gets_the_data_raises_the_revision(change: dict[str, str]):
    tool = ToolFactory()

    assert raised_by(tool, **change) == 1
    assert tool.since == revision()


@pytest.mark.parametrize(
    "change", [{"purpose": "Something else."}, {"essential": True}, {"key": "another-key"}]
)
def test_category_with_another_meaning_raises_the_revision_and_is_stamped(
    change: dict[str, object],
):
    category = CategoryFactory()

    assert raised_by(category, **change) == 1
    assert category.since == revision()


def test_category_that_is_no_longer_essential_raises_the_revision():
    category = CategoryFactory(essential=True)

    assert raised_by(category, essential=False) == 1
    assert category.since == revision()


# What tells visitors nothing new.


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Renamed"},
        {"order": 7},
        {"placement": "body"},
        {"privacy_url": "https://vendor.example/elsewhere"},
        {"snippet": "<script>corrected()</script>"},
        {"parameters": {"measurement_id": "G-OTHER1"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_tool_stays_as_it_was_told_of(change: dict[str, object]):
    tool = ToolFactory()
    since = tool.since

    assert raised_by(tool, **change) == 0
    assert tool.since == since


@pytest.mark.parametrize("change", [{"name": "Renamed"}, {"order": 7}, {}])
def test_category_stays_as_it_was_told_of(change: dict[str, object]):
    category = CategoryFactory()
    since = category.since

    assert raised_by(category, **change) == 0
    assert category.since == since


def test_policys_own_texts_do_not_raise_its_revision():
    policy = PolicyFactory()
    before = policy.revision
    policy.notice_text, policy.regime = "Another text.", "implied"

    policy.save()

    assert revision() == before


def test_cookies_do_not_raise_the_revision():
    tool = ToolFactory()
    before = revision()

    CookieFactory(tool=tool).delete()

    assert revision() == before


def test_deleting_does_not_raise_the_revision():
    tool = ToolFactory()
    before = revision()

    tool.delete()
    tool.category.delete()

    assert revision() == before


# Disabled tools.


def test_added_tool_that_is_disabled_is_stamped_only_when_it_is_enabled():
    category = CategoryFactory()
    before = revision()

    tool = ToolFactory(category=category, disabled=True)

    assert (revision(), tool.since) == (before, 1)
    assert raised_by(tool, enabled=True) == 1
    assert tool.since == before + 1


def test_what_happens_to_a_disabled_tool_is_told_when_it_is_enabled():
    tool = ToolFactory(disabled=True)
    category = CategoryFactory()

    assert raised_by(tool, category=category, vendor="Another Ltd", recipe="drift", snippet="") == 0
    assert raised_by(tool, enabled=True) == 1
    assert tool.since == revision()


def test_tool_that_was_paused_and_is_started_again_unchanged_is_not_told_again():
    tool = ToolFactory()
    since = tool.since

    # The pages that do not show it have a number of their own.
    assert raised_by(tool, enabled=False) == 1
    assert raised_by(tool, enabled=False, name="Renamed") == 0
    assert raised_by(tool, enabled=True) == 1
    assert tool.since == since


@pytest.mark.parametrize(
    "change",
    [{"vendor": "Another Ltd"}, {"snippet": '<script src="https://other.example/x.js"></script>'}],
)
def test_tool_that_changed_while_it_was_paused_is_told_of_when_it_is_started(change):
    tool = ToolFactory()
    tool.enabled = False
    tool.save()

    assert raised_by(tool, **change) == 0
    assert raised_by(tool, enabled=True) == 1
    assert tool.since == revision()
    assert (tool.hidden_from, tool.hidden_until) == (0, 0)


def test_tool_that_a_bulk_edit_changed_while_it_was_paused_is_told_of():
    tool = ToolFactory()
    Tool.objects.update(enabled=False)
    Tool.objects.update(vendor="Another Ltd")

    assert raised_by(Tool.objects.get(pk=tool.pk), enabled=True) == 1


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        (
            {"snippet": '<script src="https://a.example/x.js"></script>'},
            {"snippet": '<script src="https://b.example/x.js"></script>'},
        ),
        ({}, {"sources": "connect-src https://other.example"}),
        (
            {"snippet": "", "recipe": "matomo", "parameters": MATOMO},
            {"parameters": {**MATOMO, "matomo_url": "https://elsewhere.example"}},
        ),
    ],
    ids=["snippet", "sources", "recipe"],
)
def test_another_receiver_is_told_of(fields, change):
    tool = ToolFactory(**fields)

    assert raised_by(tool, cosmetic=True, **change) == 1
    assert tool.since == revision()


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        (
            {"snippet": '<script src="https://a.example/x.js"></script>'},
            {"snippet": '<script async src="//A.example/y.js"></script>'},
        ),
        (
            {"snippet": "", "recipe": "matomo", "parameters": MATOMO},
            {"parameters": {**MATOMO, "site_id": "7"}},
        ),
    ],
    ids=["snippet", "recipe"],
)
def test_correction_with_the_same_receiver_is_not_told(fields, change):
    assert raised_by(ToolFactory(**fields), **change) == 0


# Cosmetic changes.


def test_cosmetic_change_of_wording_is_not_told():
    category, tool = CategoryFactory(), ToolFactory()
    before = (category.since, tool.since)

    assert raised_by(category, cosmetic=True, purpose="The same, said better.") == 0
    assert raised_by(tool, cosmetic=True, vendor="Example Limited") == 0
    assert (category.since, tool.since) == before
    assert (category.purpose, tool.vendor) == ("The same, said better.", "Example Limited")


def test_cosmetic_is_no_way_to_hide_what_is_new():
    PolicyFactory()
    before = revision()
    category = Category(policy=PolicyFactory(), key="quiet", name="Quiet", purpose="To spy.")
    category.save(cosmetic=True)

    assert category.since == revision() == before + 1


@pytest.mark.parametrize(
    "change", [{"enabled": True}, {"recipe": "drift", "snippet": "", "enabled": True}]
)
def test_cosmetic_is_no_way_to_hide_an_enabled_tool(change: dict[str, object]):
    tool = ToolFactory(disabled=True)

    assert raised_by(tool, cosmetic=True, **change) == 1


def test_cosmetic_is_no_way_to_hide_a_move_or_another_recipe():
    tool, category = ToolFactory(), CategoryFactory()

    assert raised_by(tool, cosmetic=True, category=category) == 1
    assert raised_by(tool, cosmetic=True, recipe="drift", snippet="") == 1


def test_cosmetic_is_no_way_to_hide_that_a_category_is_no_longer_essential():
    assert raised_by(CategoryFactory(essential=True), cosmetic=True, essential=False) == 1


def test_wording_that_is_cosmetic_once_is_told_of_no_later_either():
    category = CategoryFactory()

    assert raised_by(category, cosmetic=True, purpose="The same, said better.") == 0
    assert raised_by(category, order=3) == 0


# Several editors, and saving only some fields.


def test_form_opened_earlier_does_not_lower_the_revision():
    stale = PolicyFactory()
    ToolFactory()
    after = revision()

    stale.name = "A new title"
    stale.save()

    assert revision() == after
    assert Policy.objects.get().name == "A new title"


def test_form_opened_before_the_tool_was_enabled_does_not_take_back_its_stamp():
    tool = ToolFactory(disabled=True)
    stale = Tool.objects.get(pk=tool.pk)
    raised_by(tool, enabled=True)

    assert raised_by(stale, enabled=True, name="Renamed") == 0
    assert stale.since == tool.since == revision()


def test_form_opened_before_the_purpose_was_changed_does_not_take_back_its_stamp():
    category = CategoryFactory()
    stale = Category.objects.get(pk=category.pk)
    raised_by(category, purpose="Something else.")

    assert raised_by(stale, purpose="Something else.") == 0
    assert stale.since == category.since == revision()


def test_form_opened_earlier_that_takes_a_change_back_is_told():
    category = CategoryFactory()
    stale = Category.objects.get(pk=category.pk)
    raised_by(category, purpose="Something else.")

    assert raised_by(stale, name="Renamed") == 1


def test_stamp_is_stored_with_the_fields_that_are_saved():
    tool = ToolFactory(disabled=True)
    tool.enabled = True

    tool.save(update_fields=["enabled"])

    assert Tool.objects.get().since == revision() == tool.since


def test_fields_that_are_not_to_be_saved_are_not():
    tool = ToolFactory(name="Chat")
    tool.name, tool.vendor = "Not to be saved", "Another Ltd"

    tool.save(update_fields=["vendor"])

    stored = Tool.objects.get()
    assert (stored.name, stored.vendor, stored.since) == ("Chat", "Another Ltd", revision())


def test_policy_saved_in_part_is_noticed_by_other_processes():
    policy = PolicyFactory()
    forget_changes()
    policy.name, policy.introduction = "A new title", "Not to be saved."

    policy.save(update_fields=["name"])

    assert was_touched()
    assert Policy.objects.get().introduction != "Not to be saved."


def test_revision_of_another_policy_stays():
    spare = PolicyFactory(spare=True)

    ToolFactory()
    spare.refresh_from_db()

    assert spare.revision == 1


def test_tool_belongs_to_the_policy_of_its_category():
    spare = PolicyFactory(spare=True)
    tool = ToolFactory()

    raised_by(tool, category=CategoryFactory(policy=spare))

    assert tool.policy == spare


# Bulk changes.


def test_switching_on_stamps_each_tool_that_was_off_and_counts_them():
    on, *off = ToolFactory(), ToolFactory(disabled=True), ToolFactory(disabled=True)
    before, since = revision(), on.since

    assert Tool.objects.switch_on() == 2

    stamps = sorted(Tool.objects.exclude(pk=on.pk).values_list("since", flat=True))
    assert stamps == [before + 1, before + 2]
    assert Tool.objects.get(pk=on.pk).since == since
    assert Tool.objects.filter(enabled=True).count() == 1 + len(off)


def test_switching_off_asks_nobody_and_counts_those_that_were_on():
    ToolFactory(), ToolFactory(), ToolFactory(disabled=True)
    before = list(Tool.objects.values_list("pk", "since"))

    assert Tool.objects.switch_off() == 2
    assert list(Tool.objects.values_list("pk", "since")) == before
    assert not Tool.objects.filter(enabled=True).exists()


def test_switching_leaves_alone_what_is_not_selected():
    tool, other = ToolFactory(disabled=True), ToolFactory(disabled=True)

    assert Tool.objects.filter(pk=tool.pk).switch_on() == 1
    assert not Tool.objects.get(pk=other.pk).enabled


# The policy in use.


def test_policy_that_comes_into_use_takes_over():
    old, new = PolicyFactory(), PolicyFactory(spare=True)
    forget_changes()
    new.is_default = True

    new.save()

    assert Policy.objects.default() == new
    assert not Policy.objects.get(pk=old.pk).is_default
    assert was_touched(old)


def test_policy_that_takes_over_covers_no_decision_about_the_one_before():
    before = PolicyFactory.create(revision=30)
    spare = PolicyFactory.create(key="spare", is_default=False, revision=5)
    tool = ToolFactory.create(category=CategoryFactory.create(policy=spare))

    spare.is_default = True
    spare.save()

    for stored in (spare, tool, tool.category):
        stored.refresh_from_db()
    assert spare.revision > before.revision
    assert tool.since == tool.category.since == spare.revision


def test_policy_that_is_not_in_use_leaves_the_one_that_is():
    policy = PolicyFactory()

    PolicyFactory(spare=True).save()

    assert Policy.objects.default() == policy


def test_oldest_of_several_policies_in_use_is_followed():
    spare, policy = PolicyFactory(spare=True), PolicyFactory()

    put_all_policies_in_use()

    assert Policy.objects.default() == spare
    assert spare.pk < policy.pk


def test_new_policy_comes_into_use_only_when_that_is_said():
    policy = PolicyFactory()

    Policy.objects.create(key="other")

    assert Policy.objects.default() == policy


@pytest.mark.skipif(
    not connection.features.supports_partial_indexes,
    reason="MySQL and MariaDB have no conditional constraints; check E011 reports it there",
)
def test_database_holds_one_policy_in_use_at_most():
    PolicyFactory(), PolicyFactory(spare=True)

    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.update(is_default=True)


def test_there_may_be_no_policy_in_use():
    PolicyFactory(spare=True)

    assert Policy.objects.default() is None


# What other processes notice.


@pytest.mark.parametrize("factory", [PolicyFactory, CategoryFactory, ToolFactory, CookieFactory])
def test_saving_is_noticed_by_other_processes(factory):
    instance = factory()
    forget_changes()

    type(instance).objects.get(pk=instance.pk).save()

    assert was_touched()


@pytest.mark.parametrize("factory", [CategoryFactory, ToolFactory, CookieFactory])
@pytest.mark.parametrize("in_bulk", [False, True])
def test_deleting_is_noticed_by_other_processes(factory, in_bulk: bool):
    instance = factory()
    forget_changes()
    stored = type(instance).objects.filter(pk=instance.pk)

    stored.delete() if in_bulk else stored.get().delete()

    assert was_touched()


def test_deletion_of_a_tool_takes_its_cookies_along():
    cookie = CookieFactory()
    forget_changes()

    cookie.tool.delete()

    assert not Cookie.objects.exists()
    assert was_touched()


def test_other_policies_are_not_touched():
    spare = PolicyFactory(spare=True)
    cookie = CookieFactory()
    forget_changes()

    cookie.save()
    cookie.tool.delete()

    assert not was_touched(spare)


@pytest.mark.parametrize("factory", [CategoryFactory, ToolFactory, CookieFactory])
@pytest.mark.parametrize("edit", ["save", "delete"])
def test_every_edit_locks_the_policys_row_before_it_writes_anything(factory, edit: str):
    # Two editors who both do wait for each other; else the database may have to stop one of them.
    instance = factory()

    with CaptureQueriesContext(
        connection,
    ) as queries:
        getattr(instance, edit)()

    writes = [q["sql"] for q in queries if re.match("INSERT|UPDATE|DELETE", q["sql"])]
    assert re.match(r"UPDATE .consent_policy. ", writes[0])
    assert len(writes) > 1


def test_category_with_tools_cannot_be_deleted():
    tool = ToolFactory()

    with pytest.raises(RestrictedError):
        tool.category.delete()


def test_deleted_policy_takes_everything_along():
    cookie = CookieFactory()

    cookie.tool.policy.delete()

    assert not any(model.objects.exists() for model in (Policy, Category, Tool, Cookie))


# Constraints of the database.


@pytest.mark.parametrize(
    ("model", "changes", "constraint"),
    [
        (Policy, {"revision": 0}, "consent_policy_revision"),
        (Policy, {"lifetime_days": 0}, "consent_policy_lifetime"),
        (Policy, {"lifetime_days": 396}, "consent_policy_lifetime"),
        (Category, {"since": 0}, "consent_category_since"),
        (Tool, {"since": 0}, "consent_tool_since"),
        (Tool, {"placement": "footer"}, "consent_tool_placement"),
        (Tool, {"recipe": "drift", "snippet": "<p>"}, "consent_tool_recipe_or_snippet"),
    ],
)
def test_database_refuses(model, changes: dict[str, object], constraint: str):
    ToolFactory()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        model.objects.update(**changes)


@pytest.mark.parametrize(
    ("factory", "same"),
    [
        (PolicyFactory, ["key"]),
        (CategoryFactory, ["policy", "key"]),
        (ToolFactory, ["policy", "key"]),
        (CookieFactory, ["tool", "kind", "name"]),
    ],
)
def test_database_refuses_the_same_natural_key_twice(factory, same: list[str]):
    first = factory(is_default=False) if factory is PolicyFactory else factory()
    second = factory(spare=True) if factory is PolicyFactory else factory()
    values = {name: getattr(first, name) for name in same}

    with pytest.raises(IntegrityError), transaction.atomic():
        type(second).objects.filter(pk=second.pk).update(**values)


@pytest.mark.parametrize("factory", [CategoryFactory, ToolFactory])
def test_another_policy_may_have_the_same_keys(factory):
    first = factory(key="same")
    spare = PolicyFactory(spare=True)

    second = (
        factory(key="same", policy=spare)
        if factory is CategoryFactory
        else factory(key="same", category__policy=spare)
    )

    assert first.natural_key() == ("default", "same")
    assert second.natural_key() == (spare.key, "same")


# What a form refuses.


@pytest.mark.parametrize(
    "key", ["", "Live Chat", "live_chat", "-chat", "chat-", "a--b", "chät", "a\n"]
)
@pytest.mark.parametrize("factory", [PolicyFactory, CategoryFactory, ToolFactory])
def test_key_that_a_cookie_or_template_could_not_hold_is_refused(factory, key: str):
    instance = factory.build()
    instance.key = key

    with pytest.raises(ValidationError) as refusal:
        instance.clean_fields(exclude=["policy", "category"])

    assert list(refusal.value.message_dict) == ["key"]


def test_key_of_a_category_is_short_enough_for_the_cookie():
    category = CategoryFactory(key="k" * 32)
    category.full_clean()
    category.key += "k"

    with pytest.raises(ValidationError, match="32"):
        category.full_clean()


@pytest.mark.parametrize(
    ("address", "valid"),
    [
        ("", True),
        ("/privacy/", True),
        ("https://example.com/privacy?a=b#c", True),
        ("http://example.com", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT:alert(1)", False),
        ("data:text/html,x", False),
        ("privacy", False),
        ("https://example.com/a b", False),
        ("/privacy/\n", False),
    ],
)
def test_addresses_are_of_pages(address: str, valid: bool):
    policy = PolicyFactory()
    policy.policy_url = policy.privacy_url = address
    tool = ToolFactory()
    tool.privacy_url = address

    if valid:
        policy.full_clean()
        tool.full_clean()
        return
    with pytest.raises(ValidationError) as refusal:
        policy.full_clean()
    assert set(refusal.value.message_dict) == {"policy_url", "privacy_url"}
    with pytest.raises(ValidationError) as refusal:
        tool.full_clean()
    assert set(refusal.value.message_dict) == {"privacy_url"}


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("_ga", True),
        ("m", True),
        ("_ga_*", True),
        ("*_session", True),
        ("a*b", False),
        ("m*", False),
        ("*", False),
        ("**", False),
        ("_*", False),
        ("a b", False),
        ("a;b", False),
        ("a=b", False),
        ("", False),
    ],
)
def test_cookie_name_is_one_and_no_pattern_that_matches_everything(name: str, valid: bool):
    cookie = CookieFactory()
    cookie.name = name

    if valid:
        cookie.full_clean()
        return
    with pytest.raises(ValidationError) as refusal:
        cookie.full_clean()
    assert list(refusal.value.message_dict) == ["name"]


@pytest.mark.parametrize("days", [0, 396])
def test_choice_is_kept_for_a_day_at_least_and_thirteen_months_at_most(days: int):
    policy = PolicyFactory()
    policy.lifetime_days = days

    with pytest.raises(ValidationError, match="lifetime_days"):
        policy.full_clean()


def test_category_and_tool_do_not_share_a_key():
    category = CategoryFactory(key="chat")
    tool = ToolFactory(category=category, key="talk")

    tool.key = "chat"
    with pytest.raises(ValidationError, match="Another tool or category has the key “chat”"):
        tool.full_clean()
    category.key = "talk"
    with pytest.raises(ValidationError, match="A tool has the key “talk” already"):
        category.full_clean()


def test_two_tools_do_not_share_a_key():
    first, second = ToolFactory(), ToolFactory()
    second.key = first.key

    with pytest.raises(ValidationError, match="Another tool or category has the key"):
        second.full_clean()


def test_policy_has_no_more_optional_categories_than_a_cookie_holds():
    tenth = [CategoryFactory() for _ in range(MAX_CATEGORIES)][-1]
    tenth.full_clean()
    category = CategoryFactory.build(policy=PolicyFactory())

    with pytest.raises(ValidationError, match="at most 10 categories"):
        category.full_clean()

    category.essential = True
    category.full_clean()


def test_parameters_are_held_against_the_recipe():
    tool = ToolFactory(by_recipe=True)
    tool.parameters = {"measurement_id": "UA-1"}

    with pytest.raises(ValidationError) as refusal:
        tool.full_clean()

    (message,) = refusal.value.message_dict["parameters"]
    assert message.startswith("measurement_id: “UA-1” is not a valid value for Measurement ID.")


@pytest.mark.parametrize("parameters", [[], "G-ABC1234567", 1, None, ["measurement_id"]])
def test_parameters_are_a_set_of_names_and_values(parameters: object):
    tool = ToolFactory(by_recipe=True)
    tool.parameters = parameters

    with pytest.raises(ValidationError) as refusal:
        tool.full_clean()

    assert list(refusal.value.message_dict) == ["parameters"]


def test_recipe_that_is_gone_is_refused():
    tool = ToolFactory(by_recipe=True)
    tool.recipe = "gone"

    with pytest.raises(ValidationError, match="There is no recipe “gone”"):
        tool.full_clean()
    assert tool.get_recipe() is None


def test_snippet_that_would_damage_the_page_is_refused():
    tool = ToolFactory()
    tool.snippet = "<script>a()"

    with pytest.raises(ValidationError) as refusal:
        tool.full_clean()

    assert list(refusal.value.message_dict) == ["snippet"]


@pytest.mark.parametrize("snippet", ["Chat: <script>a()</script>", "<div></div>"])
def test_snippet_that_would_end_the_head_is_refused_there_only(snippet: str):
    tool = ToolFactory(placement=Tool.Placement.BODY, snippet=snippet)
    tool.full_clean()
    tool.placement = Tool.Placement.HEAD

    with pytest.raises(ValidationError) as refusal:
        tool.full_clean()

    assert list(refusal.value.message_dict) == ["placement"]


def test_sources_that_no_policy_could_hold_are_refused():
    tool = ToolFactory(sources="img-src https://vendor.example\nscript-src *")

    with pytest.raises(ValidationError, match=r"Line 2: “\*” is no address of a host") as refusal:
        tool.full_clean()

    assert list(refusal.value.message_dict) == ["sources"]


def test_a_recipe_alone_says_what_its_tool_loads_from():
    tool = ToolFactory(by_recipe=True, sources=" \n")
    tool.full_clean()
    tool.sources = "img-src https://vendor.example"

    with pytest.raises(ValidationError) as refusal:
        tool.full_clean()

    assert refusal.value.message_dict == {
        "sources": ["Leave this empty: the recipe knows what its tool loads from."]
    }


def test_every_mistake_is_named_at_once():
    tool = ToolFactory()
    tool.name, tool.privacy_url, tool.snippet = "", "javascript:a()", "<script>a()"

    with pytest.raises(ValidationError) as refusal:
        tool.full_clean()

    assert set(refusal.value.message_dict) == {"name", "privacy_url", "snippet"}


# Tools from the catalogue.


@pytest.mark.parametrize("key", catalogue())
def test_tool_from_a_recipe_has_its_name_vendor_and_cookies(key: str):
    recipe = catalogue()[key]

    tool = Tool.objects.from_recipe(recipe, CategoryFactory(), example_parameters(key))

    assert (tool.key, tool.name, tool.vendor) == (key, recipe.name, recipe.vendor)
    assert tool.get_recipe() == recipe
    assert list(tool.cookies.values_list("kind", "name", "party")) == [
        (cookie.kind, cookie.name, cookie.party) for cookie in recipe.cookies
    ]
    for cookie in tool.cookies.all():
        cookie.full_clean()


def test_tool_from_a_recipe_can_differ_from_it():
    category = CategoryFactory()
    parameters = example_parameters("drift")

    tool = Tool.objects.from_recipe(
        catalogue()["drift"], category, parameters, key="chat", placement="body", enabled=False
    )

    assert (tool.key, tool.placement, tool.enabled) == ("chat", "body", False)
    assert tool.policy == category.policy


def test_tool_from_a_recipe_with_wrong_parameters_is_not_created():
    with pytest.raises(ValidationError):
        Tool.objects.from_recipe(catalogue()["drift"], CategoryFactory(), {})

    assert not Tool.objects.exists()


# Names and addresses.


def test_policy_page_is_the_apps_unless_the_policy_names_another():
    policy = PolicyFactory()

    assert policy.get_absolute_url() == reverse("consent:policy")
    policy.policy_url = "/data/"
    assert policy.get_absolute_url() == "/data/"


def test_each_is_shown_by_its_name():
    cookie = CookieFactory(name="_ga", tool__name="Analytics", tool__category__name="Numbers")

    assert str(cookie) == "_ga"
    assert str(cookie.tool) == "Analytics"
    assert str(cookie.tool.category) == "Numbers"
    assert str(cookie.tool.policy) == cookie.tool.policy.name


@pytest.mark.parametrize("factory", [PolicyFactory, CategoryFactory, ToolFactory, CookieFactory])
def test_natural_key_finds_what_it_names(factory):
    instance = factory()

    assert type(instance).objects.get_by_natural_key(*instance.natural_key()) == instance


# Fixtures.


def everything() -> str:
    """All that is stored, without primary keys."""
    rows = [
        row for model in (Policy, Category, Tool, Cookie) for row in model.objects.order_by("pk")
    ]
    natural = {"use_natural_foreign_keys": True, "use_natural_primary_keys": True}
    return serializers.serialize("json", rows, **natural)


def test_fixture_with_natural_keys_brings_everything_back(tmp_path):
    CookieFactory(tool=ToolFactory(by_recipe=True, category__essential=True))
    CookieFactory(tool=ToolFactory(disabled=True))
    ToolFactory(category__policy=PolicyFactory(spare=True))
    before = everything()
    file = tmp_path / "policy.json"
    call_command("dumpdata", "consent", natural_foreign=True, natural_primary=True, output=file)
    Policy.objects.all().delete()

    call_command("loaddata", file, verbosity=0)

    assert everything() == before


def test_fixture_can_be_loaded_over_what_is_there(tmp_path):
    CookieFactory()
    file = tmp_path / "policy.json"
    call_command("dumpdata", "consent", natural_foreign=True, natural_primary=True, output=file)
    before = everything()

    call_command("loaddata", file, verbosity=0)

    assert everything() == before
