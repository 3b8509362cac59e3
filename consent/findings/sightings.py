"""What was seen: kept in the process, and stored by a background thread.

`note` does no I/O and no query, and next to no work for a name that was noted before. All that
takes time, such as looking a name up among the declared ones, is done in the background.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import NamedTuple

from django.db import Error

from consent.findings.conf import conf
from consent.findings.storing import store
from consent.proof.background import run_at_end, run_in_background

logger = logging.getLogger("consent")

# What waits to be stored, and names that this process remembers. What is more is left out, so that
# invented names cost neither memory nor time.
MOST_WAITING, MOST_REMEMBERED = 200, 5_000
_DAY = 86_400


class Seen(NamedTuple):
    """Something that was seen once. ``name``: as it is, with what identifies somebody.

    ``problem``: what is wrong where a tool declares it that is not in ``allowed``, or "".
    """

    kind: str
    name: str
    source: str
    place: str = ""
    directive: str = ""
    problem: str = ""
    allowed: frozenset[str] = frozenset()


_lock = threading.Lock()
_waiting: list[Seen] = []
_remembered: set[object] = set()
_day = 0


def remembered() -> set[object]:
    """Return what was noted today: what is in it need not be noted again."""
    global _day
    day = int(time.time() // _DAY)
    if day != _day or len(_remembered) > MOST_REMEMBERED:
        _day = day
        _remembered.clear()
    return _remembered


def has_room() -> bool:
    """Say whether anything more is noted before the next time that it is stored."""
    return len(_waiting) < MOST_WAITING


def note(seen: Seen, key: object) -> None:
    """Have ``seen`` stored soon, once a day for each ``key`` in this process."""
    if not has_room():
        return
    with _lock:
        _remembered.add(key)
        _waiting.append(seen)
    run_in_background(store_waiting, conf.STORE_SECONDS)


def store_waiting() -> None:
    """Store what waits; if the database fails, it is dropped and noted again when next seen."""
    with _lock:
        taken = _waiting.copy()
        _waiting.clear()
    if not taken:
        return
    try:
        store(taken)
    except Error:
        logger.exception("Findings could not be stored; they are noted again.")
        _remembered.clear()


def forget() -> None:
    """Forget what waits and what was noted."""
    with _lock:
        _waiting.clear()
        _remembered.clear()


def _start_anew() -> None:
    """Forget all of it in a forked process: its parent stores it, and may hold the lock."""
    global _lock
    _lock = threading.Lock()
    _waiting.clear()
    _remembered.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)

run_at_end(store_waiting)
