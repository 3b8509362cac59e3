"""PolicyVersion and Record: what was shown to visitors, and what each decided. And the counters.

Versions and records are written once. Neither saving, deleting, a queryset nor a cascade changes
or removes one; `RecordQuerySet.purge` alone does, for the command that keeps the retention period.
Who goes around all that, in the database, does not know the signing key: each record is signed,
and numbered without a gap in one of 16 sequences, of which each again signs how far it goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Self

from django.db import connections, models
from django.db.models import F, Q, Sum
from django.utils.translation import gettext_lazy as _

from consent.models import signing
from consent.models.policies import Policy
from consent.models.times import to_utc
from consent.recipes.keys import MAX_COOKIE_LENGTH

# Decisions of one sequence wait for each other, up to the end of the transaction.
SEQUENCES = 16


# To store a record before its sequence is locked, so that it need not wait for its turn.
ATTEMPTS = 3


class AppendOnlyError(TypeError):
    """Something tried to change or to delete what is written once."""

    def __init__(self, model: type[models.Model]) -> None:
        super().__init__(
            f"A {model.__name__} is written once: it can be neither changed nor deleted. "
            "“manage.py consent_purge” deletes what is older than it has to be kept."
        )


class OvertakenError(Exception):
    """A sequence went on since it was read."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Reads, and adds; nothing else."""

    def update(self, **values: Any) -> int:
        """Raise AppendOnlyError."""
        raise AppendOnlyError(self.model)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Raise AppendOnlyError."""
        raise AppendOnlyError(self.model)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Add ``objs``; raise AppendOnlyError where that would change some that are there."""
        if kwargs.get("update_conflicts"):
            raise AppendOnlyError(self.model)
        return super().bulk_create(objs, *args, **kwargs)

    def _purge(self) -> int:
        return super().delete()[0]


