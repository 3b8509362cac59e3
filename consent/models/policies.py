"""Policy, Category, Tool and Cookie: what a site's owner edits.

Rules live on the models, queries on the QuerySets. Every change moves ``Policy.changed_at``, so
that other processes notice it; a change that a visitor must be told of also raises
``Policy.revision`` and stamps ``since``, under the lock of the policy's row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent import regions
from consent.events import endpoints
from consent.models import default_texts
from consent.recipes import CONSENT_TYPES, Recipe, RecipeError, catalogue, csp_sources, snippets
from consent.recipes.keys import CATEGORY_KEY_LENGTH, KEY, MAX_CATEGORIES

validate_key = RegexValidator(
    rf"\A{KEY}\Z",
    _("“%(value)s” is no key: use small letters, digits and single hyphens, such as live-chat."),
)
validate_address = RegexValidator(
    r"\A(?:/(?![/\\])|https?://)[^\s\\]*\Z",
    _("“%(value)s” is no address: start it with / for a page of this site, or with https://."),
)
validate_pattern = RegexValidator(
    # A pattern needs two characters of its own: * or _* would match what is somebody else's.
    r"\A(?=.*[^*]{2}|[^*]+\Z)[^\s;,=\"\\<>]+\Z",
    _(
        "“%(value)s” is no cookie name: use the name itself, with * for a part that varies, "
        "such as _ga_*."
    ),
)


def validate_hosts(value: str) -> None:
    """Refuse what is no name of a host, nor a dot and a domain."""
    for host in value.split():
        if not _HOST.fullmatch(host):
            message = _(
                "“%(value)s” is no host: write its name without https:// and without a path, such "
                "as shop.example.com."
            )
            raise ValidationError(message, params={"value": host})


def validate_regions(value: str) -> None:
    """Refuse what names no region, and no group of regions."""
    for code in regions.unknown(value):
        if code in regions.MEANT:
            message = _("“%(value)s” is no region: write %(meant)s.")
            params = {"value": code, "meant": regions.MEANT[code]}
            raise ValidationError(message, params=params)
        message = _(
            "“%(value)s” is no region: write the two letters of a country (DE), a country and its "
            "part (US-CA), or one of: %(groups)s."
        )
        groups = ", ".join(regions.GROUPS)
        raise ValidationError(message, params={"value": code, "groups": groups})


def validate_consent_types(value: str) -> None:
    """Refuse what is none of the types of Google's Consent Mode, or is there twice."""
    names = value.split()
    for name in names:
        if name not in CONSENT_TYPES or names.count(name) > 1:
            message = _("“%(value)s” is no signal, or is there twice; there are: %(known)s.")
            known = ", ".join(CONSENT_TYPES)
            raise ValidationError(message, params={"value": name, "known": known})


_HOST = re.compile(
    r"\.?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.I
)


class PolicyQuerySet(models.QuerySet["Policy"]):
    """Queries for policies."""

    def in_use(self) -> Self:
        """Return those in use, the one that counts first; there should be one."""
        return self.filter(is_default=True).order_by("pk")

    def followed(self) -> Self:
        """Return those that any host follows: the one in use first, then those with hosts."""
        return self.filter(Q(is_default=True) | ~Q(hosts="")).order_by("-is_default", "pk")

    def default(self) -> Policy | None:
        """Return the default policy (the oldest, should there wrongly be several), or None."""
        return self.in_use().first()

    def get_by_natural_key(self, key: str) -> Policy:
        """Return the policy whose key is ``key``; raises Policy.DoesNotExist."""
        return self.get(key=key)


