"""Does in a thread, a little later, what no visitor has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connections

_due: set[Callable[[], object]] = set()


def do_later(action: Callable[[], object], seconds: float) -> None:
    """Call ``action`` in so many seconds, once however often that is asked for meanwhile.

    In a thread of its own, on database connections of its own, which are closed. Nothing is done
    where the process ends before; a server without threads never does it.
    """
    if action in _due:
        return
    _due.add(action)
    timer = threading.Timer(seconds, _do, [action])
    timer.daemon = True
    timer.start()


def _do(action: Callable[[], object]) -> None:
    _due.discard(action)
    try:
        action()
    finally:
        connections.close_all()
