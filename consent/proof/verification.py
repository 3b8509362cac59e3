"""Whether the proof of decisions is as it was stored: nothing altered, nothing removed.

Reads it in batches, while decisions go on being recorded and old ones being purged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Any, NamedTuple

from django.db import router
from django.db.models import QuerySet, Subquery

from consent.models import SEQUENCES, PolicyVersion, Record, Sequence, signing
from consent.models.signing import Verdict

# Records of one batch: some megabytes at most.
BATCH = 2_000
# A version's texts may be long.
_VERSIONS = 50
# What a report names of each kind; the rest it counts.
NAMED = 20

# What Django raises where a column holds what no value of its type reads as.
_UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError)


class Kind(Enum):
    """What can be wrong, in the words of a report."""

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
    """Everything of one kind that is wrong: how many, and the first of them by name.

    ``entries``: how many there would be with all their names; one may stand for a range.
    """

    count: int = 0
    entries: int = 0
    names: list[str] = field(default_factory=list)


class End(NamedTuple):
    """Where a sequence ends. ``signature``: that of its last record, "" where that is purged."""

    last: int
    signature: str


@dataclass
class Report:
    """What came of an audit. ``ends``: sequence to where it ended when the audit came to it."""

    records: int = 0
    versions: int = 0
    findings: dict[Kind, Finding] = field(default_factory=dict)
    ends: dict[int, End] = field(default_factory=dict)

    def add(self, kind: Kind, name: str, count: int = 1) -> None:
        """Note that something is wrong; ``count``: with how many."""
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
    """Return what stands for ``ends``: a SHA-256 in hex."""
    rows = [[number, *ends[number]] for number in sorted(ends)]
    return sha256(signing.canonical(rows).encode()).hexdigest()


def extent() -> int:
    """Return about how many records an audit is going to read."""
    return sum(max(0, s.last - s.first + 1) for s in _sequences())


def audit(
    against: Mapping[int, End] | None = None,
    *,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda records: None,
) -> Report:
    """Check every version, sequence and record, and return what was found.

    ``against``: the ends that an earlier audit found and that were kept elsewhere: the sequences
    must still reach as far. ``progress`` is told how many records were read so far.
    """
    audit = _Audit(batch, progress)
    audit.check_versions()
    audit.check_sequences()
    audit.check_strays()
    for number, end in (against or {}).items():
        audit.compare(number, end)
    return audit.report


def _sequences() -> QuerySet[Sequence]:
    return Sequence.objects.using(router.db_for_write(Record))


class _Audit:
    """One audit under way."""

    def __init__(self, batch: int, progress: Callable[[int], None]) -> None:
        self.report = Report()
        self._batch = batch
        self._progress = progress
        # Not a replica, which might lag behind between two questions.
        using = router.db_for_write(Record)
        self._records = Record.objects.using(using)
        self._versions = PolicyVersion.objects.using(using).order_by("pk")
        # Primary key to the digest of each version; None where that one was altered.
        self._digests: dict[int, str | None] = {}

    # Versions

    def check_versions(self) -> None:
        pk = 0
        while page := list(self._versions.filter(pk__gt=pk)[:_VERSIONS]):
            self._take_versions(page)
            pk = page[-1].pk

    def _take_versions(self, versions: Iterable[PolicyVersion]) -> None:
        for version in versions:
            self.report.versions += 1
            genuine = _is_whole(version)
            self._digests[version.pk] = version.digest if genuine else None
            if not genuine:
                self.report.add(Kind.VERSION, f"{version.digest[:16]} (id {version.pk})")

    def _find_versions(self, rows: list[Record]) -> None:
        """Look up what was stored since `check_versions`."""
        wanted = {row.version_id for row in rows} - self._digests.keys()
        if wanted:
            self._take_versions(self._versions.filter(pk__in=wanted).iterator(_VERSIONS))

    # Sequences

    def check_sequences(self) -> None:
        found = {sequence.number: sequence for sequence in _sequences()}
        if not found and not self._records.exists():
            return
        for number in range(SEQUENCES):
            # Read again: whatever was counted by now is there to be read.
            sequence = _sequences().filter(pk=number).first()
            if sequence is None:
                self.report.add(Kind.SEQUENCE, f"sequence {number} is missing")
            elif (verdict := sequence.verdict()) is not Verdict.GENUINE:
                self.report.add(Kind.SEQUENCE, f"sequence {number}: {verdict.value}")
            self._check_records(number, sequence)
        for number in sorted(found.keys() - range(SEQUENCES)):
            self.report.add(Kind.SEQUENCE, f"sequence {number} is none of the app's")

    def _check_records(self, number: int, sequence: Sequence | None) -> None:
        rows = self._records.filter(sequence=number)
        if sequence is not None:
            rows = rows.filter(number__lte=sequence.last)
        expected = sequence.first if sequence else None
        previous, end = -1, ""
        for page in _pages(rows, self._batch):
            self._check_signatures(page)
            gaps = []
            for row in page:
                if row.number == previous:
                    self.report.add(Kind.TWICE, row.name)
                if expected is not None and row.number > expected:
                    gaps.append((expected, row.number - 1))
                expected = max(expected or 0, row.number + 1)
                previous, end = row.number, row.signature
            self._report_gaps(number, gaps)
            self._progress(self.report.records)
        if sequence is None or expected is None:
            return
        self._report_gaps(number, [(expected, sequence.last)])
        self.report.ends[number] = End(sequence.last, end if previous == sequence.last else "")

    def _report_gaps(self, number: int, gaps: list[tuple[int, int]]) -> None:
        gaps = [gap for gap in gaps if gap[0] <= gap[1]]
        # A purge may have come in between.
        first = _first(number) if gaps else 0
        for start, end in gaps:
            start = max(start, first)
            if start <= end:
                name = f"number {start}" if start == end else f"numbers {start} to {end}"
                self.report.add(Kind.MISSING, f"sequence {number}, {name}", end - start + 1)

    # Records

    def _check_signatures(self, page: list[Row]) -> None:
        self.report.records += len(page)
        self._find_versions([row.record for row in page if row.record])
        lost = []
        for row in page:
            if row.record is None:
                self.report.add(Kind.ALTERED, row.name)
            elif row.record.version_id not in self._digests:
                lost.append(row.record)
            else:
                self._check_signature(row.record, self._digests[row.record.version_id])
        self._report_lost(lost)

    def _check_signature(self, record: Record, digest: str | None) -> None:
        if digest is None:
            self.report.add(Kind.UNPROVEN, str(record.receipt))
            return
        try:
            verdict = signing.verify("record", record.signed(digest), record.signature)
        except _UNREADABLE:
            verdict = Verdict.ALTERED
        if verdict is Verdict.ALTERED:
            self.report.add(Kind.ALTERED, str(record.receipt))
        elif verdict is Verdict.UNKNOWN_KEY:
            self.report.add(Kind.UNKNOWN_KEY, str(record.receipt))

    def _report_lost(self, records: list[Record]) -> None:
        """Report those whose version is not there, unless they were purged together with it."""
        if not records:
            return
        left = self._records.filter(pk__in=[record.pk for record in records])
        for receipt in left.values_list("receipt", flat=True):
            self.report.add(Kind.UNPROVEN, str(receipt))

    def check_strays(self) -> None:
        """Find the records that are beyond the end of their sequence, or in none of the 16."""
        for number in range(SEQUENCES):
            # In one statement, so that both are of the same moment.
            last = _sequences().filter(pk=number).values("last")
            self._report_strays(self._records.filter(sequence=number, number__gt=Subquery(last)))
        self._report_strays(self._records.filter(sequence__gte=SEQUENCES))

    def _report_strays(self, records: QuerySet[Record]) -> None:
        found = records.order_by("sequence", "number").values_list("sequence", "number")
        for sequence, number in found.iterator(self._batch):
            self.report.add(Kind.BEYOND, f"sequence {sequence}, number {number}")

    # Anchors

    def compare(self, number: int, anchored: End) -> None:
        """Find out whether a sequence still reaches ``anchored``, by the same record."""
        name = f"sequence {number}, number {anchored.last}"
        now = self.report.ends.get(number)
        if now is None or now.last < anchored.last:
            self.report.add(Kind.ANCHOR, f"{name}: it ends before that")
        elif anchored.signature and anchored.last >= _first(number):
            found = self._records.filter(sequence=number, number=anchored.last)
            if list(found.values_list("signature", flat=True)) != [anchored.signature]:
                self.report.add(Kind.ANCHOR, f"{name}: it is another record")


class Row(NamedTuple):
    """A record as an audit reads it. ``record``: None where its columns cannot be read."""

    number: int
    pk: int
    signature: str
    record: Record | None

    @property
    def name(self) -> str:
        """What a report calls it."""
        return str(self.record.receipt) if self.record else f"id {self.pk}"

    @property
    def identity(self) -> tuple[Any, ...]:
        """What no other row shares; in a partitioned table, two may have one primary key."""
        return (self.pk, self.signature, self.record and self.record.decided_at)


def _pages(records: QuerySet[Record], size: int) -> Iterator[list[Row]]:
    """Yield ``records`` by their numbers, also those that share one, as none should."""
    records = records.order_by("number", "pk", "decided_at")
    number = -1
    seen: set[tuple[Any, ...]] = set()
    while True:
        # From the last number on, not after it: another record may have it, too.
        limit = size + len(seen)
        rows = _read(records.filter(number__gte=number)[:limit])
        if page := [row for row in rows if row.identity not in seen]:
            yield page
        if len(rows) < limit:
            return
        number = rows[-1].number
        seen = {row.identity for row in rows if row.number == number}


def _read(records: QuerySet[Record]) -> list[Row]:
    try:
        return [_row(record) for record in records]
    except _UNREADABLE:
        # SQLite stores any text in any column.
        places = records.values_list("number", "pk", "signature")
        return [Row(*place, _read_one(place[1])) for place in places]


def _row(record: Record) -> Row:
    return Row(record.number, record.pk, record.signature, record)


def _read_one(pk: int) -> Record | None:
    try:
        return Record.objects.using(router.db_for_write(Record)).filter(pk=pk).first()
    except _UNREADABLE:
        return None


def _first(number: int) -> int:
    """Return where a sequence begins now; 0 where nothing genuine says so."""
    sequence = _sequences().filter(pk=number).first()
    return sequence.first if sequence and sequence.verdict() is Verdict.GENUINE else 0


def _is_whole(version: PolicyVersion) -> bool:
    """Say whether a version's content is what its digest says, and its columns say the same."""
    if not version.is_genuine:
        return False
    shown = version.shown
    return (shown["language"], shown["policy"]["revision"]) == (version.language, version.revision)
