"""The preferences page and the policy page: all that a visitor needs without JavaScript."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotFound,
    HttpResponseRedirect,
)
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView

from consent import delivery, receipts
from consent.conf import conf
from consent.contexts import choices_context, policy_context, receipt_context, texts_context
from consent.models import Record
from consent.origin import same_origin
from consent.page import consent_of, is_cacheable
from consent.recording import Occasion, read_key
from consent.rendering import consent_style
from consent.visitor import (
    Consent,
    InvalidChoicesError,
    NotRecordedError,
    PolicyUnavailableError,
)

STATUS = "#dcp-status"
# Seconds: what caches are told of what never changes.
YEAR = 31_536_000
# 0 is what a page says that was made without a policy.
_REVISION = re.compile(r"0|[1-9][0-9]{0,8}")


class SeeOther(HttpResponseRedirect):
    """303: get the page that follows a form (RFC 9110, 15.4.4)."""

    status_code = 303


class PolicyView(TemplateView):
    """The page that shows the policy, for sites that have none of their own."""

    template_name = "consent/policy_page.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the policy in the active language."""
        context = policy_context(consent_of(self.request).policy)
        return super().get_context_data(**{**context, **kwargs, "next": self.request.path})


@require_safe
def tools(request: HttpRequest, version: str, grants: str) -> HttpResponse:
    """Return the script file that starts the tools of these grants; see :mod:`consent.delivery`.

    Kept by every cache forever: an address of another version of the policy is answered with 302 to
    the one of now, and one that no page of now can have with 404.
    """
    policy = consent_of(request).policy
    selection = delivery.select(policy, grants)
    name = delivery.grants(selection) if selection is not None else ""
    if selection is None or not name or not is_cacheable():
        return _not_found()
    if version != policy.fingerprint:
        response: HttpResponse = HttpResponseRedirect(delivery.address(policy, name))
        patch_cache_control(response, public=True, max_age=int(conf.POLICY_MAX_AGE))
        return response
    if grants != name:
        return _not_found()
    script = delivery.script(selection)
    response = HttpResponse(script, content_type="text/javascript; charset=utf-8")
    patch_cache_control(response, public=True, max_age=YEAR, immutable=True)
    return response


def _not_found() -> HttpResponse:
    return HttpResponseNotFound("There are no such tools.\n", content_type="text/plain")


# And keeps room for it at the page's end, as choice.css does. The preferences page asks already.
_SHOWN_NOTICE = (
    "html:not(:has(.dcp-sheet)){padding-bottom:max(14rem,33vh + 4.5rem)}"
    "html:not(:has(.dcp-sheet)) .dcp-notice[hidden]{display:flex!important}"
)


@require_safe
@never_cache
def notice(request: HttpRequest) -> HttpResponse:
    """Return the stylesheet that shows the notice, for cached pages without JavaScript.

    Empty where the visitor has not to be asked. No other website may find out by it.
    """
    rule = _SHOWN_NOTICE if consent_of(request).must_ask else ""
    headers = {"Cross-Origin-Resource-Policy": "same-origin"}
    return HttpResponse(rule, content_type="text/css; charset=utf-8", headers=headers)


class _OwnView(TemplateView):
    """A page for one visitor alone, whom their cookie names; kept by nobody."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Keep the answer out of every cache and of every search engine."""
        response = super().dispatch(request, *args, **kwargs)
        add_never_cache_headers(response)
        response.headers["X-Robots-Tag"] = "noindex"
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what every page of the app needs."""
        consent = consent_of(self.request)
        style = partial(consent_style, self.request)
        return super().get_context_data(**texts_context(consent.policy), style=style, **kwargs)


class ReceiptsView(_OwnView):
    """The visitor's own records, newest first: at most a hundred. 404 where none are kept."""

    template_name = "consent/receipts_page.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the records of the visitor whom the subject's cookie names."""
        if not conf.RECORDS:
            raise Http404
        found = receipts.own_records(consent_of(self.request).secret)
        shown = [receipt_context(record) for record in found]
        return super().get_context_data(receipts=shown, key=uuid4(), **kwargs)


