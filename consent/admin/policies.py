"""The policy's texts and rules."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import Textarea
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consent.admin.base import live_policy
from consent.models import Policy


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Texts of the notice and of the policy page, and what holds before a visitor chooses."""

    list_display = ("name", "is_default", "regime", "revision", "changed_at")
    readonly_fields = ("revision", "changed_at")
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
    view_on_site = True

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Give the texts room."""
        if db_field.name in ("notice_text", "introduction", "explanation"):
            kwargs["widget"] = Textarea(attrs={"rows": 6, "cols": 80})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Add the live policy's address."""
        return super().changelist_view(request, {**live_policy(), **(extra_context or {})})
