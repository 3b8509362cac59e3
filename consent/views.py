"""The preferences page and the policy page: all that a visitor needs without JavaScript."""

from __future__ import annotations

import json
import re
from functools import partial
from html import escape
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotFound,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
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

from consent.conf import conf
from consent.models import Record
from consent.models.times import to_utc
from consent.pages import embeds, script_bundles
from consent.pages.contexts import choices_context, policy_context, receipt_context, texts_context
from consent.pages.page import is_cacheable, page_of
from consent.pages.tags import consent_style
from consent.policy.versions import version_of
from consent.proof import receipts
from consent.proof.recording import Occasion, read_key
from consent.visitor import consent_of
from consent.visitor.consent import (
    Consent,
    InvalidChoicesError,
    NotRecordedError,
    PolicyUnavailableError,
)
from consent.visitor.same_origin import same_origin

STATUS = "#dcp-status"
# Seconds: what caches are told of what never changes.
YEAR = 31_536_000
DAY = 86_400
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
        page = page_of(self.request)
        context = policy_context(page.policy, page.policy.strictest)
        return super().get_context_data(**{**context, **kwargs, "next": self.request.path})


@require_safe
def tools(request: HttpRequest, version: str, grants: str) -> HttpResponse:
    """Return the script bundle that starts the tools of these grants.

    Kept by every cache forever: an address of another version of the policy is answered with 302 to
    the one of now, and one that no page of now can have with 404.
    """
    policy = consent_of(request).policy
    selection = script_bundles.select(policy, grants)
    name = script_bundles.grants(selection) if selection is not None else ""
    if selection is None or not name or not is_cacheable():
        return _not_found()
    if version != policy.fingerprint:
        response: HttpResponse = HttpResponseRedirect(script_bundles.address(policy, name))
        patch_cache_control(response, public=True, max_age=int(conf.POLICY_MAX_AGE))
        return response
    if grants != name:
        return _not_found()
    script = script_bundles.script(selection)
    response = HttpResponse(script, content_type="text/javascript; charset=utf-8")
    patch_cache_control(response, public=True, max_age=YEAR, immutable=True)
    return response


def _not_found() -> HttpResponse:
    return HttpResponseNotFound("There are no such tools.\n", content_type="text/plain")


@require_safe
@never_cache
def region(request: HttpRequest) -> HttpResponse:
    """Return the script that tells a page for everybody what holds in the visitor's region.

    Pages load it where that depends on the region and the visitor has not decided.
    """
    consent = consent_of(request)
    told = {
        "data": {
            "regime": consent.regime,
            "version": version_of(consent.policy, consent.regime).name,
        },
        "notice": page_of(request).notice(consent.regime),
    }
    headers = {"Cross-Origin-Resource-Policy": "same-origin"}
    script = f"consent.settle({json.dumps(told)});\n"
    return HttpResponse(script, content_type="text/javascript; charset=utf-8", headers=headers)


@require_safe
def gpc(request: HttpRequest) -> JsonResponse:
    """Return ``/.well-known/gpc.json``: that this website honours Global Privacy Control.

    Mount it there: ``path(".well-known/gpc.json", consent.views.gpc)``. ``lastUpdate`` is the day
    (UTC) of the policy's last change. https://www.w3.org/TR/gpc/#gpc-support-resource
    """
    stamp = consent_of(request).policy.stamp
    answer: dict[str, Any] = {"gpc": True}
    if stamp is not None:
        answer["lastUpdate"] = to_utc(stamp[1]).date().isoformat()
    response = JsonResponse(answer)
    patch_cache_control(response, public=True, max_age=DAY)
    return response


# And keeps room for it at the page's end, as choice.css does. The preferences page asks already.
_SHOWN_NOTICE = (
    "html:not(:has(.dcp-sheet)){padding-bottom:max(14rem,33vh + 4.5rem)}"
    "html:not(:has(.dcp-sheet)) .dcp-notice[hidden]{display:flex!important}"
)


_SHOWN_SIGNAL = ".dcp-notice .dcp-gpc[hidden]{display:block!important}"


@require_safe
@never_cache
def notice(request: HttpRequest) -> HttpResponse:
    """Return the stylesheet that shows the notice, for cached pages without JavaScript.

    Empty where the visitor has not to be asked. No other website may find out by it.
    """
    consent = consent_of(request)
    rule = _SHOWN_NOTICE if consent.must_ask else ""
    if consent.is_opted_out:
        rule += _SHOWN_SIGNAL
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
        told = texts_context(consent.policy, consent.policy.strictest)
        return super().get_context_data(**told, style=style, **kwargs)


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


