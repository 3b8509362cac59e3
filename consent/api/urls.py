"""The API's addresses, included by :mod:`consent.urls`."""

from __future__ import annotations

from django.urls import path

from consent.api.lazy import LazyView

urlpatterns = [
    path("policy/", LazyView("PolicyView"), name="api-policy"),
    path("preferences/", LazyView("PreferencesView"), name="api-preferences"),
    path("receipts/", LazyView("ReceiptsView"), name="api-receipts"),
    path("receipts/<uuid:receipt>/", LazyView("ReceiptView"), name="api-receipt"),
]
