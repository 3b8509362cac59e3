"""What all views of the API share: negotiation and errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from consent.models.texts_language import gettext_lazy as _


class UnavailableError(APIException):
    """503: a grant needs a policy, and none can be read."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = _("The policy cannot be read at the moment. Nothing was saved.")
    default_code = "unavailable"


class PreconditionFailedError(APIException):
    """412: the client wants the policy only if it is, or is not, the version that it named."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = _("The precondition does not hold.")
    default_code = "precondition_failed"


class AcceptHeaderNegotiation(DefaultContentNegotiation):
    """Chooses the renderer by the ``Accept`` header alone, and ignores ``?format=``."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer and the media type; at once for what a page's ``fetch`` sends."""
        if request.META.get("HTTP_ACCEPT", "*/*") == "*/*":
            first = next(iter(renderers))
            return first, first.media_type
        chosen: tuple[BaseRenderer, str] = super().select_renderer(
            request, renderers, format_suffix
        )
        return chosen

    def filter_renderers(
        self, renderers: Iterable[BaseRenderer], format: str
    ) -> list[BaseRenderer]:
        """Return all ``renderers``."""
        return list(renderers)


class JSONView(APIView):
    """A view that ignores the REST framework settings of the site's own API.

    It serves JSON only, without authentication, versions or throttling by default.
    """

    authentication_classes = ()
    permission_classes: Sequence[type[BasePermission]] = (AllowAny,)
    throttle_classes: Sequence[type[BaseThrottle]] = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AcceptHeaderNegotiation
    versioning_class = None

    def perform_authentication(self, request: Request) -> None:
        """Do nothing: ``request.user`` stays the site's own, whom a record may name."""
