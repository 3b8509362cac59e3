"""Fixtures for pytest: ``pytest_plugins = ["consent.testing.fixtures"]`` in the top conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from consent.testing import override_consent


@pytest.fixture
def consent_override() -> Iterator[Callable[..., None]]:
    """A function that does what `override_consent` does, until the test ends or it is called again.

    ``consent_override("advertising")``; arguments as those of `override_consent`.
    """
    with ExitStack() as stack:

        def override(*granted: str, **options: Any) -> None:
            stack.enter_context(override_consent(*granted, **options))

        yield override
