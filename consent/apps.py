"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsentConfig(AppConfig):
    """The app ``consent``: it connects receivers and registers checks when Django starts."""

    name = "consent"
    verbose_name = _("Website data collection")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect receivers and register checks, which need the loaded models."""
        from consent import checks
        from consent.policy import invalidation
        from consent.visitor import login_sync

        invalidation.connect()
        login_sync.connect()
        checks.register_all()
