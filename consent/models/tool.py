"""The Tool: a third-party service in a category."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.models import fields
from consent.models.bulk_edits import DatedQuerySet
from consent.models.category import Category
from consent.models.natural_keys import depends_on
from consent.models.parameters import parameter_errors
from consent.models.pausable import Pausable
from consent.models.policy import Policy
from consent.models.receivers import RECEIVING, receivers_of
from consent.models.translations import Translated
from consent.models.validators import validate_address, validate_key
from consent.recipes import Recipe, RecipeError, csp, find, snippets


class ToolQuerySet(DatedQuerySet["Tool"]):
    """Queries and bulk changes that keep revision and compiled policy right."""

    def update(self, **values: object) -> int:
        """Do what Django's does, so that each process notices it within CONSENT_POLICY_MAX_AGE.

        With ``enabled=True`` it first does what `switch_on` does: consent does not cover a tool
        that visitors were not shown.
        """
        if self._changes_meaning(values):
            # Whoever pauses it and starts it again starts something else.
            values.setdefault("is_disclosed", False)
        if values.get("enabled"):
            self.switch_on()
        return super().update(**values)

    def _changes_meaning(self, names: Collection[str]) -> bool:
        """Do what the base's does; whoever receives the data is part of a tool's meaning."""
        return super()._changes_meaning(names) or not set(RECEIVING).isdisjoint(names)

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
        self, recipe: Recipe, category: Category, parameters: dict[str, str], **extra: object
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


@fields.named(_("tool"), _("tools"))
class Tool(Translated, Pausable):
    """One third-party service in a category.

    It has a recipe with parameters, or a custom snippet; or neither, and is only declared: the
    website's own code, a tag manager or a CDN loads it, and asks first whether it may.
    """

    # Not the name or the snippet's text: a correction there tells visitors nothing new, while a
    # new vendor, or another host, is somebody else who receives the data.
    MEANING = ("category_id", "recipe", "vendor")
    WORDING = ("vendor",)
    COMPARED = (*Pausable.COMPARED, *RECEIVING)
    # Not the vendor: a translation must not name another receiver of the data.
    TEXTS = NAMES = ("name",)

    class Placement(models.TextChoices):
        """Where on the page a tool's code goes."""

        HEAD = "head", _("In the page's head")
        BODY = "body", _("At the end of the page's body")
        MANUAL = "manual", _("Only where a template asks for it")

    policy = fields.ForeignKey(
        Policy,
        on_delete=models.CASCADE,
        related_name="tools",
        editable=False,
        verbose_name=_("policy"),
    )
    category = fields.ForeignKey(
        Category, on_delete=models.RESTRICT, related_name="tools", verbose_name=_("category")
    )
    key = fields.CharField(
        _("key"),
        max_length=40,
        validators=[validate_key],
        help_text=_("Names the tool in templates; do not change it once templates use it."),
    )
    name = fields.CharField(_("name"), max_length=80, help_text=_("As visitors see it."))
    vendor = fields.CharField(
        _("vendor"), max_length=200, blank=True, help_text=_("Who receives the data.")
    )
    privacy_url = fields.CharField(
        _("vendor's privacy policy"), max_length=300, blank=True, validators=[validate_address]
    )
    recipe = fields.CharField(_("recipe"), max_length=40, blank=True, editable=False)
    parameters = fields.JSONField(_("parameters"), default=dict, blank=True)
    snippet = fields.TextField(
        _("snippet"), blank=True, help_text=_("HTML as the vendor's page gives it.")
    )
    sources = fields.TextField(
        _("CSP sources"),
        blank=True,
        help_text=_(
            "For a Content-Security-Policy: a directive and its sources on each line, such as "
            "script-src https://cdn.example.com. Recipes know theirs."
        ),
    )
    placement = fields.CharField(
        _("place on the page"),
        max_length=8,
        choices=Placement.choices,
        default=Placement.HEAD,
    )
    hears_decisions = fields.BooleanField(
        _("tell it what visitors decide"),
        default=False,
        help_text=_(
            "Sends an event when a visitor who allows this tool grants, changes or withdraws "
            "consent. Only in an essential category does it hear of every withdrawal."
        ),
    )
    # When its receiver answered that it is gone for good, which disabled the tool.
    gone_at = fields.DateTimeField(null=True, editable=False)
    order = fields.PositiveSmallIntegerField(_("order"), default=0)

    objects = ToolQuerySet.as_manager()

    class Meta:
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

    @depends_on("consent.policy", "consent.category")
    def natural_key(self) -> tuple[str, str]:
        """Return what names the tool across databases."""
        return (self.policy.key, self.key)

    def retire(self) -> None:
        """Disable it, as its receiver answered that it is gone for good."""
        self.enabled, self.gone_at = False, timezone.now()
        self.save(update_fields=["enabled", "gone_at"])

    def owner(self) -> Policy:
        """Return its policy, which is its category's."""
        self.policy = self.category.policy
        return self.policy

    def has_changed(self, before: dict[str, Any] | None, *, cosmetic: bool) -> bool:
        """Say whether it is something else to visitors; ``before``: the row as it was stored."""
        if before is None or super().has_changed(before, cosmetic=cosmetic):
            return True
        earlier = Tool(recipe=before["recipe"], **{name: before[name] for name in RECEIVING})
        # One receiver less is nothing new.
        return not receivers_of(self) <= receivers_of(earlier)

    @property
    def is_only_declared(self) -> bool:
        """Whether something else loads it: the app writes no code of it into pages."""
        return not self.recipe and not self.snippet.strip()

    def get_recipe(self) -> Recipe | None:
        """Return the recipe; None where the tool has none, or where it is gone or invalid."""
        try:
            return find(self.recipe)
        except RecipeError:
            return None

    def declare(self, recipe: Recipe) -> None:
        """Store the cookies that ``recipe`` declares."""
        for cookie in recipe.cookies:
            self.cookies.create(
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
        errors |= {name: found for name, found in _wrong_code(self) if name not in excluded}
        if errors:
            raise ValidationError(errors)

    def _clean_parameters(self, errors: dict[str, object]) -> None:
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


def _wrong_code(tool: Tool) -> Iterator[tuple[str, list[str]]]:
    """Yield the fields of the pasted code that are wrong, each with sentences that say why."""
    if found := snippets.problems(tool.snippet):
        yield "snippet", found
    if found := snippets.misplaced(tool.snippet, tool.placement):
        yield "placement", found
    if tool.recipe and tool.sources.strip():
        yield "sources", [gettext("Leave this empty: the recipe knows what its tool loads from.")]
    elif found := csp.source_errors(tool.sources):
        yield "sources", found
