"""Delete the records that are older than the retention period.

Everything is done in small transactions, each of which leaves the sequences without a gap: it may
be stopped at any moment, and the next run goes on.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import router, transaction
from django.db.models import Max
from django.utils import timezone

from consent.conf import conf
from consent.models import (
    Policy,
    PolicyVersion,
    PolicyVersionQuerySet,
    Record,
    RecordQuerySet,
    Sequence,
)
from consent.proof import partitions

# Records deleted in one transaction. The decisions of its sequence wait for it, some milliseconds.
BATCH = 1_000

# Young records of a sequence that do not hold up older ones with higher numbers.
MISDATED = 10

_PERIOD = re.compile(r"([1-9][0-9]{0,5})([dmy]?)")
_MONTHS_PER_YEAR = 12


class PeriodError(ValueError):
    """A period that cannot be read, or that is too short."""


@dataclass
class Purged:
    """What a purge deleted. ``missing``: how many numbers had no record any more."""

    records: int = 0
    versions: int = 0
    missing: int = 0
    partitions: list[str] = field(default_factory=list)


def cutoff_of(period: str | None = None, now: datetime | None = None) -> datetime:
    """Return the moment before which records are older than the period.

    ``period``: days, months or years, as in ``1095d``, ``36m`` or ``3y``; a number alone means
    days; CONSENT_RETENTION_DAYS if it is None. Raises PeriodError if it cannot be read.
    """
    text = str(conf.RETENTION_DAYS) if period is None else period.strip()
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise PeriodError(f"“{text}” is no period: write 1095d, 36m or 3y.")
    count, unit = int(match[1]), match[2] or "d"
    now = now or timezone.now()
    try:
        if unit == "d":
            return now - timedelta(days=count)
        return _months_before(now, count * (_MONTHS_PER_YEAR if unit == "y" else 1))
    except (ValueError, OverflowError) as error:
        raise PeriodError(f"“{text}” is too long.") from error


def _months_before(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * _MONTHS_PER_YEAR + moment.month - 1 - months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def check(cutoff: datetime) -> None:
    """Raise PeriodError if a decision older than ``cutoff`` may still count, then without proof."""
    days = Policy.objects.aggregate(days=Max("lifetime_days"))["days"] or 0
    if cutoff > timezone.now() - timedelta(days=days):
        raise PeriodError(
            f"A decision holds for up to {days} days (the policy's lifetime): its record has to "
            "be kept for as long."
        )


def due(cutoff: datetime) -> int:
    """Return how many records a purge would delete, those in whole partitions included."""
    return sum(len(numbers) for s in _sequences() for numbers in _batches(s, cutoff, BATCH))


def purge(
    cutoff: datetime,
    *,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda records: None,
) -> Purged:
    """Delete the records that were decided before ``cutoff``, and versions that none refers to.

    Each sequence loses its beginning, up to the first record that is younger. ``progress`` is
    called with the number of records deleted so far. Raises django.db.Error if the database fails,
    or if a partition that has to be dropped is locked.
    """
    purged = Purged()
    for sequence in _sequences():
        for numbers in _batches(sequence, cutoff, batch):
            _purge_batch(sequence.pk, numbers, cutoff, purged)
            progress(purged.records)
    purged.partitions = partitions.drop_empty(cutoff)
    purged.versions = _purge_versions()
    _renew_signatures()
    return purged


@dataclass(frozen=True)
class Purgeable:
    """Rows of another app that have a retention period of their own and are purged together.

    ``name``: what they are, in the plural, such as "deliveries of events". ``count``: returns how
    many are older than that. ``delete``: deletes those, at most so many in one transaction, and
    returns how many they were.
    """

    name: str
    count: Callable[[], int]
    delete: Callable[[int], int]


_purgeables: dict[str, Purgeable] = {}


def register(purgeable: Purgeable) -> None:
    """Have ``consent_purge`` and `consent.tasks.purge` purge it, too. For an app's ``ready``."""
    _purgeables[purgeable.name] = purgeable


