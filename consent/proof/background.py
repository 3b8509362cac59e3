"""Run a callable once in a background thread, debounced; or as the process ends."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable

from django.db import connections

logger = logging.getLogger("consent")

_scheduled: set[Callable[[], object]] = set()
# What stores, as the process ends, what it kept in memory.
_at_end: list[Callable[[], object]] = []


def run_in_background(function: Callable[[], object], seconds: float) -> None:
    """Call ``function`` in a background thread after so many seconds.

    Calls until then have no effect. The thread closes its database connections. Nothing runs if
    the process ends before; a server without threads never runs it. If no thread can be started,
    or the process was forked meanwhile, the next call tries again.
    """
    if function in _scheduled:
        return
    _scheduled.add(function)
    timer = threading.Timer(seconds, _run, [function])
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError:
        # The process may have no more threads. No visitor's request fails for that.
        _scheduled.discard(function)
        logger.warning("A background thread could not be started; the next request tries again.")


def run_at_end(function: Callable[[], object]) -> None:
    """Call ``function`` as the process ends, also under uvicorn: see `consent.asgi`.

    It may be called twice: the second time as Python ends.
    """
    _at_end.append(function)


def end() -> None:
    """Call what `run_at_end` was given; if one raises, the others are called all the same."""
    for function in _at_end:
        try:
            function()
        except Exception:
            logger.exception("Something could not be stored as the process ends.")


def _run(function: Callable[[], object]) -> None:
    _scheduled.discard(function)
    try:
        function()
    finally:
        connections.close_all()


if hasattr(os, "register_at_fork"):
    # A forked process has no threads but the one that forked.
    os.register_at_fork(after_in_child=_scheduled.clear)

# Servers replace their workers, after so many requests or for a new release.
atexit.register(end)
