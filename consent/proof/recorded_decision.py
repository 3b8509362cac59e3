"""The decision that a record proves."""

from __future__ import annotations

from consent.models import Record
from consent.models.times import to_utc
from consent.policy.decision import SECONDS_PER_DAY, Decision


def decision_of(record: Record) -> Decision:
    """Return the decision that ``record`` proves, as the preference cookie had it.

    The cookie knows only the day of the decision.
    """
    day = int(to_utc(record.decided_at).timestamp() // SECONDS_PER_DAY)
    revision = max([record.revision, *record.choices.values()])
    return Decision(revision, day, record.choices, opt_out=record.gpc)
