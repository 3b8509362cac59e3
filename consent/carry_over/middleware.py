"""Middleware that lets the choice count that a visitor made in django-cookie-consent."""

from __future__ import annotations

from contextlib import suppress

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest

from consent.carry_over.choices import decision_from
from consent.carry_over.old_cookie import answers
from consent.conf import CarryOver, ConsentSettings, conf
from consent.middleware import SyncAndAsyncMiddleware
from consent.models import Record
from consent.proof.recording import Occasion
from consent.visitor import Consent, NotRecordedError, TooManyDecisionsError
from consent.visitor.cookie_copies import have_different_copies
from consent.visitor.deciding import record_and_take

# A page that a browser shows by itself, or in a frame. The requests that follow a page come at the
# same time, and each would be recorded.
_PAGES = ("", "document", "iframe")


class CookieConsentMiddleware(SyncAndAsyncMiddleware):
    """Lets a visitor's choice in django-cookie-consent count, once: while they have none here.

    Belongs after `ConsentMiddleware` and Django's AuthenticationMiddleware. It does nothing without
    the setting CONSENT_CARRY_OVER, and for visitors without that app's cookie. A refusal always
    counts; a grant covers what its group contained, and counts once its record is stored. Works in
    sync and async stacks.
    """

    def begin(self, request: HttpRequest) -> None:
        """Carry the choice over, if there is one."""
        if old_cookie_of(request):
            carry_over(request)

    async def abegin(self, request: HttpRequest) -> None:
        """Carry the choice over, if there is one, away from the event loop."""
        if old_cookie_of(request):
            await sync_to_async(carry_over)(request)


def old_cookie_of(request: HttpRequest) -> str:
    """Return the text of django-cookie-consent's cookie, "" if there is none."""
    return request.COOKIES.get(_old_name(), "")


def carry_over(request: HttpRequest) -> None:
    """Record what the visitor chose in django-cookie-consent, and let it count here."""
    consent, setting = getattr(request, "consent", None), conf.CARRY_OVER
    if setting is None or ConsentSettings.CARRY_OVER.problem(setting):
        return
    if not isinstance(consent, Consent) or _has_chosen(consent, request):
        return
    # Whatever comes of it: another visitor may have the same cookie, and must not get this answer.
    consent.reader.is_private = True
    if consent.can_ask and consent.reader.header("HTTP_SEC_FETCH_DEST") in _PAGES:
        _decide(consent, setting, _answers(consent, request, setting))


def _decide(consent: Consent, setting: CarryOver, said: dict[str, bool]) -> None:
    decision = decision_from(consent.policy, setting, said)
    if decision is None:
        return
    # What was refused counts if this fails, and what was accepted is asked about.
    with suppress(NotRecordedError, TooManyDecisionsError):
        # The visitor was shown no revision of this policy.
        record_and_take(consent, decision, 0, Occasion(Record.Source.MIGRATED))


def _answers(consent: Consent, request: HttpRequest, setting: CarryOver) -> dict[str, bool]:
    versions = {group: version for group, (_, version, _) in setting["groups"].items()}
    declined = str(getattr(settings, "COOKIE_CONSENT_DECLINE", "-1"))
    said = answers(old_cookie_of(request), versions, declined)
    if consent.account or _is_unclear(consent):
        # What was accepted in this browser is not the choice of who has signed in.
        return {group: answer for group, answer in said.items() if not answer}
    return said


def _is_unclear(consent: Consent) -> bool:
    """Say whether the browser sent several cookies of that name that differ."""
    return have_different_copies(consent.reader.header("HTTP_COOKIE"), _old_name())


def _has_chosen(consent: Consent, request: HttpRequest) -> bool:
    """Say whether there is a choice here; notes nothing, as it is asked of every such visitor."""
    names = [consent.policy.cookie_name]
    if conf.LOGIN_SYNC:
        names.append(consent.policy.account_cookie_name)
    return consent.outcome.decision is not None or any(name in request.COOKIES for name in names)


def _old_name() -> str:
    name: str = getattr(settings, "COOKIE_CONSENT_NAME", "cookie_consent")
    return name
