"""Tools: the catalogue to choose from, a form for each vendor, a preview."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from consent.admin import events
from consent.admin.base import (
    DatedAdmin,
    asked_again,
    free_key,
    from_revision,
    keys_in,
    live_policy,
    tell,
)
from consent.admin.catalogue import (
    catalogue_context,
    chosen,
    may_edit_snippets,
    passed_on,
    recipe_of,
)
from consent.admin.forms import (
    CategoryField,
    CookieForm,
    CookieFormSet,
    fields_for,
    form_for,
    shown,
)
from consent.admin.preview import gone, preview_of, why_no_code
from consent.models import Category, Cookie, Policy, Tool, ToolQuerySet
from consent.recipes import Recipe, search

# Words of the history.
SWITCHED = {True: gettext_noop("Enabled: yes"), False: gettext_noop("Enabled: no")}

# Fields that hold code, and how many lines of it are seen at once.
CODE_ROWS = {"snippet": 12, "sources": 3}

SNIPPET = _(
    "Paste the code as the vendor gives it. It runs as part of your website, with all that your "
    "website may do: paste only code that you trust."
)
SNIPPET_LOCKED = _(
    "This tool is a custom snippet. Your account may not change its code; everything else on this "
    "page it may."
)
GONE = _(
    "This tool does not run: its recipe “%(recipe)s” is no longer in the catalogue. Add the tool "
    "again from the catalogue and delete this one, or ask whoever looks after the website."
)


class CookieInline(admin.TabularInline):  # type: ignore[type-arg]
    """The cookies and storage keys that a tool declares: whoever may edit it may edit them."""

    model = Cookie
    form = CookieForm
    formset = CookieFormSet
    verbose_name_plural = _("Cookies and storage keys that it sets")

    def get_extra(self, request: HttpRequest, obj: Tool | None = None, **kwargs: Any) -> int:
        """Leave room for what the recipe declares, or for one more."""
        recipe = None if obj else chosen(request)
        return len(recipe.cookies) if recipe else 1

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follow the tool's."""
        return _may(request, "view") or _may(request, "change")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follow the tool's."""
        return _may(request, "change" if obj else "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follow the tool's."""
        return _may(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follow the tool's: what a tool declares is part of it."""
        return _may(request, "change")


@admin.register(Tool)
class ToolAdmin(DatedAdmin):
    """The tools that the website uses."""

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
    actions = ("enable", "disable")
    inlines = (CookieInline,)

    def get_urls(self) -> list[Any]:
        """Add the page of a tool that gets events."""
        return [*events.urls(self), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Offer the catalogue; with ``?recipe=`` (a recipe's key, or custom) the tool's form."""
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
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form; a press on “Preview” shows what the page would get and saves nothing."""
        if request.method == "POST" and "_preview" in request.POST:
            return self._preview_page(request, object_id)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Never send back a secret that was typed, and say so."""
        form = context["adminform"].form
        if form.is_bound:
            form.ask_for_secrets_again()
        context["events_url"] = events.address_of(context.get("original"))
        return super().render_change_form(request, context, *args, **kwargs)

    def get_form(
        self, request: HttpRequest, obj: Tool | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:  # type: ignore[type-arg]
        """Return the form with just this vendor's parameters."""
        form = form_for(recipe_of(request, obj))
        return super().get_form(request, obj, change=change, **{**kwargs, "form": form})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Name the policy of a category that is not in the one in use."""
        if db_field.name == "category":
            kwargs["form_class"] = CategoryField
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Give the snippet room, and less to what it loads from."""
        if rows := CODE_ROWS.get(db_field.name):
            code = {"rows": rows, "cols": 80, "spellcheck": "false", "class": "dcp-admin-source"}
            kwargs["widget"] = forms.Textarea(attrs=code)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Tool | None = None) -> Any:
        """Return first what everybody fills in, last what a developer cares for."""
        recipe = recipe_of(request, obj)
        own = self._own_fields(request, obj, recipe)
        decisions = ["hears_decisions"] if recipe and recipe.kind == "server" else []
        first = [*own, "category", *decisions, "enabled"]
        placed = [] if recipe and recipe.kind != "browser" else ["placement"]
        # Whoever may not edit a snippet may not say either where it loads code from.
        loads = ["sources"] if "snippet" in own else []
        sections = [
            (None, {"fields": first, "description": self._description(request, obj, recipe)}),
            (_("What visitors are told"), {"fields": ["name", "vendor", "privacy_url"]}),
            (
                _("Technical details"),
                {"classes": ("collapse",), "fields": [*loads, *placed, "order", "key"]},
            ),
        ]
        if obj is not None:
            sections.insert(2, (_("What the page gets"), {"fields": ["preview"]}))
        return sections

    def _own_fields(
        self, request: HttpRequest, obj: Tool | None, recipe: Recipe | None
    ) -> list[str]:
        """Return the fields that only this vendor's form has.

        A snippet is not among them for whoever may not edit it: what is no field of the form is
        not taken from a request either.
        """
        if recipe is None:
            is_snippet = obj is None or not obj.recipe
            return ["snippet"] if is_snippet and may_edit_snippets(request) else []
        if obj is None or self.has_change_permission(request, obj):
            return fields_for(recipe, obj)
        return ["settings"]

    def _description(
        self, request: HttpRequest, obj: Tool | None, recipe: Recipe | None
    ) -> SafeString:
        """Return what to know of the vendor, or of a snippet, above the form."""
        parts: list[Any] = []
        if recipe is not None:
            parts = [gettext(text) for text in (recipe.description, recipe.note) if text]
        elif obj is not None and obj.recipe:
            parts = [GONE % {"recipe": obj.recipe}]
        elif obj is None or self.has_change_permission(request, obj):
            parts = [SNIPPET if may_edit_snippets(request) else SNIPPET_LOCKED]
        if obj is not None:
            parts = [*filter(None, [gone(obj)]), *parts]
        return format_html_join("", "<p>{}</p>", ((part,) for part in parts))

    def get_readonly_fields(self, request: HttpRequest, obj: Tool | None = None) -> Any:
        """Protect the key once it is in use."""
        return ["preview", "settings", *(["key"] if obj else [])]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill in what the recipe knows, and nothing from the address: a link is nobody's code."""
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
        self, request: HttpRequest, obj: Tool, inline: Any, prefix: str
    ) -> dict[str, Any]:
        """Fill in the cookies that the recipe declares.

        Only where the form is shown first: what comes back counts as changed, and so is stored.
        """
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        recipe = chosen(request) if request.method == "GET" and obj.pk is None else None
        if recipe is not None:
            kwargs["initial"] = [asdict(cookie) for cookie in recipe.cookies]
        return kwargs

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Tool], search_term: str
    ) -> tuple[QuerySet[Tool], bool]:
        """Find tools by their recipes' old names, too."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if search_term.strip():
            recipes = [recipe.key for recipe in search(search_term)]
            found = queryset.filter(Q(pk__in=found.values("pk")) | Q(recipe__in=recipes))
        return found, duplicates

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Say in the history whether the tool was enabled or disabled."""
        form.fields["enabled"].label = SWITCHED[form.instance.enabled]
        return super().construct_change_message(request, form, formsets, add)

    @admin.display(description=_("Remark"), empty_value="")
    def remark(self, tool: Tool) -> str:
        """Why pages get no code of the tool, if they do not, or why it was disabled."""
        return gone(tool) or why_no_code(tool)

    @admin.display(description=_("Settings"))
    def settings(self, tool: Tool) -> SafeString:
        """The recipe's parameters, for whoever may only look; secrets are masked."""
        recipe = tool.get_recipe()
        parameters = recipe.parameters if recipe else ()
        rows = ((gettext(each.label), shown(tool, each)) for each in parameters)
        return format_html_join("", "<div>{}: {}</div>", rows)

    @admin.display(description=_("Code"))
    def preview(self, tool: Tool) -> str:
        """Exactly what the page gets of the saved tool, but for the nonce."""
        return render_to_string("admin/consent/tool/_code.html", preview_of(tool))

    @admin.action(description=_("Enable the selected tools"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Tool]) -> None:
        """Enable; visitors who had allowed the category are asked again."""
        tools = _those(queryset.filter(enabled=False))
        with transaction.atomic():
            count = tools.switch_on()
            for tool in tools.select_related("category__policy"):
                history = [*_switched(enabled=True), *from_revision(tool.since)]
                self.log_change(request, tool, history)
                tell(request, messages.INFO, asked_again(tool))
        done = ngettext("%d tool was enabled.", "%d tools were enabled.", count)
        tell(request, messages.SUCCESS, done % count)

    @admin.action(description=_("Disable the selected tools"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Tool]) -> None:
        """Disable; pages stop having them at once."""
        tools = _those(queryset.filter(enabled=True))
        with transaction.atomic():
            count = tools.switch_off()
            for tool in tools:
                self.log_change(request, tool, _switched(enabled=False))
        done = ngettext("%d tool was disabled.", "%d tools were disabled.", count)
        tell(request, messages.SUCCESS, done % count)

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

    def page_context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        """Return the context of a page of its own, which looks like one of the admin's forms."""
        return {
            **self.admin_site.each_context(request),
            **live_policy(),
            "title": title,
            "opts": self.opts,
            "media": self.media,
            "add": True,
            "is_popup": "_popup" in request.GET or "_popup" in request.POST,
            "has_view_permission": self.has_view_permission(request),
        }


def _may(request: HttpRequest, action: str) -> bool:
    """Say whether the user may do ``action`` (view, add, change) with tools."""
    user: Any = request.user
    return bool(user.has_perm(f"consent.{action}_tool"))


def _those(queryset: QuerySet[Tool]) -> ToolQuerySet:
    """Return the same tools, whatever becomes of what they were selected by."""
    keys = list(queryset.values_list("pk", flat=True))
    return Tool.objects.filter(pk__in=keys)


def _switched(*, enabled: bool) -> list[dict[str, Any]]:
    """Return the history's words for a tool that was enabled or disabled."""
    return [{"changed": {"fields": [SWITCHED[enabled]]}}]
