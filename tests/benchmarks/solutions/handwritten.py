"""By hand: a cookie that names what is allowed, read in ``{% if %}`` around hard-coded snippets."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST

from tests.benchmarks.tools import OPTIONAL, granted
from tests.benchmarks.website.urls import pages

COOKIE = "choices"


def choices(request: HttpRequest) -> dict[str, Any]:
    """Tell templates what the visitor allows, and whether to ask."""
    cookie = request.COOKIES.get(COOKIE)
    return {"ask": cookie is None, "allowed": (cookie or "").split("|")}


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Store the visitor's choice and show the page again."""
    ticked = () if "reject" in request.POST else request.POST.getlist("categories")
    allowed = OPTIONAL if "accept" in request.POST else ticked
    response = redirect("home")
    response.set_cookie(COOKIE, "|".join(allowed), max_age=182 * 86_400, samesite="Lax")
    return response


urlpatterns = [*pages, path("choice/", choose, name="choice")]


def seed(tools: int) -> None:
    pass


def cookie(visitor: str) -> str:
    return "" if visitor == "undecided" else f"{COOKIE}={'|'.join(granted(visitor))}"
