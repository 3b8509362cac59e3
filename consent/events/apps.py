"""The configuration of the app ``consent.events``."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    """Joins the app to `consent`, which does not import it: by signals and registries."""

    name = "consent.events"
    label = "consent_events"
    verbose_name = _("Events for server-side tools")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect receivers, validators and checks; they need the models."""
        from consent.events import checks, decisions, endpoints, erasure, retention, status

        decisions.connect()
        endpoints.register()
        erasure.register()
        retention.register()
        status.register()
        checks.register_all()
