"""Tools: the catalogue to choose from, a form for each vendor, a preview."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from consent.admin.base import COSMETIC, DatedAdmin, live_policy
from consent.admin.forms import PREFIX, CookieForm, ToolForm, form_for
from consent.compiled import compile_tool
from consent.models import Category, Cookie, Policy, Tool
from consent.recipes import Recipe, catalogue, search
from consent.rendering import code_of

CUSTOM = "custom"
EDIT_SNIPPET = "consent.edit_snippet"


class CookieInline(admin.TabularInline):  # type: ignore[type-arg]
    """The cookies and storage keys that a tool declares."""

    model = Cookie
    form = CookieForm
    verbose_name_plural = _("Cookies and storage keys that it sets")

    def get_extra(self, request: HttpRequest, obj: Tool | None = None, **kwargs: Any) -> int:
        """Leave room for what the recipe declares, or for one more."""
        recipe = None if obj else _chosen(request)
        return len(recipe.cookies) if recipe else 1


@admin.register(Tool)
class ToolAdmin(DatedAdmin):
    """The tools that the website uses."""

    list_display = ("name", "vendor", "category", "enabled", "placement")
    list_editable = ("enabled",)
    list_filter = ("category", "enabled", "placement")
    list_select_related = ("category", "policy")
    search_fields = ("name", "vendor", "key")
    search_help_text = _("Name or vendor, old product names too")
    actions = ("enable", "disable")
    inlines = (CookieInline,)
    readonly_fields = ("preview",)
    save_on_top = False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Offer the catalogue; with ``?recipe=`` (a recipe's key, or custom) the tool's form."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        chosen = request.GET.get("recipe", "")
        if not chosen:
            return self._catalogue(request)
        if chosen == CUSTOM and not request.user.has_perm(EDIT_SNIPPET):
            raise PermissionDenied
        recipe = _chosen(request)
        title = gettext("Add %s") % recipe.name if recipe else gettext("Add a custom snippet")
        return super().add_view(request, form_url, {"title": title, **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        """Show the form; a press on “Preview” shows what the page would get and saves nothing."""
        if request.method == "POST" and "_preview" in request.POST:
            return self._preview_page(request, object_id)
        context = {**live_policy(), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def get_form(
        self, request: HttpRequest, obj: Tool | None = None, change: bool = False, **kwargs: Any
    ) -> type[ToolForm]:
        """Return the form with just this vendor's parameters."""
        recipe = obj.get_recipe() if obj else _chosen(request)
        return super().get_form(request, obj, change=change, form=form_for(recipe), **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Tool | None = None) -> Any:
        """Return first what everybody fills in, then the rest."""
        recipe = obj.get_recipe() if obj else _chosen(request)
        code = [PREFIX + parameter.name for parameter in recipe.parameters] if recipe else []
        if recipe is None and not (obj and obj.recipe):
            code = ["snippet"]
        sections = [
            (None, {"fields": ["category", "enabled"], "description": _description(recipe)}),
            (gettext("Settings") if recipe else gettext("Code"), {"fields": code}),
            (gettext("What visitors are told"), {"fields": ["name", "vendor", "privacy_url"]}),
            (gettext("Technical details"), {"fields": ["placement", "order", "key"]}),
        ]
        if obj is not None:
            sections.insert(2, (gettext("What the page gets"), {"fields": ["preview"]}))
            sections.append((gettext("Saving"), {"fields": [COSMETIC]}))
        return [section for section in sections if section[1]["fields"]]

    def get_readonly_fields(self, request: HttpRequest, obj: Tool | None = None) -> Any:
        """Protect the key once it is in use, and snippets from whoever may not edit them."""
        fixed = ["preview"]
        if obj is not None:
            fixed.append("key")
        if not request.user.has_perm(EDIT_SNIPPET):
            fixed.append("snippet")
        return fixed

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill in what the recipe knows."""
        initial = super().get_changeform_initial_data(request)
        recipe = _chosen(request)
        if recipe is None:
            return initial
        policy = Policy.objects.default()
        category = Category.objects.filter(policy=policy, key=recipe.category).first()
        return {
            **initial,
            "name": recipe.name,
            "vendor": recipe.vendor,
            "privacy_url": recipe.privacy_url,
            "placement": recipe.placement,
            "category": category.pk if category else None,
            "key": _free_key(recipe.key, policy),
        }

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Tool, inline: Any, prefix: str
    ) -> dict[str, Any]:
        """Fill in the cookies that the recipe declares."""
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        recipe = _chosen(request)
        if request.method == "GET" and obj.pk is None and recipe is not None:
            kwargs["initial"] = [
                {
                    "kind": cookie.kind,
                    "name": cookie.name,
                    "party": cookie.party,
                    "retention": cookie.retention,
                    "purpose": cookie.purpose,
                }
                for cookie in recipe.cookies
            ]
        return kwargs

    def get_prepopulated_fields(self, request: HttpRequest, obj: Tool | None = None) -> Any:
        """Make a custom snippet's key from its name."""
        return {"key": ("name",)} if obj is None and _chosen(request) is None else {}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Tool], search_term: str
    ) -> tuple[QuerySet[Tool], bool]:
        """Find tools by their recipes' old names, too."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if search_term.strip():
            recipes = [recipe.key for recipe in search(search_term)]
            found = queryset.filter(Q(pk__in=found.values("pk")) | Q(recipe__in=recipes))
        return found, duplicates

    @admin.display(description=_("Code"))
    def preview(self, tool: Tool) -> SafeString:
        """Exactly what the page gets of the saved tool, but for the nonce."""
        return format_html(
            '<pre class="dcp-admin-code" tabindex="0">{}</pre>', _code_or_reason(tool)
        )

    @admin.action(description=_("Enable the selected tools"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Tool]) -> None:
        """Enable; visitors who had allowed the category are asked again."""
        self._switch(request, queryset, enabled=True)

    @admin.action(description=_("Disable the selected tools"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Tool]) -> None:
        """Disable; pages stop having them at once."""
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Tool], *, enabled: bool) -> None:
        tools = Tool.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
        changed = list(tools.filter(enabled=not enabled))
        count = tools.switch_on() if enabled else tools.switch_off()
        for tool in changed:
            self.log_change(request, tool, [{"changed": {"fields": [gettext("enabled")]}}])
        message = (
            ngettext(
                "%d tool is enabled. Visitors who had allowed its category are asked again.",
                "%d tools are enabled. Visitors who had allowed their categories are asked again.",
                count,
            )
            if enabled
            else ngettext("%d tool is disabled.", "%d tools are disabled.", count)
        )
        self.message_user(request, message % count, messages.SUCCESS)

    def _catalogue(self, request: HttpRequest) -> HttpResponse:
        query = request.GET.get("q", "")
        in_use = set(Tool.objects.values_list("recipe", flat=True))
        categories = Category.objects.filter(policy=Policy.objects.default())
        names = {category.key: str(category) for category in categories}
        groups: dict[str, list[Recipe]] = {name: [] for name in names.values()}
        for recipe in search(query):
            groups.setdefault(names.get(recipe.category, recipe.category), []).append(recipe)
        context = {
            **self.admin_site.each_context(request),
            **live_policy(),
            "title": gettext("Add a tool"),
            "opts": self.opts,
            "query": query,
            "groups": {name: recipes for name, recipes in groups.items() if recipes},
            "in_use": in_use,
            "may_add_snippet": request.user.has_perm(EDIT_SNIPPET),
            "passed_on": [(k, v) for k, v in request.GET.items() if k.startswith("_")],
        }
        return TemplateResponse(request, "admin/consent/tool/catalogue.html", context)

    def _preview_page(self, request: HttpRequest, object_id: str | None) -> HttpResponse:
        stored = None if object_id is None else self.get_object(request, object_id)
        allowed = (
            self.has_add_permission(request)
            if object_id is None
            else stored is not None and self.has_change_permission(request, stored)
        )
        if not allowed:
            raise PermissionDenied
        form = self.get_form(request, stored, change=stored is not None)(
            request.POST, instance=stored
        )
        code = _code_or_reason(form.save(commit=False)) if form.is_valid() else ""
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Preview"),
            "opts": self.opts,
            "form": form,
            "code": code,
        }
        return TemplateResponse(request, "admin/consent/tool/preview.html", context)


def _chosen(request: HttpRequest) -> Recipe | None:
    """Return the recipe that ``?recipe=`` names; None for a custom snippet.

    Raises Http404 where no recipe has that key.
    """
    key = request.GET.get("recipe", CUSTOM)
    if key == CUSTOM:
        return None
    try:
        return catalogue()[key]
    except KeyError:
        raise Http404(gettext("There is no recipe “%s”.") % key) from None


def _free_key(key: str, policy: Policy | None) -> str:
    """Return ``key``, or with a number where a tool of the policy has it already."""
    taken = set(Tool.objects.filter(policy=policy).values_list("key", flat=True))
    candidates = (key if n == 1 else f"{key}-{n}" for n in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)


def _description(recipe: Recipe | None) -> str:
    """Return what the catalogue says of the vendor, above its form."""
    if recipe is None:
        return gettext(
            "Paste the code as the vendor gives it. It runs as part of your website, with all "
            "that your website may do: paste only code that you trust."
        )
    parts = [gettext(recipe.description)]
    if recipe.note:
        parts.append(gettext(recipe.note))
    return format_html("<p>{}</p>" * len(parts), *parts)


def _code_or_reason(tool: Tool) -> str:
    """Return the code that a page gets of ``tool``, or why it gets none."""
    compiled = compile_tool(tool, tool.category)
    if compiled.server:
        return gettext("Nothing: this tool's data is sent from your server.")
    return code_of(compiled) or gettext("Nothing: the settings are not complete.")
