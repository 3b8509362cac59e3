"""A check of what carries visitors' choices over from django-cookie-consent."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Warning

from consent.checks.project import MIDDLEWARE, is_a
from consent.conf import conf

CARRY_OVER = "consent.carry_over.middleware.CookieConsentMiddleware"
_LISTED = "consent.carry_over.CookieConsentMiddleware"


def check_carry_over(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.W033: choices that were made in django-cookie-consent are not carried over."""
    paths = list(settings.MIDDLEWARE)
    ours = [index for index, path in enumerate(paths) if is_a(path, CARRY_OVER)]
    for reason, hint in _mistakes(paths, ours[0] if ours else None):
        yield Warning(
            f"Choices that visitors made in django-cookie-consent are not carried over: {reason}",
            hint=hint,
            id="consent.W033",
        )


def _mistakes(paths: list[str], ours: int | None) -> Iterator[tuple[str, str]]:
    if ours is None:
        if conf.CARRY_OVER is not None:
            reason = f"CONSENT_CARRY_OVER is set, and '{_LISTED}' is not in MIDDLEWARE."
            yield reason, "Add it after the consent middleware, or remove the setting."
        return
    if conf.CARRY_OVER is None:
        reason = f"'{_LISTED}' is in MIDDLEWARE, and CONSENT_CARRY_OVER is not set."
        yield reason, "Set it to what 'manage.py consent_migrate' prints, or remove the middleware."
    if not any(is_a(path, MIDDLEWARE) for path in paths[:ours]):
        reason = f"'{_LISTED}' is not after '{MIDDLEWARE}'."
        yield reason, f"Move it somewhere after '{MIDDLEWARE}'."
    if getattr(settings, "COOKIE_CONSENT_NAME", "cookie_consent") == conf.COOKIE_NAME:
        reason = f"both apps call their cookie “{conf.COOKIE_NAME}”."
        yield reason, "Set CONSENT_COOKIE_NAME to another name."
