"""Model fields and names of models whose texts are not part of migrations.

A label, a help text, the label of a choice or the message of a validator changes nothing in the
database, so a new wording must not make a migration. These fields leave all of them out of what
`makemigrations` reads; in the migrations they stand as Django's own fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)

# In `Field.deconstruct`'s words.
_TEXTS = ("verbose_name", "help_text", "choices", "validators")

__all__ = [
    "BooleanField",
    "CharField",
    "DateField",
    "DateTimeField",
    "ForeignKey",
    "JSONField",
    "PositiveBigIntegerField",
    "PositiveIntegerField",
    "PositiveSmallIntegerField",
    "TextField",
    "UUIDField",
    "named",
]

if TYPE_CHECKING:
    # What attributes of a model are read as depends on the field's class: Django's own.
    from django.db.models import (
        BooleanField,
        CharField,
        DateField,
        DateTimeField,
        ForeignKey,
        JSONField,
        PositiveBigIntegerField,
        PositiveIntegerField,
        PositiveSmallIntegerField,
        TextField,
        UUIDField,
    )
    from django.utils.functional import _StrPromise
else:

    class _WithoutTexts:
        """Mixin for a subclass that has the same name as Django's field."""

        def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
            """Return what Django's field would, without its texts."""
            name, _path, args, options = super().deconstruct()
            kept = {key: value for key, value in options.items() if key not in _TEXTS}
            return name, f"django.db.models.{type(self).__name__}", args, kept

    class BooleanField(_WithoutTexts, models.BooleanField):
        """Django's `BooleanField`, without texts in migrations."""

    class CharField(_WithoutTexts, models.CharField):
        """Django's `CharField`, without texts in migrations."""

    class DateField(_WithoutTexts, models.DateField):
        """Django's `DateField`, without texts in migrations."""

    class DateTimeField(_WithoutTexts, models.DateTimeField):
        """Django's `DateTimeField`, without texts in migrations."""

    class ForeignKey(_WithoutTexts, models.ForeignKey):
        """Django's `ForeignKey`, without texts in migrations."""

    class JSONField(_WithoutTexts, models.JSONField):
        """Django's `JSONField`, without texts in migrations."""

    class PositiveBigIntegerField(_WithoutTexts, models.PositiveBigIntegerField):
        """Django's `PositiveBigIntegerField`, without texts in migrations."""

    class PositiveIntegerField(_WithoutTexts, models.PositiveIntegerField):
        """Django's `PositiveIntegerField`, without texts in migrations."""

    class PositiveSmallIntegerField(_WithoutTexts, models.PositiveSmallIntegerField):
        """Django's `PositiveSmallIntegerField`, without texts in migrations."""

    class TextField(_WithoutTexts, models.TextField):
        """Django's `TextField`, without texts in migrations."""

    class UUIDField(_WithoutTexts, models.UUIDField):
        """Django's `UUIDField`, without texts in migrations."""


def named(singular: _StrPromise, plural: _StrPromise) -> Callable[[type[M]], type[M]]:
    """Return a decorator that names a model, without ``verbose_name`` in its ``Meta``.

    What stands in ``Meta`` is part of migrations; what is set on ``_meta`` afterwards is not.
    """

    def name(model: type[M]) -> type[M]:
        model._meta.verbose_name, model._meta.verbose_name_plural = singular, plural
        return model

    return name
