"""Two hundred at once: admins who change the policy, and visitors who decide on it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier, BoundedSemaphore
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client

from consent.models import Category, Policy, Record, Tool
from consent.models.signing import derive, uuid_of
from consent.policy import policies
from consent.proof import storing
from consent.proof.identifiers import receipt_for
from tests.factories import ToolFactory
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site
from tests.proof.consistency import inconsistencies

pytestmark = pytest.mark.usefixtures("database_of_many")

API = "/consent/api/preferences/"
ALL = dict.fromkeys(OPTIONAL, True)
NONE = dict.fromkeys(OPTIONAL, False)
SOME = {**NONE, "functional": True}

ADMINS, VISITORS = 20, 180
# All are there at once; so many of them use a connection at a time, as behind any website's
# workers: a PostgreSQL server has 100 by default.
CONNECTIONS = 40
ATTEMPTS = 100

Decided = tuple[UUID, dict[str, bool]]


def test_two_hundred_admins_and_visitors_lose_nothing(settings):
    settings.CONSENT_THROTTLE_RATE = None
    [categories] = crowd([prepare])
    before = categories[0].policy.revision

    done = crowd(
        [administer(number, categories[number % 3]) for number in range(ADMINS)]
        + [decide(number) for number in range(VISITORS)]
    )

    revisions, decisions = done[:ADMINS], [each for two in done[ADMINS:] for each in two]
    for seen in revisions:
        assert all(earlier < later for earlier, later in pairwise(seen))
    raised = sorted(revision for seen in revisions for revision in seen)
    # Each edit has a number of its own; so has pausing a tool, though it asks nobody.
    assert before < raised[0]
    assert len(set(raised)) == len(raised)
    [(revision, tools, receipts, wrong)] = crowd([look])
    assert revision == raised[-1]
    assert tools == [(f"added-{n:02}", True, f"Vendor {n} & Sons") for n in range(ADMINS)]
    whole = {receipt_for(key, choices) for key, choices in decisions}
    assert len(whole) == 2 * VISITORS
    assert len(receipts) == len(set(receipts))
    # What a choice refuses waits for a lock no longer than it may, and is recorded by itself then.
    parts = {receipt_for(key, refused_in(choices)) for key, choices in decisions}
    # What was granted before an edit is kept by the first, and granted anew after it by the second.
    again = {uuid_of(derive("receipt", str(receipt))) for receipt in whole}
    assert whole <= set(receipts) <= whole | parts | again
    assert wrong == {}


def refused_in(choices: dict[str, bool]) -> dict[str, bool]:
    return {key: granted for key, granted in choices.items() if not granted}


def prepare() -> list[Category]:
    policy = small_site()
    # As in any process that has served a page: while edits never pause, it keeps what it compiled.
    policies.current()
    return list(policy.categories.filter(key__in=OPTIONAL).select_related("policy"))


def administer(number: int, category: Category) -> Callable[[], Iterator[int]]:
    """Return what an admin does, edit by edit; each tells its revision, where it has a new one."""

    def edits() -> Iterator[int]:
        tool = ToolFactory(category=category, key=f"added-{number:02}", vendor=f"Vendor {number}")
        yield tool.since
        tool.enabled = False
        tool.save()
        tool.enabled = True
        tool.save()
        tool.vendor += " &"
        tool.save()
        yield tool.since
        tool.vendor += " Sons"
        tool.save()
        yield tool.since

    return edits


def decide(number: int) -> Callable[[], Iterator[Decided]]:
    """Return what a visitor does: grants something, and then changes their mind."""

    def decisions() -> Iterator[Decided]:
        browser = Client(headers=SAME_ORIGIN)
        for choices in ((ALL, SOME, NONE)[number % 3], (SOME, NONE, ALL)[number % 3]):
            key = uuid4()
            send(browser, {"choices": choices, "key": str(key), "source": "notice"})
            yield key, choices

    return decisions


def send(browser: Client, body: dict[str, Any]) -> None:
    """Send a decision until it counts."""
    for _ in range(ATTEMPTS):
        response = browser.put(API, body, content_type="application/json")
        if response.status_code == 200:
            return
        # Some wait for a lock for longer than they may, above all in SQLite, which lets in one.
        assert response.status_code == 503
    raise AssertionError("A decision was never taken.")


def look() -> tuple[int, list[tuple[str, bool, str]], list[UUID], dict[str, Any]]:
    # Refusals that waited too long for a lock.
    storing.store_waiting()
    tools = Tool.objects.filter(key__startswith="added-").order_by("key")
    return (
        Policy.objects.get().revision,
        [(tool.key, tool.enabled, tool.vendor) for tool in tools],
        sorted(Record.objects.values_list("receipt", flat=True)),
        inconsistencies(),
    )


def crowd(people: list[Callable[[], Any]]) -> list[Any]:
    """Let all act at once, each in a thread, and return what they returned, or yielded."""
    start, connections = Barrier(len(people)), BoundedSemaphore(CONNECTIONS)

    def act(person: Callable[[], Any]) -> Any:
        start.wait(timeout=60)
        with connections:
            try:
                acted = person()
                return list(acted) if isinstance(acted, Iterator) else acted
            finally:
                connection.close()

    with ThreadPoolExecutor(len(people)) as threads:
        return [future.result(timeout=120) for future in [threads.submit(act, p) for p in people]]
