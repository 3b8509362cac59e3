"""Tools: the catalogue to choose from, a form for each vendor, a preview."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from consent.admin import advice, tool_pages
from consent.admin.base import Context, DatedAdmin, live_policy, tell
from consent.admin.catalogue import (
    catalogue_context,
    chosen,
    passed_on,
    recipe_of,
)
from consent.admin.cookies import CookieInline
from consent.admin.forms import CategoryField, form_for, shown
from consent.admin.generic import AnyField, AnyForeignKey, Fieldsets, ModelChoiceField, ModelForm
from consent.admin.keys import free_key, keys_in
from consent.admin.preview import gone, preview_of, why_no_code
from consent.admin.tool_actions import SWITCHED, disable, enable
from consent.admin.tool_fieldsets import fieldsets
from consent.admin.wording import History
from consent.models import Category, Policy, Tool
from consent.recipes import search

# Fields that hold code, and how many lines of it are seen at once.
CODE_ROWS = {"snippet": 12, "sources": 3}


@admin.register(Tool)
class ToolAdmin(DatedAdmin[Tool]):
    """The tools that the website uses: their list, their forms, and the catalogue."""

    introduction = _(
        "Every tool that the website uses. A tool runs only for visitors who allow its category; "
        "in an essential category, for everybody."
    )
    list_display = ("name", "enabled", "category", "vendor", "remark")
    list_editable = ("enabled",)
    list_filter = ("category", "enabled", "policy")
    list_select_related = ("category", "policy")
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("name", "vendor", "key")
    search_help_text = _("Search by name or vendor; old product names are found, too.")
    actions = (enable, disable)
    inlines = (CookieInline,)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that other apps have for a tool."""
        return [*(page.url(self) for page in tool_pages.pages()), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Context | None = None
    ) -> HttpResponse:
        """Show the catalogue; with ``?recipe=`` (a recipe's key, or custom) the tool's form."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if not request.GET.get("recipe"):
            return self._catalogue(request)
        recipe = chosen(request)
        context = {
            "title": gettext("Add %s") % recipe.name if recipe else gettext("Add a custom snippet"),
            "catalogue_url": f"?{passed_on(request).urlencode()}",
        }
        return super().add_view(request, form_url, {**context, **(extra_context or {})})

    @method_decorator(sensitive_post_parameters())
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        """Show the form; the button “Preview” shows the code and saves nothing."""
        if request.method == "POST" and "_preview" in request.POST:
            return self._preview_page(request, object_id)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Never send back a secret that was entered, and say so."""
        form = context["adminform"].form
        if form.is_bound:
            form.ask_for_secrets_again()
        context["tool_pages"] = tool_pages.links(context.get("original"))
        return super().render_change_form(request, context, *args, **kwargs)

    def get_form(
        self, request: HttpRequest, obj: Tool | None = None, change: bool = False, **kwargs: object
    ) -> type[ModelForm[Tool]]:
        """Return the form with just this vendor's parameters."""
        form = form_for(recipe_of(request, obj))
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
        """Fill in the recipe's values, and none from the address: a link must not bring code."""
        recipe = chosen(request)
        if recipe is None:
            return {}
        policy = Policy.objects.default()
        return {
            "name": recipe.name,
            "vendor": recipe.vendor,
            "privacy_url": recipe.privacy_url,
            "placement": recipe.placement,
            "category": Category.objects.filter(policy=policy, key=recipe.category).first(),
            "key": free_key(recipe.key, keys_in(policy)),
        }

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Tool, inline: InlineModelAdmin[Any, Tool], prefix: str
    ) -> dict[str, Any]:
        """Fill in the cookies that the recipe declares.

        Only when the form is first shown: all that comes back counts as changed, and is stored.
        """
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        recipe = chosen(request) if request.method == "GET" and obj.pk is None else None
        if recipe is not None:
            kwargs["initial"] = [asdict(cookie) for cookie in recipe.cookies]
        return kwargs

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Tool], search_term: str
    ) -> tuple[QuerySet[Tool], bool]:
        """Find tools by the former names of their recipes, too."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if search_term.strip():
            recipes = [recipe.key for recipe in search(search_term)]
            found = queryset.filter(Q(pk__in=found.values("pk")) | Q(recipe__in=recipes))
        return found, duplicates

    def save_related(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Iterable[forms.BaseFormSet[Any]],
        change: bool,
    ) -> None:
        """Save the cookies, and warn of what is probably a mistake."""
        super().save_related(request, form, formsets, change)
        if not change or {"category", "vendor"} & {*form.changed_data}:
            for warning in advice.on_tool(form.instance):
                tell(request, messages.WARNING, warning)

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

    @admin.display(description=_("Remark"), empty_value="")
    def remark(self, tool: Tool) -> str:
        """Why pages do not get the tool's code, or why the tool was disabled."""
        return gone(tool) or why_no_code(tool)

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

    def _catalogue(self, request: HttpRequest) -> HttpResponse:
        context = {
            **self.page_context(request, gettext("Add a tool")),
            **catalogue_context(request),
        }
        return TemplateResponse(request, "admin/consent/tool/catalogue.html", context)

    def _preview_page(self, request: HttpRequest, object_id: str | None) -> HttpResponse:
        tool = None if object_id is None else self.get_object(request, unquote(object_id))
        if object_id is not None and tool is None:
            raise Http404
        if tool is None and not self.has_add_permission(request):
            raise PermissionDenied
        if tool is not None and not self.has_change_permission(request, tool):
            raise PermissionDenied
        form = self.get_form(request, tool, change=tool is not None)(request.POST, instance=tool)
        context = {**self.page_context(request, gettext("Preview")), "form": form, "original": tool}
        if form.is_valid():
            context.update(preview_of(form.save(commit=False)))
        return TemplateResponse(request, "admin/consent/tool/preview.html", context)

    def page_context(self, request: HttpRequest, title: str) -> Context:
        """Return the context of a page that looks like one of the admin's forms."""
        return {
            **self.admin_site.each_context(request),
            **live_policy(),
            "title": title,
            "opts": self.opts,
            "media": self.media,
            "add": True,
            # Not used by Django's templates here, but by those of other themes.
            "change": False,
            "is_popup": "_popup" in request.GET or "_popup" in request.POST,
            "has_view_permission": self.has_view_permission(request),
        }
