"""The policy as plain data: how it is built, kept fresh, and what each choice makes of it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import product
from threading import Event, Lock, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import Category, Cookie, Policy, Tool
from consent.models.legal_basis import LEGAL_BASES
from consent.policy import (
    NO_POLICY,
    CompiledPolicy,
    CompiledSites,
    PolicyCache,
    Selection,
    build,
    compile_tool,
    policies,
    process_cache,
)
from consent.policy.decision import Decision, today
from consent.recipes.markers import NONCE
from tests.factories import CategoryFactory, CookieFactory, PolicyFactory, ToolFactory, store_as_is

MAX_AGE = 5.0


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch, settings) -> Clock:
    settings.CONSENT_POLICY_MAX_AGE = MAX_AGE
    clock = Clock()
    monkeypatch.setattr(process_cache, "time", SimpleNamespace(monotonic=clock.monotonic))
    # These tests know to the tenth of a second when a look is due.
    monkeypatch.setattr(process_cache, "SPREAD", 0)
    return clock


def edit_elsewhere(**changes: object) -> None:
    """What another process's edit leaves: a changed row, and nobody in this process told."""
    Policy.objects.update(changed_at=datetime.now(UTC), **changes)


@contextmanager
def database_down():
    """The database refuses every query; yields those that it was asked."""
    asked: list[str] = []

    def refuse(execute, sql, params, many, context):
        asked.append(sql)
        raise OperationalError("the server closed the connection unexpectedly")

    with connection.execute_wrapper(refuse):
        yield asked


def queries_of(call) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def add_tools(number: int) -> None:
    """Add tools with two cookies each, without the queries that saving them one by one takes."""
    category = CategoryFactory()
    store_as_is(
        Tool(
            category=category,
            policy=category.policy,
            key=f"bulk-{n}",
            name=f"Tool {n}",
            recipe="google-analytics",
            parameters={"measurement_id": f"G-{n:05}"},
        )
        for n in range(number)
    )
    Cookie.objects.bulk_create(
        Cookie(tool=tool, name=name) for tool in Tool.objects.all() for name in ("_ga", "_ga_*")
    )


# What is compiled.


@pytest.mark.django_db
def test_policy_is_compiled_as_it_is_stored():
    policy = PolicyFactory(implied=True, name="Ours", lifetime_days=90, privacy_url="/privacy/")
    category = CategoryFactory(key="functional", name="Functional", purpose="To chat.")
    tool = ToolFactory(category=category, key="chat", name="Chat", placement="body")
    CookieFactory(tool=tool, name="_chat", retention="1 year", purpose="Knows you.")
    policy.refresh_from_db()

    compiled = build().default

    assert compiled
    assert compiled.stamp == (policy.pk, policy.changed_at)
    for name in ("name", "regime", "revision", "lifetime_days", "notice_text", "introduction"):
        assert getattr(compiled, name) == getattr(policy, name)
    assert (compiled.explanation, compiled.policy_url) == (policy.explanation, "")
    assert compiled.privacy_url == "/privacy/"
    (found,) = compiled.categories
    assert (found.key, found.name, found.purpose) == ("functional", "Functional", "To chat.")
    (chat,) = found.tools
    assert compiled.tools == {"chat": chat}
    assert (chat.name, chat.vendor, chat.privacy_url) == (tool.name, tool.vendor, tool.privacy_url)
    assert (chat.category, chat.placement, chat.server) == ("functional", "body", False)
    assert f'<script nonce="{NONCE}" data-consent-tool="chat" src=' in chat.markup
    (cookie,) = chat.cookies
    assert (cookie.name, cookie.kind, cookie.party) == ("_chat", "cookie", "first")
    assert (cookie.retention, cookie.purpose) == ("1 year", "Knows you.")


@pytest.mark.django_db
def test_categories_and_tools_come_in_the_order_that_the_owner_gave_them():
    last, first = CategoryFactory(order=20, key="last"), CategoryFactory(order=10, key="first")
    ToolFactory(category=first, key="b", order=1, name="Beta")
    ToolFactory(category=first, key="a", order=1, name="Alpha")
    ToolFactory(category=first, key="c", order=0)
    ToolFactory(category=last, key="d")

    compiled = build().default

    assert [category.key for category in compiled.categories] == ["first", "last"]
    assert list(compiled.tools) == ["c", "a", "b", "d"]


