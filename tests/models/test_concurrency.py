"""Several editors at once: each change gets a revision of its own, and none is stopped."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from consent.models import Category, Cookie, Policy, Tool
from tests.factories import CategoryFactory, CookieFactory, PolicyFactory, ToolFactory

EDITORS = 6
ROUNDS = 5
# The factories' own sequences may give two threads the same number.
numbers = count()


pytestmark = pytest.mark.usefixtures("database_of_many")


def at_once(*edits: Callable[[], Any]) -> list[Any]:
    """Run each edit in a thread and on a connection of its own; return what they returned."""
    start = Barrier(len(edits))

    def run(edit: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            return edit()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(edits)) as threads:
        return [future.result(timeout=60) for future in [threads.submit(run, e) for e in edits]]


def first(edit: Callable[[], Any]) -> Any:
    """Run one edit by itself, where the others run."""
    return at_once(edit)[0]


def add_tool(category: Category, **values: Any) -> Tool:
    return ToolFactory(category=category, key=f"added-{next(numbers)}", **values)


def revision() -> int:
    return first(lambda: Policy.objects.values_list("revision", flat=True).get(key="default"))


def stamps(model: type[Category | Tool]) -> list[int]:
    return first(lambda: sorted(model.objects.values_list("since", flat=True)))


def test_tools_added_at_once_get_a_revision_each():
    category = first(CategoryFactory)
    before = revision()

    added = at_once(*[lambda: add_tool(category).since] * EDITORS)

    expected = list(range(before + 1, before + EDITORS + 1))
    assert sorted(added) == stamps(Tool) == expected
    assert revision() == expected[-1]


def test_categories_and_tools_edited_at_once_get_a_revision_each():
    categories = [first(CategoryFactory) for _ in range(3)]
    tools = [first(lambda: add_tool(categories[0])) for _ in range(3)]
    before = revision()

    def reword(category: Category):
        def edit():
            category.purpose += " And more."
            category.save()
            return category.since

        return edit

    def resell(tool: Tool):
        def edit():
            tool.vendor += " & Sons"
            tool.save()
            return tool.since

        return edit

    raised = at_once(*map(reword, categories), *map(resell, tools))

    assert sorted(raised) == list(range(before + 1, before + 7))
    assert sorted(stamps(Category) + stamps(Tool)) == sorted(raised)
    assert revision() == before + 6


def test_one_editor_sees_ever_higher_revisions_while_others_edit():
    category = first(CategoryFactory)

    def add_several() -> list[int]:
        return [add_tool(category).since for _ in range(ROUNDS)]

    for seen in at_once(*[add_several] * 3):
        assert seen == sorted(set(seen))


def test_tool_enabled_by_two_editors_at_once_is_told_of_once():
    tool = first(lambda: ToolFactory(disabled=True))
    before = revision()

    def enable() -> int:
        form = Tool.objects.get(pk=tool.pk)
        form.enabled = True
        opened.wait(timeout=30)
        form.save()
        return form.since

    opened = Barrier(2)
    raised = at_once(enable, enable)

    assert raised == [before + 1, before + 1]
    assert stamps(Tool) == [before + 1]
    assert revision() == before + 1


def test_policy_saved_at_once_with_its_tools_loses_no_revision():
    policy = first(PolicyFactory)
    category = first(CategoryFactory)
    before = revision()

    def retitle() -> None:
        for n in range(ROUNDS):
            policy.name = f"Title {n}"
            policy.save()

    def add() -> None:
        for _ in range(ROUNDS):
            add_tool(category)

    at_once(retitle, add, add)

    assert revision() == before + 2 * ROUNDS


def test_edit_that_is_rolled_back_leaves_no_gap_and_holds_up_nobody():
    category = first(CategoryFactory)
    before = revision()

    def change_ones_mind() -> None:
        with transaction.atomic():
            add_tool(category)
            transaction.set_rollback(True)

    at_once(change_ones_mind, lambda: add_tool(category), change_ones_mind)

    assert stamps(Tool) == [before + 1]
    assert revision() == before + 1


def test_bulk_switches_of_the_same_tools_wait_for_each_other():
    category = first(CategoryFactory)
    for n in range(6):
        first(lambda enabled=n % 2 == 0: add_tool(category, enabled=enabled))

    def switch(on: bool) -> Callable[[], int]:
        tools = Tool.objects.order_by("-pk" if on else "pk")
        return lambda: sum(tools.switch_on() if on else tools.switch_off() for _ in range(ROUNDS))

    at_once(switch(True), switch(False), switch(True), switch(False))

    assert len(set(stamps(Tool))) == 6
    # Each pause and each start has a number of its own, too.
    fields = ("since", "hidden_from", "hidden_until")
    numbered = first(lambda: list(Tool.objects.values_list(*fields)))
    assert max(map(max, numbered)) == revision()


def test_deleting_and_saving_the_same_at_once_is_no_deadlock():
    for _ in range(ROUNDS):
        cookie = first(CookieFactory)
        tool_pk = cookie.tool_id

        def save(pk: int = tool_pk) -> None:
            for tool in Tool.objects.filter(pk=pk):
                tool.save()

        def declare(pk: int = tool_pk) -> None:
            for cookie in Cookie.objects.filter(tool=pk):
                # Where the tool is gone by now, its cookies cannot be stored.
                with suppress(Tool.DoesNotExist, IntegrityError):
                    cookie.save()

        def delete(pk: int = tool_pk) -> None:
            Tool.objects.filter(pk=pk).delete()

        at_once(save, declare, delete)
