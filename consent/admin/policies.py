"""The policy's texts and rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin import advice
from consent.admin.base import NamedFormSet, OwnedInline, tell
from consent.admin.confirming import AdvisedForm
from consent.admin.generic import AnyField, Fieldsets
from consent.admin.keys import free_key
from consent.admin.policy_actions import start_tools, stop_tools
from consent.admin.translation_pages import TranslatedPolicyAdmin, name_of
from consent.models import USUAL_RULES, Policy, RegionRule
from consent.models.translations import site_language

CONSENT_MODE = _(
    "Google's tags load only for visitors who allow them, and receive signals of what else these "
    "visitors allow: tick the signals of each category in its form. The settings below are sent "
    "with the signals; most websites need not change them."
)
TEXTS = ("notice_text", "introduction", "explanation")


class PolicyForm(AdvisedForm[Policy]):
    """A policy; a box adds the usual rules for regions while it has none."""

    usual_rules = forms.BooleanField(
        label=_("Add the usual rules for regions"),
        required=False,
        help_text=_(
            "Opt-in in the European Economic Area, the United Kingdom and Switzerland; opt-out in "
            "those of the United States that have such a law. They can be changed afterwards."
        ),
    )

    def advice(self) -> Iterable[str]:
        """Warn of placeholders that stand for nothing, and of another controller."""
        changed = [name for name in TEXTS if name in self.changed_data]
        yield from advice.on_texts(self.instance, changed)
        if "controller_name" in self.changed_data and self.initial.get("controller_name"):
            yield gettext(
                "Another controller is a new receiver of the data: every visitor is asked again."
            )


class RegionRuleForm(AdvisedForm[RegionRule]):
    """A rule for regions."""

    def advice(self) -> Iterable[str]:
        """Warn of rules that are against the law, or of another region than was meant."""
        return advice.on_rule(self.instance)


class RegionRuleInline(OwnedInline[RegionRule, Policy]):
    """The rules of a policy for regions."""

    model = RegionRule
    form = RegionRuleForm
    formset = NamedFormSet[RegionRule, Policy]
    fields = ("order", "regions", "regime")
    extra = 0
    verbose_name = _("rule")
    verbose_name_plural = _(
        "Rules for regions: the first that matches applies; elsewhere, the choice above applies"
    )

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Return a wide field for the regions."""
        if db_field.name == "regions":
            kwargs["widget"] = forms.TextInput(attrs={"size": 40, "spellcheck": "false"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Policy)
class PolicyAdmin(TranslatedPolicyAdmin):
    """Texts of the notice and of the policy page, and what applies before a visitor chooses."""

    introduction = _(
        "The texts that visitors read, and what applies before they choose. Visitors are not asked "
        "again after a change of texts."
    )
    form = PolicyForm
    inlines = (RegionRuleInline,)
    list_display = (
        "name",
        "is_default",
        "regime",
        "revision",
        "changed_at",
        "stopped_at",
        "translated",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("name", "language", "translated", "is_default", "regime"),
                    *("usual_rules", "lifetime_days", "tool_choices"),
                )
            },
        ),
        (_("Notice"), {"fields": ("notice_text",)}),
        (
            _("Policy page"),
            {"fields": ("introduction", "explanation", "policy_url", "privacy_url")},
        ),
        (
            _("Controller"),
            {
                "fields": ("controller_name", "controller_address", "controller_contact"),
                "description": _("The policy page shows it, and each receipt contains it."),
            },
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
    actions = (stop_tools, start_tools)

    def get_fieldsets(self, request: HttpRequest, obj: Policy | None = None) -> Fieldsets:
        """Offer the usual rules only while there are none, and if the user may add them."""
        offered = obj is None or (
            not obj.region_rules.exists() and self.has_change_permission(request, obj)
        )
        (_title, first), *others = super().get_fieldsets(request, obj)
        names = tuple(name for name in first["fields"] if offered or name != "usual_rules")
        return [(_title, {**first, "fields": names}), *others]

    def save_related(
        self,
        request: HttpRequest,
        form: PolicyForm,
        formsets: Iterable[forms.BaseFormSet[Any]],
        change: bool,
    ) -> None:
        """Save the rules, and add the usual ones after them if that was ticked."""
        super().save_related(request, form, formsets, change)
        if form.cleaned_data.get("usual_rules"):
            rules = form.instance.region_rules
            last = max(rules.values_list("order", flat=True), default=0)
            for order, (covered, regime) in enumerate(USUAL_RULES, start=1):
                rules.create(order=last + order * 10, regions=covered, regime=regime)

    def get_readonly_fields(self, request: HttpRequest, obj: Policy | None = None) -> list[str]:
        """Protect the key, and the tick of the only active policy: another one replaces it."""
        fixed = ["revision", "changed_at", "translated", *(["key"] if obj else [])]
        return [*fixed, "is_default"] if obj and _is_the_one(obj) else fixed

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        """Protect the active policy.

        Without a policy: whether the list deletes several at once. A policy takes its categories
        and tools with it, so one at a time is enough.
        """
        is_deletable = obj is not None and not _is_the_one(obj)
        return is_deletable and super().has_delete_permission(request, obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin inactive: a new policy has no categories and would stop all tools."""
        keys = set(Policy.objects.values_list("key", flat=True))
        return {"is_default": Policy.objects.default() is None, "key": free_key("default", keys)}

    def save_model(self, request: HttpRequest, obj: Policy, form: PolicyForm, change: bool) -> None:
        """Save; if another policy becomes active, say that every visitor is asked again."""
        before = Policy.objects.default()
        super().save_model(request, obj, form, change)
        if before is not None and obj.is_default and obj != before:
            text = gettext("Another policy is active now: every visitor is asked again.")
            tell(request, messages.INFO, text)

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Return large text areas for the texts."""
        if db_field.name in ("hosts", "controller_address"):
            kwargs["widget"] = forms.Textarea(attrs={"rows": 3, "cols": 40})
        if db_field.name == "language":
            kwargs["widget"] = forms.Select(choices=_languages())
        if db_field.name in TEXTS:
            kwargs["widget"] = forms.Textarea(attrs={"rows": 6, "cols": 80})
        return super().formfield_for_dbfield(db_field, request, **kwargs)


def _languages() -> list[tuple[str, str]]:
    """Return the languages that the texts may be in: those of the website."""
    codes = dict.fromkeys([*dict(settings.LANGUAGES), site_language()])
    return [(code, name_of(code)) for code in codes]


def _is_the_one(policy: Policy) -> bool:
    """Say whether ``policy`` is the only active one."""
    others = Policy.objects.filter(is_default=True).exclude(pk=policy.pk)
    return policy.is_default and not others.exists()
