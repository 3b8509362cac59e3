"""Tools: the catalogue to choose from, a form for each vendor, a preview."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from consent.admin import tool_pages
from consent.admin.base import Context
from consent.admin.catalogue import (
    catalogue_context,
    chosen,
    declares_only,
    passed_on,
)
from consent.admin.pasted import as_first_shown, opens_form, pasted_text, recognised_context
from consent.admin.preview import gone, preview_of, why_no_code
from consent.admin.tool_actions import disable, enable
from consent.admin.tool_form import ToolFormAdmin
from consent.models import Tool
from consent.recipes import Recipe, search


@admin.register(Tool)
class ToolAdmin(ToolFormAdmin):
    """The tools that the website uses: their list, the catalogue, the preview."""

    introduction = _(
        "Every tool that the website uses. A tool runs only for visitors who allow its category; "
        "in an essential category, for everybody."
    )
    list_display = ("name", "enabled", "category", "short_vendor", "remark")
    list_editable = ("enabled",)
    list_filter = ("category", "enabled", "policy")
    list_select_related = ("category", "policy")
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("name", "vendor", "key")
    search_help_text = _("Search by name or vendor; old product names are found, too.")
    actions = (enable, disable)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that other apps have for a tool."""
        return [*(page.url(self) for page in tool_pages.pages()), *super().get_urls()]

    @method_decorator(sensitive_post_parameters())
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Context | None = None
    ) -> HttpResponse:
        """Show the catalogue, or what was recognised in pasted code; with ``?recipe=`` the form.

        It names a recipe by its key, or is custom or declared.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        if not request.GET.get("recipe"):
            return self._recognised(request) if pasted_text(request) else self._catalogue(request)
        if opens_form(request):
            request = as_first_shown(request)
        recipe = chosen(request)
        context = {
            "title": _title(request, recipe),
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
        context["page_links"] = tool_pages.links(context.get("original"))
        return super().render_change_form(request, context, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Tool], search_term: str
    ) -> tuple[QuerySet[Tool], bool]:
        """Find tools by the former names of their recipes, too."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if search_term.strip():
            recipes = [recipe.key for recipe in search(search_term)]
            found = queryset.filter(Q(pk__in=found.values("pk")) | Q(recipe__in=recipes))
        return found, duplicates

    @admin.display(description=_("vendor"), ordering="vendor", empty_value="")
    def short_vendor(self, tool: Tool) -> str:
        """The vendor without what is in parentheses, such as its company in another region."""
        return tool.vendor.partition(" (")[0]

    @admin.display(description=_("Remark"), empty_value="")
    def remark(self, tool: Tool) -> str:
        """Why pages do not get the tool's code, or why the tool was disabled."""
        return gone(tool) or why_no_code(tool)

    def _catalogue(self, request: HttpRequest) -> HttpResponse:
        context = {"title": gettext("Add a tool"), **catalogue_context(request)}
        return self.page(request, "admin/consent/tool/catalogue.html", context)

    def _recognised(self, request: HttpRequest) -> HttpResponse:
        context = {"title": gettext("What you pasted"), **recognised_context(request)}
        return self.page(request, "admin/consent/tool/recognised.html", context)

    def _preview_page(self, request: HttpRequest, object_id: str | None) -> HttpResponse:
        tool = None if object_id is None else self.get_object(request, unquote(object_id))
        if object_id is not None and tool is None:
            raise Http404
        if tool is None and not self.has_add_permission(request):
            raise PermissionDenied
        if tool is not None and not self.has_change_permission(request, tool):
            raise PermissionDenied
        form = self.get_form(request, tool, change=tool is not None)(request.POST, instance=tool)
        context = {"title": gettext("Preview"), "form": form}
        if form.is_valid():
            context.update(preview_of(form.save(commit=False)))
        return self.page(request, "admin/consent/tool/preview.html", context, tool)


def _title(request: HttpRequest, recipe: Recipe | None) -> str:
    if declares_only(request):
        return gettext("Declare a tool that something else loads")
    return gettext("Add %s") % recipe.name if recipe else gettext("Add a custom snippet")
