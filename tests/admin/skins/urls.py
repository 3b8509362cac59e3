"""The demo site's URLs, and those of a skin that has some."""

from django.conf import settings
from django.urls import include, path

from demo_site.urls import urlpatterns as demo

urlpatterns = [*demo]
if settings.SKIN == "grappelli":
    urlpatterns = [path("grappelli/", include("grappelli.urls")), *urlpatterns]
