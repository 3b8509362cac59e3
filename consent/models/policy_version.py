"""The PolicyVersion: what was shown to visitors."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from django.db import connections
from django.utils.translation import gettext_lazy as _

from consent.models import fields
from consent.models.append_only import AppendOnly, AppendOnlyQuerySet


class PolicyVersionQuerySet(AppendOnlyQuerySet):
    """Queries for versions."""

    def purge(self) -> int:
        """Delete them, and return how many they were. For the retention command.

        Raises IntegrityError, at the latest at the commit, where a record refers to one of them.
        """
        # `QuerySet.delete` first reads the records of each version, while decisions wait.
        keys = list(self.values_list("pk", flat=True))
        quote = connections[self.db].ops.quote_name
        sql = f"DELETE FROM {quote(self.model._meta.db_table)} WHERE {quote('id')} = %s"  # noqa: S608
        with connections[self.db].cursor() as cursor:
            cursor.executemany(sql, [(key,) for key in keys])
        return len(keys)


@fields.named(_("version of the policy"), _("versions of the policy"))
class PolicyVersion(AppendOnly):
    """What visitors were shown, in one language; stored with the first decision that refers to it.

    ``policy``: the key of the policy. ``content``: JSON with the texts, categories, tools and
    cookies (see `consent.policy.versions`). ``digest``: its SHA-256 in hex. Equal content is stored
    once.
    """

    digest = fields.CharField(_("digest"), max_length=64, unique=True)
    policy = fields.CharField(_("policy"), max_length=40)
    language = fields.CharField(_("language"), max_length=35)
    revision = fields.PositiveBigIntegerField(_("revision"))
    content = fields.TextField(_("content"))
    stored_at = fields.DateTimeField(_("stored at"), auto_now_add=True)

    objects = PolicyVersionQuerySet.as_manager()

    class Meta:
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
        shown: dict[str, object] = json.loads(self.content)
        return shown
