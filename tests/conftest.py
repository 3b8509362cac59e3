"""What every test has: empty caches, and a word about the database in the report's head."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from hypothesis import settings as hypothesis_settings

from consent import ledger, tally
from consent.compiled import policies

# How long an example takes says more about how busy the machine is than about the code.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


def pytest_report_header() -> str:
    return f"database: {connection.vendor}, {settings.DATABASE_REMARK}"


# No test waits for the threads that store later what is not, or could not be, stored at once.
ledger.PATIENCE = tally.PATIENCE = 1_000_000


@pytest.fixture(autouse=True)
def empty_caches() -> Iterator[None]:
    """No compiled policy and no cached value goes from one test to the next."""
    forget_everything()
    yield
    forget_everything()


def forget_everything() -> None:
    policies.forget()
    ledger.waiting.clear()
    tally.forget()
    cache.clear()
