"""The translations of a policy's texts, compiled into one small table for each language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from consent.models import Category, Cookie, Policy, Tool
from consent.policy.sharing import shared

CONTROLLER = "controller"

Path: TypeAlias = tuple[str, ...]
"""Names one text of a policy; see `path_of`."""

Table: TypeAlias = Mapping[str | Path, str]
"""Translations by source text: one that is used many times is kept, and translated, once.

Where two texts are equal and their translations are not, the second is found by its path.
"""


def path_of(owner: Policy | Category | Tool | Cookie, name: str) -> Path:
    """Return the path of the text in the field ``name``."""
    if isinstance(owner, Policy):
        head, _, tail = name.partition("_")
        return (head, tail) if head == CONTROLLER else (name,)
    if isinstance(owner, Cookie):
        return (owner.tool.key, owner.kind, owner.name, name)
    return (owner.key, name)


def texts_of(policy: Policy) -> Iterator[tuple[Policy | Category | Tool | Cookie, str]]:
    """Yield each text that pages show: what has it, and the name of its field.

    Of the tools and cookies, those that are prefetched.
    """
    owners: list[Policy | Category | Tool | Cookie] = [policy]
    for category in policy.categories.all():
        owners.append(category)
        for tool in category.tools.all():
            owners += [tool, *tool.cookies.all()]
    for owner in owners:
        yield from ((owner, name) for name in owner.TEXTS if getattr(owner, name).strip())


def compile_translations(policy: Policy) -> Mapping[str, Table]:
    """Return a table for each language that something is translated into.

    An outdated translation, whose source text was changed since, is in none of them.
    """
    tables: dict[str, dict[str | Path, str]] = {}
    for owner, name in texts_of(policy):
        for language in owner.languages:
            found = owner.translation(language, name)
            if found is None or not owner.is_current(found, name):
                continue
            table = tables.setdefault(language, {})
            if table.setdefault(shared(found.source), found.text) != found.text:
                table[path_of(owner, name)] = found.text
    return tables
