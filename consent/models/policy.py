"""The Policy: a site's texts, what holds before a visitor chooses, and its revision."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.models import default_texts, fields, legal_basis
from consent.models.controller import NAME as CONTROLLER
from consent.models.controller import Controlled
from consent.models.primary import primary
from consent.models.revision import Revised
from consent.models.translations import Translated, site_language, validate_language
from consent.models.validators import validate_address, validate_hosts, validate_key


class PolicyQuerySet(models.QuerySet["Policy"]):
    """Queries for policies."""

    def in_use(self) -> Self:
        """Return the active ones, the one that counts first; there should be one."""
        return self.filter(is_default=True).order_by("pk")

    def followed(self) -> Self:
        """Return those that any host follows: the active one first, then those with hosts."""
        return self.filter(Q(is_default=True) | ~Q(hosts="")).order_by("-is_default", "pk")

    def default(self) -> Policy | None:
        """Return the default policy (the oldest, should there wrongly be several), or None."""
        return self.in_use().first()

    def stop_tools(self) -> int:
        """Stop all optional tools of these policies, and return of how many that was new.

        Visitors keep their choices, and are not asked again once `start_tools` starts them.
        """
        return self.filter(stopped_at=None).update(stopped_at=timezone.now())

    def start_tools(self) -> int:
        """Start the tools again that `stop_tools` stopped, where visitors allow them."""
        return self.filter(stopped_at__isnull=False).update(stopped_at=None)

    def update(self, **values: object) -> int:
        """Do what Django's does, and move ``changed_at``, by which other processes notice it.

        Another controller is a new receiver of the data: every visitor is asked again.
        """
        values = {"changed_at": timezone.now(), **values}
        if CONTROLLER not in values:
            return super().update(**values)
        with transaction.atomic(using=self.db):
            before = dict(self.order_by().values_list("pk", CONTROLLER))
            changed = super().update(**values)
            for policy in Policy.objects.using(self.db).filter(pk__in=before):
                if before[policy.pk] and before[policy.pk] != policy.controller_name:
                    policy.outdate_decisions()
        return changed

    def get_by_natural_key(self, key: str) -> Policy:
        """Return the policy whose key is ``key``; raises Policy.DoesNotExist."""
        return self.get(key=key)


@fields.named(_("policy"), _("policies"))
class Policy(Translated, Controlled, Revised):
    """A site's Website Data Collection Policy: its texts, its regime, its revision.

    ``regime``: the key of the legal basis where no region rule fits (see `legal_basis`).
    ``language``: the one that its texts, and those of its categories, tools and cookies, are in.
    """

    NAMES = ("controller_name", "controller_address", "controller_contact")
    TEXTS = ("name", "notice_text", "introduction", "explanation", *NAMES)

    key = fields.CharField(
        _("key"), max_length=40, unique=True, default="default", validators=[validate_key]
    )
    name = fields.CharField(_("title"), max_length=120, default=default_texts.policy_name)
    language = fields.CharField(
        _("language of the texts"),
        max_length=35,
        default=site_language,
        validators=[validate_language],
        help_text=_("Of the texts here and in the categories, tools and cookies."),
    )
    is_default = fields.BooleanField(
        _("active"), default=False, help_text=_("The website follows the active policy.")
    )
    regime = fields.CharField(
        _("before a visitor chooses"),
        max_length=16,
        choices=legal_basis.choices,
        default=legal_basis.OPT_IN,
        help_text=_("Many laws, such as those of the European Union, require the first."),
    )
    lifetime_days = fields.PositiveSmallIntegerField(
        _("keep a choice for (days)"),
        default=182,
        validators=[MinValueValidator(1), MaxValueValidator(395)],
        help_text=_("Then the visitor is asked again. Regulators advise about six months."),
    )
    notice_text = fields.TextField(
        _("text of the notice"),
        default=default_texts.notice,
        help_text=_(
            "Two or three plain sentences: what is collected and why, that other companies are "
            "involved, how long the choice is kept ({lifetime} stands for it) and where it can "
            "be changed."
        ),
    )
    introduction = fields.TextField(
        _("introduction of the policy page"),
        default=default_texts.introduction,
        blank=True,
        help_text=_("An empty line starts a paragraph; {lifetime} stands for how long."),
    )
    explanation = fields.TextField(
        _("how data is collected"), default=default_texts.explanation, blank=True
    )
    policy_url = fields.CharField(
        _("address of the policy page"),
        max_length=300,
        blank=True,
        validators=[validate_address],
        help_text=_("Leave empty for the page that this app provides."),
    )
    privacy_url = fields.CharField(
        _("address of the privacy policy"),
        max_length=300,
        blank=True,
        validators=[validate_address],
        help_text=_("Linked from the policy page where given."),
    )
    hosts = fields.TextField(
        _("hosts"),
        blank=True,
        validators=[validate_hosts],
        help_text=_(
            "Only for a website with several policies: the hosts that follow this one, such as "
            "shop.example.com, or .example.com with all below it; one a line."
        ),
    )
    # When all its optional tools were stopped; no new revision, so that nobody is asked again.
    stopped_at = fields.DateTimeField(
        _("optional tools stopped at"), null=True, blank=True, editable=False
    )
    tool_choices = fields.BooleanField(
        _("let visitors refuse single tools"),
        default=False,
        help_text=_("Then each tool of a category that they allow has a box of its own."),
    )
    wait_for_update = fields.PositiveSmallIntegerField(
        _("wait for the choice (milliseconds)"),
        default=500,
        validators=[MaxValueValidator(10_000)],
        help_text=_("How long Google's tags wait for the visitor's choice."),
    )
    ads_data_redaction = fields.BooleanField(
        _("redact advertising data"),
        default=True,
        help_text=_("Without consent to advertising, Google's tags leave out identifiers of ads."),
    )
    url_passthrough = fields.BooleanField(
        _("pass identifiers on in addresses"),
        default=False,
        help_text=_(
            "Google's tags write identifiers of ads into the addresses of links where cookies "
            "are refused. Ask your lawyer first."
        ),
    )

    objects = PolicyQuerySet.as_manager()

    class Meta:
        ordering = ("-is_default", "name")
        constraints = (
            models.UniqueConstraint(
                fields=("is_default",),
                condition=Q(is_default=True),
                name="consent_policy_one_default",
            ),
            models.CheckConstraint(condition=Q(revision__gte=1), name="consent_policy_revision"),
            models.CheckConstraint(
                condition=Q(lifetime_days__gte=1, lifetime_days__lte=395),
                name="consent_policy_lifetime",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def save(self, **kwargs: Any) -> None:
        """Save; an active policy replaces the one that was active.

        Then every visitor is asked again: what they agreed to was the other one. So they are when
        another controller takes the place of the one that was named.
        """
        self.changed_at = timezone.now()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "changed_at"}
        with transaction.atomic():
            outdated = bool(self.is_default and self._replace())
            if self._state.adding:
                self._issue([], least=self.revision)
            else:
                self.touch()
                stored = primary(Policy).filter(pk=self.pk)
                outdated = self.has_other_controller(stored, kwargs) or outdated
                self._keep_revision(kwargs)
            super().save(**kwargs)
            if outdated:
                self.outdate_decisions()

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Do not mind another policy that is in use: `save` takes that out of use."""
        super().validate_constraints({*(exclude or ()), "is_default"})

    def get_absolute_url(self) -> str:
        """Return the address of the page that shows the policy."""
        return self.policy_url or reverse("consent:policy")

    @property
    def host_list(self) -> list[str]:
        """The hosts that follow it alone, in small letters."""
        return self.hosts.lower().split()

    def natural_key(self) -> tuple[str]:
        """Return what names the policy across databases."""
        return (self.key,)

    def _replace(self) -> int:
        """Take the other policies out of use, and return how many were in it."""
        others = Policy.objects.filter(is_default=True).exclude(pk=self.pk)
        return others.update(is_default=False, changed_at=self.changed_at)

    def outdate_decisions(self) -> None:
        """Go beyond every revision that a visitor's cookie may name."""
        self.raise_revision()
        self.categories.update(since=self.revision)
        self.tools.update(since=self.revision)
