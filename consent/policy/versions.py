"""What visitors are shown, in their language: the policy's texts, categories, tools, cookies.

A *version* is that, written down as one text: two visitors who were shown the same share one. Each
page names the version that it shows, so that a decision can refer to it however much later it is
made.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any, NamedTuple

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language, override

from consent.models import Tool, default_texts, legal_basis
from consent.models.signing import canonical
from consent.models.texts_language import texts_language
from consent.policy.compiled_policy import CompiledPolicy
from consent.policy.data import CompiledCategory, CompiledTool
from consent.policy.process_cache import policies
from consent.policy.texts import Shown, Texts, with_lifetime
from consent.policy.translations import CONTROLLER
from consent.recipes import DeclaredCookie

# Hex digits of the digest by which a page names its version: no site ever has two that share them.
DIGEST_LENGTH = 16

# What follows them says where to look, so that an unknown name costs no more than a known one.
VERSION_NAME = (
    rf"[0-9a-f]{{{DIGEST_LENGTH}}}(\.[0-9]{{1,13}}\.[A-Za-z0-9@-]{{0,20}}\.[a-z_]{{1,16}})?"
)
_VERSION_NAME = re.compile(VERSION_NAME)


class Version(NamedTuple):
    """A version of the policy.

    ``content``: the disclosure as JSON; ``digest``: its SHA-256. ``name``: what pages call it.
    ``language``: that of the app's own texts in it; ``name`` has the page's.
    """

    digest: str
    language: str
    content: str
    name: str

    @property
    def policy(self) -> str:
        """The key of the policy."""
        key: str = json.loads(self.content)["key"]
        return key

    @property
    def revision(self) -> int:
        """The policy's revision that it shows."""
        revision: int = json.loads(self.content)["policy"]["revision"]
        return revision


def disclosure(policy: CompiledPolicy, regime: str) -> dict[str, Any]:
    """Return all that notice, preferences and policy page tell of ``policy`` under ``regime``."""
    texts = Texts(policy)
    return {
        "policy": policy_texts(policy, regime),
        "categories": [category_texts(category, texts) for category in policy.categories],
    }


def policy_texts(policy: CompiledPolicy, regime: str) -> dict[str, Any]:
    """Return the policy's own texts and rules, where ``regime`` holds."""
    texts = Texts(policy)
    own = {
        "name": texts.find(policy.name, "name"),
        "introduction": texts.find(policy.introduction, "introduction"),
        "explanation": texts.find(policy.explanation, "explanation"),
        "notice_text": _notice_text(policy, regime, texts),
    }
    filled = {name: with_lifetime(shown, policy.lifetime_days) for name, shown in own.items()}
    return {
        **{name: shown.text for name, shown in filled.items()},
        "languages": texts.marks(filled),
        "policy_url": policy.policy_url or _policy_page(policy),
        "privacy_url": policy.privacy_url,
        "controller": _controller(policy, texts),
        "revision": policy.revision,
        "regime": regime,
        "lifetime_days": policy.lifetime_days,
        "lifetime": default_texts.lifetime(policy.lifetime_days),
        "tool_choices": policy.tool_choices,
    }


def _controller(policy: CompiledPolicy, texts: Texts) -> dict[str, Any]:
    sources = {
        "name": policy.controller_name,
        "address": policy.controller_address,
        "contact": policy.controller_contact,
    }
    return texts.fields(sources, CONTROLLER, names=sources)


def _policy_page(policy: CompiledPolicy) -> str:
    return reverse("consent:policy") if policy.has_addresses else ""


def category_texts(category: CompiledCategory, texts: Texts) -> dict[str, Any]:
    """Return what visitors are shown about a category."""
    return {
        "key": category.key,
        **texts.fields({"name": category.name, "purpose": category.purpose}, category.key),
        "essential": category.essential,
        "sale": category.sale,
        "since": category.since,
        "own_since": category.thresholds[0],
        "tools": [_tool_texts(tool, texts) for tool in category.tools],
    }


def version_of(policy: CompiledPolicy, regime: str) -> Version:
    """Return the version that pages made now show where ``regime`` holds, written down once."""
    language = get_language() or ""

    def make() -> Version:
        shown = {"language": texts_language(), "key": policy.key, **disclosure(policy, regime)}
        content = canonical(shown)
        digest = sha256(content.encode()).hexdigest()
        name = f"{digest[:DIGEST_LENGTH]}.{policy.revision}.{language}.{regime}"
        return Version(digest, shown["language"], content, name)

    return Version(*policy.parts.get(("version", language, regime), make))


def is_version_name(text: str) -> bool:
    """Return whether ``text`` could be what a page calls its version."""
    return _VERSION_NAME.fullmatch(text) is not None


def version_called(name: str, key: str) -> Version | None:
    """Return the version that pages of the policy ``key`` call ``name``; None if it is not known.

    It may be of before the last few edits, of another language than the request that refers to it,
    and of another regime: ``name`` says which.
    """
    if not is_version_name(name) or "." not in name:
        return None
    _, revision, language, regime = name.split(".")
    if language not in dict(settings.LANGUAGES):
        return None
    for policy in policies.recent():
        is_meant = policy.key == key and str(policy.revision) == revision
        if is_meant and regime in policy.regimes.in_use:
            with override(language):
                version = version_of(policy, regime)
            if version.name == name:
                return version
    return None


def _notice_text(policy: CompiledPolicy, regime: str, texts: Texts) -> Shown:
    """Return the notice's text; it says what holds under the ``regime``.

    The shipped one does. An editor's own is one for all regions: where they differ, it is said
    after it, in the same language.
    """
    basis = legal_basis.basis_of(regime)
    if policy.notice_text == default_texts.NOTICE:
        return texts.find(basis.notice)
    own = texts.find(policy.notice_text, "notice_text")
    if not policy.has_rules:
        return own
    with override(own.language or get_language()):
        addition = default_texts.localized(basis.addition)
    return own._replace(text=f"{own.text} {addition}")


def _tool_texts(tool: CompiledTool, texts: Texts) -> dict[str, Any]:
    return {
        "key": tool.key,
        **texts.fields({"name": tool.name}, tool.key, names=Tool.NAMES),
        "vendor": tool.vendor,
        "privacy_url": tool.privacy_url,
        "since": tool.since,
        "hidden": "-".join(map(str, tool.hidden)) if tool.hidden[1] else "",
        "server": tool.server,
        "cookies": [_cookie_texts(tool, cookie, texts) for cookie in tool.cookies],
    }


def _cookie_texts(tool: CompiledTool, cookie: DeclaredCookie, texts: Texts) -> dict[str, Any]:
    sources = {"retention": cookie.retention, "purpose": cookie.purpose}
    return {
        "name": cookie.name,
        "kind": cookie.kind,
        "party": cookie.party,
        **texts.fields(sources, tool.key, cookie.kind, cookie.name),
    }
