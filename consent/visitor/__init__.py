"""The visitor: what they allow, where they are, and what a request decides."""

from consent.visitor.consent import (
    Consent,
    InvalidChoicesError,
    NotRecordedError,
    PolicyUnavailableError,
)
from consent.visitor.request import ConsentHttpRequest, consent_of

__all__ = [
    "Consent",
    "ConsentHttpRequest",
    "InvalidChoicesError",
    "NotRecordedError",
    "PolicyUnavailableError",
    "consent_of",
]
