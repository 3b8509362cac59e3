"""``task``: Django's (6.0 and newer), that of django-tasks, or what leaves a function as it is."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

# The first that can be imported: Django's, or the backport for those before 6.0.
LIBRARIES = ("django.tasks", "django_tasks")

DEFAULT = "default"


class NoLibraryError(Exception):
    """There is no library for tasks."""


def required_task(function: Any, backend: str = DEFAULT) -> Any:
    """Return ``function`` as a task of a backend of TASKS.

    Raises NoLibraryError, or whatever is raised where that backend cannot be used.
    """
    return _library().task(backend=backend)(function)


def _library() -> Any:
    for name in LIBRARIES:
        with suppress(ImportError):
            return import_module(name)
    raise NoLibraryError


def task(function: Any, backend: str = DEFAULT) -> Any:
    """Return ``function`` as a task, or as it is where there is no library or no such backend.

    A website may have only backends of other names, or queues: it works all the same.
    """
    try:
        return required_task(function, backend)
    except Exception:
        # Whatever a backend makes of its options.
        return function
