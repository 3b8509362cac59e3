"""What the app writes into a page, as plain functions of the request.

The template tags call these; a Jinja2 environment takes them as globals
(``environment.globals.update(rendering.FUNCTIONS)``). Each returns safe HTML. What does not depend
on the request is rendered once for each policy, language and state, and then reused.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from consent import assets, texts
from consent.compiled import CompiledCategory, CompiledPolicy, CompiledTool, Selection, Standing
from consent.conf import conf
from consent.markup import NONCE, without_nonce
from consent.models import Policy
from consent.visitor import Consent

logger = logging.getLogger("consent")

# Stands for the address of the page in markup that is reused, as NONCE does for the nonce.
NEXT = "\1"

_INDENTATION = re.compile(r"\s*\n\s*")

_NO_REQUEST = (
    "A consent tag has no request: add 'django.template.context_processors.request' to the "
    "context processors and render with a request, or pass the request to the function."
)
_NO_MIDDLEWARE = (
    "A consent tag found no request.consent: add 'consent.middleware.ConsentMiddleware' to "
    "MIDDLEWARE."
)


def consent_head(request: HttpRequest | None) -> SafeString:
    """Return the script and the allowed tools that go into ``<head>``.

    Raises ImproperlyConfigured under DEBUG where the request or the middleware is missing;
    otherwise only essential tools are written then. The same holds for every function here.
    """
    page = _Page(request)
    return page.finished(page.constant("head.html"), page.placed("head"))


def consent_body(request: HttpRequest | None) -> SafeString:
    """Return the allowed tools at the end of ``<body>``, notice, preferences and status."""
    page = _Page(request)
    if not page.policy.optional or page.consent.is_blind:
        return page.finished(page.placed("body"))
    return page.finished(page.placed("body"), page.style(), page.asking(), page.dialog())


def consent_tool(request: HttpRequest | None, key: str) -> SafeString:
    """Return the code of the tool ``key``, once a page, where the visitor allows it.

    Otherwise an empty ``<template>`` marks the place, for the page's script to start the tool as
    soon as it is allowed. Nothing, and a line in the log, where no enabled tool has that key.
    """
    page = _Page(request)
    tool = page.policy.tools.get(key)
    if tool is None:
        logger.info("No enabled tool has the key %r: nothing is written for it.", key)
        return SafeString("")
    if not page.shown.allows(key):
        return SafeString(_slot(tool, ""))
    return page.finished(page.tools([tool]))


def consent_policy(request: HttpRequest | None) -> SafeString:
    """Return the table Category | Purpose | Tools of the policy page. Depends on no visitor."""
    page = _Page(request)
    table = page.reused("policy_table.html", lambda: policy_context(page.consent))
    return page.finished(page.style(), page.addressed(table))


def consent_preferences_button(request: HttpRequest | None) -> SafeString:
    """Return the control “Website Data Collection Preferences”. Depends on no visitor."""
    page = _Page(request)
    button = page.reused("preferences_button.html", _addresses)
    return page.finished(page.style(), page.addressed(button))


def consent_style(request: HttpRequest | None) -> SafeString:
    """Return the stylesheet, once a page, for templates that need it ahead of their own parts."""
    page = _Page(request)
    return page.finished(page.style())


def if_consent(request: HttpRequest | None, key: str) -> bool:
    """Say whether the category or tool ``key`` may run for this visitor.

    In cacheable delivery the page is everybody's: True only for what is essential.
    """
    return _Page(request).shown.allows(key)


def is_up_to_script(request: HttpRequest | None, key: str) -> bool:
    """Say whether only the page's script can know if ``key`` may run."""
    return is_cacheable() and key in consent_of(request).policy.needed


def switch(key: str, allowed: str, otherwise: str) -> SafeString:
    """Return ``otherwise``, for the page's script to put ``allowed`` there where ``key`` may run.

    Both are safe HTML. Marks are templates, since these may stand anywhere in a page.
    """
    return SafeString(
        f'<template data-consent-if="{escape(key)}">{allowed}</template>{otherwise}'
        "<template data-consent-end></template>"
    )


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
        **_addresses(),
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
        "notice_url": reverse("consent:notice"),
        "cookie_name": conf.COOKIE_NAME,
        "next": NEXT,
    }


