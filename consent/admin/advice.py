"""Warnings for editors about what is allowed, but often a mistake: they confirm it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext

from consent.models import Category, Policy, RegionRule, Tool, legal_basis
from consent.regions import mistakes

# Key of the category that recipes name for what a website cannot work without.
ESSENTIAL = "essential"
# What texts may have between braces, and what it looks like.
PLACEHOLDERS = {"{lifetime}"}
PLACEHOLDER = re.compile(r"\{[^{}\n]{1,40}\}")


def on_tool(tool: Tool) -> Iterator[str]:
    """Yield warnings about a tool."""
    if tool.category.essential and not _is_essential(tool):
        yield gettext(
            "“%(tool)s” is in the essential category “%(category)s”: it runs for every visitor, "
            "and nobody can refuse it. Is the website unable to work without it?"
        ) % {"tool": tool, "category": tool.category}
    if not tool.vendor:
        yield (
            gettext(
                "“%s” does not name its vendor: visitors have to learn who receives their data."
            )
            % tool
        )


def on_category(category: Category) -> Iterator[str]:
    """Yield warnings about a category that became essential."""
    tools = [] if category.pk is None else [*category.tools.all()]
    if optional := [tool for tool in tools if not _is_essential(tool)]:
        yield gettext(
            "“%(category)s” becomes essential: these tools then run for every visitor, and nobody "
            "can refuse them: %(tools)s. Is the website unable to work without them?"
        ) % {"category": category, "tools": ", ".join(map(str, optional))}


def on_texts(policy: Policy, names: Iterable[str]) -> Iterator[str]:
    """Yield warnings about placeholders in these texts of ``policy`` that stand for nothing."""
    for name in names:
        for placeholder in dict.fromkeys(PLACEHOLDER.findall(getattr(policy, name))):
            if placeholder not in PLACEHOLDERS:
                yield gettext(
                    "“%(placeholder)s” stands for nothing: visitors read it as it is. "
                    "{lifetime} stands for how long a choice is kept."
                ) % {"placeholder": placeholder}


def _is_essential(tool: Tool) -> bool:
    recipe = tool.get_recipe()
    return recipe is not None and recipe.category == ESSENTIAL


def on_rule(rule: RegionRule) -> Iterator[str]:
    """Yield warnings about a rule for regions."""
    if not legal_basis.basis_of(rule.regime).runs_first:
        return
    if strict := mistakes.consent_first(rule.regions):
        yield gettext(
            "The rule “%(rule)s” lets tools run before visitors agree, also where the law "
            "requires their consent first: %(regions)s."
        ) % {"rule": rule.regions, "regions": ", ".join(strict)}
    for code, country in mistakes.states_or_countries(rule.regions):
        yield gettext(
            "“%(code)s” in the rule “%(rule)s” is the country %(country)s. The part of the United "
            "States is US-%(code)s."
        ) % {"code": code, "rule": rule.regions, "country": country}
