"""The base of the app's commands: ``--verbosity 0`` silences all but warnings and errors."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

from django.core.management.base import BaseCommand

from consent.management.progress import Bar


class ConsentCommand(BaseCommand):
    """A command whose standard output is empty with ``--verbosity 0``; ``stderr`` is not."""

    verbosity = 1

    def execute(self, *args: object, **options: Any) -> str | None:
        """Run the command as Django does, without output if the verbosity is 0."""
        self.verbosity = options["verbosity"]
        if self.verbosity == 0:
            options["stdout"] = StringIO()
        return super().execute(*args, **options)

    def progress_bar(self, total: Callable[[], int]) -> Bar:
        """Return a progress bar on ``stderr``; it is not shown if the verbosity is 0."""
        return Bar(self.stderr, total, verbosity=self.verbosity)
