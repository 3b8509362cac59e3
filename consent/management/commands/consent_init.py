"""``manage.py consent_init``: the default policy with its four categories."""

from __future__ import annotations

from django.db import transaction

from consent.management.command import ConsentCommand
from consent.models import Category, Policy, default_texts


class Command(ConsentCommand):
    """Creates the default policy and its categories, if they do not exist."""

    help = (
        "Create the default policy and its four categories (Functional, Marketing & Analytics, "
        "Advertising, Essential). What exists already is not changed."
    )

    def handle(self, *args: object, **options: object) -> None:
        """Create the policy if none is active, and its categories if it has none."""
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
        # All or none: a category that an owner removed later is not created again.
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
