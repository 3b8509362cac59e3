"""The identifiers of a record: the visitor's secret, the subject, the receipt and the sender's key.

The secret is the text of the subject's cookie. Records hold only a hash of it, the subject.
"""

from __future__ import annotations

import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from uuid import UUID, uuid4

from consent.models import signing

_SECRET = re.compile(r"[A-Za-z0-9_-]{32}")
# Random bytes, and those of the signature that follows them.
_RANDOM_BYTES, _SIGNATURE_BYTES = 16, 8


def read_key(text: str) -> UUID | None:
    """Return the idempotency key that a sender gave a decision; None if ``text`` is empty.

    Raises ValueError for anything but a random UUID (RFC 9562, version 4 or 7): two senders could
    choose another key both, and their decisions would become one.
    """
    if not text:
        return None
    key = UUID(text)
    if key.version not in (4, 7):
        raise ValueError(text)
    return key


def new_secret() -> str:
    """Return the text of a new visitor's cookie: 128 random bits and a signature, 32 characters.

    Nothing else leads to it: whoever knows a visitor's idempotency key cannot get their cookie.
    """
    random = secrets.token_bytes(_RANDOM_BYTES)
    return urlsafe_b64encode(random + _signatures(random)[0]).decode()


def is_secret(text: str) -> bool:
    """Return whether this website made ``text`` by `new_secret`, with any of its signing keys.

    Otherwise whoever can plant a cookie in a browser would know the secret of its receipts.
    """
    if not _SECRET.fullmatch(text):
        return False
    content = urlsafe_b64decode(text)
    random, signature = content[:_RANDOM_BYTES], content[_RANDOM_BYTES:]
    return any(compare_digest(signature, genuine) for genuine in _signatures(random))


def _signatures(random: bytes) -> list[bytes]:
    found = signing.derive_all("subject's cookie", random.hex())
    return [signature[:_SIGNATURE_BYTES] for signature in found]


def subject_of(secret: str) -> UUID:
    """Return what records hold of the visitor with ``secret``: a hash, which opens nothing."""
    return signing.uuid_of(sha256(f"consent.subject {secret}".encode()).digest())


def receipt_for(key: UUID | None, choices: Mapping[str, bool]) -> UUID:
    """Return the receipt of a decision: a new one, or the same for the same key and choices."""
    if key is None:
        return uuid4()
    return receipts_for(key, choices)[0]


def receipts_for(key: UUID, choices: Mapping[str, bool]) -> list[UUID]:
    """Return what `receipt_for` returns with each signing key, the present one first."""
    derived = signing.derive_all("receipt", str(key), json.dumps(sorted(choices.items())))
    return [signing.uuid_of(digest) for digest in derived]
