"""Verify the records, versions and sequences: that nothing was altered and nothing removed.

They are read in batches, while decisions are recorded and old records are purged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from django.db import router
from django.db.models import QuerySet, Subquery

from consent.models import SEQUENCES, PolicyVersion, Record, Sequence, signing
from consent.models.signing import Verdict
from consent.proof.record_pages import UNREADABLE, Row, pages
from consent.proof.verification_report import End, Kind, Report

# Records of one batch: some megabytes at most.
BATCH = 2_000
# A version's texts may be long.
_VERSIONS = 50


def extent() -> int:
    """Return about how many records `verify` is going to read, for a progress bar."""
    return sum(max(0, s.last - s.first + 1) for s in _sequences())


def verify(
    against: Mapping[int, End] | None = None,
    *,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda records: None,
) -> Report:
    """Check every version, sequence and record, and return the report.

    ``against``: the ends that an earlier verification found and that were kept elsewhere; the
    sequences must still reach as far. ``progress`` is called with the number of records read.
    """
    run = _Verification(batch, progress)
    run.check_versions()
    run.check_sequences()
    run.check_records_beyond()
    for number, end in (against or {}).items():
        run.compare(number, end)
    return run.report


def _sequences() -> QuerySet[Sequence]:
    return Sequence.objects.using(router.db_for_write(Record))


class _Verification:
    """One run over everything."""

    def __init__(self, batch: int, progress: Callable[[int], None]) -> None:
        self.report = Report()
        self._batch = batch
        self._progress = progress
        # Not a replica: it might lag behind between two queries.
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
            # Read again: records that it counts by now are committed.
            sequence = _sequences().filter(pk=number).first()
            if sequence is None:
                self.report.add(Kind.SEQUENCE, f"sequence {number} is missing")
            elif (verdict := sequence.verdict()) is not Verdict.GENUINE:
                self.report.add(Kind.SEQUENCE, f"sequence {number}: {verdict.value}")
            self._check_records(number, sequence)
        for number in sorted(found.keys() - range(SEQUENCES)):
            self.report.add(Kind.SEQUENCE, f"sequence {number} is not one of the app's")

    def _check_records(self, number: int, sequence: Sequence | None) -> None:
        rows = self._records.filter(sequence=number)
        if sequence is not None:
            rows = rows.filter(number__lte=sequence.last)
        expected = sequence.first if sequence else None
        previous, end = -1, ""
        for page in pages(rows, self._batch):
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
        # A purge may have moved the beginning meanwhile.
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
        except UNREADABLE:
            verdict = Verdict.ALTERED
        if verdict is Verdict.ALTERED:
            self.report.add(Kind.ALTERED, str(record.receipt))
        elif verdict is Verdict.UNKNOWN_KEY:
            self.report.add(Kind.UNKNOWN_KEY, str(record.receipt))

    def _report_lost(self, records: list[Record]) -> None:
        """Report those whose version does not exist, unless they were purged together with it."""
        if not records:
            return
        left = self._records.filter(pk__in=[record.pk for record in records])
        for receipt in left.values_list("receipt", flat=True):
            self.report.add(Kind.UNPROVEN, str(receipt))

    def check_records_beyond(self) -> None:
        """Find records beyond the end of their sequence, and records of unknown sequences."""
        for number in range(SEQUENCES):
            # One statement, so that both are of the same moment.
            last = _sequences().filter(pk=number).values("last")
            self._report_beyond(self._records.filter(sequence=number, number__gt=Subquery(last)))
        self._report_beyond(self._records.filter(sequence__gte=SEQUENCES))

    def _report_beyond(self, records: QuerySet[Record]) -> None:
        found = records.order_by("sequence", "number").values_list("sequence", "number")
        for sequence, number in found.iterator(self._batch):
            self.report.add(Kind.BEYOND, f"sequence {sequence}, number {number}")

    # Anchors

    def compare(self, number: int, anchored: End) -> None:
        """Check that a sequence still reaches ``anchored``, and by the same record."""
        name = f"sequence {number}, number {anchored.last}"
        now = self.report.ends.get(number)
        if now is None or now.last < anchored.last:
            self.report.add(Kind.ANCHOR, f"{name}: it ends before that")
        elif anchored.signature and anchored.last >= _first(number):
            found = self._records.filter(sequence=number, number=anchored.last)
            # One that was erased since has another signature, which was verified with the others.
            unlike = found.filter(erased_at=None).exclude(signature=anchored.signature)
            if not found.exists() or unlike.exists():
                self.report.add(Kind.ANCHOR, f"{name}: it is another record")


def _first(number: int) -> int:
    """Return where a sequence begins now; 0 if it has no genuine signature."""
    sequence = _sequences().filter(pk=number).first()
    return sequence.first if sequence and sequence.verdict() is Verdict.GENUINE else 0


def _is_whole(version: PolicyVersion) -> bool:
    """Return whether a version's content matches its digest and its columns."""
    if not version.is_genuine:
        return False
    shown = version.shown
    return (shown["language"], shown["policy"]["revision"]) == (version.language, version.revision)
