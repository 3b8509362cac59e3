"""System checks for findings; docs/checks.md lists their ids."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import Error as DatabaseFailure
from django.urls import NoReverseMatch, reverse

from consent.checks.project import invalid_settings
from consent.findings.conf import conf
from consent.findings.models import Finding
from consent.models import Policy

OURS = "consent.findings.middleware.FindingsMiddleware"
_SHOWN = 5


def check_settings(**kwargs: object) -> list[CheckMessage]:
    """consent.E007: a setting of findings has a value that is not allowed."""
    return list(invalid_settings(conf))


def check_middleware(**kwargs: object) -> list[CheckMessage]:
    """consent.W040: FindingsMiddleware is missing, so no cookie is noticed."""
    if OURS in settings.MIDDLEWARE:
        return []
    return [
        Warning(
            "The findings middleware is missing, so nobody notices cookies that no tool declares.",
            hint=f"Put '{OURS}' first in MIDDLEWARE.",
            id="consent.W040",
        )
    ]


def check_reports(**kwargs: object) -> list[CheckMessage]:
    """consent.E042: browsers are to report hosts, and the endpoint has no address."""
    try:
        reverse("consent_findings:reports")
    except NoReverseMatch:
        if conf.REPORTED_SHARE:
            return [_NO_ADDRESS]
    return []


_NO_ADDRESS = Error(
    "CONSENT_FINDINGS_REPORTED_SHARE is set, but the address that takes reports is not included, "
    "so no browser reports.",
    hint="Add path('consent/findings/', include('consent.findings.urls')) to ROOT_URLCONF.",
    id="consent.E042",
)


def check_findings(databases: Sequence[str] | None = None, **kwargs: object) -> list[CheckMessage]:
    """Look at what is stored; only with ``check --database``, and whenever ``migrate`` runs.

    consent.W041: the website itself sets cookies that no tool declares, or in spite of a refusal.
    What only browsers say is not counted: anybody can forge it. consent.W024: the tables cannot be
    read.
    """
    if not databases or Finding.objects.db not in databases or not _has_tables_of_core():
        return []
    try:
        names = list(Finding.objects.serious().values_list("name", flat=True))
    except DatabaseFailure as error:
        return [
            Warning(
                f"The tables of findings cannot be read: {error}",
                hint="Run 'manage.py migrate'. It shows this message before it creates them.",
                id="consent.W024",
            )
        ]
    return [_serious(names)] if names else []


def _has_tables_of_core() -> bool:
    """Say whether the tables of `consent` itself can be read; else its own check reports that."""
    try:
        Policy.objects.exists()
    except DatabaseFailure:
        return False
    return True


def _serious(names: list[str]) -> CheckMessage:
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return Warning(
        f"Your website sets cookies that no tool declares, or that the visitor did not allow: "
        f"{shown}.",
        hint="Deal with them in the admin, under “Findings”.",
        id="consent.W041",
    )


def register_all() -> None:
    """Register the checks; called once, when the app is ready."""
    register(check_settings, "consent")
    register(check_middleware, "consent")
    register(check_reports, "consent")
    register(check_findings, "consent", Tags.database)
