"""What a request decided, for the response that it gets."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from consent.policy.decision import Decision
from consent.proof.recording import Draft


@dataclass
class Outcome:
    """What this request decided, for the response.

    ``decision``: what the preference cookie is set to, if anything. ``draft``: its record, if one
    was stored. ``receipt``: that of the record, also if it waits to be stored.
    ``is_of_account``: whether the decision is kept in the account's cookie, not in the browser's
    own. ``leaves_account``: whether nobody is signed in any more. ``forgets_subject``: whether
    the subject's cookie is.
    """

    decision: Decision | None = None
    draft: Draft | None = None
    receipt: UUID | None = None
    is_of_account: bool = False
    leaves_account: bool = False
    forgets_subject: bool = False
