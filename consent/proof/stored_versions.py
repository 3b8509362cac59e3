"""Find and store the versions of the policy that records refer to."""

from __future__ import annotations

from consent.models import PolicyVersion
from consent.models.lock_timeout import lock_timeout
from consent.models.primary import primary
from consent.policy.versions import (
    DIGEST_LENGTH,
    Version,
    is_version_name,
    version_called,
)
from consent.proof.commitment import after_commit

# The primary keys of versions that are certainly stored, by digest.
_stored: dict[str, int] = {}


def forget() -> None:
    """Forget which versions are stored: they may have been purged, or the database exchanged."""
    _stored.clear()


def is_stored(version: Version) -> bool:
    """Return whether ``version`` is certainly stored, so that nothing has to be read."""
    return version.digest in _stored


def find_version(name: str, current: Version) -> Version:
    """Return the version that the visitor's page called ``name``; ``current`` if it is not known.

    Raises django.db.Error if the database fails.
    """
    if name in ("", current.name) or not is_version_name(name):
        return current
    remembered = version_called(name, current.policy)
    if remembered is not None:
        return remembered
    found = primary(PolicyVersion).filter(
        digest__startswith=name[:DIGEST_LENGTH], policy=current.policy
    )
    with lock_timeout(found.db):
        stored = found.first()
    return Version(stored.digest, stored.language, stored.content, name) if stored else current


def primary_key_of(version: Version, using: str) -> int:
    """Return the primary key of ``version``, which is stored if it is not there yet."""
    known = _stored.get(version.digest)
    if known is not None:
        return known
    row, _ = PolicyVersion.objects.using(using).get_or_create(
        digest=version.digest,
        defaults={
            "policy": version.policy,
            "language": version.language,
            "revision": version.revision,
            "content": version.content,
        },
    )
    pk: int = row.pk
    after_commit(lambda: _stored.__setitem__(version.digest, pk), using)
    return pk
