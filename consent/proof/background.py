"""Run a callable once in a background thread, debounced."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connections

_scheduled: set[Callable[[], object]] = set()


def run_in_background(function: Callable[[], object], seconds: float) -> None:
    """Call ``function`` in a background thread after so many seconds.

    Calls until then have no effect. The thread closes its database connections. Nothing runs if
    the process ends before; a server without threads never runs it.
    """
    if function in _scheduled:
        return
    _scheduled.add(function)
    timer = threading.Timer(seconds, _run, [function])
    timer.daemon = True
    timer.start()


def _run(function: Callable[[], object]) -> None:
    _scheduled.discard(function)
    try:
        function()
    finally:
        connections.close_all()
