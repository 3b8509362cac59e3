"""``path("consent/findings/", include("consent.findings.urls"))``."""

from __future__ import annotations

from django.urls import path

from consent.findings.views import take_reports

app_name = "consent_findings"

urlpatterns = [path("reports/", take_reports, name="reports")]
