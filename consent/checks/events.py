"""Checks of the delivery of events to server-side tools."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error, Warning

from consent import recipes
from consent.conf import conf
from consent.events import delivering
from consent.events.tasks import deliver
from consent.models import Tool
from consent.tasking import NoLibraryError, required_task

# Backends that run a task where it is enqueued, or never.
_FOREGROUND = ("ImmediateBackend", "DummyBackend")


def check_tasks(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.E020: CONSENT_EVENTS_TASKS names nothing that delivers in the background."""
    problem = "" if conf.EVENTS_TASKS is None else _task_problem(conf.EVENTS_TASKS)
    if problem:
        yield Error(
            f"CONSENT_EVENTS_TASKS is {conf.EVENTS_TASKS!r}: {problem}",
            hint="Name a backend of TASKS that has a worker, or leave the setting away and run "
            "'manage.py consent_deliver --watch'.",
            id="consent.E020",
        )


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


def undelivered_events() -> Iterator[CheckMessage]:
    """consent.W021: httpcore is not installed. consent.W022: events are not delivered in time."""
    if recipes.problems():
        return
    servers = [recipe.key for recipe in recipes.catalogue().values() if recipe.kind == "server"]
    tools = Tool.objects.filter(enabled=True, recipe__in=servers).values_list("key", flat=True)
    if tools and not delivering.can_send():
        yield Warning(
            f"No event reaches these tools: {', '.join(tools)}. httpcore, which sends, is missing.",
            hint="pip install 'django-consent-tools[events]'",
            id="consent.W021",
        )
    elif (waited := delivering.overdue()) is not None:
        yield Warning(
            f"Events are not being delivered: one has been due for "
            f"{waited.total_seconds() / 60:.0f} minutes.",
            hint="Run 'manage.py consent_deliver --watch', or a worker for CONSENT_EVENTS_TASKS.",
            id="consent.W022",
        )
