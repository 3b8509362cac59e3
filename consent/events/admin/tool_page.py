"""The page of a tool that gets events: how they fare, a test, and the secret that signs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from consent.admin.base import SectionAdmin, tell
from consent.admin.preview import gone
from consent.admin.tool_pages import ToolPage
from consent.events import outbox, signatures
from consent.events.models import OVERLAPS, Delivery, SigningSecret
from consent.models import Tool
from consent.models.signing import UnknownKeyError

# Words of the history.
SHOWN, ROTATED = gettext_noop("signing secret, which was shown"), gettext_noop("signing secret")

OVERLAP_NAMES = {
    "day": _("24 hours"),
    "week": _("7 days"),
    "none": _("no time: the previous secret stops now"),
}


@dataclass(frozen=True)
class Outcome:
    """A state of deliveries. ``url``: the list of those that are in it."""

    name: Any
    number: int
    url: str


def events_view(section: SectionAdmin[Tool], request: HttpRequest, object_id: str) -> HttpResponse:
    """Show the page, or perform the action of one of its buttons.

    Raises Http404 if the tool does not exist or gets no events, PermissionDenied if the user may
    not view or change it, and BadRequest for an unknown button.
    """
    tool = section.get_object(request, unquote(object_id))
    if tool is None or not gets_events(tool):
        raise Http404
    may_change = section.has_change_permission(request, tool)
    if not may_change and not section.has_view_permission(request, tool):
        raise PermissionDenied
    secret = ""
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        if "_test" in request.POST:
            return _test(request, tool)
        secret = _secret(section, request, tool)
    context = {**_context(request, tool), "may_change": may_change, "secret": secret}
    response = section.page(request, "admin/consent_events/tool.html", context, tool)
    add_never_cache_headers(response)
    return response


def gets_events(tool: Tool) -> bool:
    """Say whether this website's server sends events to ``tool``."""
    recipe = tool.get_recipe()
    return recipe is not None and bool(recipe.endpoint)


PAGE = ToolPage(
    name="consent_tool_events",
    slug="events",
    label=_("Events, test and signature"),
    applies=gets_events,
    view=events_view,
)


def _context(request: HttpRequest, tool: Tool) -> dict[str, Any]:
    recipe = tool.get_recipe()
    is_signed = bool(recipe and recipe.signed)
    settings = reverse("admin:consent_tool_change", args=[tool.pk])
    return {
        "title": gettext("Events for %s") % tool,
        "page_links": [(_("Settings of the tool"), settings)],
        "gone": gone(tool),
        "outcomes": _outcomes(tool),
        "is_signed": is_signed,
        "secrets": list(SigningSecret.objects.in_use(tool)) if is_signed else [],
        "overlaps": OVERLAP_NAMES,
        "may_view_deliveries": request.user.has_perm("consent_events.view_delivery"),
    }


def _outcomes(tool: Tool) -> list[Outcome]:
    rows = Delivery.objects.filter(tool=tool).order_by().values_list("state")
    numbers = dict(rows.annotate(number=Count("pk")))
    listed = reverse("admin:consent_events_delivery_changelist")
    return [
        Outcome(
            name=label,
            number=numbers.get(state, 0),
            url=f"{listed}?{urlencode({'tool__id__exact': str(tool.pk), 'state__exact': state})}",
        )
        for state, label in Delivery.State.choices
    ]


def _test(request: HttpRequest, tool: Tool) -> HttpResponse:
    delivery = outbox.store_test(tool)
    sent = gettext("A test event was queued: %s. Its delivery shows the result.")
    tell(request, messages.SUCCESS, sent % delivery.message_id)
    return HttpResponseRedirect(PAGE.address(tool))


def _secret(section: Any, request: HttpRequest, tool: Tool) -> str:
    """Show the present secret, or make a new one, as the button says; return what to show."""
    recipe = tool.get_recipe()
    overlap = request.POST.get("overlap", "")
    if recipe is None or not recipe.signed:
        raise BadRequest("The events for this tool are not signed.")
    with transaction.atomic():
        if "_rotate" in request.POST and overlap in OVERLAPS:
            secret = SigningSecret.objects.rotate(tool, OVERLAPS[overlap])
            section.log_change(request, tool, [{"added": {"name": ROTATED, "object": ""}}])
        elif "_show" in request.POST:
            secret = SigningSecret.objects.active(tool)[0]
        else:
            raise BadRequest("There is no such button, or it needs to know how long: overlap.")
        if not secret.reveal():
            tell(request, messages.ERROR, gettext("It was shown before; make a new one."))
            return ""
        section.log_change(request, tool, [{"changed": {"fields": [SHOWN]}}])
    return _written(request, secret)


def _written(request: HttpRequest, secret: SigningSecret) -> str:
    try:
        return signatures.written(secret.value)
    except UnknownKeyError:
        problem = gettext("The key of this secret is no longer in the settings; make a new secret.")
        tell(request, messages.ERROR, problem)
        return ""