class Policy(models.Model):
    """A site's Website Data Collection Policy: its texts, its regime, its revision."""

    class Regime(models.TextChoices):
        """What holds while a visitor has not chosen."""

        OPT_IN = "opt_in", _("Nothing optional runs until the visitor agrees")
        IMPLIED = "implied", _("Optional tools run until the visitor refuses")
        NOTICE_ONLY = "notice_only", _("Optional tools run; visitors are told, not asked")

    key = models.CharField(
        _("key"), max_length=40, unique=True, default="default", validators=[validate_key]
    )
    name = models.CharField(_("title"), max_length=120, default=default_texts.POLICY_NAME)
    is_default = models.BooleanField(
        _("in use"), default=True, help_text=_("The website follows the policy that is in use.")
    )
    regime = models.CharField(
        _("before a visitor chooses"),
        max_length=16,
        choices=Regime.choices,
        default=Regime.OPT_IN,
        help_text=_("Many laws, such as those of the European Union, require the first."),
    )
    lifetime_days = models.PositiveSmallIntegerField(
        _("keep a choice for (days)"),
        default=182,
        validators=[MinValueValidator(1), MaxValueValidator(395)],
        help_text=_("Then the visitor is asked again. Regulators advise about six months."),
    )
    notice_text = models.TextField(
        _("text of the notice"),
        default=default_texts.NOTICE,
        help_text=_(
            "Two or three plain sentences: what is collected and why, that other companies are "
            "involved, how long the choice is kept ({lifetime} stands for it) and where it can "
            "be changed."
        ),
    )
    introduction = models.TextField(
        _("introduction of the policy page"),
        default=default_texts.INTRODUCTION,
        blank=True,
        help_text=_("An empty line starts a paragraph; {lifetime} stands for how long."),
    )
    explanation = models.TextField(
        _("how data is collected"), default=default_texts.EXPLANATION, blank=True
    )
    policy_url = models.CharField(
        _("address of the policy page"),
        max_length=300,
        blank=True,
        validators=[validate_address],
        help_text=_("Leave empty for the page that this app provides."),
    )
    privacy_url = models.CharField(
        _("address of the privacy policy"),
        max_length=300,
        blank=True,
        validators=[validate_address],
        help_text=_("Linked from the policy page where given."),
    )
    hosts = models.TextField(
        _("hosts"),
        blank=True,
        validators=[validate_hosts],
        help_text=_(
            "Only for a website with several policies: the hosts that follow this one, such as "
            "shop.example.com, or .example.com with all below it; one a line."
        ),
    )
    tool_choices = models.BooleanField(
        _("let visitors refuse single tools"),
        default=False,
        help_text=_("Then each tool of a category that they allow has a box of its own."),
    )
    wait_for_update = models.PositiveSmallIntegerField(
        _("wait for the choice (milliseconds)"),
        default=500,
        validators=[MaxValueValidator(10_000)],
        help_text=_("How long Google's tags wait to be told what the visitor allows."),
    )
    ads_data_redaction = models.BooleanField(
        _("redact advertising data"),
        default=True,
        help_text=_("Without consent to advertising, Google's tags leave out identifiers of ads."),
    )
    url_passthrough = models.BooleanField(
        _("pass identifiers on in addresses"),
        default=False,
        help_text=_(
            "Google's tags write identifiers of ads into the addresses of links where cookies "
            "are refused. Ask your lawyer first."
        ),
    )
    revision = models.PositiveIntegerField(
        _("revision"),
        default=1,
        editable=False,
        help_text=_("Rises with every change that visitors must be told of."),
    )
    changed_at = models.DateTimeField(_("changed at"), default=timezone.now, editable=False)

    # Within `one_revision`: the revision that all share, 0 until it is raised.
    _shared: int | None = None

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ("-is_default", "name")
        constraints = (
            models.CheckConstraint(
                condition=Q(regime__in=["opt_in", "implied", "notice_only"]),
                name="consent_policy_regime",
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
        """Save; a policy that is in use takes over from the one that was.

        Then every visitor is asked again: what they agreed to was the other one.
        """
        self.changed_at = timezone.now()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "changed_at"}
        with transaction.atomic():
            replaced = self.is_default and self._replace()
            if self.pk and not self._state.adding:
                self._keep_revision(kwargs)
            super().save(**kwargs)
            if replaced:
                self._outdate_decisions()

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

    def _outdate_decisions(self) -> None:
        """Go beyond every revision that a visitor's cookie may name."""
        highest = Policy.objects.aggregate(highest=models.Max("revision"))["highest"]
        self.revision = highest + 1
        Policy.objects.filter(pk=self.pk).update(revision=self.revision)
        self.categories.update(since=self.revision)
        self.tools.update(since=self.revision)

    def _keep_revision(self, kwargs: dict[str, Any]) -> None:
        """Leave the revision to `raise_revision`: an editor's form holds an older one."""
        if kwargs.get("update_fields") is None and not kwargs.get("force_insert"):
            kwargs["update_fields"] = [
                column.name
                for column in self._meta.concrete_fields
                if not column.primary_key and column.name != "revision"
            ]

    def touch(self) -> None:
        """Move ``changed_at``, which also locks the policy's row until the transaction ends."""
        self.changed_at = timezone.now()
        Policy.objects.filter(pk=self.pk).update(changed_at=self.changed_at)

    def raise_revision(self) -> int:
        """Raise the revision by one, safe under several editors at once, and return the new one.

        To be called in a transaction: the row stays locked until it ends, so each caller reads
        back the number that is its own. Within `one_revision` only the first call raises it.
        """
        if self._shared:
            return self._shared
        row = Policy.objects.filter(pk=self.pk)
        row.update(revision=F("revision") + 1, changed_at=timezone.now())
        self.revision = row.values_list("revision", flat=True).get()
        if self._shared is not None:
            self._shared = self.revision
        return self.revision

    @contextmanager
    def one_revision(self) -> Iterator[None]:
        """Let all that is saved meanwhile, with this very instance as its policy, share one.

        For many edits that are one change to visitors. All or nothing: it is a transaction.
        """
        self._shared = 0
        try:
            with transaction.atomic():
                yield
        finally:
            self._shared = None


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


class CategoryQuerySet(models.QuerySet["Category"]):
    """Queries for categories."""

    def get_by_natural_key(self, policy: str, key: str) -> Category:
        """Return the category ``key`` of ``policy`` (keys); raises Category.DoesNotExist."""
        return self.get(policy__key=policy, key=key)


class Dated(models.Model):
    """Something that took its present meaning at a revision of its policy."""

    MEANING: ClassVar[tuple[str, ...]]
    # Of those, the ones that an editor may reword without changing what a visitor agreed to.
    WORDING: ClassVar[tuple[str, ...]]

    since = models.PositiveIntegerField(
        _("since revision"),
        default=1,
        editable=False,
        help_text=_("Who decided before this revision is asked again."),
    )

    class Meta:
        abstract = True

    def save(self, *, cosmetic: bool = False, **kwargs: Any) -> None:
        """Save, and raise the policy's revision where visitors must be told.

        ``cosmetic``: the editor says that the new wording means the same, so nobody is asked
        again. What is new, enabled, moved or no longer optional is told all the same: consent
        covers only what was shown.
        """
        with transaction.atomic():
            policy = self.owner()
            policy.touch()
            stored = type(self)._default_manager.filter(pk=self.pk)
            before = stored.values("since", *self.MEANING).first()
            if self.must_be_told(before, cosmetic=cosmetic):
                self.since = policy.raise_revision()
                if kwargs.get("update_fields") is not None:
                    kwargs["update_fields"] = {*kwargs["update_fields"], "since"}
            elif before is not None:
                # A form that was opened before another editor saved holds an older one.
                self.since = before["since"]
            super().save(**kwargs)

    def owner(self) -> Policy:
        """Return the policy that this belongs to."""
        raise NotImplementedError

    def must_be_told(self, before: dict[str, Any] | None, *, cosmetic: bool) -> bool:
        """Say whether visitors must be told of it; ``before``: the MEANING as it was stored."""
        if before is None:
            return True
        ignored = self.WORDING if cosmetic else ()
        return any(
            getattr(self, name) != before[name] for name in self.MEANING if name not in ignored
        )


class Category(Dated):
    """A purpose of data collection that a visitor allows or refuses as a whole."""

    MEANING = ("policy_id", "key", "purpose", "essential", "sale")
    WORDING = ("purpose",)

    policy = models.ForeignKey(
        Policy, on_delete=models.CASCADE, related_name="categories", verbose_name=_("policy")
    )
    key = models.CharField(
        _("key"),
        max_length=CATEGORY_KEY_LENGTH,
        validators=[validate_key],
        help_text=_("Names the category in templates and in the visitor's choice; keep it."),
    )
    name = models.CharField(_("name"), max_length=80)
    purpose = models.TextField(_("purpose"), help_text=_("What the data is collected for."))
    essential = models.BooleanField(
        _("essential"),
        default=False,
        help_text=_("The website cannot work without it: it always runs and cannot be refused."),
    )
    sale = models.BooleanField(
        _("sold or shared"),
        default=False,
        help_text=_(
            "Its data goes to others for money or for advertising: a visitor whose browser sends "
            "Global Privacy Control has opted out of it."
        ),
    )
    consent_types = models.CharField(
        _("signals to Google"),
        max_length=200,
        blank=True,
        validators=[validate_consent_types],
        help_text=_("What Google's Consent Mode calls what visitors allow here."),
    )
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ("policy", "order", "pk")
        constraints = (
            models.UniqueConstraint(fields=("policy", "key"), name="consent_category_key"),
            models.CheckConstraint(condition=Q(since__gte=1), name="consent_category_since"),
        )

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str, str]:
        """Return what names the category across databases."""
        return (self.policy.key, self.key)

    natural_key.dependencies = ["consent.policy"]  # type: ignore[attr-defined]

    def owner(self) -> Policy:
        """Return its policy."""
        return self.policy

    def validate_unique(self, exclude: Collection[str] | None = None) -> None:
        """Also refuse a key that a tool has; only where the key is looked at, as in a form."""
        super().validate_unique(exclude)
        if "key" in (exclude or ()) or self.policy_id is None:
            return
        if Tool.objects.filter(policy=self.policy_id, key=self.key).exists():
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


