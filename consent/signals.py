"""The signals that the app sends when a visitor has decided.

`decision_made` and `consent_withdrawn` are sent once the record is committed: a receiver that
raises is logged, and the decision holds. `decision_stored` is sent in the record's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.dispatch import Signal


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """What a visitor has decided; receivers get it as ``event``.

    ``choices``: category key to True (granted) or False (refused); also False for each tool that
    was refused in a category that was granted. ``granted``, ``withdrawn``: the keys of what was not
    allowed before and is now, and the reverse. ``revision``: the policy's
    that the visitor was shown. ``action``, ``source``: as in `consent.models.Record`. ``receipt``:
    its record's, None where none was stored (CONSENT_RECORDS is off, or the database was down).
    ``user``: primary key of who was logged in, "" where nobody was or CONSENT_RECORD_USER is off.
    ``is_first``: whether the visitor had no decision that held before.
    """

    choices: Mapping[str, bool]
    granted: frozenset[str]
    withdrawn: frozenset[str]
    revision: int
    action: str
    source: str
    decided_at: datetime
    receipt: UUID | None
    user: str
    is_first: bool


decision_made = Signal()
"""Sent after every decision, whatever it was: ``receiver(sender, event: DecisionMade, **kwargs)``.

``sender`` is the model `consent.models.Record`.
"""

consent_withdrawn = Signal()
"""Sent after a decision that takes back what had been allowed: ``event.withdrawn`` is not empty.

Arguments as those of `decision_made`, which is sent first.
"""

decision_stored = Signal()
"""Sent in the transaction that stores a decision, where a server-side tool is sent decisions.

``receiver(sender, event: DecisionMade, visitor: VisitorSnapshot, **kwargs)``; ``sender`` is the
model `consent.models.Record`, ``visitor`` is of `consent.visitor`, after the decision. What a
receiver stores in the same database is stored with the record or not at all. A receiver that
raises undoes both: a grant does not count then; a refusal counts all the same, and is recorded
later. Where CONSENT_RECORDS is off, there is no record, and the decision holds in any case.
"""
