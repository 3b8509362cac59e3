"""Forms that ask once more before they save what is allowed, but often a mistake."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TypeVar

from django.db import models

from consent.admin.generic import ModelForm

M = TypeVar("M", bound=models.Model)

CONFIRMED = "confirmed"
TOKEN_LENGTH = 16


class AdvisedForm(ModelForm[M]):
    """A form that is invalid until its editor confirms what `advice` warns of.

    ``reasons``: the warnings that have to be confirmed. ``token``: the value of the checkbox, which
    is made of the warnings, so that a tick does not confirm other ones.
    """

    reasons: tuple[str, ...] = ()
    token = ""

    def advice(self) -> Iterable[str]:
        """Return warnings about what was changed; the instance has the new values."""
        return ()

    def full_clean(self) -> None:
        """Validate the form; if nothing is wrong, ask for what is often a mistake."""
        super().full_clean()
        if self.is_bound and not self.errors and self.has_changed() and "_preview" not in self.data:
            self._ask()

    def _ask(self) -> None:
        self.reasons = tuple(dict.fromkeys(self.advice()))
        if not self.reasons:
            return
        digest = sha256("\n".join(self.reasons).encode())
        self.token = digest.hexdigest()[:TOKEN_LENGTH]
        ticked = getattr(self.data, "getlist", lambda name: [self.data.get(name)])(CONFIRMED)
        if self.token not in ticked:
            for reason in self.reasons:
                self.add_error(None, reason)
