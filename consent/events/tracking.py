"""``consent.track``: events for server-side tools, and only with the visitor's consent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import router
from django.http import HttpRequest

from consent.events import outbox
from consent.events.outbox import EventError
from consent.models import Record
from consent.policy import CompiledPolicy, policies
from consent.policy.decision import today
from consent.proof.recording import decision_of
from consent.visitor import VisitorSnapshot, consent_of

__all__ = ["EventError", "atrack", "atrack_for", "track", "track_for"]


def track(request: HttpRequest, name: str, data: Mapping[str, Any] | None = None) -> frozenset[str]:
    """Send an event to each server-side tool that this visitor allows now, and to no other.

    ``name``: 1 to 100 characters, such as ``"Signed Up"``; none that begins with ``consent.``.
    ``data``: whatever JSON, with dates and decimals, has a form for; with all else 64 KB at most.
    Returns the keys of the tools that it goes to. It is stored in the transaction that is open,
    and sent later, by `consent.events.tasks.deliver` or ``consent_deliver``; it is dropped if the
    visitor withdraws consent before that.

    Raises EventError, a ValueError, for a name or data that cannot be sent; ImproperlyConfigured
    under DEBUG where the request did not pass the middleware, and otherwise sends to essential
    tools alone; and django.db.Error where the database fails.
    """
    outbox.check_name(name)
    # The page depends on the visitor no more than without it.
    consent = consent_of(request).without_vary()
    tools = consent.policy.server_tools
    return outbox.store(consent.snapshot, name, data, tools) if tools else frozenset()


def track_for(
    name: str,
    data: Mapping[str, Any] | None = None,
    *,
    user: Any = None,
    subject: UUID | str | None = None,
    host: str = "",
) -> frozenset[str]:
    """Do what `track` does without a request, for either a ``user`` or a ``subject``.

    ``user``: a user or their primary key; needs CONSENT_RECORD_USER, so that records name users.
    ``subject``: the identifier of a browser in its records. The latest recorded decision counts
    while it is valid; without one, only essential tools are allowed. ``host`` selects the policy
    where there are several. Raises EventError, also if both or neither of the two are given, or if
    ``subject`` is invalid; and django.db.Error.
    """
    outbox.check_name(name)
    policy = policies.current(lambda: host)
    if not policy.server_tools:
        return frozenset()
    visitor = _latest(policy, _user_key(user), _subject(subject))
    return outbox.store(visitor, name, data, policy.server_tools)


async def atrack(
    request: HttpRequest, name: str, data: Mapping[str, Any] | None = None
) -> frozenset[str]:
    """Do what `track` does, in async code."""
    return await sync_to_async(track)(request, name, data)


async def atrack_for(
    name: str, data: Mapping[str, Any] | None = None, **whom: Any
) -> frozenset[str]:
    """Do what `track_for` does, in async code."""
    return await sync_to_async(track_for)(name, data, **whom)


def _latest(policy: CompiledPolicy, user: str, subject: UUID | None) -> VisitorSnapshot:
    """Return the user or the subject as they stand by their latest record."""
    if bool(user) == bool(subject):
        raise EventError("An event is for a user or for a subject: name one of the two.")
    whose = {"user": user} if user else {"subject": subject}
    records = Record.objects.using(router.db_for_write(Record))
    record = records.filter(version__policy=policy.key, **whose).first()
    if record is None:
        standing, regime, gpc = policy.stand(None, policy.refused), policy.strictest, False
    else:
        regime, gpc = record.regime, record.gpc
        signal = bool(policy.sales) and gpc
        standing = policy.standing(decision_of(record).text, today(), regime, signal)
    return VisitorSnapshot(policy, standing, regime, gpc, subject, user)


def _user_key(user: Any) -> str:
    """Return the primary key of ``user`` as records have it; "" for nobody."""
    key = getattr(user, "pk", user)
    return "" if key is None else str(key)


def _subject(subject: UUID | str | None) -> UUID | None:
    if subject is None or isinstance(subject, UUID):
        return subject
    try:
        return UUID(subject)
    except ValueError as error:
        raise EventError(f"{subject!r} is no subject: records name each by a UUID.") from error
