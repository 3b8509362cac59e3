"""Revisions: what rises when visitors must be asked again, and since when something is as it is.

Every edit moves ``changed_at``, so that other processes notice it. One that a visitor must be asked
about also raises ``revision`` and stamps ``since``, under the lock of the policy's row.

A revision's number is the time at which it was issued, and each policy remembers the numbers that
it issued. So a database that was restored from a backup, or a policy that was deleted and made
anew, never issues a number again that a visitor's cookie may already name with another meaning; and
a number that it does not remember is known to be somebody else's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.models import fields
from consent.models.primary import primary

# 2026-01-01T00:00Z in milliseconds since 1970. Counting from there keeps the numbers in the cookie
# two digits shorter for some years.
EPOCH = 1_767_225_600_000

# Older revisions are forgotten: a grant from before that many changes is asked for again.
REMEMBERED = 200


def milliseconds() -> int:
    """Return the time of now in milliseconds since 2026 began (UTC)."""
    return time.time_ns() // 1_000_000 - EPOCH


def number_of_now() -> int:
    """Return the number of a revision that is issued now, if no higher one was issued before.

    Milliseconds: an edit takes longer, so numbers do not run ahead of the clock, and those that are
    issued after a backup was restored are higher than those that were issued before.
    """
    return max(1, milliseconds())


def number_at(day: date) -> int:
    """Return the number of a revision that was issued as ``day`` began (UTC)."""
    began = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return max(1, int(began.timestamp() * 1_000) - EPOCH)


class Revised(models.Model):
    """What has a revision that only rises, and remembers when it was changed."""

    revision = fields.PositiveBigIntegerField(
        _("revision"),
        default=number_of_now,
        editable=False,
        help_text=_("Rises with every change of which visitors must be informed."),
    )
    # The newest of the revisions that it issued, ascending. On the policy's own row: what restores
    # its revision, whatever that is, restores these, too.
    issued = fields.JSONField(default=list, editable=False)
    changed_at = fields.DateTimeField(_("changed at"), default=timezone.now, editable=False)

    # Within `one_revision`: the revision that all share, 0 until it is raised.
    _shared: int | None = None

    class Meta:
        abstract = True

    def touch(self) -> None:
        """Move ``changed_at``, which also locks the policy's row until the transaction ends."""
        self.changed_at = timezone.now()
        primary(type(self)).filter(pk=self.pk).update(changed_at=self.changed_at)

    def raise_revision(self) -> int:
        """Issue the next revision, safe under several editors at once, and return its number.

        To be called in a transaction: the row stays locked until it ends, so each caller has a
        number that is its own. Within `one_revision` only the first call issues one.
        """
        if self._shared:
            return self._shared
        row = primary(type(self)).filter(pk=self.pk)
        # First what locks the row: only then is that what is read the newest.
        row.update(changed_at=timezone.now())
        self._issue(row.values_list("issued", flat=True).get())
        row.update(revision=self.revision, issued=self.issued)
        if self._shared is not None:
            self._shared = self.revision
        return self.revision

    def _issue(self, issued: list[int], least: int = 1) -> None:
        """Set a revision that is higher than any that is in use, and remember it."""
        highest = primary(type(self)).aggregate(highest=models.Max("revision"))["highest"]
        self.revision = max(least, number_of_now(), (highest or 0) + 1)
        self.issued = [*issued, self.revision][-REMEMBERED:]

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
                if not column.primary_key and column.name not in ("revision", "issued")
            ]


class Dated(models.Model):
    """Something that took its present meaning at a revision of its policy."""

    MEANING: ClassVar[tuple[str, ...]]
    # Of those, the ones that an editor may reword without changing what a visitor agreed to.
    WORDING: ClassVar[tuple[str, ...]]
    # What else `changes_meaning` needs to know of the stored row.
    COMPARED: ClassVar[tuple[str, ...]] = ()

    since = fields.PositiveBigIntegerField(
        _("since revision"),
        default=1,
        editable=False,
        help_text=_("Who decided before this revision is asked again."),
    )

    class Meta:
        abstract = True

    def save(self, *, cosmetic: bool = False, **kwargs: Any) -> None:
        """Save, and raise the policy's revision if the meaning changes.

        ``cosmetic``: the editor says that the new wording means the same, so nobody is asked
        again. What is new, enabled, moved or no longer optional changes the meaning all the same:
        consent covers only what was shown.
        """
        with transaction.atomic():
            policy = self.owner()
            policy.touch()
            stored = primary(type(self)).filter(pk=self.pk)
            before = stored.values("since", *self.MEANING, *self.COMPARED).first()
            if self.changes_meaning(before, cosmetic=cosmetic):
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

    def changes_meaning(self, before: dict[str, object] | None, *, cosmetic: bool) -> bool:
        """Return whether the meaning differs from ``before``, the MEANING as it was stored."""
        if before is None:
            return True
        ignored = self.WORDING if cosmetic else ()
        return any(
            getattr(self, name) != before[name] for name in self.MEANING if name not in ignored
        )
