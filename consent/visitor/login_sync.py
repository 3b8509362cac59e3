"""Login sync (CONSENT_LOGIN_SYNC): a signed-in user's decision follows them to another device.

When they sign in, the later of two decisions counts: the one that this browser made, or the latest
that the user made anywhere. But what somebody refused in this browser stays refused, and of two
that were made at the same moment, the refusal of a category beats its grant. When they sign out,
the browser forgets both cookies, so that the next person at it is asked; and what another user left
there, because their session just ended, is nobody's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import uuid4

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import HttpRequest

from consent.conf import conf
from consent.models import Record
from consent.models.primary import primary
from consent.models.times import from_timestamp
from consent.policy.decision import SECONDS_PER_DAY, today
from consent.proof.identifiers import subject_of
from consent.proof.recording import Occasion, decision_of
from consent.visitor.consent import Consent
from consent.visitor.errors import NotRecordedError


def follow(request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    """Receiver of ``user_logged_in``: bring the browser's decision and the user's together."""
    consent = getattr(request, "consent", None)
    if not conf.LOGIN_SYNC or not isinstance(consent, Consent) or not consent.policy:
        return
    here = _here(consent)
    if here is not None and here.user not in ("", str(user.pk)):
        consent.forget_browser()
        here = None
    theirs, made_here = _latest(consent, str(user.pk)), _decided_at(consent, here)
    if made_here is None or (theirs and theirs.decided_at > made_here):
        _adopt(consent, theirs, is_own=here is not None and here.user == str(user.pk))
    elif here is None or not here.user:
        is_same_time = theirs is not None and theirs.decided_at == made_here
        _share(consent, made_here, theirs if is_same_time else None)


def forget(request: HttpRequest | None, **kwargs: object) -> None:
    """Receiver of ``user_logged_out``: leave nothing to the next person at this browser."""
    consent = getattr(request, "consent", None)
    if conf.LOGIN_SYNC and isinstance(consent, Consent):
        consent.forget_browser()


def _here(consent: Consent) -> Record | None:
    """Return the latest record of this browser."""
    if not consent.secret:
        return None
    return cast("Record | None", primary(Record).filter(subject=subject_of(consent.secret)).first())


def _latest(consent: Consent, user: str) -> Record | None:
    """Return the user's latest record, where what was decided then still holds."""
    of_this_policy = primary(Record).filter(version__policy=consent.policy.key)
    record: Record | None = of_this_policy.filter(user=user).first()
    decision = decision_of(record) if record is not None else None
    in_force = consent.policy.decision_in_force(decision, today())
    return record if in_force is not None and in_force.choices else None


def _decided_at(consent: Consent, here: Record | None) -> datetime | None:
    """Return when this browser's decision was made; where only its day is known, its first moment.

    None where it has made none that holds.
    """
    if consent.decision is None:
        return None
    if here is not None:
        return here.decided_at
    return from_timestamp(consent.decision.day * SECONDS_PER_DAY)


def _adopt(consent: Consent, theirs: Record | None, *, is_own: bool) -> None:
    """Have this browser follow what the user decided elsewhere, if anything.

    What was refused in this browser stays refused, unless the user had refused it (``is_own``): who
    signs in need not be who refused, and may not even have wanted to sign in.
    """
    if theirs is None:
        return
    refused = consent.decision.refused if consent.decision and not is_own else ()
    decision = decision_of(theirs).refusing(sorted(refused))
    try:
        consent.copy_decision(decision, _by_signing_in(theirs.decided_at))
    except NotRecordedError:
        # Nothing starts that was not recorded; what this browser had goes on.
        return


def _share(consent: Consent, decided_at: datetime, theirs: Record | None = None) -> None:
    """Make this browser's decision the user's, but for what ``theirs`` refuses."""
    policy = consent.policy
    tools = policy.refusable if policy.tool_choices else consent.refused_tools
    known = {category.key for category in policy.optional} | tools
    refused = [key for key, at in theirs.choices.items() if not at] if theirs else []
    choices = {key: False for key in refused if key in known}
    consent.decide(choices, partial=True, occasion=_by_signing_in(decided_at))


def _by_signing_in(decided_at: datetime) -> Occasion:
    # With a key of its own: it is to be recorded although the browser has decided just that.
    return Occasion(Record.Source.SIGN_IN, key=uuid4(), decided_at=decided_at)


def connect() -> None:
    """Connect the receivers of Django's sign-in and sign-out signals, once."""
    user_logged_in.connect(follow, dispatch_uid="consent.visitor.login_sync.sign_in")
    user_logged_out.connect(forget, dispatch_uid="consent.visitor.login_sync.sign_out")
