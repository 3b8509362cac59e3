"""The API: the policy, and the visitor's preferences.

Sessions and CSRF tokens play no part in it: whoever sends a same-origin request with their own
preference cookie is the visitor that it is about.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ValidationError
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
    describe_receipt,
    describe_receipts,
    describe_withdraw,
    describe_write,
)
from consent.api.serializers import ChoicesSerializer, PolicySerializer
from consent.conf import conf
from consent.models import Record
from consent.pages.script_bundles import start
from consent.policy.versions import disclosure
from consent.proof import receipts
from consent.proof.recording import Occasion
from consent.visitor import consent_of
from consent.visitor.consent import (
    Consent,
    InvalidChoicesError,
    NotRecordedError,
    PolicyUnavailableError,
)


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

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """Return the renderer and the media type; what a page's `fetch` asks for at once."""
        if request.META.get("HTTP_ACCEPT", "*/*") == "*/*":
            return renderers[0], renderers[0].media_type
        return super().select_renderer(request, renderers, format_suffix)

    def filter_renderers(self, renderers: Any, format: str) -> Any:
        """Return all ``renderers``."""
        return renderers


class OwnAPIView(APIView):
    """Works alike whatever the site's own API does: nobody logs in, JSON only, no versions."""

    authentication_classes = ()
    permission_classes: Any = (AllowAny,)
    throttle_classes: Any = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AcceptHeaderNegotiation
    versioning_class = None

    def perform_authentication(self, request: Request) -> None:
        """Leave the site's own ``request.user`` alone: by it a record may name who is logged in."""


class PolicyView(OwnAPIView):
    """The policy: its texts, categories and tools, as every visitor may know them."""

    @describe_policy
    def get(self, request: Request) -> HttpResponseBase:
        """Return the policy in the request's language, with an ETag."""
        consent = consent_of(request._request)
        body, etag = consent.policy.parts.get(
            ("api", get_language()), lambda: self._body_and_etag(consent)
        )
        response = _answer(body, {"ETag": etag, "Cache-Control": "public, no-cache"})
        patch_vary_headers(response, ["Accept-Language"])
        conditional = get_conditional_response(request._request, etag=etag, response=response)
        answer = conditional or response
        if answer.status_code == status.HTTP_412_PRECONDITION_FAILED:
            raise PreconditionFailedError
        return answer

    @staticmethod
    def _body_and_etag(consent: Consent) -> list[str]:
        content = disclosure(consent.policy, consent.policy.strictest)
        shown = {**content["policy"], "categories": content["categories"]}
        body = _json(PolicySerializer(shown).data)
        digest = hashlib.sha256(f"{get_language()} {body}".encode()).hexdigest()
        return [body, f'"{digest[:32]}"']


# What is recorded has to be committed before the answer says so.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class PreferencesView(OwnAPIView):
    """The visitor's own preferences."""

    permission_classes = (SameOriginWrites,)
    throttle_classes = (WriteThrottle,)
    parser_classes = (SmallJSONParser,)

    @describe_preferences
    def get(self, request: Request) -> HttpResponseBase:
        """Return what the visitor chose, and what that allows."""
        consent = consent_of(request._request)
        return _private(_state(consent), _allowed(consent))

    @describe_write
    def put(self, request: Request) -> HttpResponseBase:
        """Take a choice about every optional category."""
        return self._decide(request, partial=False)

    @describe_write
    def patch(self, request: Request) -> HttpResponseBase:
        """Take a choice about some categories; the others stay as they were."""
        return self._decide(request, partial=True)

    @describe_withdraw
    def delete(self, request: Request) -> HttpResponseBase:
        """Withdraw: refuse every optional category."""
        consent = consent_of(request._request)
        forget = request.query_params.get("forget", "false") == "true"
        try:
            consent.withdraw(forget=forget, occasion=Occasion(Record.Source.API))
        except PolicyUnavailableError as error:
            raise UnavailableError from error
        return _outcome(consent)

    def _decide(self, request: Request, *, partial: bool) -> HttpResponseBase:
        body = _CHOICES.run_validation(request.data)
        consent = consent_of(request._request)
        try:
            consent.decide(
                body["choices"],
                partial=partial,
                shown=body.get("revision"),
                occasion=_occasion(body),
            )
        except InvalidChoicesError as error:
            raise ValidationError(
                {"choices": {key: [message] for key, message in error.errors.items()}}
            ) from error
        except PolicyUnavailableError as error:
            raise UnavailableError from error
        except NotRecordedError as error:
            raise UnavailableError(_NOT_RECORDED) from error
        return _outcome(consent)

    def handle_exception(self, exc: Exception) -> Response:
        """Keep refusals out of every cache, too."""
        response = super().handle_exception(exc)
        response["Cache-Control"] = _PRIVATE
        return response