@pytest.mark.django_db
def test_disabled_tools_and_other_policies_are_left_out():
    ToolFactory(disabled=True, category__key="empty")
    ToolFactory(category__policy=PolicyFactory(spare=True))

    compiled = build().default

    assert [category.key for category in compiled.categories] == ["empty"]
    assert compiled.tools == {}


@pytest.mark.django_db
def test_optional_categories_are_those_that_are_not_essential():
    CategoryFactory(key="functional")
    CategoryFactory(essential=True)

    assert [category.key for category in build().default.optional] == ["functional"]


@pytest.mark.django_db
@pytest.mark.parametrize("spare", [False, True])
def test_without_a_policy_in_use_there_is_none(spare: bool):
    if spare:
        ToolFactory(category__policy=PolicyFactory(spare=True), category__essential=True)

    compiled = build().default

    assert compiled is NO_POLICY
    assert not compiled
    assert allowed(compiled.undecided(compiled.regime)) == set()


@pytest.mark.django_db
def test_threshold_of_a_tool_is_the_later_of_its_own_and_its_categorys():
    category = CategoryFactory()
    older = ToolFactory(category=category, order=1)
    newer = ToolFactory(category=category, order=2)
    Category.objects.update(since=5)
    Tool.objects.filter(pk=older.pk).update(since=3)
    Tool.objects.filter(pk=newer.pk).update(since=8)

    (found,) = build().default.categories

    assert [tool.since for tool in found.tools] == [5, 8]
    assert (found.thresholds, found.since) == ((5, 8), 8)
    # Whether a page showed the category depends on its own threshold alone.
    assert [found.was_shown(revision) for revision in (4, 5, None)] == [False, True, True]


@pytest.mark.django_db
def test_server_side_tool_is_listed_without_code():
    ToolFactory(server=True, key="hooks")

    tool = build().default.tools["hooks"]

    assert (tool.server, tool.markup) == (True, "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "damage",
    [
        {"parameters": {"measurement_id": "UA-1"}},
        {"parameters": {"measurement_id": "G-ABC1234567", "unknown": "x"}},
        {"parameters": {"measurement_id": 5}},
        {"parameters": {}},
        {"parameters": ["G-ABC1234567"]},
        {"parameters": "G-ABC1234567"},
        {"recipe": "gone"},
    ],
    ids=str,
)
def test_tool_that_does_not_fit_its_recipe_is_listed_without_code(damage, caplog):
    ToolFactory(by_recipe=True, key="broken")
    ToolFactory(key="sound")
    Tool.objects.filter(key="broken").update(**damage)

    compiled = build().default

    assert (compiled.tools["broken"].markup, compiled.tools["broken"].server) == ("", False)
    assert compiled.tools["sound"].markup
    assert "Tool broken does not fit its recipe" in caplog.text


@pytest.mark.django_db
def test_snippet_that_was_stored_unseen_does_not_stop_the_rest():
    ToolFactory(key="sound")
    ToolFactory(key="odd")
    Tool.objects.filter(key="odd").update(snippet="<![foo[ <!-- <script src='")

    assert build().default.tools["sound"].markup


@pytest.mark.django_db
def test_tool_that_is_not_saved_yet_can_be_compiled():
    category = CategoryFactory()
    tool = ToolFactory.build(category=category)

    compiled = compile_tool(tool, category)

    assert compiled.markup
    assert compiled.cookies == ()


# What it costs.


@pytest.mark.django_db
@pytest.mark.parametrize("number", [17, 1700])
def test_building_takes_six_queries_whatever_the_number_of_tools(number: int):
    add_tools(number)

    assert queries_of(build) == 6
    assert len(build().default.tools) == number


@pytest.mark.django_db
def test_warm_policy_costs_no_query(clock):
    add_tools(17)
    kept = PolicyCache()
    kept.current()
    clock.advance(MAX_AGE - 0.1)

    assert queries_of(kept.current) == 0


