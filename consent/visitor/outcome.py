"""What a request decided, for the response that it gets."""

from __future__ import annotations

from dataclasses import dataclass

from consent.policy.decision import Decision
from consent.proof.recording import Draft


@dataclass
class Outcome:
    """What this request decided, for the response.

    ``decision``: what the preference cookie is set to, if anything. ``draft``: its record, if one
    was stored. ``forgets_subject``: whether the subject's cookie is deleted. ``forgets_all``:
    whether both cookies are.
    """

    decision: Decision | None = None
    draft: Draft | None = None
    forgets_subject: bool = False
    forgets_all: bool = False