class ReceiptsView(OwnAPIView):
    """The visitor's own receipts, newest first: at most a hundred. Their cookie is the only key."""

    @describe_receipts
    def get(self, request: Request) -> HttpResponseBase:
        """Return the receipts of the visitor whom the subject's cookie names; maybe none."""
        secret = consent_of(request._request).secret
        found = receipts.own_records(secret) if conf.RECORDS else []
        site = _site(request)
        return _own([receipts.receipt(record, site) for record in found])


class ReceiptView(OwnAPIView):
    """One receipt of the visitor's own."""

    @describe_receipt
    def get(self, request: Request, receipt: UUID) -> HttpResponseBase:
        """Return it; 404 where it is not this visitor's, or is none."""
        record = receipts.own_record(consent_of(request._request).secret, receipt)
        if record is None:
            raise NotFound
        return _own(receipts.receipt(record, _site(request)))


def _site(request: Request) -> str:
    return f"{request._request.scheme}://{request._request.get_host()}"


def _own(content: Any) -> HttpResponse:
    """Answer the visitor alone: no cache keeps it, no other website embeds it."""
    headers = {"Cache-Control": _PRIVATE, "Cross-Origin-Resource-Policy": "same-origin"}
    return _answer(_json(content), headers)


# Has no state: DRF's way, a new one for each request, costs more than all the rest of a write.
_CHOICES = ChoicesSerializer()
_NOT_RECORDED = _("What you allowed could not be recorded, so it was not saved. Please try again.")
_PRIVATE = "private, no-cache, no-store, must-revalidate, max-age=0"


def _occasion(body: Mapping[str, Any]) -> Occasion:
    source = body.get("source") or Record.Source.API
    return Occasion(source, body.get("version", ""), body.get("key"))


def _state(consent: Consent) -> dict[str, Any]:
    """Return the members of `PreferencesSerializer`, but for what is allowed."""
    decision = consent.decision
    lifetime = consent.policy.lifetime_days
    return {
        "decided": decision is not None,
        "ask": consent.must_ask,
        "revision": decision and decision.revision,
        "decided_on": decision and decision.decided_on.isoformat(),
        "expires_on": decision and decision.expires_on(lifetime).isoformat(),
        "choices": consent.choices,
        "refused_tools": sorted(consent.refused_tools),
        "opted_out": consent.is_opted_out,
    }


def _allowed(consent: Consent) -> str:
    """Return what is allowed as JSON, made once for all whose consent is the same."""
    selection = consent.selection
    key = ("allowed", selection.state)
    return selection.policy.rendered.get(
        key, lambda: [_json({"allowed": [tool.key for tool in selection.tools]})]
    )[0]


def _outcome(consent: Consent) -> HttpResponse:
    """Return the answer to a write: the members of `OutcomeSerializer`."""
    selection = consent.selection

    def make() -> list[str]:
        allowed = [tool.key for tool in selection.tools]
        found = {"allowed": allowed, "start": start(selection), "stop": asdict(consent.clean_up)}
        return [_json(found)]

    key = ("outcome", selection.state)
    state = {**_state(consent), "recorded": consent.is_recorded}
    return _private(state, selection.policy.rendered.get(key, make)[0])


def _private(state: dict[str, Any], more: str) -> HttpResponse:
    """Answer with the members of ``state`` and of the JSON object ``more``; never for a cache."""
    return _answer(f"{_json(state)[:-1]},{more[1:]}", {"Cache-Control": _PRIVATE})


def _answer(body: str, headers: dict[str, str]) -> HttpResponse:
    return HttpResponse(body, content_type="application/json", headers=headers)


def _json(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))
