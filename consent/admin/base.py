"""What the admin's sections share: the live policy's address, and cosmetic changes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.http.response import HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.models import Category, Dated, Policy, Tool

COSMETIC = "cosmetic"


class CosmeticForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose editor can say that a change of wording changes nothing for visitors."""

    cosmetic = forms.BooleanField(
        label=_("Cosmetic change: don't ask visitors again"),
        required=False,
        help_text=_(
            "For a better wording that means the same. What is new, enabled or moved to another "
            "category is shown to visitors all the same."
        ),
    )


class DatedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Saves what may have visitors asked again, and tells the editor if it has."""

    def save_model(self, request: HttpRequest, obj: Dated, form: Any, change: bool) -> None:
        """Save, as a cosmetic change where the editor ticked that."""
        before = obj.since
        obj.save(cosmetic=COSMETIC in request.POST)
        if obj.since != before:
            self.message_user(request, _told(obj), messages.INFO)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the policy that is in use."""
        policy = Policy.objects.default()
        initial = super().get_changeform_initial_data(request)
        return {**({"policy": policy.pk} if policy else {}), **initial}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add the live policy's address."""
        return super().changelist_view(request, {**live_policy(), **(extra_context or {})})


def live_policy() -> dict[str, str]:
    """Return the address of the page that visitors see, for the admin's templates."""
    policy = Policy.objects.default()
    return {"live_policy_url": policy.get_absolute_url()} if policy else {}


def _told(changed: Dated) -> str:
    """Say who is asked again because of what was changed."""
    category = changed if isinstance(changed, Category) else None
    if isinstance(changed, Tool):
        category = changed.category
    if category is None or category.essential:
        return gettext("The policy has a new revision; visitors see the change there.")
    message = gettext("Visitors who had allowed “%s” are asked again; until then it stays off.")
    return message % changed
