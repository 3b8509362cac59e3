"""This app, in either delivery."""

from __future__ import annotations

from io import StringIO

from django.core.management import call_command
from django.urls import include, path

from consent.conf import conf
from consent.models import Category, Cookie, Policy, Tool
from consent.policy import policies
from consent.policy.decision import Decision, today
from tests.benchmarks.tools import OPTIONAL, examples, further, granted, placement, recipes
from tests.benchmarks.website.urls import pages

urlpatterns = [*pages, path("consent/", include("consent.urls"))]


def seed(tools: int) -> None:
    """Make the policy as an editor does; the further tools at once, as a backup is restored."""
    call_command("consent_init", stdout=StringIO())
    categories = {category.key: category for category in Category.objects.all()}
    for recipe in recipes():
        Tool.objects.from_recipe(
            recipe, categories[recipe.category], examples(recipe), placement=placement(recipe)
        )
    policy = Policy.objects.get()
    made = Tool.objects.bulk_create(
        Tool(
            policy=policy,
            category=categories[tool.category],
            key=tool.key,
            name=tool.name,
            vendor=f"{tool.name} Ltd",
            privacy_url=tool.privacy_url,
            snippet=tool.snippet,
            placement=tool.placement,
            since=policy.revision,
        )
        for tool in further(tools)
    )
    Cookie.objects.bulk_create(
        Cookie(tool=tool, name=name, retention="2 years", purpose="Tells visitors apart.")
        for tool, plan in zip(made, further(tools), strict=True)
        for name in plan.cookies
    )
    policies.forget()


def cookie(visitor: str) -> str:
    if visitor == "undecided":
        return ""
    revision = policies.current().revision
    choices = {key: revision if key in granted(visitor) else 0 for key in OPTIONAL}
    return f"{conf.COOKIE_NAME}={Decision(revision, today(), choices).text}"


def states() -> list[str]:
    """Return eight cookies that allow all of a category but another one of its tools."""
    policy = policies.current()
    category = next(c for c in policy.categories if c.key in granted("partly"))
    at = policy.revision
    allowed = {key: at if key == category.key else 0 for key in OPTIONAL}
    return [
        f"{conf.COOKIE_NAME}={Decision(at, today(), {**allowed, tool.key: 0}).text}"
        for tool in category.tools[:8]
    ]


def edit() -> None:
    """Change the policy as an editor does who corrects a wording."""
    policy = Policy.objects.get()
    policy.introduction += "."
    policy.save()
