"""The API: the policy, and the visitor's preferences.

Sessions and CSRF tokens play no part in it: whoever sends a same-origin request with their own
preference cookie is the visitor that it is about.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers, get_conditional_response, patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent.api.parsers import SmallJSONParser
from consent.api.permissions import SameOriginWrites, WriteThrottle
from consent.api.schema import (
    describe_policy,
    describe_preferences,
    describe_withdraw,
    describe_write,
)
from consent.api.serializers import (
    ChoicesSerializer,
    OutcomeSerializer,
    PolicySerializer,
    PreferencesSerializer,
)
from consent.rendering import code_of, consent_of, policy_context
from consent.visitor import Consent, InvalidChoicesError, PolicyUnavailableError


class UnavailableError(APIException):
    """503: a grant needs a policy, and none can be read."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = _("The policy cannot be read at the moment. Nothing was saved.")
    default_code = "unavailable"


class PreconditionFailedError(APIException):
    """412: the client wants the policy only as it was, or only as it is not."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = _("The precondition does not hold.")
    default_code = "precondition_failed"


class AcceptHeaderNegotiation(DefaultContentNegotiation):
    """Takes the client's word from ``Accept`` alone; a ``format`` in the query means nothing."""

    def filter_renderers(self, renderers: Any, format: str) -> Any:
        """Return all ``renderers``."""
        return renderers


class OwnAPIView(APIView):
    """Works alike whatever the site's own API does: nobody logs in, JSON only, no versions."""

    authentication_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AcceptHeaderNegotiation
    versioning_class = None


class PolicyView(OwnAPIView):
    """The policy: its texts, categories and tools, as every visitor may know them."""

    permission_classes = (AllowAny,)
    throttle_classes = ()

    @describe_policy
    def get(self, request: Request) -> HttpResponseBase:
        """Return the policy in the request's language, with an ETag."""
        consent = consent_of(request._request)
        content = policy_context(consent)
        shown = {**content["policy"], "categories": content["categories"]}
        body = PolicySerializer(shown).data
        text = json.dumps([get_language(), body], cls=DjangoJSONEncoder)
        etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
        response = Response(body, headers={"ETag": etag, "Cache-Control": "public, no-cache"})
        patch_vary_headers(response, ["Accept-Language"])
        conditional = get_conditional_response(request._request, etag=etag, response=response)
        answer = conditional or response
        if answer.status_code == status.HTTP_412_PRECONDITION_FAILED:
            raise PreconditionFailedError
        return answer


class PreferencesView(OwnAPIView):
    """The visitor's own preferences."""

    permission_classes = (SameOriginWrites,)
    throttle_classes = (WriteThrottle,)
    parser_classes = (SmallJSONParser,)

    @describe_preferences
    def get(self, request: Request) -> Response:
        """Return what the visitor chose, and what that allows."""
        return Response(PreferencesSerializer(_state(consent_of(request._request))).data)

    @describe_write
    def put(self, request: Request) -> Response:
        """Take a choice about every optional category."""
        return self._decide(request, partial=False)

    @describe_write
    def patch(self, request: Request) -> Response:
        """Take a choice about some categories; the others stay as they were."""
        return self._decide(request, partial=True)

    @describe_withdraw
    def delete(self, request: Request) -> Response:
        """Withdraw: refuse every optional category."""
        consent = consent_of(request._request)
        try:
            consent.withdraw()
        except PolicyUnavailableError as error:
            raise UnavailableError from error
        return _outcome(consent)

    def _decide(self, request: Request, *, partial: bool) -> Response:
        body = ChoicesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        consent = consent_of(request._request)
        try:
            consent.decide(
                body.validated_data["choices"],
                partial=partial,
                shown=body.validated_data.get("revision"),
            )
        except InvalidChoicesError as error:
            raise ValidationError(
                {"choices": {key: [message] for key, message in error.errors.items()}}
            ) from error
        except PolicyUnavailableError as error:
            raise UnavailableError from error
        return _outcome(consent)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep every answer, refusals included, out of every cache."""
        response = super().finalize_response(request, response, *args, **kwargs)
        add_never_cache_headers(response)
        return response


def _state(consent: Consent) -> dict[str, Any]:
    decision = consent.decision
    lifetime = consent.policy.lifetime_days
    return {
        "decided": decision is not None,
        "ask": consent.must_ask,
        "revision": decision and decision.revision,
        "decided_on": decision and decision.decided_on,
        "expires_on": decision and decision.expires_on(lifetime),
        "choices": consent.choices,
        "allowed": [tool.key for tool in consent.selection.tools],
    }


def _outcome(consent: Consent) -> Response:
    start = [
        {"tool": tool.key, "placement": tool.placement, "html": code_of(tool)}
        for tool in consent.selection.tools
        if tool.markup
    ]
    state = {**_state(consent), "start": start, "stop": consent.clean_up}
    return Response(OutcomeSerializer(state).data)
