"""The API: the policy, and the visitor's preferences.

Sessions and CSRF tokens play no part in it: whoever sends a same-origin request with their own
preference cookie is the visitor that it is about.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.db import transaction
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from rest_framework import status
from rest_framework.exceptions import NotFound, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from consent.api.answers import PRIVATE, answer, outcome, own, preferences, to_json
from consent.api.base import JSONView, PreconditionFailedError, UnavailableError
from consent.api.choices import Choices, ChoicesSerializer
from consent.api.parsers import SmallJSONParser
from consent.api.permissions import SameOriginWrites
from consent.api.schema import WRITE_PROBLEMS, describe
from consent.api.serializers import (
    OutcomeSerializer,
    PolicySerializer,
    PreferencesSerializer,
    ReceiptSerializer,
)
from consent.conf import conf
from consent.models import Record
from consent.models.texts_language import gettext_lazy as _
from consent.models.texts_language import texts_language
from consent.policy.versions import disclosure
from consent.proof import receipts
from consent.proof.identifiers import read_key
from consent.proof.recording import Occasion
from consent.visitor import (
    Consent,
    InvalidChoicesError,
    NotRecordedError,
    PolicyUnavailableError,
    TooManyDecisionsError,
    consent_of,
)

# One for all requests, as it has no state: a new one for each request, as REST framework makes it,
# takes more time than all the rest of a write.
_CHOICES = ChoicesSerializer()
_NOT_RECORDED = _("What you allowed could not be recorded, so it was not saved. Please try again.")


class PolicyView(JSONView):
    """The policy: its texts, categories and tools, as every visitor may know them."""

    @describe(
        "policy_retrieve",
        PolicySerializer,
        304,
        412,
        headers={"If-None-Match": "The ETag of an earlier answer; 304 if it is still current."},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Return the policy in the request's language, with an ETag."""
        consent = consent_of(request._request)
        body, etag = consent.policy.parts.get(
            ("api", get_language()), lambda: self._body_and_etag(consent)
        )
        response = answer(body, {"ETag": etag, "Cache-Control": "public, no-cache"})
        patch_vary_headers(response, ["Accept-Language"])
        conditional = get_conditional_response(request._request, etag=etag, response=response)
        final = conditional or response
        if final.status_code == status.HTTP_412_PRECONDITION_FAILED:
            raise PreconditionFailedError
        return final

    @staticmethod
    def _body_and_etag(consent: Consent) -> list[str]:
        content = disclosure(consent.policy, consent.policy.strictest)
        shown = {
            "language": texts_language(),
            **content["policy"],
            "categories": content["categories"],
        }
        body = to_json(PolicySerializer(shown).data)
        digest = hashlib.sha256(f"{get_language()} {body}".encode()).hexdigest()
        return [body, f'"{digest[:32]}"']


# What is recorded has to be committed before the answer says so.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class PreferencesView(JSONView):
    """The visitor's own preferences."""

    permission_classes = (SameOriginWrites,)
    parser_classes = (SmallJSONParser,)

    @describe(
        "preferences_retrieve",
        PreferencesSerializer,
        query={
            "outcome": "true: the answer has the members of an answer to PUT, for a page that "
            "follows a choice which another page has saved."
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Return what the visitor chose, and what that allows."""
        consent = consent_of(request._request)
        wants_outcome = request.query_params.get("outcome") == "true"
        return outcome(consent) if wants_outcome else preferences(consent)

    @describe("preferences_update", OutcomeSerializer, *WRITE_PROBLEMS, request=ChoicesSerializer)
    def put(self, request: Request) -> HttpResponseBase:
        """Take a choice about every optional category."""
        return self._decide(request, partial=False)

    @describe(
        "preferences_partial_update", OutcomeSerializer, *WRITE_PROBLEMS, request=ChoicesSerializer
    )
    def patch(self, request: Request) -> HttpResponseBase:
        """Take a choice about some categories; the others stay as they were."""
        return self._decide(request, partial=True)

    @describe(
        "preferences_withdraw",
        OutcomeSerializer,
        403,
        query={"forget": "true: the browser also deletes the cookie that leads to its receipts."},
    )
    def delete(self, request: Request) -> HttpResponseBase:
        """Withdraw: refuse every optional category."""
        consent = consent_of(request._request)
        forget = request.query_params.get("forget", "false") == "true"
        try:
            consent.withdraw(forget=forget, occasion=Occasion(Record.Source.API))
        except PolicyUnavailableError as error:
            raise UnavailableError from error
        return outcome(consent)

    def _decide(self, request: Request, *, partial: bool) -> HttpResponseBase:
        body: Choices = _CHOICES.run_validation(request.data)
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
        except TooManyDecisionsError as error:
            raise Throttled(error.seconds) from error
        return outcome(consent)

    def handle_exception(self, exc: Exception) -> Response:
        """Keep refusals out of every cache, too."""
        response = super().handle_exception(exc)
        response["Cache-Control"] = PRIVATE
        return response


class ReceiptsView(JSONView):
    """The visitor's own receipts, newest first: at most a hundred. Their cookie is the only key."""

    @describe("receipts_list", ReceiptSerializer(many=True))
    def get(self, request: Request) -> HttpResponseBase:
        """Return the receipts of the visitor whom the subject's cookie names; maybe none."""
        consent = consent_of(request._request)
        found = receipts.own_records(consent.secret, consent.account) if conf.RECORDS else []
        site = _site(request)
        return own([receipts.receipt(record, site) for record in found])


class ReceiptView(JSONView):
    """One receipt of the visitor's own."""

    @describe("receipts_retrieve", ReceiptSerializer, 404)
    def get(self, request: Request, receipt: UUID) -> HttpResponseBase:
        """Return it; 404 if it does not exist, or is another visitor's."""
        consent = consent_of(request._request)
        record = receipts.own_record(consent.secret, consent.account, receipt)
        if record is None:
            raise NotFound
        return own(receipts.receipt(record, _site(request)))


def _site(request: Request) -> str:
    return f"{request._request.scheme}://{request._request.get_host()}"


def _occasion(body: Choices) -> Occasion:
    source, key = body.get("source") or Record.Source.API, body.get("key")
    return Occasion(source, body.get("version", ""), read_key(key) if key else None)