class ToolQuerySet(models.QuerySet["Tool"]):
    """Queries and bulk changes that keep revision and compiled policy right."""

    def switch_on(self) -> int:
        """Enable those that are disabled, stamp them, and return how many they were."""
        return self._switch(enabled=True)

    def switch_off(self) -> int:
        """Disable those that are enabled, and return how many they were."""
        return self._switch(enabled=False)

    def _switch(self, *, enabled: bool) -> int:
        # One by one through save(): that stamps each, and signals reach the compiled policy. In
        # the policies' order, so that two editors wait for each other instead of deadlocking.
        with transaction.atomic():
            tools = list(self.filter(enabled=not enabled).order_by("policy", "pk"))
            for tool in tools:
                tool.enabled = enabled
                tool.save(update_fields=["enabled"])
        return len(tools)

    def get_by_natural_key(self, policy: str, key: str) -> Tool:
        """Return the tool ``key`` of ``policy`` (keys); raises Tool.DoesNotExist."""
        return self.get(policy__key=policy, key=key)

    def from_recipe(
        self, recipe: Recipe, category: Category, parameters: dict[str, str], **extra: Any
    ) -> Tool:
        """Create a tool in ``category`` by ``recipe``, with its name, vendor and cookies.

        ``parameters`` are the recipe's values; ``extra`` overrides fields of the tool. Raises
        ValidationError where a value does not fit the recipe.
        """
        fields = {
            "key": recipe.key,
            "name": recipe.name,
            "vendor": recipe.vendor,
            "privacy_url": recipe.privacy_url,
            "placement": recipe.placement,
            **extra,
        }
        tool = Tool(category=category, recipe=recipe.key, parameters=parameters, **fields)
        tool.policy = category.policy
        tool.full_clean()
        with transaction.atomic():
            tool.save()
            tool.declare(recipe)
        return tool


