"""Natural keys, by which fixtures name objects without their primary keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Method = TypeVar("Method", bound=Callable[..., object])


def depends_on(*models: str) -> Callable[[Method], Method]:
    """Return a decorator for ``natural_key``: fixtures list these models before its own.

    https://docs.djangoproject.com/en/stable/topics/serialization/#dependencies-during-serialization
    """

    def decorate(method: Method) -> Method:
        vars(method)["dependencies"] = list(models)
        return method

    return decorate
