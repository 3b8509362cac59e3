"""The actions of the list of tools: enable and disable."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, ngettext

from consent.admin.base import tell
from consent.admin.generic import ModelAdmin
from consent.admin.wording import History, asked_again, from_revision
from consent.models import Tool, ToolQuerySet

# Words of the history.
SWITCHED = {True: gettext_noop("Enabled: yes"), False: gettext_noop("Enabled: no")}


@admin.action(description=_("Enable the selected tools"), permissions=["change"])
def enable(section: ModelAdmin[Tool], request: HttpRequest, queryset: QuerySet[Tool]) -> None:
    """Enable the tools; visitors who allowed their categories are asked again."""
    tools = _same(queryset.filter(enabled=False))
    with transaction.atomic():
        count = tools.switch_on()
        for tool in tools.select_related("category__policy"):
            history = [*_switched(enabled=True), *from_revision(tool.since)]
            section.log_change(request, tool, history)
            tell(request, messages.INFO, asked_again(tool))
    done = ngettext("%d tool was enabled.", "%d tools were enabled.", count)
    tell(request, messages.SUCCESS, done % count)


@admin.action(description=_("Disable the selected tools"), permissions=["change"])
def disable(section: ModelAdmin[Tool], request: HttpRequest, queryset: QuerySet[Tool]) -> None:
    """Disable the tools; pages stop having them at once."""
    tools = _same(queryset.filter(enabled=True))
    with transaction.atomic():
        count = tools.switch_off()
        for tool in tools:
            section.log_change(request, tool, _switched(enabled=False))
    done = ngettext("%d tool was disabled.", "%d tools were disabled.", count)
    tell(request, messages.SUCCESS, done % count)


def _same(queryset: QuerySet[Tool]) -> ToolQuerySet:
    """Return the same tools by key, since they no longer match the filter once they are saved."""
    keys = list(queryset.values_list("pk", flat=True))
    return Tool.objects.filter(pk__in=keys)


def _switched(*, enabled: bool) -> History:
    """Return the entry of the history for a tool that was enabled or disabled."""
    return [{"changed": {"fields": [SWITCHED[enabled]]}}]
