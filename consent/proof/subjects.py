"""Find the records of one person: those of a browser, of an account, or one that names nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError

from consent.models import Record, RecordQuerySet
from consent.models.primary import primary


class UnknownSubjectError(LookupError):
    """There is no such record; the text says so."""


@dataclass(frozen=True)
class Names:
    """What records name a person by: the browsers and the accounts of their decisions."""

    subjects: frozenset[UUID]
    users: frozenset[str]

    def include(self, subject: UUID | None, user: str) -> bool:
        """Return whether a row with this ``subject`` and ``user`` is about the person."""
        return subject in self.subjects or user in self.users


@dataclass(frozen=True)
class Subject:
    """Whose records are meant, by just one of these.

    ``subject``: a browser, as records name it. ``user``: the primary key of a user, as text.
    ``receipt``: that of a record which names neither.
    """

    subject: UUID | None = None
    user: str = ""
    receipt: UUID | None = None

    @property
    def records(self) -> RecordQuerySet:
        """The records, the newest first."""
        found: RecordQuerySet = primary(Record).order_by("-decided_at", "-pk")
        if self.subject:
            return found.filter(subject=self.subject)
        if not self.user:
            return found.filter(receipt=self.receipt)
        found = found.filter(user=self.user)
        rows = list(found.values_list("pk", "user"))
        # Some databases do not tell "a" from "A".
        own = [pk for pk, user in rows if user == self.user]
        return found if len(own) == len(rows) else found.filter(pk__in=own)

    @property
    def named(self) -> RecordQuerySet:
        """Those of them that name a browser or an account."""
        found: RecordQuerySet = self.records.exclude(subject=None, user="")
        return found

    def record_before(self, moment: datetime) -> Record | None:
        """Return the record of the decision that was in force at ``moment``; None without one."""
        found = self.records.select_related("version").filter(decided_at__lt=moment)
        record: Record | None = found.first()
        return record

    @property
    def names(self) -> Names:
        """All that the records name, so also the account that a browser's records belong to."""
        rows = set(self.records.order_by().values_list("subject", "user"))
        subjects = {subject for subject, _ in (*rows, (self.subject, "")) if subject}
        users = {user for _, user in rows} | {self.user}
        return Names(frozenset(subjects), frozenset(users - {""}))


def subject_of_receipt(receipt: UUID) -> Subject:
    """Return whose record has ``receipt``: a browser; without one, an account; else only itself.

    Raises UnknownSubjectError if there is no such record.
    """
    found = primary(Record).filter(receipt=receipt)
    row = found.values_list("subject", "user").first()
    if row is None:
        raise UnknownSubjectError(f"No record has the receipt {receipt}.")
    subject, user = row
    if subject:
        return Subject(subject=subject)
    return Subject(user=user) if user else Subject(receipt=receipt)


def users_called(text: str) -> list[str]:
    """Return the primary keys of the users whom ``text`` may mean: by username, or by primary key.

    Usually one. Two if it is the username of one user and the primary key of another. A primary key
    need not be that of a user who still exists.
    """
    named = _key_of(get_user_model().USERNAME_FIELD, text)
    if named is None or named == text:
        return [text]
    return [named, text] if _key_of("pk", text) else [named]


def _key_of(field: str, value: str) -> str | None:
    """Return the primary key of the user whose ``field`` is ``value``; None if there is none."""
    try:
        return str(primary(get_user_model()).get(**{field: value}).pk)
    except (ObjectDoesNotExist, ValidationError, ValueError, OverflowError):
        return None
