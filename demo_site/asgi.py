"""The demo site as an ASGI application."""

import os

from django.core.asgi import get_asgi_application

from consent.asgi import with_lifespan

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_site.settings")

application = with_lifespan(get_asgi_application())
