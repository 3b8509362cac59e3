"""django-cookie-consent, set up as its documentation says, with its cookie bar."""

from __future__ import annotations

from cookie_consent.conf import settings
from cookie_consent.models import Cookie, CookieGroup
from cookie_consent.util import set_cookie_dict_to_response
from django.http import HttpResponse
from django.urls import include, path

from tests.benchmarks.tools import ESSENTIAL, OPTIONAL, further, granted, recipes
from tests.benchmarks.website.urls import pages

urlpatterns = [*pages, path("cookies/", include("cookie_consent.urls"))]


def seed(tools: int) -> None:
    """Make a group of each category, with the cookies of its tools."""
    groups = {
        key: CookieGroup.objects.create(
            varname=key,
            name=key.replace("-", " ").capitalize(),
            description="What this category's data is collected for, in a sentence.",
            is_required=key == ESSENTIAL,
            ordering=order,
        )
        for order, key in enumerate((*OPTIONAL, ESSENTIAL))
    }
    cookies = {
        (recipe.category, cookie.name): cookie.purpose
        for recipe in recipes()
        for cookie in recipe.cookies
    } | {
        (tool.category, name): f"Tells visitors of {tool.name} apart."
        for tool in further(tools)
        for name in tool.cookies
    }
    Cookie.objects.bulk_create(
        Cookie(cookiegroup=groups[category], name=name, description=purpose)
        for (category, name), purpose in cookies.items()
    )


def cookie(visitor: str) -> str:
    if visitor == "undecided":
        return ""
    allowed = granted(visitor)
    choices = {
        group.varname: group.get_version()
        if group.varname in allowed
        else settings.COOKIE_CONSENT_DECLINE
        for group in CookieGroup.objects.filter(varname__in=OPTIONAL)
    }
    response = HttpResponse()
    set_cookie_dict_to_response(response, choices)
    morsel = response.cookies[settings.COOKIE_CONSENT_NAME]
    return f"{morsel.key}={morsel.coded_value}"
