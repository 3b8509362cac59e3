"""What an import does, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an import did, or, as a dry run, would do.

    ``differences``: what is added, changed and removed. ``kept``: what is there and not in the
    file. ``notes``: tools that stay off for lack of a secret. ``asked``: who is asked again.
    """

    key: str
    differences: tuple[str, ...]
    kept: tuple[str, ...]
    notes: tuple[str, ...]
    asked: tuple[str, ...]
    dry_run: bool

    @property
    def lines(self) -> list[str]:
        """The report as a terminal shows it."""
        lines = [f"Policy {self.key}:", *_indented(self.differences or ["no difference"])]
        if self.kept:
            lines += ["Not in the file, and kept (--delete removes it):", *_indented(self.kept)]
        if self.notes:
            lines += ["Without its secret:", *_indented(self.notes)]
        lines += ["Asked again:", *_indented(self.asked or ["nobody"])]
        if self.dry_run:
            return [*lines, "Dry run: nothing was changed."]
        return [*lines, "Imported." if self.differences else "Nothing to do: nothing was changed."]


def _indented(lines: tuple[str, ...] | list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
