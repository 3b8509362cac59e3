"""The page on which visitors choose, with and without JavaScript."""

from __future__ import annotations

from functools import partial
from uuid import UUID, uuid4

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from consent.conf import conf
from consent.models.texts_language import gettext, ngettext
from consent.pages.markup import STATUS_ID
from consent.pages.template_data import choices_data, policy_data
from consent.pages.template_functions import consent_style
from consent.views.private import local_address
from consent.visitor import (
    Consent,
    InvalidChoicesError,
    NotRecordedError,
    PolicyUnavailableError,
    TooManyDecisionsError,
    consent_of,
)
from consent.visitor.decision_form import take_decision
from consent.visitor.same_origin import same_origin


class SeeOther(HttpResponseRedirect):
    """303: get the page that follows a form (RFC 9110, 15.4.4)."""

    status_code = 303


# `consent.visitor.same_origin` replaces the CSRF token. The record has to be committed before the
# answer says so.
@method_decorator([csrf_exempt, transaction.non_atomic_requests], name="dispatch")
class PreferencesView(View):
    """The page where a visitor chooses, and what every form of the app posts to.

    GET shows the visitor's choices. POST takes the fields of `consent.visitor.decision_form`, and
    ``next`` (a local address to go to); it answers 303, or 400, 403, 429 or 503 with the page and
    the reason.
    """

    template_name = "consent/preferences_page.html"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Show the preferences."""
        return self._page(request, request.GET.get("next", ""))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Take a decision."""
        following = request.POST.get("next", "")
        if not same_origin(request):
            reason = gettext("Nothing was saved: this form was not sent from a page of this site.")
            return self._page(request, following, error=reason, status=403)
        try:
            take_decision(consent_of(request), request.POST)
        except InvalidChoicesError as error:
            reason = gettext("Nothing was saved: %s") % error
            return self._page(request, following, error=reason, status=400)
        except PolicyUnavailableError:
            reason = gettext("Nothing was saved, and nothing was started: please try again later.")
            return self._page(request, following, error=reason, status=503)
        except NotRecordedError:
            reason = gettext(
                "What you allowed could not be recorded, so it was not saved, and nothing was "
                "started. What you refused holds. Please try again."
            )
            return self._page(request, following, error=reason, status=503)
        except TooManyDecisionsError as error:
            reason = ngettext(
                "You have chosen very often, so what you allowed was not saved. What you refused "
                "holds. Please try again in %(number)d second.",
                "You have chosen very often, so what you allowed was not saved. What you refused "
                "holds. Please try again in %(number)d seconds.",
                error.seconds,
            )
            reason %= {"number": error.seconds}
            return self._page(request, following, error=reason, status=429)
        address = local_address(request, following) or _own_address(consent_of(request))
        return SeeOther(f"{address}#{STATUS_ID}")

    def _page(
        self, request: HttpRequest, following: str, *, error: str = "", status: int = 200
    ) -> HttpResponse:
        consent = consent_of(request)
        context = {
            **policy_data(consent.policy, consent.regime),
            **choices_data(consent),
            "next": local_address(request, following),
            "error": error,
            "receipt": _receipt(request.GET.get("receipt", "")),
            "key": uuid4(),
            # The template calls it. If it does not, the stylesheet comes later in the page.
            "style": partial(consent_style, request),
        }
        response = render(request, self.template_name, context, status=status)
        add_never_cache_headers(response)
        return response


def _own_address(consent: Consent) -> str:
    """Return the page's address; with the receipt of a refusal, which no cookie leads to.

    Not of a grant: the tools that run then would see it.
    """
    address, receipt = reverse("consent:preferences"), consent.outcome.receipt
    refuses = consent.decision is not None and not consent.decision.allowed
    return f"{address}?receipt={receipt}" if receipt and refuses else address


def _receipt(text: str) -> UUID | None:
    """Return the receipt that the page's address names; None if it names none."""
    try:
        return UUID(text) if conf.RECORDS else None
    except ValueError:
        return None