class Tool(Dated):
    """One third-party service in a category: a recipe with parameters, or a custom snippet."""

    # Not the name or the snippet's text: a correction there tells visitors nothing new, while a
    # new vendor is somebody else who receives the data.
    MEANING = ("enabled", "category_id", "recipe", "vendor")
    WORDING = ("vendor",)

    class Placement(models.TextChoices):
        """Where on the page a tool's code goes."""

        HEAD = "head", _("In the page's head")
        BODY = "body", _("At the end of the page's body")
        MANUAL = "manual", _("Only where a template asks for it")

    policy = models.ForeignKey(
        Policy,
        on_delete=models.CASCADE,
        related_name="tools",
        editable=False,
        verbose_name=_("policy"),
    )
    category = models.ForeignKey(
        Category, on_delete=models.RESTRICT, related_name="tools", verbose_name=_("category")
    )
    key = models.CharField(
        _("key"),
        max_length=40,
        validators=[validate_key],
        help_text=_("Names the tool in templates; keep it once it is in use."),
    )
    name = models.CharField(_("name"), max_length=80, help_text=_("As visitors see it."))
    vendor = models.CharField(
        _("vendor"), max_length=200, blank=True, help_text=_("Who receives the data.")
    )
    privacy_url = models.CharField(
        _("vendor's privacy policy"), max_length=300, blank=True, validators=[validate_address]
    )
    recipe = models.CharField(_("recipe"), max_length=40, blank=True, editable=False)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    snippet = models.TextField(
        _("snippet"), blank=True, help_text=_("HTML as the vendor's page gives it.")
    )
    sources = models.TextField(
        _("what it loads from"),
        blank=True,
        help_text=_(
            "For a Content-Security-Policy: a directive and its sources on each line, such as "
            "script-src https://cdn.example.com. Recipes know theirs."
        ),
    )
    placement = models.CharField(
        _("place on the page"),
        max_length=8,
        choices=Placement.choices,
        default=Placement.HEAD,
    )
    hears_decisions = models.BooleanField(
        _("tell it what visitors decide"),
        default=False,
        help_text=_(
            "Sends an event when a visitor who allows this tool grants, changes or withdraws "
            "consent. Only in an essential category does it hear of every withdrawal."
        ),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    # When its receiver answered that it is gone for good, which disabled the tool.
    gone_at = models.DateTimeField(null=True, editable=False)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    objects = ToolQuerySet.as_manager()

    class Meta:
        verbose_name = _("tool")
        verbose_name_plural = _("tools")
        ordering = ("category__order", "category", "order", "name", "pk")
        permissions = (("edit_snippet", _("Can edit custom snippets (run script on the site)")),)
        constraints = (
            models.UniqueConstraint(fields=("policy", "key"), name="consent_tool_key"),
            models.CheckConstraint(
                condition=Q(placement__in=["head", "body", "manual"]), name="consent_tool_placement"
            ),
            models.CheckConstraint(
                condition=Q(recipe="") | Q(snippet=""), name="consent_tool_recipe_or_snippet"
            ),
            models.CheckConstraint(condition=Q(since__gte=1), name="consent_tool_since"),
        )

    def __str__(self) -> str:
        return self.name

    def save(self, *, cosmetic: bool = False, **kwargs: Any) -> None:
        """Do what `Dated.save` does; who enables a tool whose receiver was gone tries it anew."""
        if self.enabled and self.gone_at is not None:
            self.gone_at = None
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "gone_at"}
        super().save(cosmetic=cosmetic, **kwargs)

    def natural_key(self) -> tuple[str, str]:
        """Return what names the tool across databases."""
        return (self.policy.key, self.key)

    natural_key.dependencies = ["consent.policy", "consent.category"]  # type: ignore[attr-defined]

    def retire(self) -> None:
        """Disable it, as its receiver answered that it is gone for good."""
        self.enabled, self.gone_at = False, timezone.now()
        self.save(update_fields=["enabled", "gone_at"])

    def owner(self) -> Policy:
        """Return its policy, which is its category's."""
        self.policy = self.category.policy
        return self.policy

    def must_be_told(self, before: dict[str, Any] | None, *, cosmetic: bool) -> bool:
        """A disabled tool does nothing to tell of; it is stamped when it is enabled."""
        return self.enabled and super().must_be_told(before, cosmetic=cosmetic)

    def get_recipe(self) -> Recipe | None:
        """Return the recipe, or None for a custom snippet, or where the recipe is gone."""
        try:
            return catalogue().get(self.recipe)
        except RecipeError:
            return None

    def declare(self, recipe: Recipe) -> None:
        """Store the cookies that ``recipe`` declares."""
        for cookie in recipe.cookies:
            Cookie.objects.create(
                tool=self,
                kind=cookie.kind,
                name=cookie.name,
                party=cookie.party,
                retention=cookie.retention,
                purpose=cookie.purpose,
            )

    def clean_fields(self, exclude: Iterable[str] | None = None) -> None:
        """Also hold the parameters against the recipe, and look into the snippet."""
        excluded = set(exclude or ())
        errors: dict[str, Any] = {}
        try:
            super().clean_fields(exclude=excluded)
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        if "parameters" not in excluded:
            self._clean_parameters(errors)
        if "snippet" not in excluded and (found := snippets.problems(self.snippet)):
            errors["snippet"] = found
        if "sources" not in excluded and (found := self._wrong_sources()):
            errors["sources"] = found
        if errors:
            raise ValidationError(errors)

    def _wrong_sources(self) -> list[str]:
        if self.recipe and self.sources.strip():
            return [gettext("Leave this empty: the recipe knows what its tool loads from.")]
        return csp_sources.problems(self.sources)

    def _clean_parameters(self, errors: dict[str, Any]) -> None:
        recipe = self.get_recipe()
        if not isinstance(self.parameters, dict):
            errors["parameters"] = gettext("%s is no set of parameters.") % json.dumps(
                self.parameters
            )
        elif recipe is not None and (found := parameter_errors(recipe, self.parameters)):
            errors["parameters"] = [f"{name}: {message}" for name, message in found.items()]
        elif self.recipe and recipe is None:
            errors["parameters"] = gettext("There is no recipe “%s”.") % self.recipe

    def validate_unique(self, exclude: Collection[str] | None = None) -> None:
        """Also refuse a key that a category, or another tool of the policy, has.

        Only where the key is looked at: the admin's forms for an existing tool leave it out.
        """
        super().validate_unique(exclude)
        if "key" in (exclude or ()) or self.category_id is None:
            return
        policy = self.category.policy_id
        taken = Tool.objects.filter(policy=policy, key=self.key).exclude(pk=self.pk).exists()
        if taken or Category.objects.filter(policy=policy, key=self.key).exists():
            message = gettext("Another tool or category has the key “%s”; choose another.")
            raise ValidationError({"key": message % self.key})


