"""Purge open findings that were not seen for CONSENT_FINDINGS_RETENTION_DAYS."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from consent.findings.conf import conf
from consent.findings.models import Finding, FindingQuerySet
from consent.proof import retention


def expired() -> FindingQuerySet:
    """Return the findings that nobody dealt with, and that are seen no more."""
    cutoff = timezone.now().date() - timedelta(days=conf.RETENTION_DAYS)
    return Finding.objects.open().filter(last_seen__lt=cutoff)


def count_expired() -> int:
    """Return how many they are."""
    return expired().count()


def purge(batch: int = retention.BATCH) -> int:
    """Delete them, ``batch`` at a time, and return how many they were."""
    deleted = 0
    while keys := list(expired().order_by("pk").values_list("pk", flat=True)[:batch]):
        deleted += Finding.objects.filter(pk__in=keys).delete()[0]
    return deleted


def register() -> None:
    """Have ``consent_purge`` and `consent.tasks.purge` purge findings, too."""
    retention.register(retention.Purgeable("findings", count_expired, purge))
