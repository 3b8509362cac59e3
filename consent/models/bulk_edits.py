"""Bulk edits of what a policy has: other processes notice them as they notice ``save()``.

``QuerySet.update()`` and its kin call neither ``save()`` nor signals. So that a tool which somebody
disables in a shell stops everywhere, they move the policy's ``changed_at`` here, by which each
process sees within CONSENT_POLICY_MAX_AGE that it has to compile anew. They raise no revision: what
visitors must be asked about needs ``save()``.
"""

from __future__ import annotations

from collections.abc import Iterable
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
