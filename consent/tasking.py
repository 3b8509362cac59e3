"""``task``: Django's (6.0 and newer), that of django-tasks, or what leaves a function as it is."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

# The first that can be imported: Django's, or the backport for those before 6.0.
LIBRARIES = ("django.tasks", "django_tasks")


def _unchanged(function: Any) -> Any:
    """Return ``function``: without a library for tasks it is one like any other."""
    return function


def _find() -> Any:
    for name in LIBRARIES:
        try:
            return import_module(name).task
        except ImportError:
            continue
    return _unchanged


task: Callable[[Any], Any] = _find()
