"""Problems and values as a person reads them in a terminal: short, on one line, secrets masked."""

from collections.abc import Iterable

LONGEST = 60
MASK = "••••••••"
NOTHING = "—"
# How much of what both texts have in common is shown before the place where they differ.
_BEFORE = 20
_MOST_PROBLEMS = 40


class TransferError(ValueError):
    """A policy cannot be exported or imported; nothing was changed.

    ``problems``: sentences for people, each with its place in the file.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - _MOST_PROBLEMS
        rest = [f"… and {more} more."] if more > 0 else []
        super().__init__("\n".join([*self.problems[:_MOST_PROBLEMS], *rest]))


def printable(text: str) -> str:
    """Return ``text`` on one line, with control and other invisible characters escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def shown(value: object, start: int = 0) -> str:
    """Return ``value`` for a message; of a long text at most 60 characters from ``start`` on."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or value == "":
        return NOTHING
    if not isinstance(value, str):
        return printable(str(value))[:LONGEST]
    cut = value[start : start + LONGEST]
    left = "…" if start else ""
    right = "…" if start + LONGEST < len(value) else ""
    return f"“{left}{printable(cut)}{right}”"


def change(old: object, new: object) -> str:
    """Return ``old → new``; of long texts the part around the first difference."""
    start = 0
    if isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > LONGEST:
        pairs = enumerate(zip(old, new, strict=False))
        shorter = min(len(old), len(new))
        first_difference = next((at for at, (one, other) in pairs if one != other), shorter)
        start = max(0, first_difference - _BEFORE)
    return f"{shown(old, start)} → {shown(new, start)}"


def masked_change(old: object, new: object) -> str:
    """Return that a secret is set, replaced or removed, without its value."""
    if old and new:
        return f"{MASK} → another one"
    return f"{MASK if old else NOTHING} → {MASK if new else NOTHING}"
