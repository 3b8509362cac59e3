"""Who may write: a page of this site. And who may see a site's own views."""

from __future__ import annotations

from typing import ClassVar

from django.views import View
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from consent.models.texts_language import gettext_lazy as _
from consent.pages.access import missing_consent, refusal_data, validate_keys
from consent.visitor.same_origin import same_origin


class SameOriginWrites(BasePermission):
    """Allow reading to everybody, and writing only from a page of this site."""

    message = _("The request was not sent by a page of this site.")

    def has_permission(self, request: Request, view: APIView | View) -> bool:
        """Say whether the request may go on."""
        return request.method in SAFE_METHODS or same_origin(request._request)


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
