"""A progress bar, where somebody watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_WIDTH: Final = 30


class Bar:
    """Draws itself on ``stream`` where that is a terminal; nothing is written elsewhere.

    ``total`` is asked only there.
    """

    def __init__(self, stream: Any, total: Callable[[], int]) -> None:
        self._stream = stream
        self._on = bool(stream.isatty())
        self._total = max(total(), 1) if self._on else 1
        self._drawn = ""

    def show(self, done: int) -> None:
        """Draw how much is done."""
        if not self._on:
            return
        share = min(done / self._total, 1)
        bar = "#" * int(share * _WIDTH)
        line = f"\r[{bar:<{_WIDTH}}] {share:4.0%} {done:,}"
        if line != self._drawn:
            self._stream.write(line, ending="")
            self._stream.flush()
            self._drawn = line

    def close(self) -> None:
        """Leave the terminal's line empty for what comes next."""
        if self._drawn:
            self._stream.write("\r" + " " * len(self._drawn) + "\r", ending="")
            self._stream.flush()
