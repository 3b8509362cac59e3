"""How far a delivery is, why it is no further, and when it is tried again."""

from __future__ import annotations

import random

from django.db import models
from django.utils.translation import gettext_lazy as _

# Seconds before the second attempt, and the most before any; in between each one waits four times
# as long as the one before. Twelve attempts take about two days, as Standard Webhooks advises.
# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
FIRST_WAIT, LONGEST_WAIT = 5, 12 * 3_600


class State(models.TextChoices):
    """How far it is."""

    WAITING = "waiting", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    DROPPED = "dropped", _("Dropped")
    DEAD = "dead", _("Given up")


class Reason(models.TextChoices):
    """Why it was dropped, or what went wrong at the last attempt."""

    WITHDRAWN = "withdrawn", _("The visitor's consent no longer covers it")
    DISABLED = "disabled", _("The tool was disabled or deleted")
    UNFIT = "unfit", _("The tool's settings are invalid; open the tool")
    NOT_HERE = "not_here", _("The settings forbid events to this host")
    NO_KEY = (
        "no_key",
        _("The signing key is no longer in the settings; make a new secret"),
    )
    NO_HOST = "no_host", _("DNS lookup failed")
    NOT_PUBLIC = "not_public", _("The host's address is not public")
    UNREACHABLE = "unreachable", _("Connection failed")
    TLS = "tls", _("The host's certificate is not trusted")
    TIMEOUT = "timeout", _("Timeout")
    NO_ANSWER = "no_answer", _("The answer is incomplete or invalid")
    REDIRECT = "redirect", _("The address redirects; enter its target instead")
    REFUSED = "refused", _("The receiver refused the event")
    GONE = "gone", _("The receiver wants no more events (410), so the tool was disabled")


def wait_after(attempts: int) -> float:
    """Return for how many seconds to wait after so many attempts, a different number each time.

    So that events which failed together, as their receiver was down, do not come back together.
    """
    longest = min(FIRST_WAIT * 2.0 ** min(2 * (attempts - 1), 40), LONGEST_WAIT)
    return longest * random.uniform(0.5, 1)  # noqa: S311
