"""Carries visitors' choices over from the app that the website used before.

`CookieConsentMiddleware` is for django-cookie-consent: it reads that app's cookie (`old_cookie`),
and records what it means here (`choices`). It needs nothing of the other app but the setting
CONSENT_CARRY_OVER, which `manage.py consent_migrate` prints. Remove both as soon as the choices
that they carried over have ended.
"""

from consent.carry_over.middleware import CookieConsentMiddleware

__all__ = ["CookieConsentMiddleware"]
