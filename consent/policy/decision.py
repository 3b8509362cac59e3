"""What a visitor chose, and its text in the preference cookie. Pure: no ORM, no request.

The text is ``1.<revision>.<day>`` followed by ``.<category>_<n>`` for each category that the
visitor was asked about: ``1`` is the format's version, *revision* the policy's revision when they
last decided, *day* the whole days from 1970-01-01 (UTC) to that decision, and *n* the revision at
which the category was granted, or 0 where it was refused. ``.<tool>_0`` is a tool that was refused
in a category that was granted; keys of tools and categories are never the same. ``1g`` instead of
``1``: the browser asked not to sell or share data when the visitor decided all the same. All of it
is ASCII that RFC 6265 allows unquoted. A day, not a second, and no identifier: so few distinct
texts exist that an edge cache can key on them, and none singles out a visitor.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

from consent.recipes.keys import KEY, MAX_COOKIE_LENGTH

FORMAT = "1"
# After the format: the visitor decided although their browser opts out.
OPT_OUT = "g"
SECONDS_PER_DAY = 86_400

# Revisions are numbers of milliseconds: until the year 2342, these are enough digits.
NUMBER = r"(?:0|[1-9][0-9]{0,12})"
_TEXT = re.compile(
    rf"{FORMAT}(?P<opt_out>{OPT_OUT}?)\.(?P<revision>{NUMBER})\.(?P<day>{NUMBER})"
    rf"(?P<choices>(?:\.{KEY}_{NUMBER})*)"
)


def today() -> int:
    """Return today (UTC) as whole days since 1970-01-01."""
    return int(time.time() // SECONDS_PER_DAY)


def date_of(day: int) -> date:
    """Return the date that so many whole days since 1970-01-01 come to."""
    return datetime.fromtimestamp(day * SECONDS_PER_DAY, UTC).date()


def _no_choices() -> Mapping[str, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Decision:
    """A visitor's decision.

    ``revision``: the policy's revision when they decided. ``day``: days since 1970-01-01 (UTC).
    ``choices``: category key to the revision at which it was granted, 0 where it was refused; also
    the key of each tool that was refused in a category that was granted. ``opt_out``: whether they
    decided so although their browser asked not to sell or share data.
    """

    revision: int
    day: int
    choices: Mapping[str, int] = field(default_factory=_no_choices)
    opt_out: bool = False

    @property
    def text(self) -> str:
        """The decision as the preference cookie's text."""
        choices = "".join(f".{key}_{granted}" for key, granted in self.choices.items())
        return f"{FORMAT}{OPT_OUT * self.opt_out}.{self.revision}.{self.day}{choices}"

    def granted(self, category: str) -> int:
        """Return the revision at which ``category`` was granted; 0 where it was not."""
        return self.choices.get(category, 0)

    def choice(self, category: str) -> bool | None:
        """Return True where granted, False where refused, None where never asked."""
        granted = self.choices.get(category)
        return None if granted is None else granted > 0

    @property
    def allowed(self) -> frozenset[str]:
        """Keys of the categories that are granted."""
        return frozenset(key for key, granted in self.choices.items() if granted)

    @property
    def refused(self) -> frozenset[str]:
        """Keys of the categories and tools that are refused."""
        return frozenset(key for key, granted in self.choices.items() if not granted)

    @property
    def refuses(self) -> bool:
        """Whether any category or tool was refused."""
        return 0 in self.choices.values()

    def without_grants(self, held: Decision | None) -> Decision:
        """Return what of it is beyond doubt: its refusals, beside what ``held`` before it allowed.

        A category that was granted now, and not decided on before, stays undecided.
        """
        before = held.choices if held else {}
        choices = {
            key: min(granted, before.get(key, 0))
            for key, granted in self.choices.items()
            if not granted or key in before
        }
        # What was granted earlier is not to outlive its term.
        day = held.day if held and any(choices.values()) else self.day
        return Decision(self.revision, day, MappingProxyType(choices), self.opt_out)

    def refusing(self, categories: Collection[str]) -> Decision:
        """Return it with these ``categories`` refused, whatever was decided about them."""
        refused = dict.fromkeys(categories, 0)
        return replace(self, choices=MappingProxyType({**self.choices, **refused}))

    @property
    def decided_on(self) -> date:
        """The day of the decision (UTC)."""
        return date_of(self.day)

    def expires_on(self, lifetime_days: int) -> date:
        """Return the first day on which the decision no longer holds."""
        return self.decided_on + timedelta(days=lifetime_days)

    def stands(self, *, lifetime_days: int, today: int) -> bool:
        """Say whether it holds on the day ``today``.

        A decision from the future (a wrong clock, a forged cookie) does not: what it covered is not
        clear. One day of grace is for visitors whom another server with a clock slightly ahead has
        just answered.
        """
        return today - lifetime_days < self.day <= today + 1

    def granting_only(self, revisions: Container[int]) -> Decision:
        """Return it without what was granted at other ``revisions``; what is refused stays.

        Those categories are then undecided: what the visitor was shown of them is not known.
        """
        if all(not granted or granted in revisions for granted in self.choices.values()):
            return self
        known = {key: at for key, at in self.choices.items() if not at or at in revisions}
        return replace(self, choices=MappingProxyType(known))


def parse(text: str) -> Decision | None:
    """Read the preference cookie's text; None for anything but a well-formed decision.

    Total, bounded and memoised: it never raises, looks at no more than 512 characters, and keeps
    at most 1,024 results and none of a longer text, whoever invents texts.
    """
    return _parse(text) if len(text) <= MAX_COOKIE_LENGTH else None


@lru_cache(maxsize=1024)
def _parse(text: str) -> Decision | None:
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    revision, pairs = int(match["revision"]), match["choices"].split(".")[1:]
    choices = {key: int(granted) for key, _, granted in (pair.partition("_") for pair in pairs)}
    if len(choices) != len(pairs) or any(granted > revision for granted in choices.values()):
        return None
    try:
        decision = Decision(revision, int(match["day"]), MappingProxyType(choices))
        return _representable(replace(decision, opt_out=bool(match["opt_out"])))
    except (OverflowError, OSError, ValueError):
        return None


def _representable(decision: Decision) -> Decision:
    """Return ``decision``; raise if its day is outside the calendar."""
    decision.expires_on(0)
    return decision
