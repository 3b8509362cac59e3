"""Helpers for tests: a small website with a policy, its visitors, and what pages contain."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory
from django.utils import timezone

from consent.middleware import ConsentMiddleware
from consent.models import Cookie, Policy, Sequence
from consent.models.default_texts import CATEGORIES
from consent.policy import policies
from consent.policy.decision import Decision, today
from consent.visitor import Consent
from tests.factories import CategoryFactory, CookieFactory, PolicyFactory, ToolFactory, store_as_is

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
OPTIONAL = ("functional", "marketing-analytics", "advertising")

# Cookies that the site itself sets: a tool's declarations never delete them.
OWN_COOKIES = (
    "consent",
    "consent_subject",
    "consent.account",
    "sessionid",
    "csrftoken",
    "django_language",
)

# Each optional category of the small site has one tool, all in different places of a page.
CHAT, ANALYTICS, PIXEL, GUARD, CAPTCHA = TOOLS = (
    "chat",
    "google-analytics",
    "pixel",
    "guard",
    "captcha",
)
ESSENTIAL_TOOLS = {GUARD, CAPTCHA}
SIGNALS_OF = {category.key: category.consent_types for category in CATEGORIES}
TOOLS_OF = {"functional": CHAT, "marketing-analytics": ANALYTICS, "advertising": PIXEL}


def small_site(**fields: Any) -> Policy:
    """Make a policy with the four usual categories and five tools, and return it.

    It is stored at once, as a restored backup is, instead of edit by edit: at revision 2, at which
    the tools came into their categories of revision 1.
    """
    policy = PolicyFactory.create(revision=2, **fields)
    functional, marketing, advertising, essential = store_as_is(
        CategoryFactory.build(
            policy=policy,
            key=key,
            order=order,
            essential=key == "essential",
            consent_types=SIGNALS_OF[key],
            since=1,
        )
        for order, key in enumerate((*OPTIONAL, "essential"))
    )
    _, analytics, pixel, _, _ = store_as_is(
        ToolFactory.build(policy=policy, since=2, **tool)
        for tool in (
            {"category": functional, "key": CHAT, "name": "Chat", "placement": "head"},
            {"category": marketing, "key": ANALYTICS, "by_recipe": True},
            {"category": advertising, "key": PIXEL, "name": "Pixel", "placement": "body"},
            {"category": essential, "key": GUARD, "name": "Guard", "placement": "head"},
            {"category": essential, "key": CAPTCHA, "name": "Captcha", "placement": "manual"},
        )
    )
    Cookie.objects.bulk_create(
        [
            CookieFactory.build(tool=analytics, name="_ga"),
            CookieFactory.build(tool=analytics, name="_ga_*"),
            CookieFactory.build(tool=pixel, name="_px_*"),
            CookieFactory.build(tool=pixel, name="px_state", storage=True),
            CookieFactory.build(tool=pixel, name="ad_id", third_party=True),
        ]
    )
    return policy


def put_all_policies_in_use() -> None:
    """Bring all policies into use, as a database allows that has no conditional constraints.

    MySQL and MariaDB have none. The constraint is dropped until the test's transaction ends.
    """
    if connection.features.supports_partial_indexes:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX consent_policy_one_default")
    Policy.objects.update(is_default=True)


def no_policy() -> None:
    """Delete the policy, so that the website has none."""
    Policy.objects.all().delete()
    policies.forget()


def no_ledger() -> AbstractContextManager[None]:
    """Rename the table that every record needs, so that storing fails, and restore it."""
    return no_table(Sequence)


@contextmanager
def no_table(model: type[Model]) -> Iterator[None]:
    """Rename the table of ``model``, so that queries fail, and restore it."""
    table, elsewhere = model._meta.db_table, "consent_elsewhere"
    with connection.schema_editor() as editor:
        editor.alter_db_table(model, table, elsewhere)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(model, elsewhere, table)


def grant(*granted: str, at: int | None = None, day: int | None = None) -> str:
    """Return the cookie of a visitor who granted these categories and refused the others.

    `at` is the policy's revision at that time (default: now), `day` the day (default: today).
    """
    revision = policies.current().revision if at is None else at
    choices = {key: revision if key in granted else 0 for key in OPTIONAL}
    return chosen(choices, revision=revision, day=day)


def chosen(choices: Mapping[str, int], *, revision: int, day: int | None = None) -> str:
    """Return the cookie of a decision, category by category."""
    return Decision(revision, today() if day is None else day, choices).text


def page_request(cookie: str = "", path: str = "/", **extra: Any) -> HttpRequest:
    """Return a GET request that has passed the consent middleware."""
    request = RequestFactory().get(path, **extra)
    if cookie:
        request.COOKIES["consent"] = cookie
    attach(request)
    return request


def attach(request: HttpRequest) -> HttpRequest:
    """Send a request through the consent middleware alone, and return it."""
    ConsentMiddleware(lambda request: HttpResponse())(request)
    return request


def consent_in(request: HttpRequest) -> Consent:
    """Return what the middleware attached to a request."""
    consent = getattr(request, "consent", None)
    assert isinstance(consent, Consent)
    return consent


def vary(response: HttpResponseBase) -> set[str]:
    """Return the names in a response's `Vary` header."""
    return {name.strip() for name in response.get("Vary", "").split(",") if name.strip()}


def tool_scripts(markup: str, keys: Iterable[str] = TOOLS) -> set[str]:
    """Return the keys of the tools whose code is in a page."""
    return {key for key in keys if f'data-consent-tool="{key}"' in markup}


def days_ago(days: int) -> int:
    """Return the day number of that many days ago, as the preference cookie stores it."""
    return today() - days


def iso(days: int) -> str:
    """Return the date in that many days (UTC) in ISO format."""
    return (timezone.now() + timedelta(days=days)).date().isoformat()
