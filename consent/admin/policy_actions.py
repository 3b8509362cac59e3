"""The actions of the list of policies: stop all optional tools, and start them again."""

from __future__ import annotations

from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from consent.admin.base import tell
from consent.admin.generic import ModelAdmin
from consent.models import Policy, PolicyQuerySet

# Words of the history.
STOPPED, STARTED = gettext_noop("Optional tools: stopped"), gettext_noop("Optional tools: started")


@admin.action(description=_("Stop all optional tools at once"), permissions=["change"])
def stop_tools(
    section: ModelAdmin[Policy], request: HttpRequest, queryset: QuerySet[Policy]
) -> None:
    """Stop the optional tools of the policies, whatever visitors allowed."""
    _log(section, request, queryset.filter(stopped_at=None), STOPPED)
    cast("PolicyQuerySet", queryset).stop_tools()
    text = gettext("All optional tools are stopped. Visitors keep their choices.")
    tell(request, messages.SUCCESS, text)


@admin.action(description=_("Start the optional tools again"), permissions=["change"])
def start_tools(
    section: ModelAdmin[Policy], request: HttpRequest, queryset: QuerySet[Policy]
) -> None:
    """Start the optional tools again where visitors allow them; nobody is asked anew."""
    _log(section, request, queryset.filter(stopped_at__isnull=False), STARTED)
    cast("PolicyQuerySet", queryset).start_tools()
    text = gettext("The optional tools run again where visitors allow them.")
    tell(request, messages.SUCCESS, text)


def _log(
    section: ModelAdmin[Policy], request: HttpRequest, policies: QuerySet[Policy], word: str
) -> None:
    for policy in policies:
        section.log_change(request, policy, [{"changed": {"fields": [word]}}])
