"""``{% demo_panel %}``: what runs on this page, and why."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.http import urlencode

from consent.pages import delivery_mode
from demo_site.panel import describe

register = template.Library()


@register.inclusion_tag("demo_site/panel.html", takes_context=True)
def demo_panel(context: template.Context) -> dict[str, Any]:
    """Show the panel. ``placed_tools`` in the context: the tools that the page itself asks for.

    A page that is the same for everybody has only the place for it.
    """
    request, placed = context["request"], context.get("placed_tools") or ()
    query = urlencode({"placed": placed}, doseq=True)
    return {
        "panel": None if delivery_mode().is_cacheable else describe(request, placed),
        "panel_url": f"{reverse('panel')}?{query}" if query else reverse("panel"),
    }
