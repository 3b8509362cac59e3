"""What a page gets of a tool, who gets it and where; or why nobody does."""

from __future__ import annotations

from django.utils.translation import gettext

from consent.compiled import compile_tool
from consent.models import Policy, Tool


def preview_of(tool: Tool) -> dict[str, str]:
    """Return ``code`` exactly as a page gets it, but for the nonce, or the ``reason`` for none.

    With ``who`` gets it and ``where``. The tool need not be saved.
    """
    reason = why_no_code(tool)
    return {
        "code": "" if reason else compile_tool(tool, tool.category).code,
        "reason": reason,
        "who": _who(tool),
        "where": _where(tool),
    }


def why_no_code(tool: Tool) -> str:
    """Say why no page gets code of ``tool``, enabled or not; "" where there is some."""
    recipe = tool.get_recipe()
    if recipe is None:
        if tool.recipe:
            return gettext("Does not run: its recipe “%s” is gone.") % tool.recipe
        return "" if tool.snippet.strip() else gettext("Does not run: it has no code.")
    errors = recipe.errors(tool.parameters if isinstance(tool.parameters, dict) else {})
    if errors:
        return gettext("Does not run: %s") % " ".join(errors.values())
    if recipe.kind == "server":
        return gettext("Sent from your server; pages get no code.")
    return ""


def _who(tool: Tool) -> str:
    if not tool.enabled:
        return gettext("Nobody: it is not enabled.")
    if tool.category.essential:
        return gettext("Every visitor")
    if tool.category.policy.regime == Policy.Regime.IMPLIED:
        return gettext("Visitors who have not refused “%s”") % tool.category
    return gettext("Visitors who allow “%s”") % tool.category


def _where(tool: Tool) -> str:
    if tool.placement == Tool.Placement.MANUAL:
        tag = f'{{% consent_tool "{tool.key}" %}}'
        return gettext("Where a template of the website has %s") % tag
    return tool.get_placement_display()