@method_decorator(csrf_exempt, name="dispatch")
class EmbedView(_OwnView):
    """One embed on a page of its own: what “Load once” shows without JavaScript. Stores nothing.

    POST takes what the placeholder's form says: ``tool``, ``title``, ``ratio`` and the parameters,
    with `consent.pages.embeds.PREFIX`; it answers 400 or 403 with a reason where it shows nothing.
    GET shows nothing, with 405: no link may make a visitor load what a stranger chose.
    """

    template_name = "consent/embed_page.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say that there is nothing to see."""
        reason = gettext("Nothing was loaded: this page only shows what another page asks it for.")
        response = self._answer(reason, 405)
        response.headers["Allow"] = "POST, OPTIONS"
        return response

    def post(self, request: HttpRequest) -> HttpResponse:
        """Show the embed."""
        if not same_origin(request):
            reason = gettext("Nothing was loaded: this form was not sent from a page of this site.")
            return self._answer(reason, 403)
        key = request.POST.get("tool", "")
        tool = consent_of(request).policy.tools.get(key)
        if tool is None or tool.embed is None:
            return self._answer(gettext("Nothing was loaded: it is no longer offered here."), 400)
        form = request.POST
        start = len(embeds.PREFIX)
        values = {name[start:]: form[name] for name in form if name.startswith(embeds.PREFIX)}
        try:
            shown = embeds.Shown.read(tool.embed, form.get("title"), form.get("ratio"), values)
        except ValueError as error:
            return self._answer(gettext("Nothing was loaded: %s") % error, 400)
        return self._answer("", 200, title=shown.title, embed=embeds.loaded(request, key, shown))

    def _answer(self, error: str, status: int, **context: Any) -> HttpResponse:
        following = _local(self.request, self.request.POST.get("next", ""))
        # Where the page's other forms lead back to: nobody can come back to this one.
        consent_of(self.request).address = escape(following or reverse("consent:preferences"))
        context = self.get_context_data(error=error, following=following, **context)
        return self.render_to_response(context, status=status)


# No CSRF token is needed: see consent.visitor.same_origin. The record has to be committed
# before the answer says so.
@method_decorator([csrf_exempt, transaction.non_atomic_requests], name="dispatch")
class PreferencesView(View):
    """The page where a visitor chooses, and what every form of the app posts to.

    GET shows the visitor's choices. POST takes ``action`` (accept-all, reject-all, save or allow),
    with save ``choices`` (the keys of the categories that are granted, one each), with allow
    ``choices`` (those that are granted beside what was) and ``tools`` (keys of tools in them that
    are refused no longer), and ``next`` (a local address to go to);
    it answers 303, or 400, 403 or 503 with the page and the reason.
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
        address = _local(request, following) or reverse("consent:preferences")
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
            if "tool_choices" in request.POST:
                ticked = request.POST.getlist("tools")
                choices |= self._tool_choices(consent, ticked, choices, shown)
            consent.decide(choices, shown=shown, occasion=occasion)
        elif action == "allow":
            allowed = self._allowed(consent, request.POST)
            shown = self._shown(revision)
            consent.decide(allowed, partial=True, shown=shown, occasion=occasion)
        else:
            message = gettext("there is no action “%s”; use accept-all, reject-all, save or allow.")
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
    def _allowed(consent: Consent, form: QueryDict) -> dict[str, bool]:
        """Return a grant of what is named, which must be something."""
        granted = form.getlist("choices")
        if not granted:
            message = gettext("nothing says what to allow; name a category in “choices”.")
            raise InvalidChoicesError({"choices": message})
        again = [key for key in form.getlist("tools") if key in consent.refused_tools]
        return dict.fromkeys([*granted, *again], True)

    @staticmethod
    def _choices(consent: Consent, granted: list[str], shown: int | None) -> dict[str, bool]:
        """Return a choice for every category that was shown: a form sends only the ticked ones."""
        offered = (category for category in consent.policy.optional if category.was_shown(shown))
        refused = {category.key: False for category in offered}
        return {**refused, **dict.fromkeys(granted, True)}

    @staticmethod
    def _tool_choices(
        consent: Consent, ticked: list[str], choices: dict[str, bool], shown: int | None
    ) -> dict[str, bool]:
        """Return a choice for every tool that was shown with a box, in what was granted."""
        return {
            tool.key: tool.key in ticked
            for category in consent.policy.optional
            if choices.get(category.key)
            for tool in category.tools
            if shown is None or tool.since <= shown
        }

    def _page(
        self, request: HttpRequest, following: str, *, error: str = "", status: int = 200
    ) -> HttpResponse:
        consent = consent_of(request)
        context = {
            **policy_context(consent.policy, consent.regime),
            **choices_context(consent),
            "next": _local(request, following),
            "error": error,
            "key": uuid4(),
            # Called where the template writes it: one that does not gets it further down.
            "style": partial(consent_style, request),
        }
        response = render(request, self.template_name, context, status=status)
        add_never_cache_headers(response)
        return response


def _local(request: HttpRequest, address: str) -> str:
    """Return ``address`` without its fragment if it is on this host, else nothing."""
    safe = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address.partition("#")[0] if safe else ""
