"""Read what browsers report of a Content-Security-Policy: which host, by which directive, where.

Browsers send one report as ``application/csp-report`` (`report-uri`), or a list of them as
``application/reports+json`` (`report-to`): https://www.w3.org/TR/CSP3/#reporting and
https://www.w3.org/TR/reporting-1/. A report is text from a stranger: whatever is not as it has to
be is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from consent.findings.naming import folded_host
from consent.recipes.csp import DIRECTIVES

# Reports of one request that are read.
MOST_REPORTS = 20

_SCHEMES = ("http", "https", "ws", "wss")
# A name with a dot whose last part is no number: no address of a machine.
_HOST = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")

# What programs on the visitor's machine put into pages: virus scanners, translators, adware.
INJECTED = (
    "kaspersky-labs.com",
    "translate.google.com",
    "translate.googleapis.com",
    "translate-pa.googleapis.com",
    "infird.com",
    "superfish.com",
)


class Report(NamedTuple):
    """A host that a page asked for. ``page``: the page's address, as the browser says it."""

    host: str
    directive: str
    page: str


class ReportError(ValueError):
    """A body that is no report. Says why."""


def read(body: bytes) -> Iterator[Report]:
    """Return the reports in ``body`` that name a host; raises ReportError where it is not JSON."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ReportError("The body is not JSON.") from error
    if isinstance(data, Mapping):
        return _reports([_of_old_form(data.get("csp-report"))])
    if isinstance(data, list):
        return _reports([_of_new_form(each) for each in data[:MOST_REPORTS]])
    raise ReportError("The body is neither a report nor a list of reports.")


def _reports(rows: list[Mapping[str, str]]) -> Iterator[Report]:
    for row in rows:
        host, directive = host_of(row.get("blocked", "")), row.get("directive", "")
        if host and directive in DIRECTIVES and not _is_noise(host, row.get("file", "")):
            yield Report(host, directive, row.get("page", ""))


def _of_old_form(report: Any) -> Mapping[str, str]:
    names = {
        "page": "document-uri",
        "blocked": "blocked-uri",
        "directive": "effective-directive",
        # Older browsers name only the directive that applied, with its sources.
        "violated": "violated-directive",
        "file": "source-file",
    }
    return _texts(report, names)


def _of_new_form(report: Any) -> Mapping[str, str]:
    if not isinstance(report, Mapping) or report.get("type") != "csp-violation":
        return {}
    names = {
        "page": "documentURL",
        "blocked": "blockedURL",
        "directive": "effectiveDirective",
        "file": "sourceFile",
    }
    return _texts(report.get("body"), names)


def _texts(row: Any, names: Mapping[str, str]) -> Mapping[str, str]:
    """Return the texts of ``row`` under our own names; directives for elements are the wider."""
    if not isinstance(row, Mapping):
        return {}
    found = {ours: row.get(theirs) for ours, theirs in names.items()}
    texts = {name: value for name, value in found.items() if isinstance(value, str)}
    directive = (texts.get("directive") or texts.get("violated", "")).partition(" ")[0]
    return {**texts, "directive": directive.removesuffix("-elem").removesuffix("-attr")}


def host_of(address: str) -> str:
    """Return the host of ``address``, ids in it folded; "" for none, and for what is no website.

    Extensions have schemes of their own, and inline code has no address at all.
    """
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""
    if parts.scheme not in _SCHEMES or not _HOST.fullmatch(host):
        return ""
    return folded_host(host)


def _is_noise(host: str, file: str) -> bool:
    """Say whether something on the visitor's machine asked for it, and not the page."""
    if file and "://" in file and scheme_of(file) not in _SCHEMES:
        return True
    return any(host == name or host.endswith(f".{name}") for name in INJECTED)


def scheme_of(address: str) -> str:
    """Return what is before the first colon of ``address``, in lower case."""
    return address.partition(":")[0].lower()
