"""``{% demo_panel %}``: the panel that shows which tools run on this page, and why."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.http import urlencode

from consent.pages import delivery_mode
from demo_site.panel import describe

register = template.Library()


@register.inclusion_tag("demo_site/panel.html", takes_context=True)
def demo_panel(context: template.Context) -> dict[str, Any]:
    """Return the panel's context. ``placed_tools`` are the tools that the page itself requests.

    In cacheable delivery the page contains only the panel's frame, and a script loads its content.
    """
    request, placed = context["request"], context.get("placed_tools") or ()
    query = urlencode({"placed": placed}, doseq=True)
    return {
        "panel": None if delivery_mode().is_cacheable else describe(request, placed),
        "panel_url": f"{reverse('panel')}?{query}" if query else reverse("panel"),
    }
