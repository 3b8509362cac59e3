"""Compile the policies in use: read the models, and return frozen plain data."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.db import DatabaseError, models

from consent.models import (
    Category,
    Cookie,
    Policy,
    PolicyQuerySet,
    RegionRule,
    Tool,
    legal_basis,
    parameter_errors,
)
from consent.models.primary import primary
from consent.policy.compiled_policy import NO_POLICY, CompiledPolicy
from consent.policy.data import CompiledCategory, CompiledTool
from consent.policy.regimes import RegimesByRegion, compile_rules
from consent.policy.sharing import shared
from consent.policy.sites import CompiledSites, Stamp
from consent.policy.translations import compile_translations
from consent.recipes import (
    DeclaredCookie,
    Recipe,
    RecipeError,
    csp,
    find,
    google,
    snippets,
)

logger = logging.getLogger("consent")


def build() -> CompiledSites:
    """Compile the policies in use from the database, in six queries whatever their size.

    Raises DatabaseError where the database fails, or where a policy was changed again each time
    that it was read.
    """
    for _attempt in range(3):
        compiled = _build_once()
        if compiled.stamp == read_stamp():
            return compiled
    raise DatabaseError("The policy was changed while it was compiled, three times over.")


def read_stamp() -> Stamp:
    """Return primary key and ``changed_at`` of each policy in use: what is looked at."""
    return tuple(primary(Policy).followed().values_list("pk", "changed_at"))


def _build_once() -> CompiledSites:
    policies = with_tools(primary(Policy).followed())
    compiled = [(policy.is_default, compile_policy(policy)) for policy in policies]
    return CompiledSites(
        default=next((policy for is_default, policy in compiled if is_default), NO_POLICY),
        others=tuple(policy for is_default, policy in compiled if not is_default),
    )


def with_tools(policies: PolicyQuerySet) -> PolicyQuerySet:
    """Return the same policies, to be read with what `compile_policy` needs of them."""
    cookies = models.Prefetch("cookies", queryset=primary(Cookie).all())
    tools = primary(Tool).filter(enabled=True).prefetch_related(cookies)
    categories = primary(Category).prefetch_related(models.Prefetch("tools", queryset=tools))
    return policies.prefetch_related(
        models.Prefetch("region_rules", queryset=primary(RegionRule).all()),
        models.Prefetch("categories", queryset=categories),
    )


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Return ``policy``, its categories and their prefetched enabled tools as plain data."""
    return CompiledPolicy(
        stamp=(policy.pk, policy.changed_at),
        key=policy.key,
        hosts=() if policy.is_default else tuple(policy.host_list),
        name=policy.name,
        language=policy.language,
        revision=policy.revision,
        issued=frozenset((*policy.issued, policy.revision)),
        lifetime_days=policy.lifetime_days,
        notice_text=policy.notice_text,
        introduction=policy.introduction,
        explanation=policy.explanation,
        policy_url=policy.policy_url,
        privacy_url=policy.privacy_url,
        controller_name=policy.controller_name,
        controller_address=policy.controller_address,
        controller_contact=policy.controller_contact,
        is_stopped=policy.stopped_at is not None,
        tool_choices=policy.tool_choices,
        wait_for_update=policy.wait_for_update,
        ads_data_redaction=policy.ads_data_redaction,
        url_passthrough=policy.url_passthrough,
        regimes=RegimesByRegion(
            legal_basis.known(policy.regime),
            compile_rules(
                (rule.regions, legal_basis.known(rule.regime)) for rule in policy.region_rules.all()
            ),
        ),
        categories=tuple(_compile_category(category) for category in policy.categories.all()),
        translations=compile_translations(policy),
    )


def _recipe(key: str) -> Recipe | None:
    # Not of the whole catalogue, for which the first page of a process would have to wait.
    try:
        return find(key)
    except RecipeError:
        logger.exception("The recipe %s is invalid: no tool with it runs.", key)
        return None


def _compile_category(category: Category) -> CompiledCategory:
    tools = tuple(
        compile_tool(tool, category)
        for tool in sorted(category.tools.all(), key=lambda tool: (tool.order, tool.name, tool.pk))
    )
    return CompiledCategory(
        key=category.key,
        name=category.name,
        purpose=category.purpose,
        essential=category.essential,
        sale=category.sale,
        consent_types=tuple(category.consent_types.split()),
        tools=tools,
        thresholds=tuple(sorted({category.since, *(tool.since for tool in tools)})),
    )


def compile_tool(tool: Tool, category: Category) -> CompiledTool:
    """Return ``tool`` of ``category`` as plain data."""
    recipe = _recipe(tool.recipe)
    markup = _markup(tool, recipe)
    embed = recipe.embed if recipe is not None else None
    return CompiledTool(
        key=tool.key,
        name=tool.name,
        vendor=tool.vendor,
        privacy_url=tool.privacy_url,
        category=category.key,
        since=max(tool.since, category.since),
        placement=shared(tool.placement),
        server=recipe is not None and recipe.kind == "server",
        markup=markup,
        cookies=tuple(
            DeclaredCookie(*map(shared, (c.name, c.kind, c.party, c.retention, c.purpose)))
            for c in (tool.cookies.all() if tool.pk else ())
        ),
        # What does not run loads nothing.
        sources=_sources(tool, recipe) if markup or embed or tool.is_only_declared else {},
        embed=embed,
        pk=tool.pk,
        hears_decisions=tool.hears_decisions,
        hidden=(tool.hidden_from, tool.hidden_until),
    )


def _markup(tool: Tool, recipe: Recipe | None) -> str:
    """Render the tool's code; a tool that is not clearly right has no code."""
    if tool.is_only_declared:
        return ""
    if not tool.recipe:
        prelude = google.prelude(tool.key) if google.needs_prelude(tool.snippet) else ""
        return prelude + snippets.prepare(tool.snippet, tool.key)
    values: object = tool.parameters
    if recipe is None or not isinstance(values, dict) or parameter_errors(recipe, values):
        logger.error("Tool %s does not fit its recipe %s and does not run.", tool.key, tool.recipe)
        return ""
    try:
        return recipe.render(values, tool.key)
    except ValueError:
        logger.exception("Tool %s has no address that a script can come from.", tool.key)
        return ""


def _sources(tool: Tool, recipe: Recipe | None) -> Mapping[str, tuple[str, ...]]:
    """Return what a tool that fits its recipe, or has none, loads from: only what can be named."""
    if recipe is None:
        return csp.read_sources(tool.sources)
    try:
        return recipe.csp_sources(tool.parameters)
    except ValueError:
        logger.exception("Tool %s adds nothing to a Content-Security-Policy.", tool.key)
        return {}
