"""Pages that asked are counted without a query, and stored when there is time."""

from threading import Event

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from consent.models import Counter, Policy
from consent.policy import policies
from consent.proof import background, notice_counter
from tests.helpers import grant, no_ledger, no_policy, small_site
from tests.separate_process import run_in_new_process

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site() -> Policy:
    return small_site()


def shown() -> dict[tuple[str, ...], int]:
    return dict(Counter.objects.filter(event=Counter.SHOWN).per("day", "regime", "source"))


def today() -> object:
    return timezone.now().date()


def test_pages_that_asked_are_counted_by_day_and_regime(site):
    browser = Client()
    for _ in range(3):
        browser.get("/")
    assert shown() == {}

    notice_counter.store_counts()
    assert shown() == {(today(), "opt_in", "notice"): 3}

    site.regime = "implied"
    site.save()
    browser.get("/")
    notice_counter.store_counts()
    assert shown() == {(today(), "opt_in", "notice"): 3, (today(), "implied", "notice"): 1}


def test_page_takes_no_query_for_it(django_assert_num_queries):
    browser = Client()
    browser.get("/")

    with django_assert_num_queries(0):
        browser.get("/")


def test_pages_that_did_not_ask_are_not_counted(settings):
    decided = Client()
    decided.cookies["consent"] = grant()
    decided.get("/")
    Client().get("/consent/api/policy/")
    settings.CONSENT_DELIVERY = "cacheable"
    Client().get("/")
    settings.CONSENT_DELIVERY = "server"
    no_policy()
    Client().get("/")

    notice_counter.store_counts()

    assert shown() == {}


def test_nothing_is_counted_where_records_are_off(settings):
    settings.CONSENT_RECORDS = False
    Client().get("/")

    notice_counter.store_counts()

    assert not Counter.objects.exists()


def test_what_cannot_be_stored_is_kept_for_the_next_time():
    Client().get("/")
    with no_ledger():
        notice_counter.store_counts()
    Client().get("/")

    notice_counter.store_counts()

    assert shown() == {(today(), "opt_in", "notice"): 2}


def test_counters_of_pages_are_none_of_decisions():
    Client().get("/")
    notice_counter.store_counts()

    assert Counter.objects.sets() == []
    assert policies.current()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="one thread alone sees it in memory")
def test_thread_stores_what_was_counted():
    Client().get("/")
    done = Event()

    background.run_in_background(lambda: (notice_counter.store_counts(), done.set()), 0)

    assert done.wait(timeout=60)
    assert shown() == {(today(), "opt_in", "notice"): 1}


def test_what_is_due_already_is_done_once():
    done, times = Event(), []

    def action() -> None:
        times.append(1)
        done.set()

    for _ in range(5):
        background.run_in_background(action, 0.05)

    assert done.wait(timeout=60)
    assert times == [1]


def test_counts_are_stored_as_the_process_ends():
    # What is registered first runs last: this prints after the app has stored its numbers.
    first = """
import atexit
def show():
    from consent.models import Counter
    print(dict(Counter.objects.per("regime")))
atexit.register(show)
"""
    code = """
from django.core.management import call_command
from consent.models import Sequence
from consent.proof import notice_counter
call_command("migrate", verbosity=0)
Sequence.objects.begin()
notice_counter.count_notice("opt_in")
"""

    assert run_in_new_process(code, before=first).strip() == "{('opt_in',): 1}"
