"""Purge deliveries that ended longer ago than CONSENT_EVENTS_RETENTION_DAYS."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from consent.events.conf import conf
from consent.events.models import Delivery, DeliveryQuerySet
from consent.proof import retention


def expired() -> DeliveryQuerySet:
    """Return the deliveries that have ended and are older than they are to be kept."""
    cutoff = timezone.now() - timedelta(days=conf.RETENTION_DAYS)
    return Delivery.objects.filter(ended_at__lt=cutoff)


def count_expired() -> int:
    """Return how many they are."""
    return expired().count()


def purge(batch: int = retention.BATCH) -> int:
    """Delete them, ``batch`` at a time, and return how many they were."""
    deleted = 0
    while keys := list(expired().order_by("pk").values_list("pk", flat=True)[:batch]):
        deleted += Delivery.objects.filter(pk__in=keys).delete()[0]
    return deleted


def register() -> None:
    """Have ``consent_purge`` and `consent.tasks.purge` purge deliveries, too."""
    retention.register(retention.Purgeable("deliveries of events", count_expired, purge))
