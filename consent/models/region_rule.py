"""The RegionRule: what holds before a visitor chooses, in some regions."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from consent.models import fields, legal_basis
from consent.models.bulk_edits import BulkEditQuerySet
from consent.models.policy import Policy
from consent.models.validators import validate_regions

USUAL_RULES: tuple[tuple[str, str], ...] = (("EEA GB CH", "opt_in"), ("US-OPT-OUT", "implied"))
"""The rules that most websites begin with: regions, and the regime there.

Consent is asked for first where Article 5(3) of the ePrivacy Directive, regulation 6 of the UK's
PECR or Switzerland's practice requires it; in the United States the states' laws require an
opt-out.
"""


class RegionRuleQuerySet(BulkEditQuerySet["RegionRule"]):
    """Queries for region rules."""


@fields.named(_("rule for regions"), _("rules for regions"))
class RegionRule(models.Model):
    """Which regime holds in some regions. Of a policy's rules the first that fits counts."""

    policy = fields.ForeignKey(
        Policy, on_delete=models.CASCADE, related_name="region_rules", verbose_name=_("policy")
    )
    order = fields.PositiveSmallIntegerField(_("order"), default=0)
    regions = fields.CharField(
        _("regions"),
        max_length=1_000,
        validators=[validate_regions],
        help_text=_(
            "Countries (DE), their parts (US-CA) and groups (EEA, US-OPT-OUT), with spaces between."
        ),
    )
    regime = fields.CharField(
        _("before a visitor chooses"), max_length=16, choices=legal_basis.choices
    )

    objects = RegionRuleQuerySet.as_manager()

    class Meta:
        # Whoever may edit the policy may edit them.
        default_permissions = ()
        ordering = ("policy", "order", "pk")

    def __str__(self) -> str:
        return f"{self.regions}: {self.regime}"

    def save(self, **kwargs: Any) -> None:
        """Save, and move the policy's ``changed_at``."""
        with transaction.atomic():
            self.policy.touch()
            super().save(**kwargs)
