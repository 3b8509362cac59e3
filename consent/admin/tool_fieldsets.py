"""The sections of a tool's form, and the explanation above it."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.catalogue import declares_only, may_edit_snippets, recipe_of
from consent.admin.forms import fields_for
from consent.admin.generic import Fields, Fieldsets
from consent.admin.preview import gone
from consent.admin.wording import Text
from consent.models import Tool
from consent.recipes import Recipe

SNIPPET = _(
    "Paste the code that the vendor gives you. It runs as part of your website and can do "
    "everything that your website can do: paste only code that you trust."
)
SNIPPET_LOCKED = _(
    "This tool is a custom snippet. Your account may not change its code, but everything else on "
    "this page."
)
DECLARED = _(
    "This tool is only declared: your website's own code, a tag manager or a CDN loads it. "
    "Visitors see it like any other and can refuse it, but it is your developers who have that "
    "code ask first whether it may run: by the tool's key, with request.consent.allows in Python, "
    "or with consent.allows in JavaScript."
)
GONE = _(
    "This tool does not run: its recipe “%(recipe)s” is no longer in the catalogue. Add the tool "
    "again from the catalogue and delete this one, or ask the developers of the website."
)


def fieldsets(request: HttpRequest, tool: Tool | None, *, may_change: bool) -> Fieldsets:
    """Return the sections of the form of ``tool`` (None: a new one).

    What everybody fills in comes first, what only developers need last.
    """
    recipe = recipe_of(request, tool)
    is_declared = declares_only(request) if tool is None else tool.is_only_declared
    own = [] if is_declared else _own_fields(request, tool, recipe, may_change)
    decisions = ["hears_decisions"] if recipe and recipe.kind == "server" else []
    first: Fields = [*own, "category", *decisions, "enabled"]
    placed = [] if is_declared or (recipe and recipe.kind != "browser") else ["placement"]
    # Whoever may not edit a snippet may not change either from where it loads code.
    may_name = "snippet" in own or (is_declared and may_edit_snippets(request))
    sources = ["sources"] if may_name else []
    preview: Fieldsets = [(_("Code on the page"), {"fields": ["preview"]})] if tool else []
    description = _description(request, tool, recipe, may_change)
    return [
        (None, {"fields": first, "description": description}),
        (_("Shown to visitors"), {"fields": ["name", "vendor", "privacy_url"]}),
        *preview,
        (
            _("Technical details"),
            {"classes": ("collapse",), "fields": [*sources, *placed, "order", "key"]},
        ),
    ]


def _own_fields(
    request: HttpRequest, tool: Tool | None, recipe: Recipe | None, may_change: bool
) -> list[str]:
    """Return the fields that only this vendor's form has.

    Without the snippet if the user may not edit it: a request cannot change what is not a field of
    the form.
    """
    if recipe is None:
        is_snippet = tool is None or not tool.recipe
        return ["snippet"] if is_snippet and may_edit_snippets(request) else []
    if tool is None or may_change:
        return fields_for(recipe, tool)
    return ["settings"]


def _description(
    request: HttpRequest, tool: Tool | None, recipe: Recipe | None, may_change: bool
) -> SafeString:
    """Return what to know about the vendor, or about a snippet, above the form."""
    parts: list[Text] = []
    if recipe is not None:
        parts = [gettext(text) for text in (recipe.description, recipe.note) if text]
    elif declares_only(request) if tool is None else tool.is_only_declared:
        parts = [DECLARED]
    elif tool is not None and tool.recipe:
        parts = [GONE % {"recipe": tool.recipe}]
    elif tool is None or may_change:
        parts = [SNIPPET if may_edit_snippets(request) else SNIPPET_LOCKED]
    if tool is not None:
        parts = [*filter(None, [gone(tool)]), *parts]
    return format_html_join("", "<p>{}</p>", ((part,) for part in parts))
