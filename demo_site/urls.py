"""The pages of Oddersay Ferry, the consent app and the admin."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from consent.views import PolicyView, gpc
from demo_site import views

urlpatterns = [
    path("", views.home, name="home"),
    path("journal/", views.journal, name="journal"),
    path("contact/", views.contact, name="contact"),
    path("contact/thanks/", views.thanks, name="thanks"),
    # The app's own view with the ferry's template.
    path("policy/", PolicyView.as_view(template_name="demo_site/policy.html"), name="policy"),
    path("privacy/", views.privacy, name="privacy"),
    path("csp/", views.csp, name="csp"),
    path("panel/", views.panel, name="panel"),
    path("look-up/", views.look_up, name="look-up"),
    # Declares that this site supports Global Privacy Control.
    path(".well-known/gpc.json", gpc, name="gpc"),
    path("consent/", include("consent.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("admin/", admin.site.urls),
]
