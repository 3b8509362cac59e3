"""The policy's texts and rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent import regions
from consent.admin.base import SectionAdmin, free_key, tell
from consent.models import Policy, RegionRule

CONSENT_MODE = _(
    "Google's tags load only for visitors who allow them, and are then told what else these "
    "visitors allow: tick in each category which signals it stands for. The settings below are "
    "told along with that; they are right for most websites as they are."
)
TEXTS = ("notice_text", "introduction", "explanation")


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A policy; while it has no rules for regions, the usual ones can be ticked."""

    usual_rules = forms.BooleanField(
        label=_("Add the usual rules for regions"),
        required=False,
        help_text=_(
            "Opt-in in the European Economic Area, the United Kingdom and Switzerland; opt-out in "
            "those of the United States that have such a law. They can be changed afterwards."
        ),
    )


class RegionRuleInline(admin.TabularInline):  # type: ignore[type-arg]
    """What holds in which regions: whoever may edit the policy may edit its rules."""

    model = RegionRule
    fields = ("order", "regions", "regime")
    extra = 0
    verbose_name = _("rule")
    verbose_name_plural = _(
        "Rules for regions: the first that fits counts, what is chosen above holds anywhere else"
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Give the regions room."""
        if db_field.name == "regions":
            kwargs["widget"] = forms.TextInput(attrs={"size": 40, "spellcheck": "false"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follow the policy's."""
        return _may(request, "view") or _may(request, "change")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follow the policy's."""
        return _may(request, "change" if obj else "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follow the policy's."""
        return _may(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follow the policy's."""
        return _may(request, "change")


@admin.register(Policy)
class PolicyAdmin(SectionAdmin):
    """Texts of the notice and of the policy page, and what holds before a visitor chooses."""

    introduction = _(
        "The texts that visitors read, and what holds before they have chosen. A new text asks "
        "nobody again."
    )
    form = PolicyForm
    inlines = (RegionRuleInline,)
    list_display = ("name", "is_default", "regime", "revision", "changed_at")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "is_default",
                    "regime",
                    "usual_rules",
                    "lifetime_days",
                    "tool_choices",
                )
            },
        ),
        (_("Notice"), {"fields": ("notice_text",)}),
        (
            _("Policy page"),
            {"fields": ("introduction", "explanation", "policy_url", "privacy_url")},
        ),
        (
            _("Google Consent Mode"),
            {
                "classes": ("collapse",),
                "fields": ("wait_for_update", "ads_data_redaction", "url_passthrough"),
                "description": CONSENT_MODE,
            },
        ),
        (
            _("Technical details"),
            {"classes": ("collapse",), "fields": ("key", "hosts", "revision", "changed_at")},
        ),
    )
    # Each page links the live policy already.
    view_on_site = False
    # Deleting a policy takes its categories and tools with it: one at a time is enough.
    actions = None

    def get_fieldsets(self, request: HttpRequest, obj: Policy | None = None) -> Any:
        """Offer the usual rules only while there are none, and only to who may add them."""
        offered = obj is None or (
            not obj.region_rules.exists() and self.has_change_permission(request, obj)
        )
        (_title, first), *others = super().get_fieldsets(request, obj)
        names = tuple(name for name in first["fields"] if offered or name != "usual_rules")
        return [(_title, {**first, "fields": names}), *others]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the rules, and add the usual ones after them where that was ticked."""
        super().save_related(request, form, formsets, change)
        if form.cleaned_data.get("usual_rules"):
            rules = form.instance.region_rules
            last = max(rules.values_list("order", flat=True), default=0)
            for order, (covered, regime) in enumerate(regions.USUAL, start=1):
                rules.create(order=last + order * 10, regions=covered, regime=regime)

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
        if db_field.name == "hosts":
            kwargs["widget"] = forms.Textarea(attrs={"rows": 3, "cols": 40})
        if db_field.name in TEXTS:
            kwargs["widget"] = forms.Textarea(attrs={"rows": 6, "cols": 80})
        return super().formfield_for_dbfield(db_field, request, **kwargs)


def _may(request: HttpRequest, action: str) -> bool:
    """Say whether the user may do ``action`` (view, add, change) with policies."""
    user: Any = request.user
    return bool(user.has_perm(f"consent.{action}_policy"))


def _is_the_one(policy: Policy) -> bool:
    """Say whether ``policy`` is in use, and no other is."""
    others = Policy.objects.filter(is_default=True).exclude(pk=policy.pk)
    return policy.is_default and not others.exists()
