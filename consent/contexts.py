"""What the app's templates are told, in the active language: the policy, the visitor's choices."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from consent import texts
from consent.compiled import CompiledCategory, CompiledPolicy, CompiledTool
from consent.conf import conf
from consent.models import Policy
from consent.visitor import Consent

# Stands for the address of the page in markup that is reused, as NONCE does for the nonce.
NEXT = "\1"


def texts_context(consent: Consent) -> dict[str, Any]:
    """Return the policy's texts and the app's addresses, in the active language."""
    policy = consent.policy
    lifetime = texts.lifetime(policy.lifetime_days)
    return {
        "policy": {
            "name": texts.localized(policy.name),
            "introduction": texts.localized(policy.introduction, lifetime=lifetime),
            "explanation": texts.localized(policy.explanation, lifetime=lifetime),
            "notice_text": texts.localized(_notice_text(policy), lifetime=lifetime),
            "policy_url": policy.policy_url or reverse("consent:policy"),
            "privacy_url": policy.privacy_url,
            "revision": policy.revision,
            "regime": policy.regime,
            "lifetime_days": policy.lifetime_days,
            "lifetime": lifetime,
        },
        **addresses(),
    }


def policy_context(consent: Consent) -> dict[str, Any]:
    """Return what the templates show of the policy, in the active language."""
    categories = [category_context(category) for category in consent.policy.categories]
    return {**texts_context(consent), "categories": categories}


def category_context(category: CompiledCategory) -> dict[str, Any]:
    """Return what visitors are told of a category, in the active language."""
    return {
        "key": category.key,
        "name": texts.localized(category.name),
        "purpose": texts.localized(category.purpose),
        "essential": category.essential,
        "since": category.since,
        "own_since": category.thresholds[0],
        "tools": [_tool_context(tool) for tool in category.tools],
    }


def choices_context(consent: Consent) -> dict[str, Any]:
    """Return what the visitor chose and what is new to them, in the active language."""
    choices = consent.choices
    granted = [c for c in consent.policy.optional if choices[c.key]]
    refused = [c for c in consent.policy.optional if choices[c.key] is False]
    ticked = [c.key for c in consent.policy.optional if covers_all(consent, c)]
    return {
        "decided": consent.decision is not None,
        "granted": [texts.localized(category.name) for category in granted],
        "refused": [texts.localized(category.name) for category in refused],
        "ticked": ticked,
        "news": [
            {"name": item.name, "category": texts.localized(item.category)} for item in consent.news
        ],
    }


def covers_all(consent: Consent, category: CompiledCategory) -> bool:
    """Say whether everything in ``category`` is allowed: only then its box is ticked."""
    position = consent.policy.categories.index(category)
    return consent.selection.levels[position] == len(category.thresholds)


def _notice_text(policy: CompiledPolicy) -> str:
    """Return the notice's text; the shipped one says what holds under the policy's regime."""
    if policy.notice_text == texts.NOTICE and policy.regime == Policy.Regime.IMPLIED:
        return texts.IMPLIED_NOTICE
    return policy.notice_text


def _tool_context(tool: CompiledTool) -> dict[str, Any]:
    return {
        "key": tool.key,
        "name": tool.name,
        "vendor": tool.vendor,
        "privacy_url": tool.privacy_url,
        "since": tool.since,
        "server": tool.server,
        "cookies": [
            {
                "name": cookie.name,
                "kind": cookie.kind,
                "party": cookie.party,
                "retention": texts.localized(cookie.retention),
                "purpose": texts.localized(cookie.purpose),
            }
            for cookie in tool.cookies
        ],
    }


def addresses() -> dict[str, Any]:
    """Return where the app's own pages and its API are, and the name of the cookie."""
    return {
        "preferences_url": reverse("consent:preferences"),
        "api_url": reverse("consent:api-preferences"),
        "notice_url": reverse("consent:notice"),
        "cookie_name": conf.COOKIE_NAME,
        "next": NEXT,
    }
