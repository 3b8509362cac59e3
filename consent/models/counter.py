"""The Counter: how many decisions of one kind a day had."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db import models
from django.db.models import F, Q, Sum
from django.utils.translation import gettext_lazy as _

from consent.models import fields
from consent.recipes.keys import MAX_COOKIE_LENGTH


class CounterQuerySet(models.QuerySet["Counter"]):
    """Queries for counters."""

    def add(self, number: int = 1, **what: object) -> None:
        """Count ``number`` more of ``what``: each field of a counter but its number.

        To be called with the sequence locked that ``what`` names: nobody else counts there then.
        """
        if not self.filter(**what).update(number=F("number") + number):
            self.create(**what, number=number)

    def sets(self, wanted: Callable[[list[str]], bool] = lambda keys: True) -> list[str]:
        """Return each set of allowed categories that was ever decided on, as `Record` has them.

        ``wanted``: decides from a set's keys whether to return it; by default all are returned.
        """
        decided = self.exclude(event=Counter.SHOWN).order_by()
        found = decided.values_list("granted", flat=True).distinct()
        return [keys for keys in found if wanted(keys.split())]

    def per(self, *fields: str) -> Mapping[tuple[object, ...], int]:
        """Return the numbers, summed up over everything but ``fields``, by their values."""
        rows = self.order_by().values_list(*fields).annotate(total=Sum("number"))
        return {tuple(values): total for *values, total in rows}


@fields.named(_("daily counter"), _("statistics"))
class Counter(models.Model):
    """How many decisions of one kind a day had. It names nobody, and is never purged.

    ``day``: of TIME_ZONE. ``event``: an action of `Record`, or SHOWN: pages that were served with
    the notice. ``granted``: as in `Record`. Several rows say how many there were of a kind, one for
    each sequence, so that visitors who decide at the same time do not wait for each other.
    """

    SHOWN = "shown"

    day = fields.DateField()
    sequence = fields.PositiveSmallIntegerField()
    event = fields.CharField(max_length=16)
    source = fields.CharField(max_length=16)
    regime = fields.CharField(max_length=16)
    granted = fields.CharField(max_length=MAX_COOKIE_LENGTH, blank=True)
    number = fields.PositiveBigIntegerField()

    objects = CounterQuerySet.as_manager()

    class Meta:
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


def granted_in(choices: Mapping[str, int]) -> str:
    """Return the keys of what ``choices`` allow, as `Record` and `Counter` hold them."""
    return " ".join(sorted(key for key, granted in choices.items() if granted))
