"""The demo site on a live server, seeded once, and visitors who come to it in Chromium.

The database is not flushed after each test, which would cost more than the test: most tests only
look. One that edits the policy takes the fixture `policy`, which puts everything back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections, models, transaction
from django.test import override_settings
from playwright.sync_api import Browser, sync_playwright
from pytest_django.live_server_helper import LiveServer

from consent.models import Category, Cookie, Policy, RegionRule, Tool
from consent.policy import policies
from consent.recipes import catalogue
from tests.browser import launcher
from tests.browser.visitor import FURTHER, Visitor, visiting
from tests.factories import example_parameters

# Children last: the order in which they can be inserted.
MODELS: tuple[type[models.Model], ...] = (Policy, RegionRule, Category, Tool, Cookie)

Enter: TypeAlias = Callable[..., Visitor]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


class Site:
    """The site at `address`; it can be put back to how it was when this was made."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._rows = {model: list(model._default_manager.all()) for model in MODELS}

    def put_back(self) -> None:
        """Restore policy, rules, categories, tools and cookies to the row."""
        with transaction.atomic(), connection.cursor() as cursor:
            # Not through the ORM: its signals would cost hundreds of queries.
            for model in reversed(MODELS):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608
            for model, rows in self._rows.items():
                models.QuerySet(model).bulk_create(rows)
        policies.forget()


def seed_demo() -> None:
    """Put into the database what `make demo` does and it does not have."""
    with override_settings(DEBUG=True):
        call_command("demo_seed", stdout=StringIO())


def seed() -> None:
    """Fill the database as `make demo` does, and add `FURTHER`.

    Rules for regions and the video are left to `test_demo_law`: elsewhere the policy's own regime
    holds everywhere, and every tool of the policy starts by itself.
    """
    seed_demo()
    RegionRule.objects.all().delete()
    Tool.objects.filter(recipe="youtube").delete()
    add_catalogue(*FURTHER)


def add_catalogue(*keys: str) -> None:
    """Add the browser tools of the catalogue that the site does not have: all, or those of `keys`.

    An optional tool that a page has to ask for is put on every page, where a decision starts it; an
    essential one would run there before any, and is left to the page that a test asks with.
    """
    present = set(Tool.objects.values_list("recipe", flat=True))
    for recipe in catalogue().values():
        if recipe.kind != "browser" or recipe.key in present or (keys and recipe.key not in keys):
            continue
        category = Category.objects.get(key=recipe.category)
        everywhere = recipe.placement == "manual" and recipe.category != "essential"
        placement = "body" if everywhere else recipe.placement
        values = example_parameters(recipe.key)
        Tool.objects.from_recipe(recipe, category, values, placement=placement)
    policies.forget()


@pytest.fixture(scope="package")
def transactional_db(django_db_setup, django_db_blocker) -> Iterator[None]:
    """In this folder: the test database, flushed once in the end instead of after each test.

    It bears pytest-django's name since that is how pytest-django learns that a database is needed.
    """
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as environment:
        # Playwright keeps an event loop in this thread, which Django takes for an async context.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="package")
def serve(transactional_db) -> Iterator[Callable[[], str]]:
    """A function that serves the site with the middleware that is set now; returns its address."""
    hosts = [*settings.ALLOWED_HOSTS, "127.0.0.1", ".example.test"]
    with ExitStack() as stack:
        stack.enter_context(override_settings(ALLOWED_HOSTS=hosts))

        def start() -> str:
            server = LiveServer("127.0.0.1")
            stack.callback(server.stop)
            return server.url

        yield start


@pytest.fixture(scope="package")
def site(serve) -> Site:
    """The demo site, seeded."""
    seed()
    return Site(serve())


@pytest.fixture(scope="package")
def chromium(site) -> Iterator[Browser]:
    """The browser. It ends before the site, and its event loop with it."""
    with sync_playwright() as playwright:
        browser = launcher.launch(playwright.chromium)
        yield browser
        # Django keeps those made beside an event loop apart, and would not find them later.
        connections.close_all()
        browser.close()


@pytest.fixture
def policy(site) -> Iterator[Policy]:
    """The site's policy, for a test that edits it; all is put back afterwards."""
    yield Policy.objects.get(is_default=True)
    site.put_back()


@pytest.fixture
def whole_catalogue(policy) -> Policy:
    """The site's policy, with each browser tool of the catalogue."""
    add_catalogue()
    policy.refresh_from_db()
    return policy


@pytest.fixture
def enter(chromium, site) -> Iterator[Enter]:
    """A function that lets in a visitor whom the site has never seen."""
    with ExitStack() as stack:

        def let_in(*, address: str = site.address, **options: Any) -> Visitor:
            return stack.enter_context(visiting(chromium, address, **options))

        yield let_in


@pytest.fixture
def visitor(enter) -> Visitor:
    return enter()
