"""Convert times for websites with ``USE_TZ = True`` and with ``USE_TZ = False``.

With the latter, Django's datetimes are naive: the local time of ``TIME_ZONE``. Django's own
``localtime``, ``localdate`` and ``make_aware`` refuse one of the two kinds.
https://docs.djangoproject.com/en/stable/topics/i18n/timezones/
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from django.conf import settings
from django.utils import timezone


def to_utc(moment: datetime) -> datetime:
    """Return ``moment``, aware or naive, as an aware datetime in UTC."""
    if timezone.is_naive(moment):
        # The hour in which summer time ends comes twice, and a database does not keep which of the
        # two it was. A signature has to be the same before and after storing: take the first.
        moment = timezone.make_aware(moment.replace(fold=0), timezone.get_default_timezone())
    return moment.astimezone(UTC)


def to_milliseconds(moment: datetime) -> datetime:
    """Return ``moment`` without its microseconds, as Django's JSON has it (``dumpdata``)."""
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


def from_timestamp(seconds: float) -> datetime:
    """Return the time of a POSIX timestamp as ``timezone.now()`` would have returned it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment if settings.USE_TZ else _without_zone(moment)


def to_local(moment: datetime) -> datetime:
    """Return ``moment`` in the current time zone; a naive one is local already."""
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def day_of(moment: datetime) -> date:
    """Return the day of ``moment`` in the website's TIME_ZONE, whichever zone is active.

    Statistics, filters and exports all use it, so that a day means the same in each of them.
    """
    if timezone.is_aware(moment):
        return timezone.localtime(moment, timezone.get_default_timezone()).date()
    return moment.date()


def local_today() -> date:
    """Return the current day in the website's TIME_ZONE."""
    return day_of(timezone.now())


def midnight(day: date) -> datetime:
    """Return the beginning of ``day`` in the website's TIME_ZONE, as a query takes it."""
    moment = datetime.combine(day, time.min)
    if not settings.USE_TZ:
        return moment
    return timezone.make_aware(moment, timezone.get_default_timezone())


def _without_zone(moment: datetime) -> datetime:
    return timezone.make_naive(moment, timezone.get_default_timezone())
