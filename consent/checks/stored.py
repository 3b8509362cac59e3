"""Checks of what is stored in the database: policies, rules for regions, tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.core.checks import CheckMessage, Error, Info, Warning
from django.db import Error as DatabaseFailure

from consent import recipes, regions
from consent.checks.csp_hosts import bypassing_hosts
from consent.checks.project import has_csp_middleware
from consent.conf import conf
from consent.models import Category, Policy, RegionRule, Tool, parameter_errors
from consent.recipes import snippets
from consent.recipes.keys import MAX_CATEGORIES


def check_policies(
    databases: Sequence[str] | None = None, **kwargs: object
) -> Iterator[CheckMessage]:
    """Look at what is stored; only with ``check --database``, and whenever ``migrate`` runs.

    consent.W010: no policy is active. consent.E011: more than one is. consent.E012: a tool's recipe
    does not exist. consent.E013: a tool's parameters are invalid. consent.E014: a snippet would
    damage the page. consent.E015: too many optional categories. consent.W017: a tool listens to
    signals that no category has. consent.E018: a rule has unknown region codes. consent.W019: rules
    for regions, and nothing says where visitors are. consent.W024: the tables cannot be read.
    consent.I025: no visitor is asked, as there is no tool to ask about. consent.I026: a tool adds a
    host to the policy that is known as a way round it. consent.W027: optional tools are stopped.
    """
    if not databases or Policy.objects.db not in databases:
        return
    try:
        yield from [
            *_stored_policies(),
            *_policies_without_notice(),
            *_stopped_policies(),
            *_stored_rules(),
            *_stored_tools(),
            *_unclaimed_signals(),
            *_bypassing_hosts(),
        ]
    except DatabaseFailure as error:
        yield Warning(
            f"The app's tables cannot be read: {error}",
            hint="Run 'manage.py migrate'. It shows this message itself before it creates them.",
            id="consent.W024",
        )


def _stored_policies() -> Iterator[CheckMessage]:
    in_use = list(Policy.objects.in_use())
    if not in_use:
        yield Warning(
            "No policy is active, so pages contain no tools.",
            hint="Run 'manage.py consent_init', or tick “Active” on a policy in the admin.",
            id="consent.W010",
        )
    if len(in_use) > 1:
        names = ", ".join(policy.key for policy in in_use)
        yield Error(
            f"More than one policy is active: {names}. The website follows {in_use[0].key}.",
            hint="Untick “Active” on the others in the admin.",
            id="consent.E011",
        )
    for policy in in_use:
        if policy.categories.filter(essential=False).count() > MAX_CATEGORIES:
            yield Error(
                f"The policy {policy.key} has more than {MAX_CATEGORIES} categories that are not "
                "essential: the preference cookie cannot hold a choice about each.",
                hint="Merge some of them.",
                id="consent.E015",
            )


def _policies_without_notice() -> Iterator[CheckMessage]:
    asking = Tool.objects.filter(enabled=True, category__essential=False)
    for policy in Policy.objects.in_use():
        if not asking.filter(category__policy=policy).exists():
            yield Info(
                f"The policy {policy.key} asks no visitor: it has no enabled tool in a category "
                "that can be refused, so there is no notice.",
                hint="Add tools in the admin, under “Website data collection”.",
                id="consent.I025",
            )


def _stopped_policies() -> Iterator[CheckMessage]:
    for policy in Policy.objects.followed().filter(stopped_at__isnull=False):
        yield Warning(
            f"All optional tools of the policy {policy.key} are stopped, since "
            f"{policy.stopped_at:%Y-%m-%d %H:%M}.",
            hint="Run `manage.py consent_stop --undo` to start them again.",
            id="consent.W027",
        )


def _stored_rules() -> Iterator[CheckMessage]:
    followed = Policy.objects.followed()
    rules = RegionRule.objects.filter(policy__in=followed).select_related("policy")
    for rule in rules:
        if codes := list(regions.unknown(rule.regions)):
            yield Error(
                f"A rule of the policy {rule.policy.key} contains unknown region codes, which "
                f"match no visitor: {', '.join(codes)}.",
                hint="Correct it in the admin: countries (GB), parts of one (US-CA), groups (EEA).",
                id="consent.E018",
            )
    if not conf.REGION and any(rule.regime != rule.policy.regime for rule in rules):
        yield Warning(
            "There are rules for regions, but CONSENT_REGION is not set: the strictest rule that "
            "may apply is applied to all visitors.",
            hint="Set CONSENT_REGION, for example to your proxy's preset, or delete the rules.",
            id="consent.W019",
        )


def _stored_tools() -> Iterator[CheckMessage]:
    if recipes.problems():
        return
    for tool in Tool.objects.order_by("pk"):
        recipe = tool.get_recipe()
        if tool.recipe and recipe is None:
            yield Error(
                f"The recipe {tool.recipe} of the tool {tool.key} does not exist, so the tool does "
                "not run.",
                hint="Put the recipe's file, or the app that brings it, back, or delete the tool.",
                id="consent.E012",
            )
        elif tool.enabled and recipe is not None and (misfit := _misfit(recipe, tool.parameters)):
            yield Error(
                f"The tool {tool.key} does not run: {misfit}",
                hint="Correct its parameters in the admin.",
                id="consent.E013",
            )
        elif not tool.recipe and (found := _damage(tool)):
            yield Error(
                f"The snippet of the tool {tool.key} would damage the page: {' '.join(found)}",
                hint="Correct it in the admin.",
                id="consent.E014",
            )


def _damage(tool: Tool) -> list[str]:
    return [
        *snippets.problems(tool.snippet),
        *snippets.misplaced(tool.snippet, tool.placement),
    ]


def _unclaimed_signals() -> Iterator[CheckMessage]:
    """Yield the tools of active policies that listen to a signal that no category has."""
    if recipes.problems():
        return
    used = Category.objects.filter(policy__in=Policy.objects.in_use())
    claimed = " ".join(used.values_list("consent_types", flat=True)).split()
    for tool in Tool.objects.filter(category__in=used, enabled=True).order_by("pk"):
        if missing := [name for name in _signals_of(tool) if name not in claimed]:
            yield Warning(
                f"These signals are always denied for the tool {tool.key}, since no category has "
                f"them: {', '.join(missing)}.",
                hint="Tick each of them in its category, in the admin.",
                id="consent.W017",
            )


def _bypassing_hosts() -> Iterator[CheckMessage]:
    if recipes.problems() or not has_csp_middleware():
        return
    yield from bypassing_hosts()


def _signals_of(tool: Tool) -> Sequence[str]:
    """Return the signals that the tool's code listens to; none where it does not run."""
    recipe = tool.get_recipe()
    if recipe is None or not recipe.hears_signals or _misfit(recipe, tool.parameters):
        return ()
    return recipe.consent_mode


def _misfit(recipe: recipes.Recipe, parameters: object) -> str:
    if not isinstance(parameters, dict):
        return "The stored parameters are not a JSON object."
    return " ".join(parameter_errors(recipe, parameters).values())
