"""The scripts and styles of one visitor or region that pages load."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils.cache import patch_cache_control
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from consent.conf import conf
from consent.models.legal_basis import basis_of
from consent.pages import delivery_mode, script_bundles
from consent.pages.inline import text_of
from consent.pages.notice import notice_for
from consent.pages.page import page_of
from consent.policy.versions import version_of
from consent.visitor import consent_of

SECONDS_PER_YEAR = 31_536_000
JAVASCRIPT = "text/javascript; charset=utf-8"

# Built of the sources with these names in consent/browser/.
_NOTICE_STYLE = text_of("notice_without_script.css")
_SIGNAL_STYLE = text_of("signal_without_script.css")


@require_safe
def tools(request: HttpRequest, version: str, grants: str) -> HttpResponse:
    """Return the script bundle that starts the tools of these grants.

    Any cache may keep it forever. At an address of another version of the policy, which the page of
    an older or newer process has, it is what this process knows, for a short time: a redirect could
    go round in a circle. An address that no present page can contain is not found (404).
    """
    policy = consent_of(request).policy
    selection = script_bundles.selection_of(policy, grants)
    name = script_bundles.bundle_name(selection) if selection is not None else ""
    if selection is None or not name or not delivery_mode().serves_bundles:
        return _not_found()
    is_current = version == policy.fingerprint
    if is_current and grants != name:
        return _not_found()
    response = HttpResponse(script_bundles.bundle(selection), content_type=JAVASCRIPT)
    if is_current:
        patch_cache_control(response, public=True, max_age=SECONDS_PER_YEAR, immutable=True)
    else:
        patch_cache_control(response, public=True, max_age=int(conf.POLICY_MAX_AGE))
    return response


def _not_found() -> HttpResponse:
    return HttpResponseNotFound("There are no such tools.\n", content_type="text/plain")


@require_safe
@never_cache
def region(request: HttpRequest) -> HttpResponse:
    """Return the script that adapts a page for everybody to the visitor's region.

    Pages load it if the policy has rules for regions and the visitor has not decided.
    """
    consent = consent_of(request)
    answer = {
        "data": {
            "regime": consent.regime,
            "runsFirst": "1" if basis_of(consent.regime).runs_first else "",
            "version": version_of(consent.policy, consent.regime).name,
        },
        "notice": notice_for(page_of(request), consent.regime),
    }
    headers = {"Cross-Origin-Resource-Policy": "same-origin"}
    script = script_bundles.call("settle", answer)
    return HttpResponse(script, content_type=JAVASCRIPT, headers=headers)


@require_safe
@never_cache
def notice(request: HttpRequest) -> HttpResponse:
    """Return the stylesheet that shows the notice, for cached pages without JavaScript.

    It is empty if the visitor does not have to be asked. Other websites may not load it, since they
    could learn from it whether the visitor has decided.
    """
    consent = consent_of(request)
    style = _NOTICE_STYLE if consent.must_ask else ""
    if consent.is_opted_out:
        style += _SIGNAL_STYLE
    headers = {"Cross-Origin-Resource-Policy": "same-origin"}
    return HttpResponse(style, content_type="text/css; charset=utf-8", headers=headers)