def parameter_errors(recipe: Recipe, values: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with the parameters of a tool by ``recipe``: name to sentence.

    By the recipe's own patterns; and of an address that events go to, by what settings allow.
    """
    errors = recipe.errors(values)
    if recipe.endpoint and recipe.endpoint not in errors:
        problem = endpoints.problem_of(str(values.get(recipe.endpoint, "")))
        errors.update({recipe.endpoint: problem} if problem else {})
    return errors


class CookieQuerySet(models.QuerySet["Cookie"]):
    """Queries for cookies."""

    def get_by_natural_key(self, policy: str, tool: str, kind: str, name: str) -> Cookie:
        """Return the cookie that a tool declares; raises Cookie.DoesNotExist."""
        return self.get(tool__policy__key=policy, tool__key=tool, kind=kind, name=name)


class Cookie(models.Model):
    """A cookie or storage key that a tool declares it sets."""

    class Kind(models.TextChoices):
        """Where in the browser it is kept."""

        COOKIE = "cookie", _("Cookie")
        STORAGE = "storage", _("Browser storage")

    class Party(models.TextChoices):
        """Whose website it belongs to: only a first party's can be deleted from this one."""

        FIRST = "first", _("This website")
        THIRD = "third", _("The vendor")

    tool = models.ForeignKey(
        Tool, on_delete=models.CASCADE, related_name="cookies", verbose_name=_("tool")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.COOKIE)
    name = models.CharField(
        _("name"),
        max_length=120,
        validators=[validate_pattern],
        help_text=_("* stands for a part that varies, as in _ga_*."),
    )
    party = models.CharField(_("set for"), max_length=8, choices=Party.choices, default=Party.FIRST)
    retention = models.CharField(_("kept for"), max_length=80, blank=True)
    purpose = models.CharField(_("purpose"), max_length=300, blank=True)

    objects = CookieQuerySet.as_manager()

    class Meta:
        verbose_name = _("cookie")
        verbose_name_plural = _("cookies")
        ordering = ("tool", "pk")
        constraints = (
            models.UniqueConstraint(fields=("tool", "kind", "name"), name="consent_cookie_name"),
        )

    def __str__(self) -> str:
        return self.name

    def save(self, **kwargs: Any) -> None:
        """Save, and move the policy's ``changed_at``."""
        with transaction.atomic():
            self.tool.policy.touch()
            super().save(**kwargs)

    def natural_key(self) -> tuple[str, str, str, str]:
        """Return what names the cookie across databases."""
        return (*self.tool.natural_key(), self.kind, self.name)

    natural_key.dependencies = ["consent.tool"]  # type: ignore[attr-defined]
