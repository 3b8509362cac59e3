"""A progress bar for commands that run for long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_WIDTH: Final = 30


class Bar:
    """A progress bar on ``stream``, if that is a terminal and ``verbosity`` is not 0.

    ``total``: returns the number that is 100%; it is called only if the bar is shown.
    """

    def __init__(self, stream: Any, total: Callable[[], int], *, verbosity: int = 1) -> None:
        self._stream = stream
        self._on = verbosity > 0 and bool(stream.isatty())
        self._total = max(total(), 1) if self._on else 1
        self._drawn = ""

    def show(self, done: int) -> None:
        """Show how much is done."""
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
        """Clear the line of the terminal."""
        if self._drawn:
            self._stream.write("\r" + " " * len(self._drawn) + "\r", ending="")
            self._stream.flush()
