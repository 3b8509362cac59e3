"""A bounded memory of rendered markup."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock


class Memo:
    """Keeps markup, in pieces, by key, and renders it once even if several threads need it.

    ``capacity``: how many characters it keeps in all, since visitors invent keys (their cookies'
    texts). Where there is no room it evicts what was not used for the longest time. The newest
    entry stays even where it alone is larger.
    """

    # What an entry takes beside its markup, so that empty ones are bounded, too.
    ENTRY = 500

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._known: OrderedDict[Hashable, Sequence[str]] = OrderedDict()
        self._length = 0
        self._lock = Lock()
        # For each key that is being rendered now: a lock that is held meanwhile.
        self._rendering: dict[Hashable, Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Sequence[str]]) -> Sequence[str]:
        """Return what ``make`` returned for ``key``; call it where the memo does not have that.

        Other threads that ask for the same key meanwhile wait for the result. If ``make`` raises,
        each of them calls its own.
        """
        found = self._find(key)
        if found is not None:
            return found
        with self._turn(key):
            found = self._find(key)
            if found is None:
                found = make()
                self._keep(key, found)
            return found

    def _find(self, key: Hashable) -> Sequence[str] | None:
        found = self._known.get(key)
        if found is not None:
            # Several times a page: `suppress` would cost more than all the rest.
            try:  # noqa: SIM105
                self._known.move_to_end(key)
            except KeyError:
                # Another thread evicted it just now.
                pass
        return found

    @contextmanager
    def _turn(self, key: Hashable) -> Iterator[None]:
        """Wait until no other thread renders ``key``, and keep others from it meanwhile."""
        with self._lock:
            lock = self._rendering.setdefault(key, Lock())
        with lock:
            try:
                yield
            finally:
                with self._lock:
                    self._rendering.pop(key, None)

    def _keep(self, key: Hashable, pieces: Sequence[str]) -> None:
        with self._lock:
            self._length -= self._size(self._known.pop(key, None))
            self._known[key] = pieces
            self._length += self._size(pieces)
            while self._length > self._capacity and len(self._known) > 1:
                _, evicted = self._known.popitem(last=False)
                self._length -= self._size(evicted)

    @classmethod
    def _size(cls, pieces: Sequence[str] | None) -> int:
        return 0 if pieces is None else cls.ENTRY + sum(map(len, pieces))
