"""What a verification finds: the kinds of findings, and where each sequence ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import NamedTuple

from consent.models import signing

# How many findings of each kind a report names; it counts the others.
NAMED = 20


class Kind(Enum):
    """What can be wrong, in the words of the report."""

    ALTERED = "records altered"
    UNKNOWN_KEY = "records signed with a key that the settings do not have"
    UNPROVEN = "records that refer to a version that was altered or removed"
    MISSING = "records missing"
    TWICE = "records with a number that another one has"
    BEYOND = "records that no sequence accounts for"
    SEQUENCE = "sequences altered or missing"
    VERSION = "versions of the policy altered"
    ANCHOR = "ends that do not agree with the anchor"


@dataclass
class Finding:
    """The findings of one kind: how many records, and the names of the first entries.

    ``entries``: the number of entries; one entry may stand for a range of records.
    """

    count: int = 0
    entries: int = 0
    names: list[str] = field(default_factory=list)


class End(NamedTuple):
    """Where a sequence ends. ``signature``: that of its last record, "" if it was purged."""

    last: int
    signature: str


@dataclass
class Report:
    """The result of a verification. ``ends``: sequence to where it ended when it was read."""

    records: int = 0
    versions: int = 0
    findings: dict[Kind, Finding] = field(default_factory=dict)
    ends: dict[int, End] = field(default_factory=dict)

    def add(self, kind: Kind, name: str, count: int = 1) -> None:
        """Add a finding; ``count``: how many records it is about."""
        finding = self.findings.setdefault(kind, Finding())
        finding.count += count
        finding.entries += 1
        if len(finding.names) < NAMED:
            finding.names.append(name)

    @property
    def anchor(self) -> str:
        """The digest of the ends."""
        return digest_of(self.ends)


def digest_of(ends: Mapping[int, End]) -> str:
    """Return the SHA-256 of ``ends``, in hex."""
    rows = [[number, *ends[number]] for number in sorted(ends)]
    return sha256(signing.canonical(rows).encode()).hexdigest()
