"""The Sequence: numbers records without a gap, so that a missing one is noticed."""

from __future__ import annotations

from django.db import connections, models
from django.db.models import F

from consent.models import fields, signing

# Decisions of one sequence wait for each other, up to the end of the transaction.
SEQUENCES = 16


class OvertakenError(Exception):
    """A sequence went on since it was read."""


_SEQUENCE = ("number", "first", "last", "signature")


class SequenceQuerySet(models.QuerySet["Sequence"]):
    """Queries for sequences."""

    def locked(self, number: int) -> Sequence:
        """Return the sequence ``number``; whoever else asks waits for the transaction to end."""
        if not connections[self.db].features.has_select_for_update:
            # SQLite locks by writing: who reads first may find the lock taken when they write.
            self.filter(pk=number).update(last=F("last"))
        found = self._found(number, lock=True)
        if found is None:
            self.begin()
            found = self.select_for_update().get(pk=number)
        return found

    def begin(self) -> None:
        """Add the sequences that are missing: all of them together, and only once.

        One that is missing later has been removed: made anew, it says that it is not genuine.
        """
        begun = [Sequence.begun(number) for number in range(SEQUENCES)]
        if self.exists():
            for sequence in begun:
                sequence.spoil()
        self.bulk_create(begun, ignore_conflicts=True)

    def all_locked(self) -> list[Sequence]:
        """Return the sequences; whoever decides waits for the transaction to end."""
        if not connections[self.db].features.has_select_for_update:
            self.update(last=F("last"))
        return list(self.select_for_update().order_by("number"))

    def seen(self, number: int) -> Sequence:
        """Return the sequence ``number`` as it is, for now. Raises OvertakenError for a new one."""
        found = self._found(number, lock=False)
        if found is None:
            raise OvertakenError
        return found

    def _found(self, number: int, *, lock: bool) -> Sequence | None:
        connection = connections[self.db]
        quote = connection.ops.quote_name
        # Written out: that Django writes it, at each decision, takes longer than the answer.
        sql = (
            f"SELECT {', '.join(map(quote, _SEQUENCE))} "  # noqa: S608
            f"FROM {quote(Sequence._meta.db_table)} WHERE {quote('number')} = %s"
        )
        if lock and connection.features.has_select_for_update:
            sql += f" {connection.ops.for_update_sql()}"
        with connection.cursor() as cursor:
            cursor.execute(sql, [number])
            row = cursor.fetchone()
        return row and Sequence.from_db(self.db, _SEQUENCE, row)


class Sequence(models.Model):
    """The numbers of the records that it holds, without a gap: from ``first`` to ``last``.

    What is below ``first`` has been purged, or is about to be.
    """

    number = fields.PositiveSmallIntegerField(primary_key=True)
    first = fields.PositiveBigIntegerField(default=1)
    last = fields.PositiveBigIntegerField(default=0)
    signature = fields.CharField(max_length=80)

    objects = SequenceQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.number}: {self.first} to {self.last}"

    @classmethod
    def begun(cls, number: int) -> Sequence:
        """Return the sequence ``number`` before its first record, not saved."""
        sequence = cls(number=number)
        sequence.sign()
        return sequence

    def sign(self) -> None:
        """Sign how far it goes."""
        self.signature = signing.sign("sequence", self.signed())

    def spoil(self) -> None:
        """Give it a signature that says nothing of how far it goes, now or later."""
        self.signature = f"{self.signature.partition(':')[0]}:"

    def verdict(self) -> signing.Verdict:
        """Say whether it is as it was stored."""
        return signing.verify("sequence", self.signed(), self.signature)

    def signed(self) -> list[int]:
        """Return what the signature covers."""
        return [self.number, self.first, self.last]

    def advance(self, *, first: int | None = None, last: int | None = None) -> None:
        """Store where it begins or ends now. To be called with the sequence locked."""
        self.move(first=first, last=last)
        Sequence.objects.filter(pk=self.pk).update(
            first=self.first, last=self.last, signature=self.signature
        )

    def move(self, *, first: int | None = None, last: int | None = None) -> None:
        """Sign where it begins or ends now, without storing it.

        One that somebody altered is not signed again, which would hide it: see `spoil`.
        """
        genuine = self.verdict() is signing.Verdict.GENUINE
        self.first = self.first if first is None else first
        self.last = self.last if last is None else last
        if genuine:
            self.sign()
        else:
            self.spoil()
