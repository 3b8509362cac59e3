"""Warnings for editors about what they saved: allowed, but often a mistake."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext

from consent.models import RegionRule, Tool, legal_basis
from consent.regions import mistakes

# Key of the category that recipes name for what a website cannot work without.
ESSENTIAL = "essential"


def on_tool(tool: Tool) -> Iterator[str]:
    """Yield warnings about a tool that was saved."""
    recipe = tool.get_recipe()
    if tool.category.essential and (recipe is None or recipe.category != ESSENTIAL):
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


def on_rule(rule: RegionRule) -> Iterator[str]:
    """Yield warnings about a rule for regions that was saved."""
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
