"""Values as a person reads them in a terminal: short, on one line, secrets masked."""

LONGEST = 60
MASK = "••••••••"
NOTHING = "—"
# How much of what both texts have in common is shown before the place where they part.
_BEFORE = 20


def printable(text: str) -> str:
    """Return ``text`` on one line; what steers a terminal or hides in a line is spelled out."""
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
    """Return ``old → new``; of long texts what is around the first difference."""
    start = 0
    if isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > LONGEST:
        start = max(0, _parting(old, new) - _BEFORE)
    return f"{shown(old, start)} → {shown(new, start)}"


def masked_change(old: object, new: object) -> str:
    """Return what happens to a secret, and nothing of it."""
    if old and new:
        return f"{MASK} → another one"
    return f"{MASK if old else NOTHING} → {MASK if new else NOTHING}"


def _parting(first: str, second: str) -> int:
    """Return where two texts begin to differ."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(first), len(second)))
