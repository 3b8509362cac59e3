"""The settings of events."""

from __future__ import annotations

from collections.abc import Sequence

from consent.conf import rules
from consent.conf.rules import Rule, more_than, optional
from consent.conf.table import AppSettings, Setting


class EventsSettings(AppSettings):
    """The settings of ``consent.events``, each named ``CONSENT_EVENTS_…``; see docs/settings.md."""

    prefix = "CONSENT_EVENTS_"

    ATTEMPTS = Setting(12, more_than(0, "attempts"))
    """Number of attempts to deliver an event, over about two days.

    An attempt that the receiver's Retry-After postpones counts, too.
    """

    HOSTS = Setting[Sequence[str] | None](None, optional(rules.HOSTS))
    """The only hosts (``name`` or ``name:port``) that events may be sent to; None allows any.

    For a copy of the website that holds the addresses of the real one, such as staging.
    """

    RETENTION_DAYS = Setting(30, more_than(0, "days"))
    """Days after which ``consent_purge`` deletes a delivery that has ended."""

    TASKS = Setting[str | None](
        None, optional(Rule(lambda value: isinstance(value, str), "the name of a backend of TASKS"))
    )
    """Backend of TASKS that delivers events; with None only ``consent_deliver`` does."""

    TIMEOUT = Setting[float](15, more_than(0, "seconds"))
    """Seconds that one attempt to deliver may take in all, with the connection."""

    TRUSTED_HOSTS = Setting[Sequence[str]]((), rules.HOSTS)
    """Hosts (``name`` or ``name:port``) that may receive events by http or in a private network.

    They are not checked further: whoever edits tools can make the server send requests to them.
    """


conf: EventsSettings = EventsSettings()
