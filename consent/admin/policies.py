"""The policy's texts and rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.base import SectionAdmin, free_key, tell
from consent.models import Policy

TEXTS = ("notice_text", "introduction", "explanation")


@admin.register(Policy)
class PolicyAdmin(SectionAdmin):
    """Texts of the notice and of the policy page, and what holds before a visitor chooses."""

    introduction = _(
        "The texts that visitors read, and what holds before they have chosen. A new text asks "
        "nobody again."
    )
    list_display = ("name", "is_default", "regime", "revision", "changed_at")
    fieldsets = (
        (None, {"fields": ("name", "is_default", "regime", "lifetime_days")}),
        (_("Notice"), {"fields": ("notice_text",)}),
        (
            _("Policy page"),
            {"fields": ("introduction", "explanation", "policy_url", "privacy_url")},
        ),
        (
            _("Technical details"),
            {"classes": ("collapse",), "fields": ("key", "revision", "changed_at")},
        ),
    )
    # Each page links the live policy already.
    view_on_site = False
    # Deleting a policy takes its categories and tools with it: one at a time is enough.
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Policy | None = None) -> Any:
        """Keep the key, and the website's only policy in use: another one takes over from it."""
        fixed = ["revision", "changed_at", *(["key"] if obj else [])]
        return [*fixed, "is_default"] if obj and _is_the_one(obj) else fixed

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        """Keep the policy that the website follows."""
        return super().has_delete_permission(request, obj) and not (obj and _is_the_one(obj))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin beside the policy in use: a new one, without categories, would switch all off."""
        keys = set(Policy.objects.values_list("key", flat=True))
        return {"is_default": Policy.objects.default() is None, "key": free_key("default", keys)}

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        """Save, and tell the editor that every visitor is asked where another policy takes over."""
        before = Policy.objects.default()
        super().save_model(request, obj, form, change)
        if before is not None and obj.is_default and obj != before:
            told = gettext("Another policy is in use now: every visitor is asked again.")
            tell(request, messages.INFO, told)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Give the texts room."""
        if db_field.name in TEXTS:
            kwargs["widget"] = forms.Textarea(attrs={"rows": 6, "cols": 80})
        return super().formfield_for_dbfield(db_field, request, **kwargs)


def _is_the_one(policy: Policy) -> bool:
    """Say whether ``policy`` is in use, and no other is."""
    others = Policy.objects.filter(is_default=True).exclude(pk=policy.pk)
    return policy.is_default and not others.exists()
