"""What the recipes know of a host: whose it is."""

from __future__ import annotations

from urllib.parse import urlsplit

from consent.recipes.definitions import Recipe
from consent.recipes.escaping import PLACEHOLDER


def covers(source: str, host: str) -> bool:
    """Say whether the CSP ``source`` names ``host``."""
    if PLACEHOLDER.search(source):
        return False
    named = urlsplit(source).hostname or ""
    return named == host or (named.startswith("*.") and host.endswith(named[1:]))


def names_host(recipe: Recipe, host: str) -> bool:
    """Say whether ``recipe`` names ``host`` among its CSP sources."""
    return any(covers(source, host) for each in recipe.csp.values() for source in each)
