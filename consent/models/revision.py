"""Revisions: what rises when visitors must be asked again, and since when something is as it is.

Every edit moves ``changed_at``, so that other processes notice it. One that a visitor must be asked
about also raises ``revision`` and stamps ``since``, under the lock of the policy's row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.models import fields


class Revised(models.Model):
    """What has a revision that only rises, and remembers when it was changed."""

    revision = fields.PositiveIntegerField(
        _("revision"),
        default=1,
        editable=False,
        help_text=_("Rises with every change of which visitors must be informed."),
    )
    changed_at = fields.DateTimeField(_("changed at"), default=timezone.now, editable=False)

    # Within `one_revision`: the revision that all share, 0 until it is raised.
    _shared: int | None = None

    class Meta:
        abstract = True

    def touch(self) -> None:
        """Move ``changed_at``, which also locks the policy's row until the transaction ends."""
        self.changed_at = timezone.now()
        type(self)._default_manager.filter(pk=self.pk).update(changed_at=self.changed_at)

    def raise_revision(self) -> int:
        """Raise the revision by one, safe under several editors at once, and return the new one.

        To be called in a transaction: the row stays locked until it ends, so each caller reads
        back the number that is its own. Within `one_revision` only the first call raises it.
        """
        if self._shared:
            return self._shared
        row = type(self)._default_manager.filter(pk=self.pk)
        row.update(revision=F("revision") + 1, changed_at=timezone.now())
        self.revision = row.values_list("revision", flat=True).get()
        if self._shared is not None:
            self._shared = self.revision
        return self.revision

    @contextmanager
    def one_revision(self) -> Iterator[None]:
        """Let all that is saved meanwhile, with this very instance as its policy, share one.

        For many edits that are one change to visitors. All or nothing: it is a transaction.
        """
        self._shared = 0
        try:
            with transaction.atomic():
                yield
        finally:
            self._shared = None

    def _keep_revision(self, kwargs: dict[str, object]) -> None:
        """Leave the revision to `raise_revision`: an editor's form holds an older one."""
        if kwargs.get("update_fields") is None and not kwargs.get("force_insert"):
            kwargs["update_fields"] = [
                column.name
                for column in self._meta.concrete_fields
                if not column.primary_key and column.name != "revision"
            ]


class Dated(models.Model):
    """Something that took its present meaning at a revision of its policy."""

    MEANING: ClassVar[tuple[str, ...]]
    # Of those, the ones that an editor may reword without changing what a visitor agreed to.
    WORDING: ClassVar[tuple[str, ...]]
    # What else `must_be_told` needs to know of the stored row.
    COMPARED: ClassVar[tuple[str, ...]] = ()

    since = fields.PositiveIntegerField(
        _("since revision"),
        default=1,
        editable=False,
        help_text=_("Who decided before this revision is asked again."),
    )

    class Meta:
        abstract = True

    def save(self, *, cosmetic: bool = False, **kwargs: Any) -> None:
        """Save, and raise the policy's revision where visitors must be told.

        ``cosmetic``: the editor says that the new wording means the same, so nobody is asked
        again. What is new, enabled, moved or no longer optional is told all the same: consent
        covers only what was shown.
        """
        with transaction.atomic():
            policy = self.owner()
            policy.touch()
            stored = type(self)._default_manager.filter(pk=self.pk)
            before = stored.values("since", *self.MEANING, *self.COMPARED).first()
            if self.must_be_told(before, cosmetic=cosmetic):
                self.since = policy.raise_revision()
                if kwargs.get("update_fields") is not None:
                    kwargs["update_fields"] = {*kwargs["update_fields"], "since"}
            elif before is not None:
                # A form that was opened before another editor saved holds an older one.
                self.since = before["since"]
            super().save(**kwargs)

    def owner(self) -> Revised:
        """Return the policy that this belongs to."""
        raise NotImplementedError

    def must_be_told(self, before: dict[str, object] | None, *, cosmetic: bool) -> bool:
        """Say whether visitors must be told of it; ``before``: the MEANING as it was stored."""
        if before is None:
            return True
        ignored = self.WORDING if cosmetic else ()
        return any(
            getattr(self, name) != before[name] for name in self.MEANING if name not in ignored
        )
