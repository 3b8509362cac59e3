"""What the app writes into a page, as plain functions of the request.

The template tags call these; a Jinja2 environment takes them as globals
(``environment.globals.update(rendering.FUNCTIONS)``). Each returns safe HTML. What does not depend
on the request is rendered once for each policy, language and state, and then reused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from consent import texts
from consent.compiled import CompiledCategory, CompiledPolicy, CompiledTool
from consent.conf import conf
from consent.markup import NONCE
from consent.models import Policy
from consent.visitor import Consent

logger = logging.getLogger("consent")

# Stands for the address of the page in markup that is reused, as NONCE does for the nonce.
NEXT = "\1"

_NO_REQUEST = (
    "A consent tag has no request: add 'django.template.context_processors.request' to the "
    "context processors and render with a request, or pass the request to the function."
)
_NO_MIDDLEWARE = (
    "A consent tag found no request.consent: add 'consent.middleware.ConsentMiddleware' to "
    "MIDDLEWARE."
)


def consent_head(request: HttpRequest | None) -> SafeString:
    """Return stylesheet, script and the allowed tools that go into ``<head>``.

    Raises ImproperlyConfigured under DEBUG where the request or the middleware is missing;
    otherwise only essential tools are written then. The same holds for every function here.
    """
    consent = consent_of(request)
    page_parts = _reused(consent, "head.html", lambda: {})
    return _finished(consent, request, page_parts + _placed(consent, "head"))


def consent_body(request: HttpRequest | None) -> SafeString:
    """Return the allowed tools that go to the end of ``<body>``, notice, preferences and status."""
    consent = consent_of(request)
    parts = _placed(consent, "body")
    if consent.policy.optional and not consent.is_blind:
        parts += _notice(consent) + _dialog(consent) + _status(consent)
    return _finished(consent, request, parts)


def consent_tool(request: HttpRequest | None, key: str) -> SafeString:
    """Return the code of the tool ``key``, once a page, where the visitor allows it.

    Otherwise an empty ``<template>`` marks the place, for the page's script to start the tool as
    soon as it is allowed. Nothing, and a line in the log, where no enabled tool has that key.
    """
    consent = consent_of(request)
    tool = consent.policy.tools.get(key)
    if tool is None:
        logger.info("No enabled tool has the key %r: nothing is written for it.", key)
        return mark_safe("")
    if key in consent.written:
        return mark_safe("")
    if not consent.allows(key):
        return mark_safe(_slot(tool, ""))  # noqa: S308
    return _finished(consent, request, _write(consent, [tool]))


def consent_policy(request: HttpRequest | None) -> SafeString:
    """Return the table Category | Purpose | Tools of the policy page. Depends on no visitor."""
    consent = consent_of(request)
    return _finished(
        consent, request, _reused(consent, "policy_table.html", lambda: policy_context(consent))
    )


def consent_preferences_button(request: HttpRequest | None) -> SafeString:
    """Return the control “Website Data Collection Preferences”. Depends on no visitor."""
    consent = consent_of(request)
    return _finished(consent, request, _reused(consent, "preferences_button.html", _addresses))


def if_consent(request: HttpRequest | None, key: str) -> bool:
    """Say whether the category or tool ``key`` may run for this visitor."""
    return consent_of(request).allows(key)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        consent_head,
        consent_body,
        consent_tool,
        consent_policy,
        consent_preferences_button,
        if_consent,
    )
}


def consent_of(request: HttpRequest | None) -> Consent:
    """Return the request's consent; one that allows only what is essential where it has none."""
    consent = getattr(request, "consent", None)
    if isinstance(consent, Consent):
        return consent
    if settings.DEBUG:
        raise ImproperlyConfigured(_NO_REQUEST if request is None else _NO_MIDDLEWARE)
    return Consent(None)


def policy_context(consent: Consent) -> dict[str, Any]:
    """Return what the templates show of the policy, in the active language."""
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
        "categories": [category_context(category) for category in policy.categories],
        **_addresses(),
    }


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
    granted = [c for c in consent.policy.optional if consent.choices[c.key]]
    refused = [c for c in consent.policy.optional if consent.choices[c.key] is False]
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


def code_of(tool: CompiledTool) -> str:
    """Return exactly what a page gets of ``tool``, but for the nonce, which is the page's own."""
    return _without_nonce(tool.markup)


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


def _addresses() -> dict[str, Any]:
    return {
        "preferences_url": reverse("consent:preferences"),
        "api_url": reverse("consent:api-preferences"),
        "cookie_name": conf.COOKIE_NAME,
        "next": NEXT,
    }


def _notice(consent: Consent) -> str:
    if not consent.must_ask:
        return ""
    state = (consent.decision is not None, consent.news)

    def context() -> dict[str, Any]:
        return {**policy_context(consent), "news": choices_context(consent)["news"]}

    return _reused(consent, "notice.html", context, state)


def _dialog(consent: Consent) -> str:
    return _reused(consent, "preferences_dialog.html", lambda: policy_context(consent))


def _status(consent: Consent) -> str:
    state = tuple(consent.choices.values())
    return _reused(consent, "status.html", lambda: choices_context(consent), state)


def _reused(
    consent: Consent, template: str, context: Callable[[], dict[str, Any]], state: object = None
) -> str:
    """Render a template once for each policy, language and state."""

    def render() -> str:
        return render_to_string(f"consent/{template}", {**context(), "nonce": NONCE})

    return consent.policy.rendered.get((template, get_language(), state), render)


def _placed(consent: Consent, placement: str) -> str:
    """Return the allowed tools of ``placement`` that the page does not have yet."""
    selection = consent.selection
    tools = selection.placed(placement)
    if any(tool.key in consent.written for tool in tools) or consent.fetched:
        return _write(consent, tools)
    consent.written.update(tool.key for tool in tools)
    return consent.policy.rendered.get(
        (placement, selection.levels), lambda: "".join(tool.markup for tool in tools)
    )


def _write(consent: Consent, tools: Iterable[CompiledTool]) -> str:
    """Return the code of ``tools``, inert where a script puts it into a page that runs already.

    That page may have started them before; its script starts each of them once.
    """
    fresh = [tool for tool in tools if tool.key not in consent.written]
    consent.written.update(tool.key for tool in fresh)
    if consent.fetched:
        return "".join(_slot(tool, tool.markup) for tool in fresh)
    return "".join(tool.markup for tool in fresh)


def _slot(tool: CompiledTool, markup: str) -> str:
    return f'<template data-consent-slot="{escape(tool.key)}">{markup}</template>'


def _finished(consent: Consent, request: HttpRequest | None, markup: str) -> SafeString:
    """Fill in what differs from request to request: nonce and address."""
    nonce = nonce_of(request)
    markup = markup.replace(NONCE, escape(nonce)) if nonce else _without_nonce(markup)
    if NEXT in markup:
        path = "" if request is None else request.get_full_path()
        markup = markup.replace(NEXT, escape(path))
    return mark_safe(markup)  # noqa: S308


def _without_nonce(markup: str) -> str:
    return markup.replace(f' nonce="{NONCE}"', "")


def nonce_of(request: HttpRequest | None) -> str:
    """Return the request's CSP nonce, Django's own (6.0 and newer) or django-csp's; or ""."""
    for name in ("_csp_nonce", "csp_nonce"):
        nonce = getattr(request, name, None)
        if nonce is not None:
            return str(nonce)
    return ""
