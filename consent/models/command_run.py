"""The CommandRun: when a management command ended last, for monitoring."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone

from consent.models import fields
from consent.models.primary import primary


class CommandRun(models.Model):
    """When the ``command`` ended without a problem last."""

    command = fields.CharField(max_length=64, unique=True)
    ended_at = fields.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.command


def note_run(command: str) -> None:
    """Remember that ``command`` has ended now. Raises django.db.Error."""
    primary(CommandRun).update_or_create(command=command, defaults={"ended_at": timezone.now()})


def last_run(command: str) -> datetime | None:
    """Return when ``command`` ended last; None if it never has. Raises django.db.Error."""
    found: datetime | None = (
        primary(CommandRun).filter(command=command).values_list("ended_at", flat=True).first()
    )
    return found
