"""The RegionRule: what holds before a visitor chooses, in some regions."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consent.models.policy import Policy
from consent.models.validators import validate_regions


class RegionRule(models.Model):
    """Which regime holds in some regions. Of a policy's rules the first that fits counts."""

    policy = models.ForeignKey(
        Policy, on_delete=models.CASCADE, related_name="region_rules", verbose_name=_("policy")
    )
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    regions = models.CharField(
        _("regions"),
        max_length=1_000,
        validators=[validate_regions],
        help_text=_(
            "Countries (DE), their parts (US-CA) and groups (EEA, US-OPT-OUT), with spaces between."
        ),
    )
    regime = models.CharField(
        _("before a visitor chooses"), max_length=16, choices=Policy.Regime.choices
    )

    class Meta:
        verbose_name = _("rule for regions")
        verbose_name_plural = _("rules for regions")
        # Whoever may edit the policy may edit them.
        default_permissions = ()
        ordering = ("policy", "order", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(regime__in=["opt_in", "implied", "notice_only"]),
                name="consent_rule_regime",
            ),
        )

    def __str__(self) -> str:
        return f"{self.regions}: {self.regime}"

    def save(self, **kwargs: Any) -> None:
        """Save, and move the policy's ``changed_at``."""
        with transaction.atomic():
            self.policy.touch()
            super().save(**kwargs)
