"""The memory of rendered markup: bounded, and rendered once."""

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from consent.policy.memo import Memo


def numbered(count: int) -> Callable[[], list[str]]:
    """Return a function that returns the number of its call, in so many characters."""
    calls = iter(range(count))
    return lambda: [f"{next(calls):010d}"]


def test_memo_makes_each_result_once():
    make = numbered(9)
    memo = Memo(10_000)

    first = memo.get("a", make)

    assert memo.get("a", make) is first
    assert memo.get("b", make) != first


def test_memo_keeps_results_that_are_empty():
    made = []
    memo = Memo(10_000)

    def make() -> list[str]:
        made.append("x")
        return [""]

    assert [memo.get("a", make), memo.get("a", make)] == [[""], [""]]
    assert made == ["x"]


def test_memo_forgets_rather_than_to_grow_beyond_its_capacity():
    make = numbered(9)
    memo = Memo(2 * (Memo.ENTRY + 10))
    first = memo.get("a", make)
    memo.get("b", make)
    assert memo.get("b", make) != first

    memo.get("c", make)

    assert memo.get("a", make) != first


def test_memo_evicts_only_what_was_not_used_for_the_longest_time():
    make = numbered(9)
    memo = Memo(3 * (Memo.ENTRY + 10))
    kept = {key: memo.get(key, make) for key in "abc"}
    # The oldest is used again.
    memo.get("a", make)

    memo.get("d", make)

    assert [memo.get(key, make) is kept[key] for key in "ac"] == [True, True]
    assert memo.get("b", make) != kept["b"]


def test_memo_keeps_the_newest_result_even_if_it_is_larger_than_the_capacity():
    memo = Memo(100)

    large = memo.get("a", lambda: ["x" * 1_000])

    assert memo.get("a", lambda: pytest.fail("rendered twice")) is large


def test_memo_calls_once_what_many_threads_need_at_once():
    memo = Memo(10_000)
    began, go_on, made = Event(), Event(), []

    def make() -> list[str]:
        began.set()
        assert go_on.wait(30)
        made.append("x")
        return ["x"]

    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(memo.get, "a", make)
        assert began.wait(30)
        others = [threads.submit(memo.get, "a", make) for _ in range(7)]
        # Another key does not wait.
        assert memo.get("b", lambda: ["y"]) == ["y"]
        go_on.set()
        results = [future.result(30) for future in (first, *others)]

    assert made == ["x"]
    assert all(result is results[0] for result in results)


def test_memo_calls_the_next_ones_function_after_a_failure():
    memo = Memo(10_000)

    def fail() -> list[str]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        memo.get("a", fail)

    assert memo.get("a", lambda: ["x"]) == ["x"]


def test_memo_is_consistent_whatever_threads_do():
    memo = Memo(20 * (Memo.ENTRY + 10))

    def use(seed: int) -> None:
        for n in range(2_000):
            key = (n * seed) % 40
            assert memo.get(key, lambda key=key: [f"{key:010d}"]) == [f"{key:010d}"]

    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(use, seed) for seed in (1, 3, 7, 11)]:
            future.result(60)

    # Its own account of its size is right.
    assert memo._length == sum(Memo.ENTRY + 10 for _ in memo._known) <= 20 * (Memo.ENTRY + 10)


@pytest.mark.parametrize("length", [0, 1_000, 100_000])
def test_memo_is_bounded_whoever_invents_keys(length: int):
    capacity = 200_000
    memo = Memo(capacity)
    tracemalloc.start()
    try:
        for key in range(5_000):
            memo.get((key, "some", "state"), lambda: ["x" * length])
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size < 2 * capacity
