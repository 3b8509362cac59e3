"""The endpoint that takes what browsers report."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from consent.findings import report_limit, reports
from consent.findings.models import Finding
from consent.findings.report_policy import WHEN, own_hosts
from consent.findings.sightings import Seen, has_room, note, remembered
from consent.policy import Selection
from consent.recipes.hosts import covers
from consent.visitor import Consent

LONGEST = 16_384
_TEXT = "text/plain; charset=utf-8"
_WHEN = (Finding.Problem.REFUSED, Finding.Problem.BEFORE)


# A browser sends it by itself, without a token; and nothing is believed that it says.
@csrf_exempt
@require_POST
def take_reports(request: HttpRequest) -> HttpResponse:
    """Note the hosts that a browser reports; says why where it takes none."""
    if not report_limit.is_within(request):
        headers = {"Retry-After": str(report_limit.SECONDS)}
        return _answer(429, "Too many reports; send no more for now.", headers)
    length = request.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdecimal()):
        return _answer(411, "The request has no Content-Length.")
    if int(length[:10]) > LONGEST:
        return _answer(413, f"A report has at most {LONGEST} bytes.")
    try:
        for report in reports.read(request.body):
            _note(request, report)
    except reports.ReportError as error:
        return _answer(400, str(error))
    return HttpResponse(status=204)


def _answer(status: int, text: str, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(text, status=status, content_type=_TEXT, headers=headers)


def _note(request: HttpRequest, report: reports.Report) -> None:
    """Note it, unless the report is of another website, or the host one's own."""
    if not _is_of_this_site(request, report.page) or _is_own(report.host):
        return
    when = request.GET.get(WHEN, "")
    # Whoever agreed on the loaded page let its tool start: the policy that is reported is older.
    selection = _selection(request) if when in _WHEN else None
    problem = when if selection else ""
    key = (Finding.Kind.HOST, report.host, problem, selection and selection.state)
    if key in remembered() or not has_room():
        return
    seen = Seen(
        *(Finding.Kind.HOST, report.host, Finding.Source.REPORTED, _place(report.page)),
        directive=report.directive,
        problem=problem,
        allowed=frozenset(tool.key for tool in selection.tools) if selection else frozenset(),
    )
    note(seen, key)


def _selection(request: HttpRequest) -> Selection | None:
    """Return what the visitor allows by now, as far as the browser sends that with a report."""
    consent = getattr(request, "consent", None)
    if not isinstance(consent, Consent) or not consent.policy:
        return None
    return consent.without_vary().selection


def _is_of_this_site(request: HttpRequest, page: str) -> bool:
    try:
        return urlsplit(page).netloc == request.get_host()
    except ValueError:
        return False


def _is_own(host: str) -> bool:
    return any(covers(f"https://{own}", host) for own in own_hosts())


def _place(page: str) -> str:
    """Return the route of the page, which has no values in it; "" where it has none."""
    try:
        return f"/{resolve(urlsplit(page).path).route}"
    except (Resolver404, ValueError):
        return ""
