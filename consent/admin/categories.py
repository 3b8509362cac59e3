"""Categories, editable in place."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.forms import Textarea
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consent.admin.base import COSMETIC, CosmeticForm, DatedAdmin
from consent.models import Category


@admin.register(Category)
class CategoryAdmin(DatedAdmin):
    """What data is collected for. Order, purpose and “essential” can be changed in the list."""

    form = CosmeticForm
    list_display = ("name", "order", "purpose", "essential", "tools_enabled")
    list_editable = ("order", "purpose", "essential")
    search_fields = ("name", "purpose")
    prepopulated_fields = {"key": ("name",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        """Count the enabled tools with the categories."""
        enabled = Count("tools", filter=Q(tools__enabled=True))
        return super().get_queryset(request).select_related("policy").annotate(enabled=enabled)

    @admin.display(description=_("Enabled tools"), ordering="enabled")
    def tools_enabled(self, category: Category) -> int:
        """How many tools it has that are enabled."""
        return category.enabled

    def get_fieldsets(self, request: HttpRequest, obj: Category | None = None) -> Any:
        """Ask whether a change is cosmetic only where something is changed; the key stays."""
        technical = {"classes": ("collapse",), "fields": ("policy", "key")}
        shown = ["name", "purpose", "essential", "order", *([COSMETIC] if obj else [])]
        if obj is None:
            shown += ["key", "policy"]
            return [(None, {"fields": shown})]
        return [(None, {"fields": shown}), (_("Technical details"), technical)]

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> Any:
        """Keep key and policy as they are once visitors have chosen by them."""
        return ("key", "policy") if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Category | None = None) -> Any:
        """Make the key of a new category from its name."""
        return {} if obj else self.prepopulated_fields

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Give the purpose room."""
        if db_field.name == "purpose":
            kwargs["widget"] = Textarea(attrs={"rows": 4, "cols": 60})
        return super().formfield_for_dbfield(db_field, request, **kwargs)
