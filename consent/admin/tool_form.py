"""The form of a tool: its fields, what a recipe fills in, and what is said when it is saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.base import DatedAdmin
from consent.admin.catalogue import (
    chosen,
    declares_only,
    may_edit_snippets,
    recipe_of,
)
from consent.admin.cookies import CookieInline
from consent.admin.forms import CategoryField, form_for, shown
from consent.admin.generic import AnyField, AnyForeignKey, Fieldsets, ModelChoiceField, ModelForm
from consent.admin.keys import free_key, keys_in
from consent.admin.pasted import initial_cookies, initial_values
from consent.admin.preview import preview_of
from consent.admin.tool_actions import SWITCHED
from consent.admin.tool_fieldsets import fieldsets
from consent.admin.wording import History
from consent.models import Category, Policy, Tool

# Fields that hold code, and how many lines of it are seen at once.
CODE_ROWS = {"snippet": 12, "sources": 3}


class ToolFormAdmin(DatedAdmin[Tool]):
    """The form of the section of tools."""

    inlines = (CookieInline,)

    def get_form(
        self, request: HttpRequest, obj: Tool | None = None, change: bool = False, **kwargs: object
    ) -> type[ModelForm[Tool]]:
        """Return the form with just this vendor's parameters."""
        form = form_for(recipe_of(request, obj), may_edit_code=may_edit_snippets(request))
        return super().get_form(request, obj, change=change, **{**kwargs, "form": form})

    def formfield_for_foreignkey(
        self, db_field: AnyForeignKey, request: HttpRequest, **kwargs: object
    ) -> ModelChoiceField[Any] | None:
        """Name the policy of a category that is not in the active one."""
        if db_field.name == "category":
            kwargs["form_class"] = CategoryField
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Return large text areas for code."""
        if rows := CODE_ROWS.get(db_field.name):
            code = {"rows": rows, "cols": 80, "spellcheck": "false", "class": "dcp-admin-source"}
            kwargs["widget"] = forms.Textarea(attrs=code)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Tool | None = None) -> Fieldsets:
        """Return the sections of this vendor's form."""
        may_change = obj is None or self.has_change_permission(request, obj)
        return fieldsets(request, obj, may_change=may_change)

    def get_readonly_fields(self, request: HttpRequest, obj: Tool | None = None) -> list[str]:
        """Protect the key of a stored tool, which templates may name."""
        return ["preview", "settings", *(["key"] if obj else [])]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill in the recipe's values and what was found in pasted code.

        Nothing comes from the address: a link must not bring code.
        """
        recipe = chosen(request)
        found = {} if declares_only(request) else initial_values(request, recipe)
        if recipe is None:
            return found
        policy = Policy.objects.default()
        return {
            "name": recipe.name,
            "vendor": recipe.vendor,
            "privacy_url": recipe.privacy_url,
            "placement": recipe.placement,
            "category": Category.objects.filter(policy=policy, key=recipe.category).first(),
            "key": free_key(recipe.key, keys_in(policy)),
            **found,
        }

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Tool, inline: InlineModelAdmin[Any, Tool], prefix: str
    ) -> dict[str, Any]:
        """Fill in the cookies that the recipe declares, or those found in pasted code.

        Only when the form is first shown: all that comes back counts as changed, and is stored.
        """
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        if request.method == "GET" and obj.pk is None:
            recipe = chosen(request)
            declared = [asdict(cookie) for cookie in recipe.cookies] if recipe else []
            kwargs["initial"] = declared or initial_cookies(request)
        return kwargs

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Iterable[forms.BaseFormSet[Any]],
        add: bool = False,
    ) -> History:
        """Say in the history whether the tool was enabled or disabled."""
        form.fields["enabled"].label = SWITCHED[form.instance.enabled]
        return super().construct_change_message(request, form, formsets, add)

    @admin.display(description=_("Settings"))
    def settings(self, tool: Tool) -> SafeString:
        """The recipe's parameters for users who may only view the tool; secrets are masked."""
        recipe = tool.get_recipe()
        parameters = recipe.parameters if recipe else ()
        rows = ((gettext(each.label), shown(tool, each)) for each in parameters)
        return format_html_join("", "<div>{}: {}</div>", rows)

    @admin.display(description=_("Code"))
    def preview(self, tool: Tool) -> str:
        """The exact code of the saved tool on a page, except the nonce."""
        return render_to_string("admin/consent/tool/_code.html", preview_of(tool))
