"""The configuration of the app ``consent.findings``."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FindingsConfig(AppConfig):
    """Joins the app to `consent`, which does not import it, by registries."""

    name = "consent.findings"
    label = "consent_findings"
    verbose_name = _("Findings on the website")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register checks and what is purged; they need the models."""
        from consent.findings import checks, retention

        retention.register()
        checks.register_all()
