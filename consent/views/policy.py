"""The policy's own page, and the statement that Global Privacy Control is honoured."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView

from consent.models.times import to_utc
from consent.pages.page import page_of
from consent.pages.template_data import policy_data
from consent.visitor import consent_of

SECONDS_PER_DAY = 86_400


class PolicyView(TemplateView):
    """The page that shows the policy, for sites that have none of their own."""

    template_name = "consent/policy_page.html"

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        """Add the policy in the active language."""
        page = page_of(self.request)
        context = policy_data(page.policy, page.policy.strictest)
        return super().get_context_data(**{**context, **kwargs, "next": self.request.path})


@require_safe
def gpc(request: HttpRequest) -> JsonResponse:
    """Return ``/.well-known/gpc.json``: that this website honours Global Privacy Control.

    Mount it there: ``path(".well-known/gpc.json", consent.views.gpc)``. ``lastUpdate`` is the day
    (UTC) of the policy's last change. https://www.w3.org/TR/gpc/#gpc-support-resource
    """
    stamp = consent_of(request).policy.stamp
    answer: dict[str, object] = {"gpc": True}
    if stamp is not None:
        answer["lastUpdate"] = to_utc(stamp[1]).date().isoformat()
    response = JsonResponse(answer)
    patch_cache_control(response, public=True, max_age=SECONDS_PER_DAY)
    return response
