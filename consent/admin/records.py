"""Records of decisions: found by date, action, category or receipt, and exported."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import DataError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponse, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin import export, subject_pages
from consent.admin.base import NOTHING, Context, ReadOnlyAdmin, tell
from consent.admin.export_links import FORMAT_VAR, exports, may_export
from consent.admin.record_list import CategoryFilter, LanguageFilter, PeriodFilter, RecordList
from consent.admin.wording import Text, verdict_of
from consent.models import Record, RecordQuerySet, legal_basis
from consent.models.signing import Verdict
from consent.proof.record_files import FORMATS
from consent.proof.subjects import users_called

# The parameters of the address: each has an index, other lookups do not.
LOOKUPS = {
    *("from", "to", "category", "subject", "user", "language"),
    *("action__exact", "regime__exact", "gpc__exact"),
}

VERDICTS = {
    Verdict.GENUINE: (
        "✓",
        "genuine",
        _("Genuine: the record was not changed since it was stored."),
    ),
    Verdict.ALTERED: ("✗", "altered", _("Altered: the record was changed after it was stored.")),
    Verdict.UNKNOWN_KEY: (
        "?",
        "unknown",
        _("Cannot be checked: the key that signed it is not in the settings (any more)."),
    ),
}


@admin.register(Record)
class RecordAdmin(ReadOnlyAdmin[Record]):
    """The read-only section of records."""

    introduction = _(
        "What each visitor decided, when, and which text they saw. Records cannot be changed. A "
        "record does not name its visitor: search for the receipt that the visitor has."
    )
    list_display = (
        "decided_at",
        "action",
        "allowed",
        "source",
        "language",
        "short_regime",
        "short_gpc",
        "short_receipt",
    )
    list_filter = (PeriodFilter, "action", CategoryFilter, "regime", "gpc", LanguageFilter)
    list_per_page = 50
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    search_fields = ("receipt",)
    search_help_text = _(
        "Search by a whole receipt, a subject, a username or the primary key of a user"
    )
    fieldsets = (
        (None, {"fields": ("receipt", "verdict", "decided_at", "action", "source")}),
        (_("Decision"), {"fields": ("allowed", "refused", "regime", "gpc_sent")}),
        (_("What was shown"), {"fields": ("shown_version", "revision", "language")}),
        (_("Who decided"), {"fields": ("subject", "others", "user_link", "erased_at")}),
        (_("Technical details"), {"fields": ("choices", "sequence", "number", "signature")}),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the export, and the pages about one person."""
        view = self.admin_site.admin_view(self.export_view)
        own = [path("export/", view, name="consent_record_export"), *subject_pages.urls(self)]
        return [*own, *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        """Return the list that does not count all records."""
        return RecordList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow only parameters that have an index."""
        return lookup in LOOKUPS

    def changelist_view(
        self, request: HttpRequest, extra_context: Context | None = None
    ) -> HttpResponse:
        """Show the list; say what to search for if the search term finds nothing it could be."""
        term = request.GET.get(SEARCH_VAR, "").strip()
        if term and read_receipt(term) is None and not records_found_by(term).exists():
            text = gettext(
                "The search term is not a receipt. Enter all of it, such as %s: 32 letters and "
                "digits, with or without hyphens."
            )
            tell(request, messages.WARNING, text % "0b5f6a52-9c1e-4d3f-8a70-2f4e6d8c1b3a")
        context = {**exports(request), **_person(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def render_change_form(
        self, request: HttpRequest, context: Context, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add a link to all decisions of the person."""
        record: Any = context["original"]
        links = [(_("Decisions of this person"), subject_pages.address_of(record))]
        if record.erased_at:
            history = reverse("admin:consent_record_history", args=[record.pk])
            links.append((_("Who erased this person"), history))
        return super().render_change_form(
            request, {**context, "page_links": links}, *args, **kwargs
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Record], search_term: str
    ) -> tuple[QuerySet[Record], bool]:
        """Find the record with this receipt, those of this subject, or those of this user."""
        term = search_term.strip()
        return (queryset & records_found_by(term) if term else queryset), False

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Send the records that the list's filters select, as a file of the type ``format``.

        Raises PermissionDenied if the user may not export, and BadRequest for an invalid value.
        """
        if not may_export(request):
            raise PermissionDenied
        selected = request.GET.copy()
        file_format = selected.pop(FORMAT_VAR, [""])[-1]
        if file_format not in FORMATS:
            raise BadRequest(f"Unknown format “{file_format}”: use one of {', '.join(FORMATS)}.")
        request.GET = QueryDict(selected.urlencode())
        try:
            records = self.get_changelist_instance(request).queryset
        except (IncorrectLookupParameters, DataError, OverflowError, ValueError) as error:
            raise BadRequest("The address has an invalid value.") from error
        return export.response(request, records, file_format)

    @admin.display(description=_("allowed"))
    def allowed(self, record: Record) -> str:
        """The keys of the categories that were allowed."""
        return record.granted.replace(" ", ", ") or NOTHING

    @admin.display(description=_("not allowed"))
    def refused(self, record: Record) -> str:
        """The keys of the categories that were refused."""
        # A record that was altered in the database may hold anything.
        choices = record.choices if isinstance(record.choices, dict) else {}
        return ", ".join(sorted(key for key, granted in choices.items() if not granted)) or NOTHING

    @admin.display(description=_("regime"))
    def short_regime(self, record: Record) -> Text:
        """The regime in a word."""
        return legal_basis.short_label(record.regime)

    @admin.display(description=_("GPC"))
    def short_gpc(self, record: Record) -> Text:
        """Whether the browser sent the Global Privacy Control; no icon that looks like an error."""
        return _("Yes") if record.gpc else NOTHING

    @admin.display(description=_("Global Privacy Control"))
    def gpc_sent(self, record: Record) -> Text:
        """The same, in words."""
        if record.gpc:
            return _("Yes: the browser asked not to sell or share data.")
        return _("No")

    @admin.display(description=_("receipt"))
    def short_receipt(self, record: Record) -> str:
        """The beginning of the receipt, which distinguishes records at a glance."""
        return f"{str(record.receipt)[:8]}…"

    @admin.display(description=_("signature"))
    def verdict(self, record: Record) -> SafeString:
        """The result of the signature's check, in words."""
        return verdict_of(*VERDICTS[record.verdict()])

    @admin.display(description=_("version of the policy"))
    def shown_version(self, record: Record) -> SafeString:
        """The version, linked to its page; whether it is the one that the visitor was shown."""
        address = reverse("admin:consent_policyversion_change", args=[record.version.pk])
        link = format_html('<a href="{}">{}</a>', address, record.version)
        if record.revision == record.version.revision:
            return link
        note = gettext("The text that was shown is not known; this was the policy of that time.")
        return format_html("{}<br>{}", link, note)

    @admin.display(description=_("other records"))
    def others(self, record: Record) -> SafeString | str:
        """A link to all decisions of the same browser, if the record names it."""
        if record.subject is None:
            return NOTHING
        return _list_link(gettext("Records of the same subject"), "subject", record.subject)

    @admin.display(description=_("user"))
    def user_link(self, record: Record) -> SafeString | str:
        """The primary key of the signed-in user, linked to all of their decisions."""
        return _list_link(record.user, "user", record.user) if record.user else NOTHING


def read_receipt(text: str) -> UUID | None:
    """Return ``text`` as a receipt; None if it is not a whole one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def records_found_by(term: str) -> RecordQuerySet:
    """Return the records that a search finds, in one query: each way has an index."""
    name = read_receipt(term)
    if name is not None:
        return Record.objects.filter(Q(receipt=name) | Q(subject=name) | Q(user=term))
    return Record.objects.filter(user__in=[] if "\x00" in term else users_called(term))


def _list_link(text: str, field: str, value: UUID | str) -> SafeString:
    address = reverse("admin:consent_record_changelist")
    return format_html('<a href="{}?{}">{}</a>', address, urlencode({field: str(value)}), text)


def _person(request: HttpRequest) -> Context:
    """Return the address of the page about the person whose records the list shows, if it does."""
    if not (request.GET.get("subject") or request.GET.get("user")):
        return {}
    return {"person_url": subject_pages.address(subject_pages.subject_in(request))}
