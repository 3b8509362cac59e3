"""What visitors are told, in the active language: the policy's texts, categories, tools, cookies.

A *version* is that, written down as one text: two visitors who were shown the same share one. Each
page names the version that it shows, so that a decision can refer to it however much later it is
made.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, NamedTuple

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language, override

from consent import texts
from consent.compiled import CompiledCategory, CompiledPolicy, CompiledTool, policies
from consent.models import Policy
from consent.signing import canonical

# Hex digits by which a page names its version: no site ever has two that share them.
NAME_LENGTH = 16


class Version(NamedTuple):
    """A version of the policy. ``content``: the disclosure as JSON; ``digest``: its SHA-256."""

    digest: str
    language: str
    content: str

    @property
    def name(self) -> str:
        """What pages call it."""
        return self.digest[:NAME_LENGTH]

    @property
    def revision(self) -> int:
        """The policy's revision that it shows."""
        revision: int = json.loads(self.content)["policy"]["revision"]
        return revision


def disclosure(policy: CompiledPolicy) -> dict[str, Any]:
    """Return all that the notice, the preferences and the policy page tell of ``policy``."""
    return {
        "policy": policy_texts(policy),
        "categories": [category_texts(category) for category in policy.categories],
    }


def policy_texts(policy: CompiledPolicy) -> dict[str, Any]:
    """Return the policy's own texts and rules."""
    lifetime = texts.lifetime(policy.lifetime_days)
    return {
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
    }


def category_texts(category: CompiledCategory) -> dict[str, Any]:
    """Return what visitors are told of a category."""
    return {
        "key": category.key,
        "name": texts.localized(category.name),
        "purpose": texts.localized(category.purpose),
        "essential": category.essential,
        "since": category.since,
        "own_since": category.thresholds[0],
        "tools": [_tool_texts(tool) for tool in category.tools],
    }


def version_of(policy: CompiledPolicy) -> Version:
    """Return the version that pages made now show, written down once."""
    language = get_language() or ""

    def make() -> Version:
        content = canonical({"language": language, "key": policy.key, **disclosure(policy)})
        return Version(sha256(content.encode()).hexdigest(), language, content)

    return Version(*policy.parts.get(("version", language), make))


def version_called(name: str) -> Version | None:
    """Return the version that pages made now, or before the last few edits, call ``name``.

    In whatever language: a page may be in another one than the request that refers to it.
    """
    for policy in policies.recent():
        for language, _ in settings.LANGUAGES:
            with override(language):
                version = version_of(policy)
            if version.name == name:
                return version
    return None


def _notice_text(policy: CompiledPolicy) -> str:
    """Return the notice's text; the shipped one says what holds under the policy's regime."""
    if policy.notice_text == texts.NOTICE and policy.regime == Policy.Regime.IMPLIED:
        return texts.IMPLIED_NOTICE
    return policy.notice_text


def _tool_texts(tool: CompiledTool) -> dict[str, Any]:
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
