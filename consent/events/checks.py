"""System checks for the settings and the delivery of events; docs/checks.md lists their ids."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import Error as DatabaseFailure

from consent import recipes
from consent.checks.project import invalid_settings
from consent.events import delivery
from consent.events.conf import conf
from consent.events.models import Delivery
from consent.events.tasks import deliver
from consent.models import Tool
from consent.tasking import NoLibraryError, required_task

# What runs a task where it is enqueued, or never.
_FOREGROUND = ("ImmediateBackend", "DummyBackend")


def check_settings(**kwargs: object) -> list[CheckMessage]:
    """consent.E007: a setting of events has a value that is not allowed."""
    return list(invalid_settings(conf))


def check_tasks(**kwargs: object) -> list[CheckMessage]:
    """consent.E020: CONSENT_EVENTS_TASKS names nothing that delivers in the background."""
    problem = "" if conf.TASKS is None else _task_problem(conf.TASKS)
    if not problem:
        return []
    return [
        Error(
            f"CONSENT_EVENTS_TASKS is {conf.TASKS!r}: {problem}",
            hint="Name a backend of TASKS that has a worker, or leave the setting away and run "
            "'manage.py consent_deliver --watch'.",
            id="consent.E020",
        )
    ]


def _task_problem(alias: str) -> str:
    try:
        backend = required_task(getattr(deliver, "func", deliver), alias).get_backend()
    except NoLibraryError:
        return "there is no library for tasks; Django has one from 6.0 on, before it django-tasks."
    except Exception as error:
        # Whatever a backend makes of its options.
        return f"it cannot be used. {error}"
    if type(backend).__name__ in _FOREGROUND:
        return f"{type(backend).__name__} does not work in the background: visitors would wait."
    return ""


def check_delivery(databases: Sequence[str] | None = None, **kwargs: object) -> list[CheckMessage]:
    """Look at what is stored; only with ``check --database``, and whenever ``migrate`` runs.

    consent.W021: httpcore is not installed. consent.W022: events are not delivered in time.
    consent.W024: the tables cannot be read.
    """
    if not databases or Delivery.objects.db not in databases or recipes.problems():
        return []
    try:
        missing = _missing_library()
    except DatabaseFailure:
        # The tables of `consent` itself cannot be read, which its own check reports.
        return []
    return missing or _overdue()


def _missing_library() -> list[CheckMessage]:
    servers = [recipe.key for recipe in recipes.catalogue().values() if recipe.kind == "server"]
    tools = Tool.objects.filter(enabled=True, recipe__in=servers).values_list("key", flat=True)
    if not tools or delivery.can_send():
        return []
    return [
        Warning(
            f"No event reaches these tools: {', '.join(tools)}. httpcore, which sends, is missing.",
            hint="pip install 'django-consent-tools[events]'",
            id="consent.W021",
        )
    ]


def _overdue() -> list[CheckMessage]:
    try:
        waited = delivery.overdue()
    except DatabaseFailure as error:
        return [
            Warning(
                f"The tables of events cannot be read: {error}",
                hint="Run 'manage.py migrate'. It shows this message before it creates them.",
                id="consent.W024",
            )
        ]
    if waited is None:
        return []
    return [
        Warning(
            f"Events are not being delivered: one has been due for "
            f"{waited.total_seconds() / 60:.0f} minutes.",
            hint="Run 'manage.py consent_deliver --watch', or a worker for CONSENT_EVENTS_TASKS.",
            id="consent.W022",
        )
    ]


def register_all() -> None:
    """Register the checks; called once, when the app is ready."""
    register(check_settings, "consent")
    register(check_tasks, "consent")
    register(check_delivery, "consent", Tags.database)
