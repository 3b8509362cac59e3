"""The tables of findings: what was seen and is declared nowhere, and when what is declared was."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consent.models import fields

NAME_LENGTH, PLACE_LENGTH, REASON_LENGTH = 253, 200, 300


class FindingQuerySet(models.QuerySet["Finding"]):
    """Queries for findings."""

    def open(self) -> FindingQuerySet:
        """Return those that nobody has dealt with."""
        return self.filter(state=Finding.State.OPEN)

    def serious(self) -> FindingQuerySet:
        """Return the open ones that the website itself saw: nobody can have forged them."""
        return self.open().filter(source=Finding.Source.SET)


@fields.named(_("finding"), _("findings"))
class Finding(models.Model):
    """A cookie, storage key or host that was seen on the site and that no tool declares.

    Or one that a tool declares, seen where the visitor did not allow that tool. It says neither
    who was seen with it nor what value it had: ``place`` is a route of the URLconf, without the
    values in it, and days are kept instead of times.
    """

    class Kind(models.TextChoices):
        """What it is."""

        COOKIE = "cookie", _("Cookie")
        STORAGE = "storage", _("Browser storage")
        HOST = "host", _("Host")

    class Problem(models.TextChoices):
        """What is wrong with it."""

        REFUSED = "refused", _("Runs after Reject all")
        BEFORE = "before", _("Runs before a choice")
        UNDECLARED = "undeclared", _("Undeclared")

    class Source(models.TextChoices):
        """Who says so; a browser can say anything, so its word alone is unverified."""

        SET = "set", _("Verified: your website set it")
        BROUGHT = "brought", _("Unverified: a browser sent it")
        REPORTED = "reported", _("Unverified: a browser reported it")

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", _("Open")
        OWN = "own", _("It is ours")
        DECLARED = "declared", _("Declared")
        IGNORED = "ignored", _("Ignored")

    kind = fields.CharField(_("kind"), max_length=8, choices=Kind.choices)
    name = fields.CharField(_("name"), max_length=NAME_LENGTH)
    problem = fields.CharField(_("problem"), max_length=12, choices=Problem.choices)
    source = fields.CharField(_("seen by"), max_length=8, choices=Source.choices)
    # The most serious first; what can be forged comes after all that cannot.
    severity = fields.PositiveSmallIntegerField(editable=False)
    place = fields.CharField(_("seen on"), max_length=PLACE_LENGTH, blank=True)
    directive = fields.CharField(_("directive"), max_length=40, blank=True)
    first_seen = fields.DateField(_("first seen"))
    last_seen = fields.DateField(_("last seen"))
    state = fields.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    reason = fields.CharField(_("reason"), max_length=REASON_LENGTH, blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ("severity", "-last_seen", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "name", "problem"), name="consent_finding_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="ignored") | ~Q(reason=""), name="consent_finding_reason"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_verified(self) -> bool:
        """Whether the website itself saw it."""
        return self.source == self.Source.SET

    @classmethod
    def severity_of(cls, problem: str, source: str) -> int:
        """Return what sorts findings, the most serious first."""
        return cls.Problem.values.index(problem) + 3 * (source != cls.Source.SET)


class Sighting(models.Model):
    """The last day on which a name that a tool declares was seen.

    ``since``: the day on which it was looked for first.
    """

    kind = models.CharField(max_length=8)
    name = models.CharField(max_length=NAME_LENGTH)
    since = models.DateField()
    last_seen = models.DateField()

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=("kind", "name"), name="consent_sighting_once"),
        )

    def __str__(self) -> str:
        return f"{self.name}: {self.last_seen:%Y-%m-%d}"

    def was_lately(self, since: date) -> bool:
        """Say whether it was seen on ``since`` or later."""
        return self.last_seen >= since
