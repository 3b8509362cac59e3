"""A website that used django-cookie-consent: its visitors' cookies, and what counts here now."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import include, path

from consent.policy.decision import Decision, parse
from tests.helpers import consent_in, iso

MIDDLEWARE = "consent.carry_over.CookieConsentMiddleware"
V1, V2 = "2024-03-01T09:30:00.250000+00:00", "2025-01-10T12:00:00+00:00"


def standing(request: HttpRequest) -> HttpResponse:
    consent = consent_in(request)
    return JsonResponse(
        {
            "choices": consent.choices,
            "tools": sorted(tool.key for tool in consent.selection.tools),
            "must_ask": consent.must_ask,
        }
    )


def untouched(request: HttpRequest) -> HttpResponse:
    return HttpResponse("the same for everybody")


urlpatterns = [
    path("", standing),
    path("untouched/", untouched),
    path("consent/", include("consent.urls")),
]


def with_carry_over() -> list[str]:
    """Return the middleware of the website with ours at its end."""
    return [*settings.MIDDLEWARE, MIDDLEWARE]


def carry_over(on: int = 0, **groups: tuple[str, str, int]) -> dict[str, Any]:
    """Return the setting of a migration that was made that many days from now."""
    return {"on": iso(on), "groups": groups}


def old_cookie(**answers: str) -> str:
    """Return the text of django-cookie-consent's cookie."""
    return "|".join(f"{group}={version}" for group, version in answers.items())


def visit(text: str | None, address: str = "/", **options: Any) -> Any:
    """Return the answer to a new browser that has only that cookie of django-cookie-consent."""
    client = Client()
    if text is not None:
        client.cookies[options.pop("name", "cookie_consent")] = text
    return client.get(address, **options)


def decided(response: Any) -> Decision | None:
    """Return the decision that a response sets as the preference cookie; None if it sets none."""
    morsel = response.cookies.get("consent")
    return parse(morsel.value) if morsel else None


def choices(response: Any) -> Mapping[str, bool | None]:
    return response.json()["choices"]
