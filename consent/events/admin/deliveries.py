"""Deliveries of events: how far each is, and those that were given up sent again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from consent.admin.base import NOTHING, ReadOnlyAdmin, tell
from consent.events.delivery import overdue
from consent.events.models import ID_PREFIX, Delivery


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin[Delivery]):
    """Looks at deliveries; what was given up can be sent again."""

    introduction = _(
        "Events that your website's server sends to tools: one line for each event and tool. What "
        "they hold is deleted as soon as they have arrived or are dropped."
    )
    list_display = (
        "created_at",
        "name",
        "tool_name",
        "attempts",
        "answer",
        "outcome",
    )
    list_filter = ("state", ("tool", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("tool",)
    list_per_page = 50
    ordering = ("-pk",)
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    search_fields = ("name",)
    search_help_text = _("Search by an event's name, or by its whole id (evt_…)")
    actions = ("send_again",)
    fieldsets = (
        (None, {"fields": ("message_id", "name", "tool_link", "is_test", "state", "remark")}),
        (_("Attempts"), {"fields": ("attempts", "answer", "created_at", "due_at", "ended_at")}),
        (_("Consent"), {"fields": ("policy", "decision", "regime", "gpc", "subject", "user")}),
    )

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may have something sent again."""
        user: Any = request.user
        return bool(user.has_perm("consent_events.change_delivery"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, and say where nobody seems to deliver."""
        if request.method == "GET" and (warning := _warning()):
            tell(request, messages.WARNING, warning)
        return super().changelist_view(request, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find an event by its id; and by its name."""
        event = read_event(search_term)
        if event is not None:
            return queryset.filter(event=event), False
        return super().get_search_results(request, queryset, search_term)

    @admin.action(description=_("Send given-up events again"), permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: Any) -> None:
        """Have those that were given up tried anew; others stay as they are."""
        count = Delivery.objects.filter(pk__in=queryset.values("pk")).send_again()
        done = ngettext(
            "%d event is sent again, if the visitor's consent still covers it.",
            "%d events are sent again, where the visitors' consent still covers them.",
            count,
        )
        if count:
            tell(request, messages.SUCCESS, done % count)
        else:
            tell(request, messages.WARNING, gettext("None of these events was given up."))

    @admin.display(description=_("event's id"))
    def message_id(self, delivery: Delivery) -> str:
        """What the receiver knows the event by."""
        return delivery.message_id

    @admin.display(description=_("tool"))
    def tool_link(self, delivery: Delivery) -> SafeString | str:
        """The tool, linked to how its events fare; its name alone, where it was deleted."""
        if delivery.tool_id is None:
            return delivery.tool_name
        address = reverse("admin:consent_tool_change", args=[delivery.tool_id])
        return format_html('<a href="{}">{}</a>', address, delivery.tool_name)

    @admin.display(description=_("answer"))
    def answer(self, delivery: Delivery) -> str:
        """The status that the receiver answered with last."""
        return str(delivery.status or NOTHING)

    @admin.display(description=_("state"))
    def outcome(self, delivery: Delivery) -> str:
        """How far it is, and why it is no further."""
        return ": ".join(filter(None, (delivery.get_state_display(), self.remark(delivery))))

    @admin.display(description=_("remark"), empty_value="")
    def remark(self, delivery: Delivery) -> str:
        """Why it was dropped, or what went wrong last."""
        return delivery.get_reason_display() if delivery.reason else ""


def _warning() -> str:
    """Return what to do where events wait although it is their turn; "" where none does."""
    waited = overdue()
    if waited is None:
        return ""
    return gettext(
        "Events are not being delivered: the longest has been due for %s. Have whoever looks "
        "after the website run “manage.py consent_deliver --watch”, or a worker for tasks."
    ) % timesince(timezone.now() - waited)


def read_event(text: str) -> UUID | None:
    """Return the event with the id ``text``; None if that is not an id."""
    try:
        return UUID(text.strip().removeprefix(ID_PREFIX))
    except ValueError:
        return None
