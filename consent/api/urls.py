"""The API's addresses, included by :mod:`consent.urls`."""

from __future__ import annotations

from django.urls import path

from consent.api import views

urlpatterns = [
    path("policy/", views.PolicyView.as_view(), name="api-policy"),
    path("preferences/", views.PreferencesView.as_view(), name="api-preferences"),
    path("receipts/", views.ReceiptsView.as_view(), name="api-receipts"),
    path("receipts/<uuid:receipt>/", views.ReceiptView.as_view(), name="api-receipt"),
]
