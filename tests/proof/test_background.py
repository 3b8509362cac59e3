"""Background work goes on after a thread could not be started, and after a fork."""

import os
import threading
import time

import pytest

from consent.proof import background, notice_counter
from consent.proof.background import run_in_background


@pytest.fixture(autouse=True)
def _nothing_scheduled():
    background._scheduled.clear()
    yield
    background._scheduled.clear()


def fails(timer: threading.Timer) -> None:
    raise RuntimeError("can't start new thread")


def test_calls_until_then_have_no_effect():
    calls, done = [], threading.Event()

    def work() -> None:
        calls.append(1)
        done.set()

    for _ in range(5):
        run_in_background(work, 0.05)

    assert done.wait(10)
    assert calls == [1]
    # No other call is scheduled.
    assert not background._scheduled


def test_thread_that_cannot_be_started_fails_no_request_and_is_tried_again(monkeypatch, caplog):
    done = threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Timer, "start", fails)
        run_in_background(done.set, 0)
    assert "could not be started" in caplog.text

    run_in_background(done.set, 0)

    assert done.wait(10)


def test_page_is_counted_although_no_thread_can_be_started(monkeypatch):
    monkeypatch.setattr(threading.Timer, "start", fails)

    notice_counter.count_notice("opt_in")

    assert sum(notice_counter._numbers.values()) == 1
    notice_counter.forget()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_process_starts_its_own_threads_and_its_own_numbers():
    run_in_background(time.time, 1_000)
    notice_counter._numbers[1, "opt_in"] = 5

    with notice_counter._lock:
        child = os.fork()
        if child == 0:
            done = threading.Event()
            scheduled = time.time in background._scheduled
            run_in_background(done.set, 0)
            is_new = not scheduled and not notice_counter._numbers and done.wait(10)
            os._exit(0 if is_new and notice_counter._lock.acquire(timeout=5) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    notice_counter.forget()
