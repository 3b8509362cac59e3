"""``manage.py consent_init``: the default policy with its four categories."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from consent.models import Category, Policy, default_texts


class Command(BaseCommand):
    """Creates what is missing of the default policy; leaves what is there as it is."""

    help = (
        "Create the default policy and its four categories (Functional, Marketing & Analytics, "
        "Advertising, Essential). What is there already is left as it is."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the policy where none is in use, and its categories where it has none."""
        with transaction.atomic():
            policy = Policy.objects.default()
            created = policy is None
            if policy is None:
                policy, created = Policy.objects.get_or_create(key="default")
                policy.is_default = True
                policy.save()
            self._say("policy", policy.name, created=created)
            if not policy.categories.exists():
                self._create_categories(policy)

    def _create_categories(self, policy: Policy) -> None:
        # All or none: what an owner removed later does not come back.
        for order, text in enumerate(default_texts.CATEGORIES, start=1):
            category = Category.objects.create(
                policy=policy,
                key=text.key,
                name=text.name,
                purpose=text.purpose,
                essential=text.essential,
                sale=text.sale,
                consent_types=text.consent_types,
                order=order * 10,
            )
            self._say("category", category.name, created=True)

    def _say(self, what: str, name: str, *, created: bool) -> None:
        state = self.style.SUCCESS("created") if created else "was there"
        self.stdout.write(f"{what} “{name}”: {state}")
