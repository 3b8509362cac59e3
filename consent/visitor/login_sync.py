"""Login sync (CONSENT_LOGIN_SYNC): a signed-in user's choice follows them to their devices.

It is kept in a cookie of its own, the account's, which counts as long as it is there. The browser's
own cookie stays as it is, and counts again after the user signed out. What was refused in this
browser stays refused when somebody signs in: that person need not be who refused it, and may not
even have wanted to sign in. What was chosen in this browser before is not the account's choice.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import Error, router
from django.http import HttpRequest

from consent.conf import conf
from consent.models import Record
from consent.models.lock_timeout import lock_timeout
from consent.models.primary import primary
from consent.policy.decision import Decision, today
from consent.proof.recording import decision_of
from consent.visitor.consent import Consent

logger = logging.getLogger("consent")


def enter_account(request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    """Receiver of ``user_logged_in``: let the user's choice count in this browser."""
    consent = getattr(request, "consent", None)
    if not conf.LOGIN_SYNC or not isinstance(consent, Consent) or not consent.policy:
        return
    consent.leave_account()
    theirs = _choice_of(consent, str(user.pk))
    if theirs is not None:
        refused = consent.decision.refused if consent.decision else ()
        consent.enter_account(theirs.refusing(sorted(refused)))


def leave_account(request: HttpRequest | None, **kwargs: object) -> None:
    """Receiver of ``user_logged_out``: let the browser's own choice count again."""
    consent = getattr(request, "consent", None)
    if conf.LOGIN_SYNC and isinstance(consent, Consent):
        consent.leave_account()


def _choice_of(consent: Consent, user: str) -> Decision | None:
    """Return what the user chose last under this policy, as far as it is in force.

    Keys that the policy no longer has are left out. None where it cannot be read: the browser's
    own choice counts then.
    """
    policy = consent.policy
    try:
        with lock_timeout(router.db_for_write(Record)):
            records = primary(Record).filter(version__policy=policy.key, user=user)
            record = records.first()
    except Error:
        logger.exception("The choice of the user who signed in cannot be read.")
        return None
    decision = decision_of(record).granting_only(policy.issued) if record else None
    known = {category.key for category in policy.optional} | policy.refusable
    in_force = policy.decision_in_force(decision, today())
    if decision is None or in_force is None or not in_force.choices:
        return None
    choices = {key: at for key, at in decision.choices.items() if key in known}
    return replace(decision, choices=MappingProxyType(choices))


def connect() -> None:
    """Connect the receivers of Django's sign-in and sign-out signals, once."""
    user_logged_in.connect(enter_account, dispatch_uid="consent.visitor.login_sync.sign_in")
    user_logged_out.connect(leave_account, dispatch_uid="consent.visitor.login_sync.sign_out")
