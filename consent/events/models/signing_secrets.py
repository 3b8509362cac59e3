"""SigningSecret: what signs the events for one tool."""

from __future__ import annotations

from datetime import timedelta
from typing import Self
from uuid import UUID, uuid4

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from consent.models import Tool, fields, signing

OVERLAPS: dict[str, int] = {"none": 0, "day": 86_400, "week": 7 * 86_400}
"""For how long an earlier secret may go on signing: name to seconds."""


class SigningSecretQuerySet(models.QuerySet["SigningSecret"]):
    """Queries for signing secrets."""

    def in_use(self, tool: Tool) -> Self:
        """Return those that sign what goes to ``tool`` now, the newest first."""
        is_active = Q(retires_at__isnull=True) | Q(retires_at__gt=timezone.now())
        return self.filter(is_active, tool=tool).order_by("-pk")

    def active(self, tool: Tool) -> list[SigningSecret]:
        """Return those, and make the first one where there is none, unless somebody else just has.

        Raises Tool.DoesNotExist where the tool was deleted meanwhile.
        """
        found = list(self.in_use(tool))
        if found:
            return found
        with transaction.atomic(using=self.db):
            Tool.objects.using(self.db).select_for_update().get(pk=tool.pk)
            return list(self.in_use(tool)) or [self._made(tool)]

    def rotate(self, tool: Tool, overlap: int) -> SigningSecret:
        """Make a new one; those before go on signing for ``overlap`` seconds."""
        retires_at = timezone.now() + timedelta(seconds=overlap)
        with transaction.atomic(using=self.db):
            Tool.objects.using(self.db).select_for_update().get(pk=tool.pk)
            earlier = self.filter(tool=tool)
            earlier.filter(Q(retires_at__isnull=True) | Q(retires_at__gt=retires_at)).update(
                retires_at=retires_at
            )
            earlier.filter(retires_at__lte=timezone.now()).delete()
            return self._made(tool)

    def _made(self, tool: Tool) -> SigningSecret:
        return self.create(tool=tool, salt=uuid4(), key=signing.key_name())


class SigningSecret(models.Model):
    """What signs the events for one tool.

    The secret itself is not stored: it is derived from a signing key of the website's settings,
    called ``key``, and ``salt``. So neither a copy of the database nor an export holds it.
    ``shown_at``: when somebody saw it, who had to pass it on to the receiver; it is shown once.
    ``retires_at``: from when on it signs no more.
    """

    tool = fields.ForeignKey(Tool, on_delete=models.CASCADE, related_name="signing_secrets")
    salt = fields.UUIDField()
    key = fields.CharField(max_length=16)
    made_at = fields.DateTimeField(auto_now_add=True)
    shown_at = fields.DateTimeField(null=True)
    retires_at = fields.DateTimeField(null=True)

    objects = SigningSecretQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.tool} ({self.made_at:%Y-%m-%d})"

    @property
    def value(self) -> bytes:
        """Return the 32 bytes that sign. Raises `signing.UnknownKeyError` where the key is gone."""
        salt: UUID = self.salt
        return signing.derive("webhook", salt.hex, key_name=self.key)

    def reveal(self) -> bool:
        """Say whether it may be shown, which is so once, and note that it was."""
        now = timezone.now()
        return bool(
            SigningSecret.objects.filter(pk=self.pk, shown_at__isnull=True).update(shown_at=now)
        )
