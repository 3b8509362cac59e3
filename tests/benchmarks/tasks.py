"""What can be asked of a website. To be imported once the settings are there."""

from __future__ import annotations

import gc
import re
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from tests.benchmarks.cases import VISITORS, Site
from tests.benchmarks.handlers import Call, Handlers
from tests.benchmarks.website import views

_OWN_FILE = re.compile(r'(?:src|href)="/static/((?:consent|cookie_consent)/[^"]+)"')
_IMPORTED_FILE = re.compile(r"from '/static/(cookie_consent/[^']+)'")


class Website:
    """The website, with a database of its own."""

    def __init__(self, site: Site) -> None:
        call_command("migrate", run_syncdb=True, verbosity=0)
        self._solution = import_module(settings.ROOT_URLCONF)
        self._solution.seed(site.tools)
        self._cookies = {visitor: self._solution.cookie(visitor) for visitor in VISITORS}
        self._handlers = Handlers()

    def warm(self, page: str, visitor: str, mode: str, milliseconds: float) -> float:
        """Make requests for that long, and return how many microseconds the last ones took."""
        enough = monotonic() + milliseconds / 1000
        took = self.time(page, visitor, mode, 1)
        while monotonic() < enough:
            took = self.time(page, visitor, mode, 1)
        # What is there now stays; the collector need not look at it again.
        gc.collect()
        gc.freeze()
        return took

    def time(self, page: str, visitor: str, mode: str, requests: int) -> float:
        """Return how many microseconds a request takes, in a batch of ``requests``."""
        call = self._call("async" if mode == "async" else page, visitor)
        # What recording a decision costs is measured under load.
        written = {"CONSENT_RECORDS": False} if page.startswith("write") else {}
        unlimited = {"CONSENT_THROTTLE_RATE": None} if page == "write-unlimited" else {}
        with override_settings(**written, **unlimited):
            return self._handlers.microseconds(call, mode, requests)

    def body(self, page: str, visitor: str) -> str:
        """Return the body of a response."""
        return self._handlers.body(self._call(page, visitor)).decode()

    def queries(self, page: str, visitor: str) -> int:
        """Return how many queries a warm request costs.

        The least of three: now and then one of them looks whether the policy changed.
        """
        counters = [_Counter() for _ in range(3)]
        for counter in counters:
            with connection.execute_wrapper(counter):
                self.body(page, visitor)
        return min(counter.count for counter in counters)

    def pad(self, visitor: str, length: int) -> None:
        """Make ``visitor``'s padded page longer by ``length`` bytes."""
        views.pad(visitor, length)

    def files(self) -> dict[str, str]:
        """Return the text of each file that the undecided visitor's page loads for consent."""
        page = self.body("page", "undecided")
        names = [*_OWN_FILE.findall(page), *_IMPORTED_FILE.findall(page)]
        return {name: Path(str(finders.find(name))).read_text() for name in names}

    def memory(self) -> dict[str, int]:
        """Return the bytes that a compiled policy takes: just built, and after three visitors."""
        for visitor in VISITORS:  # Whatever else is kept for good is there then.
            self.body("page", visitor)
        gc.collect()
        tracemalloc.start()
        self._solution.policies.forget()
        self._solution.policies.current()
        built = _traced()
        for visitor in VISITORS:
            self.body("page", visitor)
        rendered = _traced()
        tracemalloc.stop()
        return {"built": built, "rendered": rendered}

    def states(self, requests: int) -> float:
        """Return the microseconds of a request where eight states of consent take turns.

        Each refuses another single tool, so that their pages are about as long at any number of
        tools. Of several batches, the quickest counts.
        """
        calls = [Call.of("parts", "partly", cookie) for cookie in self._solution.states()]
        return min(
            sum(self._handlers.microseconds(call, "sync", 1) for call in calls) / len(calls)
            for _ in range(requests)
        )

    def slowest_after_edit(self, edits: int) -> float:
        """Return the milliseconds that the slowest of 16 threads' requests takes after an edit.

        Of several edits, the quickest counts.
        """
        calls = [Call.of("parts", "partly", cookie) for cookie in self._solution.states()] * 2
        slowest = []
        for _ in range(edits):
            self._solution.edit()
            with ThreadPoolExecutor(len(calls)) as threads:
                slowest.append(max(threads.map(self._milliseconds, calls)))
        return min(slowest)

    def _milliseconds(self, call: Call) -> float:
        start = monotonic()
        self._handlers.body(call)
        connection.close()
        return (monotonic() - start) * 1000

    def _call(self, page: str, visitor: str) -> Call:
        return Call.of(page, visitor, self._cookies[visitor])


class _Counter:
    count = 0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.count += 1
        return execute(*arguments)


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
