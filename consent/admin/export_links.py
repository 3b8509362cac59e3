"""The links to exports of records, and who may follow them."""

from __future__ import annotations

from django.contrib.admin.views.main import PAGE_VAR
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from consent.admin.base import Context

FORMAT_VAR = "format"
FORMATS = {"csv": "CSV", "jsonl": "JSON Lines"}


def may_export(request: HttpRequest) -> bool:
    """Say whether the user may export records, which includes the permission to view them."""
    return request.user.has_perms(("consent.view_record", "consent.export_record"))


def exports(request: HttpRequest) -> Context:
    """Return the addresses of exports of what ``request`` selects, for templates."""
    if not may_export(request):
        return {}
    selected = request.GET.copy()
    selected.pop(PAGE_VAR, None)
    return {"exports": [(label, export_url(selected, key)) for key, label in FORMATS.items()]}


def export_url(selected: QueryDict, file_format: str) -> str:
    """Return the address of a file with the records that the list shows for ``selected``."""
    query = selected.copy()
    query[FORMAT_VAR] = file_format
    return f"{reverse('admin:consent_record_export')}?{query.urlencode()}"
