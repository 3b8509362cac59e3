"""``task`` of Django (6.0 and newer) or django-tasks; without both it returns the function."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

# The first library that can be imported is used: Django's, or the backport for Django 5.2.
LIBRARIES = ("django.tasks", "django_tasks")

DEFAULT = "default"


class NoLibraryError(Exception):
    """No library for tasks is installed."""


def required_task(function: object, backend: str = DEFAULT) -> Any:
    """Return ``function`` as a task of a backend of TASKS.

    Raises NoLibraryError, or the library's exception if the backend cannot be used.
    """
    return _library().task(backend=backend)(function)


def _library() -> Any:
    for name in LIBRARIES:
        with suppress(ImportError):
            return import_module(name)
    raise NoLibraryError


def task(function: Any, backend: str = DEFAULT) -> Any:
    """Return ``function`` as a task, or unchanged if there is no library or no such backend.

    So a website whose TASKS has only backends or queues with other names works as well.
    """
    try:
        return required_task(function, backend)
    except Exception:
        # A backend may raise any exception because of its options.
        return function