class ReceiptView(_OwnView):
    """What the visitor was shown when they made one decision; 404 for one that is not theirs."""

    template_name = "consent/receipt_page.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the record, and the version of the policy that it refers to."""
        record = receipts.own_record(consent_of(self.request).secret, kwargs["receipt"])
        if record is None:
            raise Http404
        told = {"receipt": receipt_context(record), "shown": record.version.shown}
        return super().get_context_data(**{**kwargs, **told})


# Without a token, and safely so: see consent.origin. And what is recorded has to be committed
# before the answer says so.
@method_decorator([csrf_exempt, transaction.non_atomic_requests], name="dispatch")
class PreferencesView(View):
    """The page where a visitor chooses, and what every form of the app posts to.

    GET shows the visitor's choices. POST takes ``action`` (accept-all, reject-all or save),
    with save ``choices`` (the keys of the categories that are granted, one each), and ``next``
    (a local address to go to); it answers 303, or 400, 403 or 503 with the page and the reason.
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
            self._decide(consent_of(request), request)
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
        address = self._safe(request, following) or reverse("consent:preferences")
        return SeeOther(address + STATUS)

    def _decide(self, consent: Consent, request: HttpRequest) -> None:
        action = request.POST.get("action", "save")
        revision = request.POST.get("revision", "")
        occasion = self._occasion(request)
        if action == "reject-all":
            # Whatever the page showed: a refusal needs to know of nothing.
            consent.reject_all(occasion=occasion)
        elif action == "withdraw":
            consent.withdraw(forget="forget" in request.POST, occasion=occasion)
        elif action == "accept-all":
            consent.accept_all(shown=self._shown(revision), occasion=occasion)
        elif action == "save":
            shown = self._shown(revision)
            choices = self._choices(consent, request.POST.getlist("choices"), shown)
            consent.decide(choices, shown=shown, occasion=occasion)
        else:
            message = gettext("there is no action “%s”; use accept-all, reject-all or save.")
            raise InvalidChoicesError({"action": message % action[:40]})

    @staticmethod
    def _occasion(request: HttpRequest) -> Occasion:
        """Return how this form came; a key that is none is none: it refuses nobody."""
        try:
            key = read_key(request.POST.get("key", ""))
        except ValueError:
            key = None
        return Occasion(Record.Source.FORM, request.POST.get("version", ""), key)

    @staticmethod
    def _shown(revision: str) -> int | None:
        """Return the revision that the form showed; a form of a site's own may not say it."""
        if not revision:
            return None
        if not _REVISION.fullmatch(revision):
            message = gettext("“%s” is no revision; load the page again.")
            raise InvalidChoicesError({"revision": message % revision[:40]})
        return int(revision)

    @staticmethod
    def _choices(consent: Consent, granted: list[str], shown: int | None) -> dict[str, bool]:
        """Return a choice for every category that was shown: a form sends only the ticked ones."""
        offered = (category for category in consent.policy.optional if category.was_shown(shown))
        refused = {category.key: False for category in offered}
        return {**refused, **dict.fromkeys(granted, True)}

    @staticmethod
    def _safe(request: HttpRequest, address: str) -> str:
        """Return ``address`` without its fragment if it is on this host, else nothing."""
        safe = url_has_allowed_host_and_scheme(
            address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )
        return address.partition("#")[0] if safe else ""

    def _page(
        self, request: HttpRequest, following: str, *, error: str = "", status: int = 200
    ) -> HttpResponse:
        consent = consent_of(request)
        context = {
            **policy_context(consent.policy),
            **choices_context(consent),
            "next": self._safe(request, following),
            "error": error,
            "key": uuid4(),
            # Called where the template writes it: one that does not gets it further down.
            "style": partial(consent_style, request),
        }
        response = render(request, self.template_name, context, status=status)
        add_never_cache_headers(response)
        return response
