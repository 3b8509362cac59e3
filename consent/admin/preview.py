"""What a page gets of a tool, who gets it and where; or why nobody does."""

from __future__ import annotations

from django.utils.formats import date_format
from django.utils.translation import gettext

from consent.models import Policy, Tool, legal_basis, parameter_errors
from consent.models.times import to_local
from consent.pages.consent_signals import code_for_script
from consent.policy import Selection, compile_policy, compile_tool, with_tools
from consent.recipes import Embed


def preview_of(tool: Tool) -> dict[str, str]:
    """Return the code of a tool as pages get it, without a nonce, or the reason why it has none.

    The keys are ``code``, ``reason``, ``who`` (gets it) and ``where``. The tool need not be saved.
    Code that depends on the visitor's choice is shown as for a visitor who allows everything.
    """
    reason = why_no_code(tool)
    return {
        "code": "" if reason else _code(tool),
        "reason": reason,
        "who": _who(tool),
        "where": _where(tool),
    }


def _code(tool: Tool) -> str:
    return code_for_script(compile_tool(tool, tool.category).markup, _everything(tool))


def _everything(tool: Tool) -> Selection:
    policy = with_tools(Policy.objects.all()).get(pk=tool.category.policy_id)
    return compile_policy(policy).everything


def why_no_code(tool: Tool) -> str:
    """Say why no page gets code of ``tool``, enabled or not; "" where there is some."""
    recipe = tool.get_recipe()
    if recipe is None:
        if tool.recipe:
            return gettext("Does not run: its recipe “%s” is gone.") % tool.recipe
        if tool.is_only_declared:
            return gettext("Only declared: pages get no code; your website's own code loads it.")
        return ""
    errors = parameter_errors(recipe, tool.parameters if isinstance(tool.parameters, dict) else {})
    if errors:
        return gettext("Does not run: %s") % " ".join(errors.values())
    if recipe.kind == "server":
        return gettext("Sent from your server; pages get no code.")
    if recipe.embed is not None:
        tag = _embed_tag(tool, recipe.embed)
        return (
            gettext("Shown where a template of the website has %s; other pages get nothing.") % tag
        )
    return ""


def gone(tool: Tool) -> str:
    """Say when the receiver of a tool's events had enough of them; "" where it has not."""
    if tool.gone_at is None:
        return ""
    day = date_format(to_local(tool.gone_at), "SHORT_DATETIME_FORMAT")
    return (
        gettext(
            "Disabled on %s: the receiver answered that it wants no more events (410 Gone). Check "
            "the address, then enable the tool again."
        )
        % day
    )


def _who(tool: Tool) -> str:
    if not tool.enabled:
        return gettext("Nobody: it is not enabled.")
    if tool.category.essential:
        return gettext("Every visitor")
    if legal_basis.basis_of(tool.category.policy.regime).runs_first:
        return gettext("Visitors who have not refused “%s”") % tool.category
    return gettext("Visitors who allow “%s”") % tool.category


def _where(tool: Tool) -> str:
    if tool.placement == Tool.Placement.MANUAL:
        tag = f'{{% consent_tool "{tool.key}" %}}'
        return gettext("Where a template of the website has %s") % tag
    return tool.get_placement_display()


def _embed_tag(tool: Tool, embed: Embed) -> str:
    """Return the tag that shows something of ``tool``, with the parameters that it cannot lack."""
    required = [p for p in embed.parameters if p.required]
    values = "".join(f' {p.name}="{p.example}"' for p in required)
    return f'{{% consent_embed "{tool.key}"{values} title="…" %}}'
