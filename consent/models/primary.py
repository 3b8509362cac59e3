"""The database that is written to, for reads on which something depends that is written next.

A replica may be behind: what it says of a decision, a revision or the policy may have changed.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models, router

M = TypeVar("M", bound=models.Model)


def primary(model: type[M]) -> Any:
    """Return the model's manager for the database to which the router writes."""
    return model._default_manager.using(router.db_for_write(model))