@pytest.mark.django_db
def test_database_is_looked_at_once_every_max_age(clock):
    add_tools(2)
    kept = PolicyCache()
    kept.current()
    clock.advance(MAX_AGE)

    assert [queries_of(kept.current) for _ in range(3)] == [1, 0, 0]
    clock.advance(MAX_AGE)
    assert queries_of(kept.current) == 1


@pytest.mark.django_db
def test_max_age_is_read_when_it_is_used(clock, settings):
    PolicyFactory()
    kept = PolicyCache()
    kept.current()

    settings.CONSENT_POLICY_MAX_AGE = 0

    assert queries_of(kept.current) == 1


@pytest.mark.django_db
def test_missing_policy_is_looked_for_once_every_max_age(clock):
    kept = PolicyCache()

    assert kept.current() is NO_POLICY
    assert queries_of(kept.current) == 0
    PolicyFactory()
    clock.advance(MAX_AGE)
    assert kept.current()


# How it is kept fresh.


class TellingLock:
    """A lock that says when somebody is about to ask for it the third time."""

    def __init__(self, third: Event) -> None:
        self._lock, self._third, self._asked = Lock(), third, 0

    def acquire(self, *arguments: Any, **options: Any) -> bool:
        self._asked += 1
        if self._asked == 3:
            self._third.set()
        return self._lock.acquire(*arguments, **options)

    def release(self) -> None:
        self._lock.release()


def of_revision(number: int) -> CompiledSites:
    return CompiledSites(CompiledPolicy(stamp=(1, timezone.now()), revision=number))


@pytest.fixture
def _no_transaction(monkeypatch) -> None:
    monkeypatch.setattr(process_cache, "sees_own_edits", lambda using: False)


@pytest.mark.usefixtures("_no_transaction")
def test_request_after_an_edit_waits_for_another_that_compiles_it(monkeypatch):
    made, began, go_on = [], Event(), Event()

    def build():
        made.append(of_revision(len(made)))
        if len(made) == 2:
            began.set()
            assert go_on.wait(30)
        return made[-1]

    monkeypatch.setattr(process_cache, "build", build)
    monkeypatch.setattr(process_cache, "EDIT_PATIENCE", 30)
    kept = PolicyCache()
    kept._lock = TellingLock(go_on)  # type: ignore[assignment]
    assert kept.current().revision == 0

    kept.forget()
    with ThreadPoolExecutor(2) as threads:
        compiling = threads.submit(kept.current)
        assert began.wait(30)
        # It comes while the first compiles, and is not to see what was there before the edit.
        coming = threads.submit(kept.current)
        assert [compiling.result(30).revision, coming.result(30).revision] == [1, 1]
    assert len(made) == 2


@pytest.mark.usefixtures("_no_transaction")
def test_edit_that_comes_while_another_is_compiled_is_compiled_next(monkeypatch):
    made = []

    def build():
        made.append(of_revision(len(made)))
        if len(made) == 1:
            kept.forget()
        return made[-1]

    monkeypatch.setattr(process_cache, "build", build)
    kept = PolicyCache()

    assert [kept.current().revision for _ in range(3)] == [0, 1, 1]


@pytest.mark.django_db
def test_edit_elsewhere_shows_after_the_max_age_and_not_before(clock):
    PolicyFactory(name="Old")
    kept = PolicyCache()
    first = kept.current()

    edit_elsewhere(name="New")
    clock.advance(MAX_AGE - 0.1)
    assert kept.current() is first
    clock.advance(0.1)
    assert kept.current().name == "New"


@pytest.mark.django_db
def test_look_that_finds_no_change_compiles_nothing(clock):
    PolicyFactory()
    kept = PolicyCache()
    first = kept.current()

    clock.advance(MAX_AGE)

    assert kept.current() is first


@pytest.mark.django_db
def test_policy_that_comes_into_use_elsewhere_is_noticed(clock):
    PolicyFactory()
    spare = PolicyFactory(spare=True)
    kept = PolicyCache()
    kept.current()

    Policy.objects.filter(key="default").update(is_default=False)
    Policy.objects.filter(pk=spare.pk).update(is_default=True)
    clock.advance(MAX_AGE)

    assert kept.current().name == spare.name


