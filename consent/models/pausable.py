"""What can be paused, and started again without asking those who were told of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from consent.models import fields
from consent.models.revision import Dated


class Pausable(Dated):
    """Something that pages do not show while it is paused (not ``enabled``)."""

    COMPARED: ClassVar[tuple[str, ...]] = ("enabled", "is_disclosed", "hidden_from", "hidden_until")

    enabled = fields.BooleanField(_("enabled"), default=True)
    # Whether visitors were told of it as it is now, so that it may be paused and started again.
    is_disclosed = fields.BooleanField(default=False, editable=False)
    # The revisions between which it was paused, the first inclusive, 0 where it never was: pages
    # did not show it then, so that a grant which was made at one of them does not cover it.
    hidden_from = fields.PositiveBigIntegerField(default=0, editable=False)
    hidden_until = fields.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        abstract = True

    def save(self, *, cosmetic: bool = False, **kwargs: Any) -> None:
        """Do what `Dated.save` does, with what follows from pausing and starting."""
        if kwargs.get("update_fields") is not None:
            derived = {"is_disclosed", "hidden_from", "hidden_until"}
            kwargs["update_fields"] = {*kwargs["update_fields"], *derived}
        super().save(cosmetic=cosmetic, **kwargs)

    def changes_meaning(self, before: dict[str, Any] | None, *, cosmetic: bool) -> bool:
        """Say whether visitors must be told of it; ``before``: the row as it was stored.

        While it is paused there is nothing to tell: what is new about it is told when it is
        enabled. One that is started again as it was is not told to those who saw it before.
        """
        changed = self.has_changed(before, cosmetic=cosmetic)
        was_disclosed = before is not None and (before["enabled"] or before["is_disclosed"])
        self.is_disclosed = self.enabled or (was_disclosed and not changed)
        is_told = self.enabled and (changed or not was_disclosed)
        if is_told or before is None:
            self.hidden_from = self.hidden_until = 0
        else:
            self._note_pause(before)
        return is_told

    def has_changed(self, before: dict[str, Any] | None, *, cosmetic: bool) -> bool:
        """Say whether it is something else to visitors than ``before``, the stored row."""
        return super().changes_meaning(before, cosmetic=cosmetic)

    def _note_pause(self, before: dict[str, Any]) -> None:
        """Number the pages that do not show it. Whoever saw it between two pauses is asked, too."""
        self.hidden_from, self.hidden_until = before["hidden_from"], before["hidden_until"]
        if before["enabled"] and not self.enabled:
            self.hidden_from = self.hidden_from or self.owner().raise_revision()
        elif self.enabled and not before["enabled"]:
            self.hidden_until = self.owner().raise_revision()
