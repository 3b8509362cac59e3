"""Rows that are written once: neither saving, deleting nor a queryset changes one."""

from __future__ import annotations

from typing import Any

from django.db import models


class AppendOnlyError(TypeError):
    """Something tried to change or to delete what is written once."""

    def __init__(self, model: type[models.Model]) -> None:
        super().__init__(
            f"A {model.__name__} is written once: it can be neither changed nor deleted. "
            "“manage.py consent_purge” deletes what is older than it has to be kept, and "
            "“manage.py consent_subject erase” takes a person's identifiers out of their records."
        )


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Reads, and adds; nothing else."""

    def update(self, **values: object) -> int:
        """Raise AppendOnlyError."""
        raise AppendOnlyError(self.model)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Raise AppendOnlyError."""
        raise AppendOnlyError(self.model)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Add ``objs``; raise AppendOnlyError where that would change some that are there."""
        if kwargs.get("update_conflicts"):
            raise AppendOnlyError(self.model)
        return super().bulk_create(objs, *args, **kwargs)

    def _purge(self) -> int:
        return super().delete()[0]

    def _alter(self, **values: object) -> int:
        return super().update(**values)


class AppendOnly(models.Model):
    """Something that is written once."""

    class Meta:
        abstract = True

    def save(self, **kwargs: Any) -> None:
        """Add it; raise AppendOnlyError where it is there already."""
        if not self._state.adding:
            raise AppendOnlyError(type(self))
        super().save(**{**kwargs, "force_insert": True})

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        """Raise AppendOnlyError."""
        raise AppendOnlyError(type(self))
