"""A bounded memory of rendered markup, by state of consent."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence


class Memo:
    """Remembers markup, in pieces, by key; so many characters in all: strangers choose the keys."""

    # What an entry takes beside its markup, so that empty ones are bounded, too.
    ENTRY = 500

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._known: dict[Hashable, Sequence[str]] = {}
        self._length = 0

    def get(self, key: Hashable, make: Callable[[], Sequence[str]]) -> Sequence[str]:
        """Return what ``make`` returned for ``key``, calling it where that is not known."""
        found = self._known.get(key)
        if found is None:
            found = make()
            self._keep(key, found)
        return found

    def _keep(self, key: Hashable, pieces: Sequence[str]) -> None:
        length = self.ENTRY + sum(map(len, pieces))
        if self._length + length > self._capacity:
            self._known, self._length = {}, 0
        self._known[key] = pieces
        self._length += length