@pytest.mark.django_db
def test_policy_that_is_deleted_elsewhere_stops_every_tool(clock):
    ToolFactory(category__essential=True)
    kept = PolicyCache()
    kept.current()

    Policy.objects.all().delete()
    clock.advance(MAX_AGE)

    assert kept.current() is NO_POLICY


@pytest.mark.django_db
def test_policy_that_changes_while_it_is_compiled_is_compiled_again():
    CookieFactory()
    changes = iter(["Changed meanwhile"])

    def meddle(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if "consent_cookie" in sql and (name := next(changes, None)):
            edit_elsewhere(name=name)
        return result

    with connection.execute_wrapper(meddle):
        assert build().default.name == "Changed meanwhile"


@pytest.mark.django_db
def test_policy_that_never_stops_changing_is_given_up():
    CookieFactory()

    def meddle(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if "consent_cookie" in sql:
            edit_elsewhere()
        return result

    with (
        connection.execute_wrapper(meddle),
        pytest.raises(DatabaseError, match="three times over"),
    ):
        build()


# Edits in the same process.


EDITS = {
    "policy saved": lambda: PolicyFactory().save(),
    "category saved": lambda: Category.objects.get(key="functional").save(),
    "category added": CategoryFactory,
    "tool saved": lambda: Tool.objects.get().save(),
    "tool switched off": lambda: Tool.objects.switch_off(),
    "tool deleted": lambda: Tool.objects.get().delete(),
    "tools deleted in bulk": lambda: Tool.objects.all().delete(),
    "cookie saved": lambda: Cookie.objects.get().save(),
    "cookie deleted": lambda: Cookie.objects.get().delete(),
    "policy deleted": lambda: Policy.objects.get().delete(),
}


@pytest.fixture
def site() -> Cookie:
    return CookieFactory(tool__category__key="functional")


@pytest.mark.django_db
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_edit_in_this_process_shows_once_it_is_committed(
    clock, site, edit, django_capture_on_commit_callbacks
):
    before = policies.current()

    with django_capture_on_commit_callbacks(execute=True):
        edit()
        assert policies.current() is before

    assert policies.current() is not before
    assert policies.current() == build().default


@pytest.mark.django_db
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_edit_that_is_rolled_back_changes_nothing(
    clock, site, edit, django_capture_on_commit_callbacks
):
    before = policies.current()

    with (
        django_capture_on_commit_callbacks(execute=True),
        suppress(ZeroDivisionError),
        transaction.atomic(),
    ):
        edit()
        raise ZeroDivisionError

    assert queries_of(policies.current) == 0
    assert policies.current() is before


@pytest.mark.django_db(transaction=True)
def test_edit_shows_at_once_after_a_real_commit(clock):
    policy = PolicyFactory(name="Old")
    assert policies.current().name == "Old"

    with transaction.atomic():
        policy.name = "New"
        policy.save()
        assert policies.current().name == "Old"

    assert policies.current().name == "New"


@pytest.mark.django_db
def test_edit_that_is_committed_while_the_policy_is_compiled_is_not_missed(clock):
    CookieFactory()
    kept = PolicyCache()

    def forget(execute, sql, params, many, context):
        if "consent_cookie" in sql:
            kept.forget()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(forget):
        first = kept.current()

    assert kept.current() is not first


def test_edit_is_compiled_before_requests_get_it(monkeypatch, clock):
    made, began, go_on = [], Event(), Event()

    def build():
        made.append(of_revision(len(made)))
        if len(made) == 2:
            began.set()
            assert go_on.wait(30)
        return made[-1]

    monkeypatch.setattr(process_cache, "build", build)
    monkeypatch.setattr(process_cache, "sees_own_edits", lambda using: False)
    kept = PolicyCache()
    assert kept.current().revision == 0

    with ThreadPoolExecutor(1) as threads:
        edit = threads.submit(kept.show_edit)
        assert began.wait(30)
        assert kept.current().revision == 0
        go_on.set()
        edit.result(30)
    assert kept.current().revision == 1
    assert len(made) == 2


@pytest.mark.usefixtures("_no_transaction")
def test_edits_that_follow_each_other_closely_are_compiled_when_they_are_needed(
    monkeypatch, clock, settings
):
    settings.CONSENT_POLICY_MAX_AGE = 3600
    made = []

    def build():
        made.append(of_revision(len(made)))
        clock.advance(1)
        return made[-1]

    def compiled_after(act: Callable[[], object]) -> int:
        act()
        return len(made)

    monkeypatch.setattr(process_cache, "build", build)
    kept = PolicyCache()

    first = [compiled_after(act) for act in (kept.current, kept.show_edit, kept.current)]
    closely = [compiled_after(act) for act in (kept.show_edit, kept.current)]
    clock.advance(process_cache.PAUSE)
    later = [compiled_after(act) for act in (kept.show_edit, kept.current)]

    assert (first, closely, later) == ([1, 2, 2], [2, 3], [4, 4])


@pytest.mark.usefixtures("_no_transaction")
def test_edit_that_nobody_waits_for_is_not_compiled(monkeypatch):
    monkeypatch.setattr(process_cache, "build", lambda: pytest.fail("nobody asked"))
    kept = PolicyCache()

    kept.show_edit()

    assert kept.is_stale()


@pytest.mark.django_db(transaction=True)
def test_many_edits_in_one_transaction_are_compiled_once(monkeypatch):
    site = CookieFactory()
    policies.current()
    made = []

    def counted():
        made.append(build())
        return made[-1]

    monkeypatch.setattr(process_cache, "build", counted)

    with transaction.atomic():
        for n in range(5):
            site.tool.name = f"Renamed {n}"
            site.tool.save()

    assert policies.current().tools[site.tool.key].name == "Renamed 4"
    assert len(made) == 1


def test_processes_look_at_different_times_and_never_too_late(monkeypatch, settings):
    settings.CONSENT_POLICY_MAX_AGE = MAX_AGE
    clock = Clock()
    monkeypatch.setattr(process_cache, "time", SimpleNamespace(monotonic=clock.monotonic))
    monkeypatch.setattr(process_cache, "build", lambda: of_revision(1))
    monkeypatch.setattr(process_cache, "sees_own_edits", lambda using: False)
    processes = [PolicyCache() for _ in range(50)]
    for process in processes:
        process.current()

    due = []
    for tenth in range(51):
        due.append(sum(process.is_stale() for process in processes))
        clock.now = 1000.0 + (tenth + 1) / 10

    assert due[39] == 0
    assert 0 < due[45] < 50
    assert due[50] == 50


# The database fails.


@pytest.mark.django_db
def test_last_policy_goes_on_serving_while_the_database_is_down(clock, caplog):
    ToolFactory()
    kept = PolicyCache()
    first = kept.current()
    clock.advance(MAX_AGE)

    with database_down():
        assert kept.current() is first

    assert "Cannot read the policy" in caplog.text


@pytest.mark.django_db
def test_last_policy_goes_on_serving_where_it_was_edited_just_before(clock):
    ToolFactory()
    kept = PolicyCache()
    first = kept.current()
    kept.forget()

    with database_down():
        assert kept.current() is first

    edit_elsewhere(name="Edited")
    clock.advance(MAX_AGE)
    assert kept.current().name == "Edited"


@pytest.mark.django_db
def test_nothing_runs_where_the_database_was_down_from_the_start(clock):
    ToolFactory(category__essential=True)
    kept = PolicyCache()

    with database_down():
        assert kept.current() is NO_POLICY

    clock.advance(MAX_AGE)
    assert kept.current().tools


@pytest.mark.django_db
@pytest.mark.parametrize("warm", [False, True])
def test_database_that_is_down_is_asked_once_every_max_age(clock, warm: bool):
    PolicyFactory()
    kept = PolicyCache()
    if warm:
        kept.current()
        clock.advance(MAX_AGE)

    with database_down() as asked:
        for _ in range(10):
            kept.current()
            clock.advance(MAX_AGE / 10)
        assert len(asked) == 1
        kept.current()
        assert len(asked) == 2


# Threads and event loops.


@pytest.mark.django_db
def test_others_go_on_with_the_last_policy_while_one_thread_looks(clock):
    PolicyFactory()
    kept = PolicyCache()
    first = kept.current()
    clock.advance(MAX_AGE)
    served = []

    def meanwhile(execute, sql, params, many, context):
        other = Thread(target=lambda: served.append(kept.current()), daemon=True)
        other.start()
        other.join(timeout=20)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(meanwhile):
        kept.current()

    assert served == [first]


@pytest.mark.django_db
def test_one_thread_compiles_what_many_wait_for(clock):
    PolicyFactory()
    kept = PolicyCache()
    others: list[Thread] = []
    served = []

    def serve():
        served.append(kept.current())

    def meanwhile(execute, sql, params, many, context):
        if not others:
            others.extend(Thread(target=serve, daemon=True) for _ in range(4))
            for other in others:
                other.start()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(meanwhile):
        mine = kept.current()
    for other in others:
        other.join(timeout=20)

    # They have no connection to this test's transaction: each got what was compiled here.
    assert len(served) == 4
    assert all(policy is mine for policy in served)


def test_event_loop_is_never_blocked_by_a_look():
    # Without a database: a query would fail this test.
    kept = PolicyCache()

    async def ask():
        return kept.current(), kept.is_stale()

    assert asyncio.run(ask()) == (NO_POLICY, True)


@pytest.mark.django_db
def test_event_loop_gets_the_policy_after_a_look_elsewhere():
    PolicyFactory(name="Ours")
    kept = PolicyCache()

    async def ask():
        await kept.arefresh()
        return kept.current()

    assert async_to_sync(ask)().name == "Ours"


# Which tools are allowed.


def plainly_allowed(
    *, regime: str, essential: bool, since: int, decided: bool, granted: int
) -> bool:
    """The rule in the plainest words; `granted` is 0 for a refusal and for what was not asked."""
    if essential:
        return True
    if not decided:
        return regime in ("implied", "notice_only")
    return granted > 0 and granted >= since


REVISION = 3
REVISIONS = range(1, REVISION + 1)


def allowed(selection: Selection) -> set[str]:
    return {key for key in selection.policy.needed if selection.allows(key)}


@pytest.mark.django_db
def test_every_state_allows_exactly_what_the_rule_says():
    category = CategoryFactory(key="functional")
    ToolFactory(category=category, key="a")
    ToolFactory(category=category, key="b")
    CategoryFactory(key="other")
    decisions: list[Decision | None] = [
        None,
        Decision(REVISION, today(), {}),
        Decision(REVISION, today(), {"unknown": REVISION, "other": REVISION}),
        *(Decision(REVISION, today(), {"functional": n, "other": 0}) for n in (0, *REVISIONS)),
    ]
    wrong = []

    for regime, essential in product(list(LEGAL_BASES), (False, True)):
        for own, a, b in product(REVISIONS, repeat=3):
            Policy.objects.update(regime=regime, revision=REVISION)
            Category.objects.filter(pk=category.pk).update(essential=essential, since=own)
            Tool.objects.filter(key="a").update(since=a)
            Tool.objects.filter(key="b").update(since=b)
            policy = build().default
            for decision in decisions:
                state = {
                    "regime": regime,
                    "essential": essential,
                    "decided": decision is not None,
                    "granted": decision.choices.get("functional", 0) if decision else 0,
                }
                thresholds = {"functional": own, "a": max(a, own), "b": max(b, own)}
                selection = policy.grant(decision.choices) if decision else policy.undecided(regime)
                for key, since in thresholds.items():
                    expected = plainly_allowed(since=since, **state)
                    if selection.allows(key) != expected:
                        wrong.append((key, thresholds, state))
                    running = key in {tool.key for tool in selection.tools}
                    if key != "functional" and running != expected:
                        wrong.append((key, thresholds, state, "code"))

    assert wrong == []


@pytest.mark.django_db
@pytest.mark.parametrize("regime", list(LEGAL_BASES))
def test_refused_means_only_what_is_essential_whatever_the_regime(regime: str):
    ToolFactory(key="chat", category__policy__regime=regime)
    ToolFactory(key="login", category__essential=True, category__key="essential")

    policy = build().default

    assert allowed(policy.refused) == {"essential", "login"}


@pytest.mark.django_db
def test_tool_does_not_lend_its_allowance_to_a_category_with_its_key():
    # The forms refuse it; a bulk update does not.
    ToolFactory(key="advertising", category__essential=True, category__key="essential")
    CategoryFactory(key="advertising")

    policy = build().default

    assert allowed(policy.undecided(policy.regime)) == {"essential"}


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "nobody", "head", "\0"])
def test_key_that_the_policy_does_not_have_is_never_allowed(key: str):
    ToolFactory(category__essential=True)

    assert not build().default.everything.allows(key)


