"""The Category: a purpose of data collection."""

from __future__ import annotations

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.models import fields
from consent.models.bulk_edits import DatedQuerySet
from consent.models.natural_keys import depends_on
from consent.models.policy import Policy
from consent.models.revision import Dated
from consent.models.translations import Translated
from consent.models.validators import validate_consent_types, validate_key
from consent.recipes.keys import CATEGORY_KEY_LENGTH, MAX_CATEGORIES


class CategoryQuerySet(DatedQuerySet["Category"]):
    """Queries for categories."""

    def get_by_natural_key(self, policy: str, key: str) -> Category:
        """Return the category ``key`` of ``policy`` (keys); raises Category.DoesNotExist."""
        return self.get(policy__key=policy, key=key)


@fields.named(_("category"), _("categories"))
class Category(Translated, Dated):
    """A purpose of data collection that a visitor allows or refuses as a whole."""

    MEANING = ("policy_id", "key", "purpose", "essential", "sale")
    WORDING = ("purpose",)
    TEXTS = ("name", "purpose")

    policy = fields.ForeignKey(
        Policy, on_delete=models.CASCADE, related_name="categories", verbose_name=_("policy")
    )
    key = fields.CharField(
        _("key"),
        max_length=CATEGORY_KEY_LENGTH,
        validators=[validate_key],
        help_text=_("Names the category in templates and in the visitor's choice; keep it."),
    )
    name = fields.CharField(_("name"), max_length=80)
    purpose = fields.TextField(_("purpose"), help_text=_("What the data is collected for."))
    essential = fields.BooleanField(
        _("essential"),
        default=False,
        help_text=_("The website cannot work without it: it always runs and cannot be refused."),
    )
    sale = fields.BooleanField(
        _("sold or shared"),
        default=False,
        help_text=_(
            "Its data goes to others for money or for advertising: a visitor whose browser sends "
            "Global Privacy Control has opted out of it."
        ),
    )
    consent_types = fields.CharField(
        _("signals to Google"),
        max_length=200,
        blank=True,
        validators=[validate_consent_types],
        help_text=_("What Google's Consent Mode calls what visitors allow here."),
    )
    order = fields.PositiveSmallIntegerField(_("order"), default=0)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        ordering = ("policy", "order", "pk")
        constraints = (
            models.UniqueConstraint(fields=("policy", "key"), name="consent_category_key"),
            models.CheckConstraint(condition=Q(since__gte=1), name="consent_category_since"),
        )

    def __str__(self) -> str:
        return self.name

    @depends_on("consent.policy")
    def natural_key(self) -> tuple[str, str]:
        """Return what names the category across databases."""
        return (self.policy.key, self.key)

    def owner(self) -> Policy:
        """Return its policy."""
        return self.policy

    def validate_unique(self, exclude: Collection[str] | None = None) -> None:
        """Also refuse a key that a tool has; only where the key is looked at, as in a form."""
        super().validate_unique(exclude)
        if "key" in (exclude or ()) or self.policy_id is None:
            return
        if Policy.objects.filter(pk=self.policy_id, tools__key=self.key).exists():
            raise ValidationError(
                {"key": gettext("A tool has the key “%s” already; choose another.") % self.key}
            )

    def clean(self) -> None:
        """Refuse more optional categories than a cookie holds."""
        if self.policy_id is None:
            return
        others = Category.objects.filter(policy=self.policy_id, essential=False)
        if not self.essential and others.exclude(pk=self.pk).count() >= MAX_CATEGORIES:
            raise ValidationError(
                gettext("A policy has at most %d categories that are not essential; merge some.")
                % MAX_CATEGORIES
            )
