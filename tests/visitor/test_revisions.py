"""Whatever happens to a policy, a cookie covers only what its visitor was shown.

Backups are restored, policies deleted and made anew, exported and imported, and take turns on
hosts. An oracle remembers what each cookie's visitor was shown when they agreed, and which policy
each revision stood for.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

import pytest
from django.core import serializers
from django.db import transaction
from django.test import RequestFactory
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from consent.models import Category, Policy, Tool, revision
from consent.policy import CompiledPolicy, build
from consent.transfer import export_policy, import_policy
from consent.visitor import Consent, InvalidChoicesError
from tests.factories import CategoryFactory, PolicyFactory, ToolFactory
from tests.helpers import OPTIONAL, days_ago, grant

pytestmark = pytest.mark.django_db

HOSTS = MAIN, SHOP = "example.test", "shop.example.test"
CATEGORIES = ("ads", "maps")


class Page(NamedTuple):
    """What a visitor sees: where, at which revision, and each optional tool's meaning."""

    host: str
    revision: int
    tools: dict[str, tuple[str, ...]]


class World:
    """A website with two policies, what is done to them, and its visitors."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.numbers = count()
        self.backups: list[str] = []
        # For each visitor: their cookies by name, the page that they have open, and for each of
        # the cookies what they agreed to and which categories they refused.
        self.cookies: list[dict[str, str]] = [{}, {}]
        self.pages: list[Page | None] = [None, None]
        self.agreed: dict[tuple[int, str], set[tuple[str, ...]]] = defaultdict(set)
        self.refused: dict[tuple[int, str], set[str]] = defaultdict(set)
        self.meanings: dict[int, object] = {}
        self.new_policy("default", is_default=True)
        self.new_policy("shop", hosts=SHOP)
        self.sites = build()

    def take(self, step: str) -> None:
        """Do what the method ``step`` does, and see that it covers nothing that was not shown."""
        before = {(who, name): keys for who, name, _, keys in self.running()}
        getattr(self, step)()
        if step not in VISITS:
            self.sites = build()
        self.check()
        if step in ("add_tool", "back_up", "visit"):
            after = {(who, name): keys for who, name, _, keys in self.running()}
            assert all(keys <= after[where] for where, keys in before.items())

    # What is done to the policies

    def new_policy(self, key: str, *, is_default: bool = False, hosts: str = "") -> None:
        policy = PolicyFactory(key=key, is_default=is_default, hosts=hosts)
        for category in CATEGORIES:
            ToolFactory(
                category=CategoryFactory(policy=policy, key=category, purpose=self.name()),
                key=f"{category}-tool",
                vendor=self.name(),
            )

    def name(self) -> str:
        return f"Name {next(self.numbers)}"

    def any(self, model: type[Any]) -> Any:
        return self.chance.choice(model.objects.order_by("pk"))

    def add_tool(self) -> None:
        ToolFactory(category=self.any(Category), key=f"added-{next(self.numbers)}")

    def change_vendor(self) -> None:
        tool = self.any(Tool)
        tool.vendor = self.name()
        tool.save()

    def change_purpose(self) -> None:
        category = self.any(Category)
        category.purpose = self.name()
        category.save()

    def pause(self) -> None:
        self.switch(enabled=True)

    def resume(self) -> None:
        self.switch(enabled=False)

    def switch(self, *, enabled: bool) -> None:
        tools = Tool.objects.filter(enabled=enabled).order_by("pk")
        if tools:
            tool = self.chance.choice(tools)
            tool.enabled = not enabled
            tool.save()

    def update_vendor(self) -> None:
        """Change it in a way that calls no `save`."""
        Tool.objects.filter(pk=self.any(Tool).pk).update(vendor=self.name())

    def create_in_bulk(self) -> None:
        category = self.any(Category)
        tool = ToolFactory.build(category=category, key=f"added-{next(self.numbers)}")
        tool.policy = category.policy
        Tool.objects.bulk_create([tool])

    def replace_tool(self) -> None:
        tool = self.any(Tool)
        tool.delete()
        ToolFactory(category=tool.category, key=tool.key, vendor=self.name())

    def back_up(self) -> None:
        self.backups.append(rows())

    def restore(self) -> None:
        if self.backups:
            restore(self.chance.choice(self.backups))

    def recreate(self) -> None:
        policy = self.any(Policy)
        policy.delete()
        self.new_policy(policy.key, is_default=policy.is_default, hosts=policy.hosts)

    def import_elsewhere(self) -> None:
        """Replace the database by an empty one that gets the same policies from files."""
        files = [export_policy(policy.key).text for policy in Policy.objects.order_by("pk")]
        Policy.objects.all().delete()
        for file in files:
            import_policy(file)

    def switch_default(self) -> None:
        other = Policy.objects.filter(is_default=False).first()
        Policy.objects.filter(is_default=True).update(hosts=other.hosts)
        other.is_default, other.hosts = True, ""
        other.save()

    def switch_by_update(self) -> None:
        """Do the same in a way that no `save` notices."""
        default = Policy.objects.filter(is_default=True).first()
        other = Policy.objects.exclude(pk=default.pk).first()
        Policy.objects.filter(pk=default.pk).update(is_default=False, hosts=SHOP)
        Policy.objects.filter(pk=other.pk).update(is_default=True, hosts="")

    # What visitors do

    def visit(self) -> None:
        who, host = self.chance.randrange(2), self.chance.choice(HOSTS)
        policy = self.sites.at(host)
        self.pages[who] = Page(host, policy.revision, meanings_of(policy))

    def agree(self) -> None:
        """Have everybody come, one after the other, and accept all."""
        for _ in range(3):
            self.visit()
            self.accept()

    def accept(self) -> None:
        self.decide(lambda consent, shown: consent.accept_all(shown=shown), CATEGORIES)

    def accept_one(self) -> None:
        key = self.chance.choice(CATEGORIES)
        self.decide(lambda c, shown: c.decide({key: True}, partial=True, shown=shown), [key])

    def reject(self) -> None:
        self.decide(lambda consent, shown: consent.reject_all(), [])

    def decide(self, act: Callable[[Consent, int], None], granted: Any) -> None:
        who = self.chance.randrange(2)
        page = self.pages[who]
        if page is None:
            return
        consent = self.consent(who, page.host, self.sites.at(page.host))
        try:
            act(consent, page.revision)
        except InvalidChoicesError:
            return
        name = consent.policy.cookie_name
        self.cookies[who][name] = consent.outcome.decision.text
        if not granted:
            self.agreed[who, name].clear()
            self.refused[who, name] = set(CATEGORIES)
        self.refused[who, name].difference_update(granted)
        shown = {meaning for meaning in page.tools.values() if meaning[0] in granted}
        self.agreed[who, name] |= shown

    def consent(self, who: int, host: str, policy: CompiledPolicy) -> Consent:
        request = RequestFactory().get("/", headers={"Host": host})
        request.COOKIES.update(self.cookies[who])
        consent = Consent(request)
        consent.__dict__["policy"] = policy
        return consent

    # What has to be true

    def running(self) -> Iterator[tuple[int, str, CompiledPolicy, set[str]]]:
        for who in range(2):
            for host in HOSTS:
                policy = self.sites.at(host)
                tools = self.consent(who, host, policy).selection.tools
                yield who, policy.cookie_name, policy, {tool.key for tool in tools}

    def check(self) -> None:
        for who, name, policy, running in self.running():
            meanings = meanings_of(policy)
            assert {meanings[key] for key in running} <= self.agreed[who, name]
            assert not {meanings[key][0] for key in running} & self.refused[who, name]
            meaning = (policy.key, sorted(meanings.values()))
            assert self.meanings.setdefault(policy.revision, meaning)[0] == policy.key


def meanings_of(policy: CompiledPolicy) -> dict[str, tuple[str, ...]]:
    return {
        tool.key: (category.key, category.purpose, tool.key, tool.vendor, tool.markup)
        for category in policy.optional
        for tool in category.tools
    }


EDITS = ("add_tool", "change_vendor", "change_purpose", "replace_tool", "pause", "resume")
BULK_EDITS = ("update_vendor", "create_in_bulk")
OTHERS = ("recreate", "import_elsewhere", "switch_default", "switch_by_update")
VISITS = ("agree", "visit", "accept", "accept_one", "reject")
STEPS = (*EDITS, *BULK_EDITS, *OTHERS, *VISITS, *3 * ("agree", "back_up", "restore"))


@contextmanager
def forgotten() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def passing_time(monkeypatch) -> None:
    """A clock that goes on by a millisecond each time that it is read."""
    monkeypatch.setattr(revision, "milliseconds", count(28_000_000_000).__next__)


def examples(number: int) -> settings:
    unchecked = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    # Not to shrink a history takes no minutes.
    phases = (Phase.reuse, Phase.generate)
    return settings(max_examples=number, phases=phases, suppress_health_check=unchecked)


steps = st.lists(st.sampled_from(STEPS), max_size=20)
chances = st.randoms(use_true_random=False)


@pytest.fixture
def unrecorded(settings) -> None:
    settings.CONSENT_RECORDS, settings.CONSENT_THROTTLE_RATE = False, None


def live(steps: list[str], chance: random.Random) -> None:
    with forgotten():
        world = World(chance)
        for step in steps:
            world.take(step)


@examples(20)
@given(steps, chances)
@pytest.mark.usefixtures("passing_time", "unrecorded")
def test_no_cookie_covers_what_its_visitor_was_not_shown(steps, chance):
    live(steps, chance)


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
@examples(600)
@given(steps, chances)
@pytest.mark.usefixtures("passing_time", "unrecorded")
def test_none_does_in_many_histories(steps, chance):
    live(steps, chance)


# What was seen to go wrong, one by one


def rows() -> str:
    found = [*Policy.objects.all(), *Category.objects.all(), *Tool.objects.all()]
    return serializers.serialize("json", found)


def restore(backup: str) -> None:
    Policy.objects.all().delete()
    for row in serializers.deserialize("json", backup):
        row.save()


def accepted() -> str:
    """Return the cookie of a visitor who accepts all of the policy as it is."""
    policy = build().default
    return grant(*(category.key for category in policy.optional), at=policy.revision)


def runs(cookie: str) -> set[str]:
    policy = build().default
    standing = policy.standing(cookie, days_ago(0), policy.regime, False)
    return {tool.key for tool in standing.selection.tools}


@pytest.fixture
def policy(passing_time) -> Policy:
    """A policy with three tools, edited one by one; on a website whose time passes."""
    for key in OPTIONAL:
        ToolFactory(category=CategoryFactory(key=key), key=f"tool-{key}")
    return Policy.objects.get()


def test_restored_backup_does_not_make_later_cookies_cover_what_is_added_then(policy):
    backup, before = rows(), accepted()
    for key in OPTIONAL[:2]:
        ToolFactory(category=Category.objects.get(key=key), key=f"old-{key}")
    later = accepted()

    restore(backup)
    assert (runs(before), runs(later)) == ({f"tool-{key}" for key in OPTIONAL}, set())
    for key in OPTIONAL[:2]:
        ToolFactory(category=Category.objects.get(key=key), key=f"new-{key}")

    assert (runs(before), runs(later)) == ({f"tool-{key}" for key in OPTIONAL}, set())


def test_restored_backup_does_not_start_what_later_visitors_were_not_shown(policy):
    tool = Tool.objects.get(key="tool-functional")
    backup = rows()
    tool.vendor = "Another"
    tool.save()
    later = accepted()

    restore(backup)
    ToolFactory(category=Category.objects.get(key="advertising"))

    assert runs(later) == set()


def test_policy_that_is_deleted_and_made_anew_honours_no_older_grant(policy):
    cookie = accepted()
    policy.delete()

    for key in OPTIONAL:
        ToolFactory(category=CategoryFactory(key=key), key=f"tool-{key}")

    assert Policy.objects.get().revision > policy.revision
    assert runs(cookie) == set()


def test_policy_that_is_imported_into_an_empty_database_honours_no_grant_from_elsewhere(policy):
    cookie, file = accepted(), export_policy().text
    policy.delete()

    import_policy(file)

    assert runs(cookie) == set()


def test_refusal_stays_whatever_revision_it_was_made_at(policy):
    refusal = grant(at=policy.revision)
    policy.delete()

    for key in OPTIONAL:
        ToolFactory(category=CategoryFactory(key=key, policy__regime="implied"), key=f"tool-{key}")

    assert runs(refusal) == set()
    standing = build().default.standing(refusal, days_ago(0), "implied", False)
    assert standing.choices == (False, False, False)
    assert not standing.must_ask


def test_grant_of_one_policy_is_void_under_another_that_takes_its_place_by_update(policy):
    spare = PolicyFactory(spare=True)
    ToolFactory(category=CategoryFactory(policy=spare, key="functional"), key="spare-tool")
    of_default = accepted()

    Policy.objects.filter(pk=policy.pk).update(is_default=False)
    Policy.objects.filter(pk=spare.pk).update(is_default=True)

    assert runs(of_default) == set()
    assert runs(accepted()) == {"spare-tool"}


def test_clock_that_goes_back_issues_no_revision_again(policy, monkeypatch):
    before = policy.revision
    monkeypatch.setattr(revision, "milliseconds", lambda: -5)

    ToolFactory(category=Category.objects.first())

    assert Policy.objects.get().revision == before + 1
    assert PolicyFactory(spare=True).revision == before + 2


def test_revisions_are_the_time_of_now(monkeypatch):
    monkeypatch.setattr(revision, "EPOCH", 1_767_225_600_000)

    now = (time.time() - 1_767_225_600) * 1000
    assert PolicyFactory().revision == pytest.approx(now, abs=60_000)


def test_policy_forgets_the_oldest_revisions_and_what_was_granted_at_them(policy, monkeypatch):
    monkeypatch.setattr(revision, "REMEMBERED", 3)
    first = accepted()
    category = Category.objects.get(key="functional")

    ToolFactory(category=category), ToolFactory(category=category)
    assert runs(first) == {f"tool-{key}" for key in OPTIONAL}
    ToolFactory(category=category)

    policy.refresh_from_db()
    assert len(policy.issued) == 3
    assert runs(first) == set()


def test_copy_of_a_policy_has_issued_nothing_of_what_the_original_has(policy):
    issued = set(Policy.objects.get().issued)

    policy.pk, policy.key, policy._state.adding = None, "copy", True
    policy.save()

    assert policy.revision in policy.issued
    assert not issued & set(policy.issued)


def test_tool_that_was_refused_stays_refused_where_the_grant_of_its_category_is_void(policy):
    Policy.objects.update(tool_choices=True)
    ToolFactory(category=Category.objects.get(key="functional"), key="second")
    unissued = policy.revision + 10**6
    request = RequestFactory().get("/")
    request.COOKIES["consent"] = f"1.{unissued}.{days_ago(0)}.functional_{unissued}.second_0"
    consent = Consent(request)
    consent.__dict__["policy"] = build().default

    consent.decide({"functional": True}, partial=True)

    assert {tool.key for tool in consent.selection.tools} == {"tool-functional"}


def test_grant_made_while_a_tool_was_paused_does_not_cover_it(policy):
    tool, before = Tool.objects.get(key="tool-functional"), accepted()
    tool.enabled = False
    tool.save()
    meanwhile = accepted()
    tool.enabled = True
    tool.save()
    after = accepted()

    assert "tool-functional" in runs(before) & runs(after)
    assert runs(meanwhile) == {f"tool-{key}" for key in OPTIONAL[1:]}
    asked = [
        build().default.standing(cookie, days_ago(0), "opt_in", False).must_ask
        for cookie in (before, meanwhile, after)
    ]
    assert asked == [False, True, False]


def test_tool_that_was_paused_twice_is_hidden_from_the_first_pause_on(policy):
    tool = Tool.objects.get(key="tool-functional")
    for enabled in (False, True):
        tool.enabled = enabled
        tool.save()
    between = accepted()
    for enabled in (False, True):
        tool.enabled = enabled
        tool.save()

    assert "tool-functional" not in runs(between)
    assert "tool-functional" in runs(accepted())