@pytest.mark.django_db
def test_version_follows_whatever_decides_what_a_browser_gets():
    tool = ToolFactory(category__key="functional", key="chat")
    seen = {build().default.fingerprint}

    def differs() -> bool:
        version = build().default.fingerprint
        new = version not in seen
        seen.add(version)
        return new

    for field, value in {
        "snippet": "<script>1</script>",
        "placement": "body",
        "since": 7,
        "key": "talk",
    }.items():
        Tool.objects.filter(pk=tool.pk).update(**{field: value})
        assert differs(), field
    for field, value in {"since": 8, "key": "useful"}.items():
        Category.objects.update(**{field: value})
        assert differs(), field
    Category.objects.update(essential=True)
    assert differs()
    # What a tool's code is told.
    Category.objects.update(consent_types="ad_storage")
    assert differs()
    for setting in ({"wait_for_update": 7}, {"ads_data_redaction": False}, {"url_passthrough": 1}):
        Policy.objects.update(**setting)
        assert differs(), setting
    Tool.objects.update(name="Another name")
    assert differs()
    Policy.objects.update(name="Another name", introduction="Other words", revision=90)
    assert not differs()


# Edits that are not committed.


@pytest.mark.django_db(transaction=True)
def test_edit_shows_when_it_is_committed_and_never_before(settings: Any):
    settings.CONSENT_POLICY_MAX_AGE = 0
    policy = PolicyFactory(name="Before")
    assert policies.current().name == "Before"

    with transaction.atomic():
        policy.name = "After"
        policy.save()
        assert policies.current().name == "Before"

    assert policies.current().name == "After"


