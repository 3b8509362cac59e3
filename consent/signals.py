"""What the app tells the rest of the website. Both signals are sent once the record is committed.

A receiver that raises is logged and holds up nobody: the visitor has decided already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
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

    @property
    def told(self) -> dict[str, Any]:
        """What tools are told of it: nothing that names the visitor."""
        return {
            "choices": dict(self.choices),
            "granted": sorted(self.granted),
            "withdrawn": sorted(self.withdrawn),
            "action": self.action,
            "source": self.source,
            "decided_at": self.decided_at,
        }


decision_made = Signal()
"""Sent after every decision, whatever it was: ``receiver(sender, event: DecisionMade, **kwargs)``.

``sender`` is the model `consent.models.Record`.
"""

consent_withdrawn = Signal()
"""Sent after a decision that takes back what had been allowed: ``event.withdrawn`` is not empty.

Arguments as those of `decision_made`, which is sent first.
"""