class AppendOnly(models.Model):
    """Something that is written once."""

    class Meta:
        abstract = True

    def save(self, **kwargs: Any) -> None:
        """Add it; raise AppendOnlyError where it is there already."""
        if not self._state.adding:
            raise AppendOnlyError(type(self))
        super().save(**{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raise AppendOnlyError."""
        raise AppendOnlyError(type(self))


class PolicyVersionQuerySet(AppendOnlyQuerySet):
    """Queries for versions."""

    def purge(self) -> int:
        """Delete them, and return how many they were. For the retention command.

        Raises IntegrityError, at the latest at the commit, where a record refers to one of them.
        """
        # Not by `delete`, which first reads the records of each, with everybody waiting.
        return self._raw_delete(using=self.db)


class PolicyVersion(AppendOnly):
    """What visitors were shown, in one language; stored with the first decision that refers to it.

    ``policy``: the key of the policy. ``content``: JSON with the texts, categories, tools and
    cookies (see `consent.policy.versions`). ``digest``: its SHA-256 in hex. Equal content is stored
    once.
    """

    digest = models.CharField(_("digest"), max_length=64, unique=True)
    policy = models.CharField(_("policy"), max_length=40)
    language = models.CharField(_("language"), max_length=35)
    revision = models.PositiveIntegerField(_("revision"))
    content = models.TextField(_("content"))
    stored_at = models.DateTimeField(_("stored at"), auto_now_add=True)

    objects = PolicyVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of the policy")
        verbose_name_plural = _("versions of the policy")
        ordering = ("-pk",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.revision} ({self.language}, {self.digest[:8]})"

    @property
    def is_genuine(self) -> bool:
        """Whether the content is what the digest says."""
        return sha256(self.content.encode()).hexdigest() == self.digest

    @property
    def shown(self) -> dict[str, Any]:
        """The content, as `consent.policy.versions.disclosure` made it."""
        shown: dict[str, Any] = json.loads(self.content)
        return shown


class RecordQuerySet(AppendOnlyQuerySet):
    """Queries for records."""

    def granting(self, category: str) -> Self:
        """Return those that allow ``category`` (its key); by an index."""
        return self.filter(granted__in=Counter.objects.sets(lambda keys: category in keys))

    def refusing(self, category: str) -> Self:
        """Return those that do not allow ``category``, asked about it or not; by an index."""
        return self.filter(granted__in=Counter.objects.sets(lambda keys: category not in keys))

    def append(self, record: Record, sequence: Sequence, version: str) -> bool:
        """Number, sign and store ``record``, and count it; or do nothing, and return False.

        That is where its receipt is there. ``version``: the digest of what was shown. To be called
        with the ``sequence`` locked; where it only was `seen`, and somebody else came first again
        and again, it raises OvertakenError.
        """
        if self.appends_at_once:
            for _ in range(ATTEMPTS):
                record.follow(sequence, version)
                with suppress(OvertakenError):
                    return self._append_at_once(record, sequence)
            raise OvertakenError
        record.follow(sequence, version)
        if self.filter(receipt=record.receipt).exists():
            return False
        record.save(using=self.db)
        sequence.advance(last=record.number)
        Counter.objects.using(self.db).add(**record.counted)
        return True

    @property
    def appends_at_once(self) -> bool:
        """Whether the database does all of `append` in one statement, so that no lock is needed."""
        return connections[self.db].vendor == "postgresql"

    def _append_at_once(self, record: Record, sequence: Sequence) -> bool:
        """Do so; where the ``sequence`` went on, raise OvertakenError, once it is up to date."""
        connection = connections[self.db]
        ends = copy(sequence)
        ends.move(last=record.number)
        values = [
            sequence.number,
            *(
                field.get_db_prep_save(getattr(record, field.attname), connection)
                if isinstance(field, models.JSONField)
                # The driver takes these as they are; to ask each field for it takes longer.
                else getattr(record, field.attname)
                for field in _record_fields()
            ),
            sequence.signature,
            sequence.last,
            record.receipt,
            ends.last,
            ends.signature,
            ends.number,
            *record.counted.values(),
        ]
        with connection.cursor() as cursor:
            cursor.execute(_append_sql(tuple(record.counted)), values)
            row = cursor.fetchone()
        if row is None:
            raise OvertakenError
        pk, first, last, signature = row
        if (last, signature) != (sequence.last, sequence.signature):
            sequence.first, sequence.last, sequence.signature = first, last, signature
            raise OvertakenError
        if pk is None:
            return False
        record.pk, record._state.adding, record._state.db = pk, False, self.db
        sequence.last, sequence.signature = ends.last, ends.signature
        return True

    def purge(self) -> int:
        """Delete them, and return how many they were.

        For the retention command alone: it tells the sequences, so that nobody misses them.
        """
        return self._purge()


class Record(AppendOnly):
    """The proof of one decision. Neither IP address nor user agent, and no more than is listed.

    ``receipt``: names it to the visitor. ``subject``: a hash of what the visitor's cookie holds.
    ``choices``: category key to the revision at which it was granted, 0 where it was refused.
    ``granted``: the keys that were, sorted, with a space between: few distinct values, and an
    index. ``revision``: the one that the visitor was shown. ``user``: primary key of who was logged
    in, if CONSENT_RECORD_USER allows; no foreign key, which deleting a user would have to change.
    """

    class Action(models.TextChoices):
        """What was done."""

        ACCEPT_ALL = "accept_all", _("Accepted all")
        REJECT_ALL = "reject_all", _("Rejected all")
        CHOSEN = "chosen", _("Chose some")
        RENEWED = "renewed", _("Chose the same again")
        WITHDRAWN = "withdrawn", _("Withdrew")

    class Source(models.TextChoices):
        """Where it was done."""

        NOTICE = "notice", _("Notice")
        PREFERENCES = "preferences", _("Preferences")
        FORM = "form", _("Form without JavaScript")
        API = "api", _("API")
        SIGN_IN = "sign_in", _("Sign-in")
        CODE = "code", _("The website's code")

    receipt = models.UUIDField(_("receipt"), unique=True)
    subject = models.UUIDField(_("subject"))
    user = models.CharField(_("user"), max_length=255, blank=True)
    version = models.ForeignKey(
        PolicyVersion, on_delete=models.PROTECT, verbose_name=_("version of the policy")
    )
    revision = models.PositiveIntegerField(_("revision"))
    choices = models.JSONField(_("choices"))
    granted = models.CharField(_("allowed"), max_length=MAX_COOKIE_LENGTH, blank=True)
    action = models.CharField(_("action"), max_length=16, choices=Action.choices)
    source = models.CharField(_("source"), max_length=16, choices=Source.choices)
    language = models.CharField(_("language"), max_length=35)
    regime = models.CharField(_("regime"), max_length=16, choices=Policy.Regime.choices)
    gpc = models.BooleanField(
        _("Global Privacy Control"),
        help_text=_("Whether the browser asked not to sell or share data."),
    )
    decided_at = models.DateTimeField(_("time"))
    sequence = models.PositiveSmallIntegerField(_("sequence"))
    number = models.PositiveBigIntegerField(_("number"))
    signature = models.CharField(_("signature"), max_length=80)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("record")
        verbose_name_plural = _("records")
        ordering = ("-decided_at", "-pk")
        default_permissions = ("view",)
        permissions = (("export_record", _("Can export records")),)
        constraints = (
            models.UniqueConstraint(fields=("sequence", "number"), name="consent_record_number"),
        )
        indexes = (
            models.Index(fields=("decided_at", "id"), name="consent_record_time"),
            models.Index(fields=("action", "decided_at", "id"), name="consent_record_action"),
            models.Index(fields=("granted", "decided_at", "id"), name="consent_record_granted"),
            models.Index(fields=("subject", "decided_at"), name="consent_record_subject"),
            models.Index(fields=("user", "decided_at"), name="consent_record_user"),
        )

    def __str__(self) -> str:
        return str(self.receipt)

    @property
    def counted(self) -> dict[str, Any]:
        """What it is counted as: the fields of a counter but its number."""
        return {
            "day": day_of(self.decided_at),
            "sequence": self.sequence,
            "event": self.action,
            "source": self.source,
            "regime": self.regime,
            "granted": self.granted,
        }

    def follow(self, sequence: Sequence, version: str) -> None:
        """Take the next number of ``sequence``, and sign; ``version``: as in `sign`."""
        self.sequence, self.number = sequence.number, sequence.last + 1
        self.sign(version)

    def sign(self, version: str) -> None:
        """Sign all of it, and the digest of the ``version`` that was shown."""
        self.signature = signing.sign("record", self.signed(version))

    def verdict(self) -> signing.Verdict:
        """Say whether it is as it was stored; reads its version, where that is not at hand."""
        return signing.verify("record", self.signed(self.version.digest), self.signature)

    def signed(self, version: str) -> dict[str, Any]:
        """Return what the signature covers: each field that is stored, in JSON's types."""
        return {
            "receipt": str(self.receipt),
            "subject": str(self.subject),
            "user": self.user,
            "version": version,
            "revision": self.revision,
            "choices": self.choices,
            "granted": self.granted,
            "action": self.action,
            "source": self.source,
            "language": self.language,
            "regime": self.regime,
            "gpc": self.gpc,
            "decided_at": to_utc(self.decided_at).isoformat(),
            "sequence": self.sequence,
            "number": self.number,
        }


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


_SEQUENCE = ("number", "first", "last", "signature")


class Sequence(models.Model):
    """The numbers of the records that it holds, without a gap: from ``first`` to ``last``.

    What is below ``first`` has been purged, or is about to be.
    """

    number = models.PositiveSmallIntegerField(primary_key=True)
    first = models.PositiveBigIntegerField(default=1)
    last = models.PositiveBigIntegerField(default=0)
    signature = models.CharField(max_length=80)

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


class CounterQuerySet(models.QuerySet["Counter"]):
    """Queries for counters."""

    def add(self, number: int = 1, **what: Any) -> None:
        """Count ``number`` more of ``what``: each field of a counter but its number.

        To be called with the sequence locked that ``what`` names: nobody else counts there then.
        """
        if not self.filter(**what).update(number=F("number") + number):
            self.create(**what, number=number)

    def sets(self, wanted: Callable[[list[str]], bool] = lambda keys: True) -> list[str]:
        """Return each set of allowed categories that was ever decided on, as `Record` has them.

        ``wanted``: says of a set's keys whether to return it; all of them, unless told.
        """
        decided = self.exclude(event=Counter.SHOWN).order_by()
        found = decided.values_list("granted", flat=True).distinct()
        return [keys for keys in found if wanted(keys.split())]

    def per(self, *fields: str) -> Mapping[tuple[Any, ...], int]:
        """Return the numbers, summed up over everything but ``fields``, by their values."""
        rows = self.order_by().values_list(*fields).annotate(total=Sum("number"))
        return {tuple(values): total for *values, total in rows}


class Counter(models.Model):
    """How many decisions of one kind a day (UTC) had. It names nobody, and is never purged.

    ``event``: an action of `Record`, or SHOWN: pages that were served with the notice.
    ``granted``: as in `Record`. Several rows say how many there were of a kind, one for each
    sequence, so that visitors who decide at the same time do not wait for each other.
    """

    SHOWN = "shown"

    day = models.DateField()
    sequence = models.PositiveSmallIntegerField()
    event = models.CharField(max_length=16)
    source = models.CharField(max_length=16)
    regime = models.CharField(max_length=16)
    granted = models.CharField(max_length=MAX_COOKIE_LENGTH, blank=True)
    number = models.PositiveBigIntegerField()

    objects = CounterQuerySet.as_manager()

    class Meta:
        verbose_name = _("daily counter")
        verbose_name_plural = _("statistics")
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(
                fields=("day", "sequence", "event", "source", "regime", "granted"),
                name="consent_counter_kind",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="consent_counter_number"),
        )
        indexes = (models.Index(fields=("granted",), name="consent_counter_granted"),)

    def __str__(self) -> str:
        return f"{self.day} {self.event}: {self.number}"


@cache
def _record_fields() -> list[models.Field[Any, Any]]:
    return [field for field in Record._meta.local_concrete_fields if not field.primary_key]


@cache
def _append_sql(counted: tuple[str, ...]) -> str:
    """Return what stores a record, and only where it does so advances its sequence and counts.

    For PostgreSQL. It stores nothing where the sequence is not as it was read, or the receipt is
    there: not by a conflict, since a partitioned table has no unique index of receipts alone. Its
    parameters: the sequence's number; the record's fields; the sequence's signature and last
    number; the receipt; the sequence's new last number and signature, and its number; the fields
    of a counter that ``counted`` names. It returns the record's primary key, if any, and the
    sequence as it was.
    """
    record, sequence, counter = (
        f'"{model._meta.db_table}"' for model in (Record, Sequence, Counter)
    )
    columns = ", ".join(f'"{field.column}"' for field in _record_fields())
    values = ", ".join(["%s"] * len(_record_fields()))
    kind = ", ".join(f'"{name}"' for name in counted)
    return f"""
        WITH held AS (
            SELECT "first", "last", "signature" FROM {sequence} WHERE "number" = %s FOR UPDATE
        ), stored AS (
            INSERT INTO {record} ({columns}) SELECT {values} FROM held
            WHERE held."signature" = %s AND held."last" = %s
            AND NOT EXISTS (SELECT FROM {record} WHERE "receipt" = %s)
            RETURNING "id"
        ), advanced AS (
            UPDATE {sequence} SET "last" = %s, "signature" = %s
            WHERE "number" = %s AND EXISTS (SELECT FROM stored)
        ), counted AS (
            INSERT INTO {counter} AS counter ({kind}, "number")
            SELECT {", ".join(["%s"] * len(counted))}, 1 FROM stored
            ON CONFLICT ({kind}) DO UPDATE SET "number" = counter."number" + 1
        )
        SELECT (SELECT "id" FROM stored), held.* FROM held
    """  # noqa: S608


def day_of(moment: datetime) -> Any:
    """Return the day (UTC) that a decision of ``moment`` is counted on."""
    return to_utc(moment).date()


def granted_in(choices: Mapping[str, int]) -> str:
    """Return the keys of what ``choices`` allow, as `Record` and `Counter` hold them."""
    return " ".join(sorted(key for key, granted in choices.items() if granted))
