"""Delete the deliveries about a person who is erased from the records."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext_noop

from consent.events.models import Delivery, DeliveryQuerySet
from consent.models.primary import primary
from consent.proof import erasure
from consent.proof.erasure import Erasable
from consent.proof.subjects import Names


def about(names: Names) -> DeliveryQuerySet:
    """Return the deliveries that name a person: those that wait, and those that were given up.

    Whatever has been delivered or dropped names nobody any more.
    """
    deliveries: DeliveryQuerySet = primary(Delivery).filter(
        Q(subject__in=names.subjects) | Q(user__in=names.users)
    )
    rows = deliveries.values_list("pk", "subject", "user")
    # Some databases do not tell "a" from "A".
    return deliveries.filter(
        pk__in=[pk for pk, subject, user in rows if names.include(subject, user)]
    )


def count(names: Names) -> int:
    """Return how many they are."""
    return about(names).count()


def delete(names: Names) -> int:
    """Delete them, also those that a process is about to send, and return how many they were."""
    return about(names).delete()[0]


def register() -> None:
    """Have ``consent_subject erase`` and the admin delete them, too."""
    erasure.register(Erasable(gettext_noop("events that were not delivered"), count, delete))
