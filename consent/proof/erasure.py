"""Erase one person from the records, so that the proof of their decisions remains without a name.

Each record loses its subject and its user, and is signed anew together with the time of the
erasure: `consent.models.RecordQuerySet.erase`. So the sequences keep every number, and a
verification accepts exactly the record that was erased, and no other change of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import router, transaction

from consent.models import Record
from consent.models.signing import Verdict
from consent.proof.subjects import Names, Subject

# Records erased in one transaction.
BATCH = 500


@dataclass(frozen=True)
class Erasable:
    """Rows of another app that name a person, and are deleted together with the name in records.

    ``name``: what they are, in the plural, such as "events"; marked by `gettext_noop`, as the admin
    translates it. ``count``: returns how many are about a person. ``delete``: deletes those, and
    returns how many they were.
    """

    name: str
    count: Callable[[Names], int]
    delete: Callable[[Names], int]


@dataclass
class Erased:
    """What an erasure did.

    ``records``: how many were erased. ``altered``: how many of them were not genuine before, which
    a verification goes on reporting. ``others``: rows of other apps, by name.
    """

    records: int = 0
    altered: int = 0
    others: dict[str, int] = field(default_factory=dict)


_erasables: dict[str, Erasable] = {}


def register(erasable: Erasable) -> None:
    """Have `erase` delete it, too. For the ``ready`` of another app."""
    _erasables[erasable.name] = erasable


def due(subject: Subject) -> Erased:
    """Return what `erase` would do, as far as it can be counted."""
    records = subject.named.count()
    names = subject.names
    return Erased(records, others={e.name: e.count(names) for e in _erasables.values()})


def erase(subject: Subject) -> Erased:
    """Take ``subject`` out of all their records, and delete what other apps hold of them.

    May be run again if it was interrupted. Raises django.db.Error if the database fails.
    """
    keys = list(subject.named.values_list("pk", flat=True))
    names = subject.names
    # Before the records: a withdrawal among them would no longer hold back what waits to be sent.
    erased = Erased(others={e.name: e.delete(names) for e in _erasables.values()})
    for start in range(0, len(keys), BATCH):
        _erase_batch(keys[start : start + BATCH], erased)
    return erased


def _erase_batch(keys: list[int], erased: Erased) -> None:
    using = router.db_for_write(Record)
    records = Record.objects.using(using)
    with transaction.atomic(using=using):
        for record in records.filter(pk__in=keys).select_related("version"):
            genuine = record.verdict() is Verdict.GENUINE
            if records.erase(record):
                erased.records += 1
                erased.altered += not genuine
