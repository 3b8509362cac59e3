"""The dashboard: how visitors decided, from the daily counters, which name nobody."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import Error
from django.http import HttpRequest, JsonResponse, QueryDict
from django.http.response import HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from consent.admin.base import Context, ReadOnlyAdmin, live_policy
from consent.admin.export_links import FORMATS, export_url, may_export
from consent.admin.figures import Figures
from consent.models import Counter
from consent.models.times import local_today
from consent.proof import status

DAYS_VAR = "days"
PERIODS = {7: _("7 days"), 30: _("30 days"), 90: _("90 days"), 365: _("12 months")}
USUAL = 30


@admin.register(Counter)
class CounterAdmin(ReadOnlyAdmin[Counter]):
    """Shows figures computed from the counters; a counter has no page of its own."""

    introduction = _(
        "How visitors decided, from counters that name nobody. Days are those of the website's "
        "time zone, as in exports."
    )

    def get_urls(self) -> list[URLPattern]:
        """Return the dashboard, and the figures for monitoring: no counter has its own page."""
        dashboard = self.admin_site.admin_view(self.changelist_view)
        status_view = self.admin_site.admin_view(self.status_view)
        return [
            path("", dashboard, name="consent_counter_changelist"),
            path("status/", status_view, name="consent_counter_status"),
        ]

    def status_view(self, request: HttpRequest) -> HttpResponse:
        """Return the figures of ``consent_status`` as JSON, and the ``problems``, if any.

        Of what waits in a process, those of the process that answers. The status is 503 if
        something needs attention, or if the database cannot be read.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            values, problems = status.report()
        except Error as error:
            values, problems = {}, [f"The database cannot be read: {error}"]
        answer = {**values, "problems": problems}
        return JsonResponse(answer, status=503 if problems else 200)

    def changelist_view(
        self, request: HttpRequest, extra_context: Context | None = None
    ) -> HttpResponse:
        """Show the figures of the last ``days``. Raises BadRequest for an unknown period."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get(DAYS_VAR, str(USUAL))
        days = next((days for days in PERIODS if str(days) == asked), None)
        if days is None:
            raise BadRequest(f"Unknown period: use one of {', '.join(map(str, PERIODS))} days.")
        context = {
            **self.admin_site.each_context(request),
            **live_policy(),
            "figures": Figures(days),
            "periods": [
                {"label": label, "query": f"?{DAYS_VAR}={each}", "is_shown": each == days}
                for each, label in PERIODS.items()
            ],
            "title": capfirst(str(self.opts.verbose_name_plural)),
            "introduction": self.introduction,
            "opts": self.opts,
            "exports": exports_of(days) if may_export(request) else [],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/consent/counter/dashboard.html", context)


def exports_of(days: int) -> list[tuple[str, str]]:
    """Return label and address of each export of the records of the last ``days``."""
    first = local_today() - timedelta(days=days - 1)
    selected = QueryDict(f"from={first.isoformat()}")
    return [(label, export_url(selected, key)) for key, label in FORMATS.items()]
