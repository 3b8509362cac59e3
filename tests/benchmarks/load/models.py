"""A table with the columns, indexes and constraints of the app's records, and nothing else."""

from __future__ import annotations

from django.db import models

from consent.models import PolicyVersion, Record


class Row(models.Model):
    """A row that is equal to a record."""

    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT)

    class Meta:
        app_label = "load"
        indexes = [
            models.Index(fields=index.fields, name=index.name.replace("consent", "load"))
            for index in Record._meta.indexes
        ]
        constraints = [
            models.UniqueConstraint(
                fields=constraint.fields, name=constraint.name.replace("consent", "load")
            )
            for constraint in Record._meta.constraints
            if isinstance(constraint, models.UniqueConstraint)
        ]

    def __str__(self) -> str:
        return str(self.pk)


for field in Record._meta.local_fields:
    if not field.primary_key and not field.is_relation:
        Row.add_to_class(field.name, field.clone())
