"""System checks for what people forget. Each has a stable id; docs/checks.md lists them.

`carry_over` checks what carries choices over from another app; `cookies` the names of cookies;
`project` settings, middleware, URLs and templates; `page_block` the template around the app's
pages; `recipe_files` recipes and where they are looked for; `stored` what is in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from django.core.checks import CheckMessage, Tags, register

from consent.checks import carry_over, cookies, page_block, project, recipe_files, stored

TAG = "consent"


def register_all() -> None:
    """Register the checks. The app is ready anew whenever tests change INSTALLED_APPS."""
    for check in (
        project.check_middleware,
        project.check_csp_middleware,
        project.check_urls,
        project.check_templates,
        page_block.check_page_block,
        project.check_settings,
        cookies.check_cookies,
        carry_over.check_carry_over,
        project.check_proxies,
        project.check_region_source,
        recipe_files.check_recipes,
        recipe_files.check_recipe_sources,
    ):
        register(_listed(check), TAG)
    register(_listed(stored.check_policies), TAG, Tags.database)


# The same function each time: Django registers a function once, and would else report all twice.
@cache
def _listed(check: Callable[..., Iterator[CheckMessage]]) -> Callable[..., list[CheckMessage]]:
    """Make ``check``, a generator, return a list, as Django requires."""

    def run(**kwargs: object) -> list[CheckMessage]:
        return list(check(**kwargs))

    run.__name__ = check.__name__
    return run