def purgeables() -> list[Purgeable]:
    """Return what other apps have registered."""
    return list(_purgeables.values())


def _using() -> str:
    return router.db_for_write(Record)


def _records() -> RecordQuerySet:
    return Record.objects.using(_using())


def _versions() -> PolicyVersionQuerySet:
    return PolicyVersion.objects.using(_using())


def _sequences() -> list[Sequence]:
    return list(Sequence.objects.using(_using()).order_by("number"))


def _batches(sequence: Sequence, cutoff: datetime, size: int) -> Iterator[list[int]]:
    """Yield the numbers of the records to delete, batch by batch, deleted meanwhile or not."""
    records = _records().filter(sequence=sequence.number).order_by("number")
    old = records.filter(decided_at__lt=cutoff, number__lt=_end_of_old(records, sequence, cutoff))
    number = -1
    while numbers := list(old.filter(number__gt=number).values_list("number", flat=True)[:size]):
        yield numbers
        number = numbers[-1]


def _end_of_old(records: RecordQuerySet, sequence: Sequence, cutoff: datetime) -> int:
    """Return the number before which everything that is old is deleted.

    A few young records with more old ones behind them were dated by a clock that was ahead. They
    stay where they are, below the sequence's beginning, and hold up nothing.
    """
    # Numbers before the sequence's beginning remain from an interrupted purge.
    rest = records.filter(number__gte=sequence.first)
    numbers = rest.filter(decided_at__gte=cutoff).values_list("number", flat=True)
    young = list(numbers[: MISDATED + 1])
    if not young:
        return sequence.last + 1
    end = young[MISDATED] if len(young) > MISDATED else sequence.last + 1
    behind = rest.filter(decided_at__lt=cutoff, number__gt=young[0], number__lt=end)
    last = behind.order_by("-number").values_list("number", flat=True).first() or 0
    passed = sum(number < last for number in young)
    return last + 1 if behind[: MISDATED + 1].count() > passed else young[0]


def _purge_batch(number: int, numbers: list[int], cutoff: datetime, purged: Purged) -> None:
    using = _using()
    with transaction.atomic(using=using):
        sequence = Sequence.objects.using(using).locked(number)
        records = _records().filter(sequence=number)
        old = records.filter(number__range=(numbers[0], numbers[-1]), decided_at__lt=cutoff)
        gone = old.purge()
        if numbers[-1] >= sequence.first:
            expected = numbers[-1] - sequence.first + 1
            kept = records.filter(number__range=(sequence.first, numbers[-1])).count()
            purged.missing += expected - kept - sum(n >= sequence.first for n in numbers)
            sequence.advance(first=numbers[-1] + 1)
    purged.records += gone


def _purge_versions() -> int:
    """Delete the versions that no record refers to; decisions wait meanwhile.

    A process that took such a version as stored notices that it is not: see
    `consent.proof.storing`.
    """
    # Found without a lock, and checked again with one.
    found = _unused(_versions().order_by("pk").values_list("pk", flat=True))
    if not found:
        return 0
    with transaction.atomic(using=_using()):
        Sequence.objects.using(_using()).all_locked()
        return _versions().filter(pk__in=_unused(found)).purge()


def _unused(versions: Iterable[int]) -> list[int]:
    """Return those of these primary keys to which no record refers."""
    # In the order of an index, whatever number of rows the database estimates.
    used = _records().order_by("version_id").values_list("version_id", flat=True)
    return [pk for pk in versions if used.filter(version_id__gte=pk).first() != pk]


def _renew_signatures() -> None:
    """Sign each sequence with the present key, so that older keys are not needed for them."""
    using = _using()
    for number in [sequence.number for sequence in _sequences()]:
        with transaction.atomic(using=using):
            Sequence.objects.using(using).locked(number).advance()
