"""Pages about one person: all their decisions, what held on a day, the export, and the erasure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from consent.admin import export
from consent.admin.base import NOTHING, Context, ReadOnlyAdmin, category_names, tell
from consent.admin.export_links import FORMAT_VAR, may_export
from consent.admin.versions import shown_again
from consent.admin.wording import Text
from consent.models import Record
from consent.models.times import day_of, local_today, midnight
from consent.proof import erasure, receipts
from consent.proof.subjects import Subject, UnknownSubjectError, subject_of_receipt

ON_VAR = "on"
# Decisions that the page lists; nobody has more.
MOST = 200
FORMATS = {"csv": "CSV", "json": _("Receipts as JSON")}

# A word of the history.
ERASED = gettext_noop("subject and user, which were erased")


@dataclass(frozen=True)
class Held:
    """What held at the end of a day. ``record``: None where nothing had been decided by then.

    ``until``: the last day for which the policy of then kept the choice. ``parts``: as in
    `shown_again`.
    """

    day: date
    record: Record | None
    until: date | None = None
    allowed: str = ""
    refused: str = ""
    parts: Any = ()

    @property
    def is_over(self) -> bool:
        """Whether the choice was older than that on the day."""
        return self.until is not None and self.until < self.day


def urls(section: ReadOnlyAdmin[Record]) -> list[URLPattern]:
    """Return the URL patterns of the pages in the ``section`` of records."""

    def of(view: Any, name: str, route: str) -> URLPattern:
        def page(request: HttpRequest) -> HttpResponseBase:
            if not section.has_view_permission(request):
                raise PermissionDenied
            response: HttpResponseBase = view(section, request)
            add_never_cache_headers(response)
            return response

        return path(route, section.admin_site.admin_view(page), name=name)

    return [
        of(subject_view, "consent_record_subject", "subject/"),
        of(export_view, "consent_record_subject_export", "subject/export/"),
        of(erase_view, "consent_record_subject_erase", "subject/erase/"),
    ]


def subject_view(section: ReadOnlyAdmin[Record], request: HttpRequest) -> HttpResponse:
    """Show all decisions of a person, and what held on the day ``on`` with the text of then."""
    subject = subject_in(request)
    records = subject.records.select_related("version").defer("version__content")
    names = category_names()
    rows = [(record, *_lists(record, names)) for record in records[: MOST + 1]]
    if not rows:
        raise Http404
    held = _held(subject, request.GET.get(ON_VAR, ""))
    context: Context = {
        "title": gettext("Decisions of one person"),
        "page_links": _links(request, subject),
        "subject": subject,
        "others": [(_words(each), address(each)) for each in _others(subject)],
        "words": _words(subject),
        "rows": rows[:MOST],
        "has_more": len(rows) > MOST,
        "parameters": _parameters(subject),
        "today": local_today(),
        "held": held,
        "written_once": True,
    }
    return section.page(request, "admin/consent/record/subject.html", context)


def export_view(section: ReadOnlyAdmin[Record], request: HttpRequest) -> HttpResponseBase:
    """Send all records of a person: as CSV, or as signed receipts with the texts of then."""
    if not may_export(request):
        raise PermissionDenied
    subject, file_format = subject_in(request), request.GET.get(FORMAT_VAR)
    if file_format == "csv":
        return export.response(request, subject.records, "csv")
    if file_format != "json":
        raise BadRequest(f"Unknown format “{file_format}”: use one of {', '.join(FORMATS)}.")
    site = f"{request.scheme}://{request.get_host()}"
    found = [receipts.receipt(each, site) for each in subject.records.select_related("version")]
    response = HttpResponse(json.dumps(found, indent=1), content_type="application/json")
    name = f"consent-receipts-{local_today().isoformat()}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def erase_view(section: ReadOnlyAdmin[Record], request: HttpRequest) -> HttpResponse:
    """Say how many records the erasure of a person alters, and do so once that is confirmed."""
    if not may_erase(request):
        raise PermissionDenied
    subject = subject_in(request)
    if request.method == "POST":
        return _erase(section, request, subject)
    if not subject.records.exists():
        raise Http404
    context: Context = {
        "title": gettext("Erase this person from the records"),
        "page_links": [(_("Decisions of this person"), address(subject))],
        "words": _words(subject),
        "due": erasure.due(subject),
        "others": [_words(each) for each in _others(subject)],
        "back": address(subject),
        "written_once": True,
    }
    return section.page(request, "admin/consent/record/erase.html", context)


def _erase(section: ReadOnlyAdmin[Record], request: HttpRequest, subject: Subject) -> HttpResponse:
    named = list(subject.named)
    erased = erasure.erase(subject)
    for record in named:
        section.log_change(request, record, [{"changed": {"fields": [ERASED]}}])
    text = ngettext(
        "%d record no longer names this person.",
        "%d records no longer name this person.",
        erased.records,
    )
    tell(request, messages.SUCCESS, text % erased.records)
    if erased.altered:
        text = gettext("Records that were not genuine before: %d. Verification still reports them.")
        tell(request, messages.WARNING, text % erased.altered)
    return HttpResponseRedirect(reverse("admin:consent_record_changelist"))


def may_erase(request: HttpRequest) -> bool:
    """Say whether the user may erase a person, which includes the permission to view records."""
    return request.user.has_perms(("consent.view_record", "consent.erase_record"))


def subject_in(request: HttpRequest) -> Subject:
    """Return the person whom the address names.

    Raises BadRequest if it names none, and Http404 for a receipt that no record has.
    """
    given = request.GET
    try:
        if given.get("subject"):
            return Subject(subject=UUID(given["subject"]))
        if given.get("receipt"):
            return subject_of_receipt(UUID(given["receipt"]))
    except UnknownSubjectError as error:
        raise Http404(str(error)) from error
    except ValueError as error:
        raise BadRequest("The address has an invalid value.") from error
    if not given.get("user") or "\x00" in given["user"]:
        raise BadRequest("The address names no person: it needs subject, user or receipt.")
    return Subject(user=given["user"])


def address(subject: Subject, page: str = "", **query: str) -> str:
    """Return the address of a page about ``subject``."""
    name = f"admin:consent_record_subject{page}"
    return f"{reverse(name)}?{urlencode({**_parameters(subject), **query})}"


def address_of(record: Record) -> str:
    """Return the address of the page about the person of ``record``."""
    return address(subject_of_receipt(record.receipt))


def _parameters(subject: Subject) -> dict[str, str]:
    if subject.subject:
        return {"subject": str(subject.subject)}
    return {"user": subject.user} if subject.user else {"receipt": str(subject.receipt)}


def _words(subject: Subject) -> str:
    if subject.subject:
        return gettext("Browser %s") % subject.subject
    if subject.user:
        return gettext("User %s") % subject.user
    return gettext("Receipt %s, which names nobody") % subject.receipt


def _others(subject: Subject) -> list[Subject]:
    """Return the other browsers and accounts that the records name."""
    names = subject.names
    browsers = sorted(names.subjects - {subject.subject}, key=str)
    users = sorted(names.users - {subject.user})
    return [*(Subject(subject=each) for each in browsers), *(Subject(user=each) for each in users)]


def _links(request: HttpRequest, subject: Subject) -> list[tuple[Text, str]]:
    links: list[tuple[Text, str]] = []
    if may_export(request):
        for key, label in FORMATS.items():
            link = address(subject, "_export", **{FORMAT_VAR: key})
            links.append((gettext("Export this person: %s") % label, link))
    if may_erase(request) and subject.named.exists():
        links.append((_("Erase this person"), address(subject, "_erase")))
    return links


def _lists(record: Record, names: Mapping[str, str]) -> tuple[str, str]:
    """Return what was allowed and what was not, by the ``names`` of these keys."""
    # A record that was altered in the database may hold anything.
    choices = record.choices if isinstance(record.choices, dict) else {}
    refused = [key for key, granted in choices.items() if not granted]
    lists = (record.granted.split(), sorted(refused))
    allowed, refused_too = (", ".join(names.get(k, k) for k in keys) or NOTHING for keys in lists)
    return allowed, refused_too


def _held(subject: Subject, text: str) -> Held | None:
    """Return what held at the end of the day ``text``, at most today.

    Raises BadRequest if it is no day.
    """
    if not text:
        return None
    try:
        # Nobody knows yet what is going to hold on a later day.
        day = min(date.fromisoformat(text), local_today())
        end = midnight(day + timedelta(days=1))
    except (ValueError, OverflowError) as error:
        raise BadRequest("The address has an invalid value.") from error
    record = subject.record_before(end)
    if record is None:
        return Held(day, None)
    try:
        shown = record.version.shown
        until = day_of(record.decided_at) + timedelta(days=shown["policy"]["lifetime_days"])
        names = {each["key"]: each["name"] for each in shown["categories"]}
    except (KeyError, TypeError, ValueError, OverflowError):
        # A version that was altered in the database.
        return Held(day, record, None, *_lists(record, {}))
    return Held(day, record, until, *_lists(record, names), shown_again(record.version))
