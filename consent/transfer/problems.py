"""Why a policy cannot be exported or imported."""

from collections.abc import Iterable

_MOST = 40


class TransferError(ValueError):
    """Nothing was done. ``problems``: sentences for people, each with its place in the file."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - _MOST
        rest = [f"… and {more} more."] if more > 0 else []
        super().__init__("\n".join([*self.problems[:_MOST], *rest]))
