"""A visitor as they stand at one moment, for what outlives the request."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from consent.policy import CompiledPolicy, Standing


@dataclass(frozen=True, slots=True)
class VisitorSnapshot:
    """What a visitor allows, and by what their later decisions are found.

    ``regime``, ``gpc``, ``subject``, ``user``: as in `consent.models.Record`; None and "" where
    subject or user are not known.
    """

    policy: CompiledPolicy
    standing: Standing
    regime: str
    gpc: bool
    subject: UUID | None = None
    user: str = ""
