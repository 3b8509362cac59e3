"""Bulk edits of what a policy has: other processes notice them as they notice ``save()``.

``QuerySet.update()`` and its kin call neither ``save()`` nor signals. So that a tool which somebody
disables in a shell stops everywhere, they move the policy's ``changed_at`` here, by which each
process sees within CONSENT_POLICY_MAX_AGE that it has to compile anew. What changes a meaning, or
is new, raises the revision and is stamped: no earlier grant covers it. Bulk edits cannot tell a
correction from a change, so that visitors are asked again in any case.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, ClassVar, TypeVar

from django.db import models, transaction

from consent.models.policy import Policy

M = TypeVar("M", bound=models.Model)


class BulkEditQuerySet(models.QuerySet[M]):
    """Base of the querysets. ``POLICY``: the lookup of the policy, from the model on."""

    POLICY: ClassVar[str] = "policy"

    def update(self, **values: object) -> int:
        """Do what Django's does, and move ``changed_at`` of the policies that rows belong to."""
        self._for_write = True
        with transaction.atomic(using=self.db):
            # First the policy's row, as `save` does: two editors wait instead of deadlocking.
            self._touch(self.order_by().values(self.POLICY))
            changed = super().update(**values)
            for name in {self.POLICY, f"{self.POLICY}_id"} & set(values):
                self._touch([getattr(values[name], "pk", values[name])])
            return changed

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Do what Django's does, and move ``changed_at`` of the policies that get rows."""
        rows = list(objs)
        self._for_write = True
        with transaction.atomic(using=self.db):
            self._touch({self._policy_of(row) for row in rows})
            return super().bulk_create(rows, *args, **kwargs)

    @classmethod
    def _policy_of(cls, row: models.Model) -> Any:
        *owners, last = cls.POLICY.split("__")
        for owner in owners:
            row = getattr(row, owner)
        return getattr(row, f"{last}_id")

    def _touch(self, policies: Any) -> None:
        Policy.objects.using(self.db).filter(pk__in=policies).update()


class DatedQuerySet(BulkEditQuerySet[M]):
    """Base of the querysets of `consent.models.revision.Dated` models."""

    def update(self, **values: object) -> int:
        """Do what Django's does; if it changes a meaning, raise the revision.

        Unless ``since`` is among the values: then the caller has numbered the change.
        """
        with transaction.atomic(using=self.db):
            is_numbered_here = self._changes_meaning(values) and "since" not in values
            rows = list(self.order_by().values_list("pk", flat=True)) if is_numbered_here else []
            changed = super().update(**values)
            self._stamp(rows)
            return changed

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Do what Django's does, and raise the revision: visitors have seen none of the rows."""
        with transaction.atomic(using=self.db):
            created = super().bulk_create(objs, *args, **kwargs)
            self._stamp(row.pk for row in created if row.pk is not None)
            return created

    def _changes_meaning(self, names: Collection[str]) -> bool:
        """Return whether one of these fields decides what the model means to visitors."""
        columns: tuple[str, ...] = self.model.MEANING  # type: ignore[attr-defined]
        fields = (column.removesuffix("_id") for column in columns)
        return not {*columns, *fields}.isdisjoint(names)

    def _stamp(self, rows: Iterable[Any]) -> None:
        """Have the rows with these primary keys be new to visitors, at one revision a policy."""
        stamped = models.QuerySet[M](self.model, using=self.db).filter(pk__in=list(rows)).order_by()
        for policy in Policy.objects.using(self.db).filter(pk__in=stamped.values(self.POLICY)):
            of_policy = stamped.filter(**{self.POLICY: policy})
            of_policy.update(since=policy.raise_revision())
