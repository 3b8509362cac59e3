"""Signatures after Standard Webhooks, symmetric ones (``v1``).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping

PREFIX = "whsec_"


def written(secret: bytes) -> str:
    """Return ``secret`` as its receiver is given it."""
    return PREFIX + b64encode(secret).decode()


def headers(
    message_id: str, timestamp: int, body: bytes, secrets: Iterable[bytes]
) -> Mapping[str, str]:
    """Return the headers that go with ``body``; ``timestamp``: seconds since 1970, of now.

    One signature for each of ``secrets``: while one is replaced, either is good. Without any the
    message is not signed.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = " ".join(
        f"v1,{b64encode(hmac.digest(secret, signed, 'sha256')).decode()}" for secret in secrets
    )
    found = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    return {**found, "webhook-signature": signatures} if signatures else found
