"""The Cookie: a cookie or storage key that a tool declares."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from consent.models import fields
from consent.models.bulk_edits import BulkEditQuerySet
from consent.models.natural_keys import depends_on
from consent.models.tool import Tool
from consent.models.translations import Translated
from consent.models.validators import validate_pattern


class CookieQuerySet(BulkEditQuerySet["Cookie"]):
    """Queries for cookies."""

    POLICY = "tool__policy"

    def get_by_natural_key(self, policy: str, tool: str, kind: str, name: str) -> Cookie:
        """Return the cookie that a tool declares; raises Cookie.DoesNotExist."""
        return self.get(tool__policy__key=policy, tool__key=tool, kind=kind, name=name)


@fields.named(_("cookie"), _("cookies"))
class Cookie(Translated):
    """A cookie or storage key that a tool declares it sets."""

    TEXTS = ("retention", "purpose")

    class Kind(models.TextChoices):
        """Where in the browser it is kept."""

        COOKIE = "cookie", _("Cookie")
        STORAGE = "storage", _("Browser storage")

    class Party(models.TextChoices):
        """Whose website it belongs to: only a first party's can be deleted from this one."""

        FIRST = "first", _("This website")
        THIRD = "third", _("The vendor")

    tool = fields.ForeignKey(
        Tool, on_delete=models.CASCADE, related_name="cookies", verbose_name=_("tool")
    )
    kind = fields.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.COOKIE)
    name = fields.CharField(
        _("name"),
        max_length=120,
        validators=[validate_pattern],
        help_text=_("* stands for a part that varies, as in _ga_*."),
    )
    party = fields.CharField(_("party"), max_length=8, choices=Party.choices, default=Party.FIRST)
    retention = fields.CharField(_("kept for"), max_length=80, blank=True)
    purpose = fields.CharField(_("purpose"), max_length=300, blank=True)

    objects = CookieQuerySet.as_manager()

    class Meta:
        ordering = ("tool", "pk")
        constraints = (
            models.UniqueConstraint(fields=("tool", "kind", "name"), name="consent_cookie_name"),
        )

    def __str__(self) -> str:
        return self.name

    def save(self, **kwargs: Any) -> None:
        """Save, and move the policy's ``changed_at``."""
        with transaction.atomic():
            self.tool.policy.touch()
            super().save(**kwargs)

    @depends_on("consent.tool")
    def natural_key(self) -> tuple[str, str, str, str]:
        """Return what names the cookie across databases."""
        return (*self.tool.natural_key(), self.kind, self.name)
