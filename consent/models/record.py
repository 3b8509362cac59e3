"""The Record: the proof of what one visitor decided.

Records are written once. `RecordQuerySet.purge` alone removes them, for the command that keeps the
retention period; `RecordQuerySet.erase` alone alters one, and only by taking out whose it is. Who
goes around all that, in the database, does not know the signing key: each record is signed, and
numbered without a gap in one of 16 sequences, of which each again signs how far it goes.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Self

from django.db import connections, models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.models import fields, legal_basis, signing
from consent.models.append_only import AppendOnly, AppendOnlyQuerySet
from consent.models.counter import Counter
from consent.models.policy_version import PolicyVersion
from consent.models.record_statement import store_at_once
from consent.models.sequence import OvertakenError, Sequence
from consent.models.times import day_of, to_milliseconds, to_utc
from consent.recipes.keys import MAX_COOKIE_LENGTH

# To store a record before its sequence is locked, so that it need not wait for its turn.
ATTEMPTS = 3


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
                    return store_at_once(record, sequence, using=self.db)
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
        connection = connections[self.db]
        # A prepared statement is one statement; the app's own comes with the bound of its wait.
        options = connection.settings_dict["OPTIONS"]
        return connection.vendor == "postgresql" and not options.get("server_side_binding")

    def purge(self) -> int:
        """Delete them, and return how many they were.

        For the retention command alone: it tells the sequences, so that nobody misses them.
        """
        return self._purge()

    def erase(self, record: Record) -> bool:
        """Remove the subject and the user from ``record``, and sign that this was done, and when.

        Returns False if somebody else erased or purged it meanwhile. A record that was altered
        before keeps its signature, so that a verification reports it as before. The earlier
        signature is not kept: with the signing key, it would tell which user it was made of.
        """
        stored = self.filter(pk=record.pk, receipt=record.receipt, signature=record.signature)
        genuine = record.verdict() is signing.Verdict.GENUINE
        record.subject, record.user = None, ""
        record.erased_at = to_milliseconds(timezone.now())
        if genuine:
            record.sign(record.version.digest)
        changed = ("subject", "user", "erased_at", "signature")
        values = {name: getattr(record, name) for name in changed}
        return bool(stored._alter(**values))


@fields.named(_("record"), _("records"))
class Record(AppendOnly):
    """The proof of one decision. Neither IP address nor user agent, and no more than is listed.

    ``receipt``: names it to the visitor. ``subject``: a hash of what the visitor's cookie holds;
    None for a refusal, if the visitor had no such cookie, as a refusal leaves no identifier; and
    for an account's choice, with login sync.
    ``choices``: category key to the revision at which it was granted, 0 where it was refused.
    ``granted``: the keys that were, sorted, with a space between: few distinct values, and an
    index. ``revision``: the one that the visitor was shown. ``user``: primary key of who was logged
    in, if CONSENT_RECORD_USER allows; no foreign key, which deleting a user would have to change.
    ``erased_at``: when subject and user were removed, as that person asked; None if they were not.
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
        CODE = "code", _("The website's code")
        MIGRATED = "migrated", _("Carried over from another app")

    receipt = fields.UUIDField(_("receipt"), unique=True)
    subject = fields.UUIDField(_("subject"), null=True, blank=True)
    user = fields.CharField(_("user"), max_length=255, blank=True)
    version = fields.ForeignKey(
        PolicyVersion, on_delete=models.PROTECT, verbose_name=_("version of the policy")
    )
    revision = fields.PositiveBigIntegerField(_("revision"))
    choices = fields.JSONField(_("choices"))
    granted = fields.CharField(_("allowed"), max_length=MAX_COOKIE_LENGTH, blank=True)
    action = fields.CharField(_("action"), max_length=16, choices=Action.choices)
    source = fields.CharField(_("source"), max_length=16, choices=Source.choices)
    language = fields.CharField(_("language"), max_length=35)
    regime = fields.CharField(_("regime"), max_length=16, choices=legal_basis.choices)
    gpc = fields.BooleanField(
        _("Global Privacy Control"),
        help_text=_("Whether the browser asked not to sell or share data."),
    )
    decided_at = fields.DateTimeField(_("time"))
    erased_at = fields.DateTimeField(_("erased at"), null=True, blank=True)
    sequence = fields.PositiveSmallIntegerField(_("sequence"))
    number = fields.PositiveBigIntegerField(_("number"))
    signature = fields.CharField(_("signature"), max_length=80)

    objects = RecordQuerySet.as_manager()

    class Meta:
        ordering = ("-decided_at", "-pk")
        default_permissions = ("view",)
        permissions = (
            ("export_record", _("Can export records")),
            ("erase_record", _("Can erase a person from records")),
        )
        constraints = (
            models.UniqueConstraint(fields=("sequence", "number"), name="consent_record_number"),
        )
        indexes = (
            models.Index(fields=("decided_at", "id"), name="consent_record_time"),
            models.Index(fields=("action", "decided_at", "id"), name="consent_record_action"),
            models.Index(fields=("granted", "decided_at", "id"), name="consent_record_granted"),
            models.Index(fields=("regime", "decided_at", "id"), name="consent_record_regime"),
            models.Index(fields=("language", "decided_at", "id"), name="consent_record_language"),
            models.Index(fields=("gpc", "decided_at", "id"), name="consent_record_gpc"),
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
        self.decided_at = to_milliseconds(self.decided_at)
        self.sequence, self.number = sequence.number, sequence.last + 1
        self.sign(version)

    def sign(self, version: str) -> None:
        """Sign all of it, and the digest of the ``version`` that was shown."""
        self.signature = signing.sign("record", self.signed(version))

    def verdict(self) -> signing.Verdict:
        """Say whether it is as it was stored; reads its version, where that is not at hand."""
        return signing.verify("record", self.signed(self.version.digest), self.signature)

    def signed(self, version: str) -> dict[str, object]:
        """Return what the signature covers: each field that is stored, in JSON's types."""
        return {
            "receipt": str(self.receipt),
            "subject": str(self.subject or ""),
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
            "decided_at": _text_of(self.decided_at),
            "erased_at": _text_of(self.erased_at),
            "sequence": self.sequence,
            "number": self.number,
        }


def _text_of(moment: datetime | None) -> str:
    return to_milliseconds(to_utc(moment)).isoformat() if moment else ""
