"""A fingerprint of what decides which code a browser gets."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consent.policy.compiled_policy import CompiledPolicy

LENGTH = 16


def fingerprint_of(policy: CompiledPolicy) -> str:
    """Return what is allowed at which revision, and the code, as hex digits of a SHA-256."""
    digest = sha256(b"2")

    def add(*parts: object) -> None:
        digest.update(repr(parts).encode())

    add(policy.is_stopped)
    add(policy.wait_for_update, policy.ads_data_redaction, policy.url_passthrough)
    for category in policy.categories:
        add(category.key, category.essential, category.thresholds, category.consent_types)
        for tool in category.tools:
            add(tool.key, tool.name, tool.since, tool.hidden, tool.placement, tool.markup)
    return digest.hexdigest()[:LENGTH]
