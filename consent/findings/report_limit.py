"""How many requests with reports are read within a minute: from one client, and in all.

Reports are not worth much: what is more is refused. The numbers are kept in the process.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

from django.http import HttpRequest

from consent.visitor.write_limit import client_of

OF_CLIENT, OF_ALL, SECONDS = 20, 300, 60

_numbers: Counter[str] = Counter()
_lock = threading.Lock()
_period = 0


def is_within(request: HttpRequest) -> bool:
    """Count one request, and say whether it is to be read."""
    global _period
    period = int(time.monotonic() // SECONDS)
    client = client_of(request)
    with _lock:
        if period != _period:
            _period = period
            _numbers.clear()
        # So that no more clients are kept than requests are read.
        if _numbers.total() >= OF_ALL or _numbers[client] >= OF_CLIENT:
            return False
        _numbers[client] += 1
    return True


def forget() -> None:
    """Forget all clients' numbers."""
    with _lock:
        _numbers.clear()
