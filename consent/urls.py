"""``path("consent/", include("consent.urls"))``."""

from __future__ import annotations

from django.urls import include, path

from consent import views

app_name = "consent"

urlpatterns = [
    path("preferences/", views.PreferencesView.as_view(), name="preferences"),
    path("policy/", views.PolicyView.as_view(), name="policy"),
    path("embed/", views.EmbedView.as_view(), name="embed"),
    path("receipts/", views.ReceiptsView.as_view(), name="receipts"),
    path("receipts/<uuid:receipt>/", views.ReceiptView.as_view(), name="receipt"),
    path("tools/<str:version>/<str:grants>.js", views.tools, name="tools"),
    path("notice.css", views.notice, name="notice"),
    path("region.js", views.region, name="region"),
    path("api/", include("consent.api.urls")),
]