class _Page:
    """What one page, in the active language, has and gets of the app."""

    def __init__(self, request: HttpRequest | None) -> None:
        self.consent = consent_of(request)
        self.policy = self.consent.policy
        self.cacheable = is_cacheable()
        self.nonce = nonce_of(request)

    @cached_property
    def language(self) -> str | None:
        """The active language: a template may change it between one tag and the next."""
        return get_language()

    @property
    def shown(self) -> Selection:
        """The tools that the server writes: in a page for everybody, those of everybody."""
        return self.policy.refused if self.cacheable else self.consent.selection

    def constant(self, template: str) -> str:
        """Render a template that is the same in all languages, once for each policy."""
        key = (template, self.nonce != "")
        return self.policy.parts.get(key, lambda: self._pieces(template, {}))[0]

    def reused(self, template: str, context: Callable[[], dict[str, Any]]) -> Sequence[str]:
        """Render a template that is the same for every visitor, once for each language.

        Returns it in pieces, between which the page's address goes.
        """
        key = (template, self.cacheable, self.language, self.nonce != "")
        return self.policy.parts.get(key, lambda: self._pieces(template, context()))

    def asking(self) -> str:
        """Return notice and status, as one text for all whose consent is the same."""
        standing = None if self.cacheable else self.consent.standing
        key = ("asking", self.language, self.nonce != "", standing and standing.key)
        memo = self.policy.rendered if standing else self.policy.parts
        return self.addressed(memo.get(key, lambda: self._asking(standing)))

    def _asking(self, standing: Standing | None) -> Sequence[str]:
        visitor = choices_context(self.consent) if standing else {}
        status = self._pieces("status.html", visitor)
        if not (standing.must_ask if standing else self.policy.asks):
            return status
        notice = self._pieces("notice.html", {**texts_context(self.consent), **visitor})
        return [*notice[:-1], notice[-1] + status[0], *status[1:]]

    def dialog(self) -> str:
        """Return the preferences, which the page's script fills in."""

        def context() -> dict[str, Any]:
            return {**policy_context(self.consent), "tools_url": tools_directory(self.policy)}

        return self.addressed(self.reused("preferences_dialog.html", context))

    def addressed(self, pieces: Sequence[str]) -> str:
        """Join ``pieces`` by the page's address."""
        return pieces[0] if len(pieces) == 1 else self.consent.address.join(pieces)

    def _pieces(self, template: str, context: dict[str, Any]) -> Sequence[str]:
        constants = {
            "nonce": NONCE,
            "cacheable": self.cacheable,
            "script": assets.SCRIPT,
            "stylesheet": assets.STYLESHEET,
        }
        markup = render_to_string(f"consent/{template}", {**context, **constants})
        # A third of it would be the templates' indentation.
        return _INDENTATION.sub("\n", self._bare(markup)).split(NEXT)

    def style(self) -> str:
        """Return the stylesheet, once a page, ahead of what it is for.

        In the head it would keep the browser from showing the page.
        """
        if self.consent.styled:
            return ""
        self.consent.styled = True
        return self.constant("stylesheet.html")

    def placed(self, placement: str) -> str:
        """Return the tools of ``placement`` that the page does not have yet."""
        consent, shown = self.consent, self.shown
        if placement in consent.filled:
            return ""
        is_partly_written = consent.written and any(
            self.policy.tools[key].placement == placement for key in consent.written
        )
        if is_partly_written or self._is_fetched:
            return self.tools(tool for tool in shown.tools if tool.placement == placement)
        consent.filled.add(placement)
        key = (placement, shown.levels, self.nonce != "")
        return self.policy.rendered.get(key, lambda: [self._joined(placement)])[0]

    def _joined(self, placement: str) -> str:
        tools = (tool for tool in self.shown.tools if tool.placement == placement)
        return self._bare("".join(tool.markup for tool in tools))

    def tools(self, tools: Iterable[CompiledTool]) -> str:
        """Return the code of ``tools``, but for what the page has already.

        It is inert where a script puts it into a page that runs already: that page may have
        started them before, and its script starts each of them once.
        """
        fresh = [tool for tool in tools if tool.markup and self._is_new(tool)]
        self.consent.written.update(tool.key for tool in fresh)
        wrap = _slot if self._is_fetched else _plain
        return self._bare("".join(wrap(tool, tool.markup) for tool in fresh))

    def finished(self, *parts: str) -> SafeString:
        """Join ``parts``, with the request's nonce where there is one."""
        markup = "".join(parts)
        return SafeString(markup.replace(NONCE, self.nonce) if self.nonce else markup)

    def _bare(self, markup: str) -> str:
        """Return ``markup`` without the places for a nonce where there is none."""
        return markup if self.nonce else without_nonce(markup)

    @property
    def _is_fetched(self) -> bool:
        return not self.cacheable and self.consent.fetched

    def _is_new(self, tool: CompiledTool) -> bool:
        return tool.key not in self.consent.written and tool.placement not in self.consent.filled


def _plain(tool: CompiledTool, markup: str) -> str:
    return markup


def _slot(tool: CompiledTool, markup: str) -> str:
    return f'<template data-consent-slot="{escape(tool.key)}">{markup}</template>'


def tools_directory(policy: CompiledPolicy) -> str:
    """Return where the script files of ``policy`` are, in cacheable delivery."""
    return reverse("consent:tools", args=[policy.version, "-"]).removesuffix("-.js")


def is_cacheable() -> bool:
    """Say whether pages have to be the same for everybody."""
    return conf.DELIVERY == "cacheable"


def nonce_of(request: HttpRequest | None) -> str:
    """Return the request's CSP nonce, Django's own (6.0 and newer) or django-csp's; or "".

    It is escaped for an attribute.
    """
    for name in ("_csp_nonce", "csp_nonce"):
        nonce = getattr(request, name, None)
        if nonce is not None:
            return escape(str(nonce))
    return ""
