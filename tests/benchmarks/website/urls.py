"""The pages that every website has."""

from django.urls import URLPattern, path

from tests.benchmarks.website import views

pages: list[URLPattern] = [
    path("", views.page, name="home"),
    path("async/", views.async_page),
    # Without the dialog, which lists every tool.
    path("parts/", views.page, {"base": "parts.html"}),
    # As long as a page with more tools.
    path("padded/<slug:visitor>/", views.page),
    path("about/", views.page, name="about"),
    path("offers/<slug:slug>/", views.page, name="offer"),
    path("places/<slug:place>/", views.page, name="place"),
]