@pytest.mark.django_db(transaction=True)
def test_edit_that_is_rolled_back_never_shows(settings: Any):
    settings.CONSENT_POLICY_MAX_AGE = 0
    policy = PolicyFactory(name="Before")
    assert policies.current().name == "Before"

    with suppress(ZeroDivisionError), transaction.atomic():
        policy.name = "Never"
        policy.save()
        seen = policies.current().name
        raise ZeroDivisionError

    assert [seen, policies.current().name] == ["Before", "Before"]


@pytest.mark.django_db(transaction=True)
def test_savepoint_that_is_rolled_back_leaves_the_rest_of_the_transaction(settings: Any):
    settings.CONSENT_POLICY_MAX_AGE = 0
    policy = PolicyFactory(name="Before")

    with transaction.atomic():
        with suppress(ZeroDivisionError), transaction.atomic():
            policy.name = "Never"
            policy.save()
            raise ZeroDivisionError
        assert policies.current().name == "Before"


@pytest.mark.django_db(transaction=True)
def test_process_without_a_policy_does_not_learn_it_from_an_uncommitted_edit():
    kept = PolicyCache()

    with transaction.atomic():
        PolicyFactory(name="New")
        assert kept.current() is NO_POLICY

    assert kept.current().name == "New"


@pytest.mark.django_db(transaction=True)
def test_others_go_on_to_look_while_an_edit_is_not_committed(settings: Any):
    settings.CONSENT_POLICY_MAX_AGE = 0
    policy = PolicyFactory(name="Before", spare=True)
    PolicyFactory(name="In use")

    with transaction.atomic():
        # An edit by hand, which tells nobody, is seen in the transaction that made it.
        Policy.objects.filter(is_default=True).update(name="By hand", changed_at=timezone.now())
        assert policies.current().name == "By hand"
        policy.save()
        Policy.objects.filter(is_default=True).update(name="Later", changed_at=timezone.now())
        assert policies.current().name == "By hand"


@pytest.mark.django_db
def test_edit_within_a_test_case_shows_although_nothing_is_ever_committed(settings: Any):
    settings.CONSENT_POLICY_MAX_AGE = 0
    PolicyFactory(name="Of a test")

    with transaction.atomic():
        assert policies.current().name == "Of a test"
