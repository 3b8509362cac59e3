"""The visitor of a request: what they allow, and what they decide."""

from consent.visitor.consent import Consent
from consent.visitor.errors import (
    InvalidChoicesError,
    NotRecordedError,
    PolicyUnavailableError,
    TooManyDecisionsError,
)
from consent.visitor.request import ConsentHttpRequest, consent_of
from consent.visitor.snapshot import VisitorSnapshot

__all__ = [
    "Consent",
    "ConsentHttpRequest",
    "InvalidChoicesError",
    "NotRecordedError",
    "PolicyUnavailableError",
    "TooManyDecisionsError",
    "VisitorSnapshot",
    "consent_of",
]
