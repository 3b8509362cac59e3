"""Who may write: a page of this site, and not too often. And who may see a site's own views."""

from __future__ import annotations

import logging
from typing import ClassVar

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django.views import View
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from consent.conf import conf
from consent.pages.access import missing_consent, refusal_data, validate_keys
from consent.visitor.same_origin import same_origin

logger = logging.getLogger("consent")


class SameOriginWrites(BasePermission):
    """Allow reading to everybody, and writing only from a page of this site."""

    message = _("The request was not sent by a page of this site.")

    def has_permission(self, request: Request, view: APIView | View) -> bool:
        """Say whether the request may go on."""
        return request.method in SAFE_METHODS or same_origin(request._request)


class WriteThrottle(SimpleRateThrottle):
    """Limits PUT and PATCH per client to CONSENT_THROTTLE_RATE.

    Withdrawing (DELETE) is never limited. The client's address is hashed before it becomes a
    cache key. A cache that fails limits nobody: a refusal must get through.
    """

    scope = "consent"

    def get_rate(self) -> str | None:
        """Return the rate from the settings, read at each request."""
        return conf.THROTTLE_RATE

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Say whether this write is within the rate."""
        if request.method not in ("PUT", "PATCH"):
            return True
        try:
            return super().allow_request(request, view)
        except Exception:
            logger.exception("The cache does not answer; this write is not limited.")
            return True

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Return a key for the client that does not tell its address."""
        address = self.get_ident(request)
        ident = salted_hmac("consent.throttle", address, algorithm="sha256").hexdigest()
        return self.cache_format % {"scope": self.scope, "ident": ident}


class HasConsent(BasePermission):
    """Visitors who allow these keys: ``permission_classes = [HasConsent.to("advertising")]``.

    Others get 403 with ``{"detail": …, "required": [keys]}``. It raises instead of returning False,
    which REST framework would tell a visitor who is not logged in as missing credentials; so beside
    ``|`` it counts before the other permission.
    """

    keys: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def to(cls, *keys: str) -> type[HasConsent]:
        """Return the permission that needs all of these categories or tools to be allowed."""
        return type(cls.__name__, (cls,), {"keys": validate_keys(keys)})

    def has_permission(self, request: Request, view: APIView | View) -> bool:
        """Return True; raise PermissionDenied where the visitor does not allow all keys."""
        missing = missing_consent(request._request, validate_keys(self.keys))
        if missing:
            raise PermissionDenied(refusal_data(request._request, missing))
        return True
