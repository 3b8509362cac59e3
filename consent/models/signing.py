"""Keyed signatures, by which whoever changes what is stored without the key is found out."""

from __future__ import annotations

import hmac
import json
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.utils.encoding import force_bytes

from consent.conf import conf

_NAME_LENGTH = 8


class Verdict(Enum):
    """What a signature says of the content that it stands beside."""

    GENUINE = "genuine"
    ALTERED = "altered"
    # Made with a key that the settings no longer have, or never had.
    UNKNOWN_KEY = "unknown key"


class UnknownKeyError(LookupError):
    """A key that the settings no longer have, or never had."""


def sign(purpose: str, content: object) -> str:
    """Return the signature of ``content``: a name of the key, a colon, and an HMAC-SHA256 in hex.

    ``purpose`` keeps a signature of one kind of thing from passing for one of another kind;
    ``content`` is anything that JSON has a form for. It takes the first of the signing keys.
    """
    name, key = _keys()[0]
    return f"{name}:{_mac(key, purpose, content)}"


def verify(purpose: str, content: object, signature: str) -> Verdict:
    """Say whether ``signature`` is one that `sign` made of ``content``, with any of the keys."""
    name, _, mac = signature.partition(":")
    key = dict(_keys()).get(name)
    if key is None:
        return Verdict.UNKNOWN_KEY
    genuine = hmac.compare_digest(mac.encode(), _mac(key, purpose, content).encode())
    return Verdict.GENUINE if genuine else Verdict.ALTERED


def derive(purpose: str, *parts: str, key_name: str = "") -> bytes:
    """Return 32 bytes that only these ``parts`` and one of the signing keys make.

    ``key_name``: which key, as `key_name` called it; the first where that is "". Raises
    UnknownKeyError where the settings have no such key.
    """
    keys = _keys()
    key = dict(keys).get(key_name or keys[0][0])
    if key is None:
        raise UnknownKeyError(key_name)
    return bytes.fromhex(_mac(key, purpose, parts))


def derive_all(purpose: str, *parts: str) -> list[bytes]:
    """Return what `derive` returns with each of the signing keys, the first key first."""
    return [bytes.fromhex(_mac(key, purpose, parts)) for _, key in _keys()]


def key_name() -> str:
    """Return the name of the first of the signing keys."""
    return _keys()[0][0]


def uuid_of(digest: bytes) -> UUID:
    """Return the UUID that ``digest`` begins with.

    It says that it is of version 4, random: MariaDB's type refuses those of no version.
    """
    return UUID(bytes=digest[:16], version=4)


def canonical(content: object) -> str:
    """Return ``content`` as the one JSON text that stands for it: sorted, compact, ASCII."""
    return _ENCODER.encode(content)


# Kept: `json.dumps` makes a new one each time that it is not to do the usual.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def _mac(key: bytes, purpose: str, content: object) -> str:
    return hmac.digest(key, f"{purpose}\n{canonical(content)}".encode(), "sha256").hex()


def _keys() -> list[tuple[str, bytes]]:
    """Return the keys, each with its name, the one to sign with first."""
    secrets = conf.SIGNING_KEYS or (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [_key(secret) for secret in secrets]


@lru_cache(maxsize=32)
def _key(secret: str | bytes) -> tuple[str, bytes]:
    """Derive from ``secret``, so that no signature made elsewhere with it passes here."""
    key = hmac.new(force_bytes(secret), b"consent.signing", sha256).digest()
    return hmac.new(key, b"name", sha256).hexdigest()[:_NAME_LENGTH], key
