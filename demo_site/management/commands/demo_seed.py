"""``manage.py demo_seed``: create the demo site's policy, its tools and its admin login."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.urls import reverse

from consent.models import Category, Policy, RegionRule, Tool
from consent.recipes import Recipe, catalogue
from demo_site.policy_texts import EXPLANATION, INTRODUCTION, NAME, TRANSLATIONS

LOGIN: Final = "admin"
PASSWORD: Final = "admin"  # noqa: S105 - public on purpose, and refused outside DEBUG

# The tools (keys of recipes) of each category.
TOOLS: Final = {
    "functional": ("drift", "youtube"),
    "marketing-analytics": (
        "amplitude",
        "clearbit-reveal",
        "customer-io",
        "drip",
        "google-analytics",
        "madkudu",
        "marketo",
        "visual-website-optimizer",
        "webhooks",
        "zapier",
    ),
    "advertising": (
        "adwords",
        "facebook-pixel",
        "google-tag-manager",
        "linkedin-insight-tag",
        "twitter-ads",
    ),
    "essential": ("recaptcha",),
}
# Fields that differ from the recipe: only the contact page, which has a form to protect, requests
# reCAPTCHA; and Webhooks receives decisions, which the panel shows.
OWN: Final[dict[str, dict[str, Any]]] = {
    "recaptcha": {"placement": "manual"},
    "webhooks": {"hears_decisions": True},
}
# Regions and their legal basis, in this order. Elsewhere that of the policy applies. The last rule
# exists so that the panel can show each legal basis.
RULES: Final = (
    ("EEA GB CH", "opt_in"),
    ("US-OPT-OUT", "implied"),
    ("BR", "notice_only"),
)


class Command(BaseCommand):
    """Creates what is missing, and changes nothing that somebody has edited."""

    help = (
        "Creates the demo site's policy with all its tools, and the login admin / admin. "
        "Can be run again: it adds what is missing and overwrites nothing. Refused without DEBUG."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create everything in one transaction. Raises CommandError if DEBUG is false."""
        if not settings.DEBUG:
            raise CommandError(
                "demo_seed creates a login with a known password: it runs only with DEBUG = True."
            )
        with transaction.atomic():
            call_command("consent_init", stdout=self.stdout, stderr=self.stderr)
            policy = Policy.objects.default()
            if policy is None:
                raise CommandError("consent_init created no default policy.")
            self._write_texts(policy)
            self._add_tools(policy)
            self._add_rules(policy)
            self._add_login()

    def _write_texts(self, policy: Policy) -> None:
        """Give ``policy`` the company's texts, if all its texts are still the default ones."""
        own = {
            "name": NAME,
            "introduction": INTRODUCTION,
            "explanation": EXPLANATION,
            "policy_url": reverse("policy"),
            "privacy_url": reverse("privacy"),
            "controller_name": "Oddersay Ferry Ltd",
            "controller_address": "The Slipway\nNetherquay",
            "controller_contact": "privacy@oddersay-ferry.example",
        }
        fresh = Policy()
        if any(getattr(policy, name) != getattr(fresh, name) for name in own):
            self.stdout.write("The texts of the policy were edited, so they are not changed.")
            return
        for name, text in own.items():
            setattr(policy, name, text)
        for language, texts in TRANSLATIONS.items():
            for name, text in texts.items():
                policy.translate(language, name, text)
        policy.full_clean()
        policy.save()
        self.stdout.write(f"The policy is now the “{NAME}”.")

    def _add_tools(self, policy: Policy) -> None:
        """Create each missing tool in its category, with an invented id."""
        categories = {category.key: category for category in policy.categories.all()}
        present = set(Tool.objects.filter(policy=policy).values_list("key", flat=True))
        added = []
        for key, recipes in TOOLS.items():
            if key not in categories:
                self.stdout.write(
                    f"The category “{key}” does not exist, so its tools are not created."
                )
                continue
            added += [
                self._add_tool(catalogue()[recipe], categories[key])
                for recipe in recipes
                if recipe not in present
            ]
        names = f": {', '.join(tool.name for tool in added)}" if added else ""
        self.stdout.write(f"Tools added: {len(added)}{names}. Already there: {len(present)}.")

    @staticmethod
    def _add_tool(recipe: Recipe, category: Category) -> Tool:
        examples = {each.name: each.example for each in recipe.parameters if each.required}
        return Tool.objects.from_recipe(recipe, category, examples, **OWN.get(recipe.key, {}))

    def _add_rules(self, policy: Policy) -> None:
        """Create the rules for regions, if ``policy`` has none."""
        if policy.region_rules.exists():
            self.stdout.write("The policy already has rules for regions, so they are not changed.")
            return
        for order, (regions, regime) in enumerate(RULES, start=1):
            rule = RegionRule(policy=policy, order=order, regions=regions, regime=regime)
            rule.full_clean()
            rule.save()
        self.stdout.write(f"Rules for regions added: {len(RULES)}.")

    def _add_login(self) -> None:
        """Create the superuser, unless it exists; its password is not changed."""
        users = get_user_model()._default_manager
        if users.filter(username=LOGIN).exists():
            self.stdout.write(f"The login “{LOGIN}” already exists and is not changed.")
            return
        users.create_superuser(username=LOGIN, email="admin@example.com", password=PASSWORD)
        self.stdout.write(f"Admin login: {LOGIN} / {PASSWORD} (for this demo only).")
