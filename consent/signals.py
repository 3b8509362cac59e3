"""Signals about visitors' decisions.

`decision_made` and `consent_withdrawn` are sent after the record is committed: an exception in a
receiver is logged, and the decision stays valid. `decision_stored` is sent in the record's
transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.dispatch import Signal


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """A visitor's decision; receivers get it as ``event``.

    ``choices`` maps category keys to True (granted) or False (refused), and each tool that was
    refused in a granted category to False. ``granted`` contains the keys that are allowed now and
    were not before, ``withdrawn`` those that were allowed before and are not now. ``revision`` is
    the policy's revision that the visitor was shown. ``action`` and ``source`` are those of
    `consent.models.Record`. ``receipt`` is the record's, or None if no record was stored
    (CONSENT_RECORDS is off, or the database failed). ``user`` is the primary key of the logged-in
    user, or "" if nobody was logged in or CONSENT_RECORD_USER is off. ``is_first`` tells whether
    the visitor had no valid decision before.
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
"""Sent after every decision: ``receiver(sender, event: DecisionMade, **kwargs)``.

``sender`` is the model `consent.models.Record`.
"""

consent_withdrawn = Signal()
"""Sent after a decision that withdraws consent: ``event.withdrawn`` is not empty.

The arguments are those of `decision_made`, which is sent first.
"""

decision_stored = Signal()
"""Sent in the transaction that stores a decision, if a server-side tool receives decisions.

``receiver(sender, event: DecisionMade, visitor: VisitorSnapshot, **kwargs)``: ``sender`` is the
model `consent.models.Record`, and ``visitor`` (of `consent.visitor`) is the visitor after the
decision. What a receiver stores in the same database is committed together with the record. An
exception in a receiver rolls both back: a grant then has no effect, while a refusal takes effect
and is recorded later. If CONSENT_RECORDS is off, there is no record, and the decision always takes
effect.
"""
