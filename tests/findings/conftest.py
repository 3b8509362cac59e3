"""Days, counted from today."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.utils import timezone


@pytest.fixture
def today() -> Callable[[int], date]:
    return lambda days: timezone.now().date() + timedelta(days=days)
