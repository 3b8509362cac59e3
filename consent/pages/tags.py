"""What the app writes into a page, as plain functions of the request.

The template tags call these; a Jinja2 environment takes them as globals
(``environment.globals.update(rendering.FUNCTIONS)``). Each returns safe HTML. What does not depend
on the request is rendered once for each policy, language and state, and then reused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString

from consent.pages.contexts import addresses, policy_context
from consent.pages.embeds import consent_block, consent_embed
from consent.pages.page import page_of, slot

logger = logging.getLogger("consent")


def consent_head(request: HttpRequest | None) -> SafeString:
    """Return the script and the allowed tools that go into ``<head>``.

    Raises ImproperlyConfigured under DEBUG where the request or the middleware is missing;
    otherwise only essential tools are written then. The same holds for every function here.
    """
    page = page_of(request)
    return page.finished(page.script(), page.placed("head"))


def consent_body(request: HttpRequest | None) -> SafeString:
    """Return the allowed tools at the end of ``<body>``, notice, preferences and status."""
    page = page_of(request)
    if not page.policy.optional or page.consent.is_blind:
        return page.finished(page.placed("body"))
    return page.finished(page.placed("body"), page.style(), page.asking(), page.dialog())


def consent_tool(request: HttpRequest | None, key: str) -> SafeString:
    """Return the code of the tool ``key``, once a page, where the visitor allows it.

    Otherwise an empty ``<template>`` marks the place, for the page's script to start the tool as
    soon as it is allowed. Nothing, and a line in the log, where no enabled tool has that key.
    """
    page = page_of(request)
    tool = page.policy.tools.get(key)
    if tool is None:
        logger.info("No enabled tool has the key %r: nothing is written for it.", key)
        return SafeString("")
    if not page.shown.allows(key):
        return SafeString(slot(tool, ""))
    return page.finished(page.tools([tool]))


def consent_policy(request: HttpRequest | None) -> SafeString:
    """Return the table Category | Purpose | Tools of the policy page. Depends on no visitor."""
    page = page_of(request)
    table = page.reused(
        "policy_table.html", lambda: policy_context(page.policy, page.policy.strictest)
    )
    return page.finished(page.style(), table)


def consent_preferences_button(request: HttpRequest | None) -> SafeString:
    """Return the control “Website Data Collection Preferences”. Depends on no visitor."""
    page = page_of(request)
    return page.finished(page.style(), page.reused("preferences_button.html", addresses))


def consent_style(request: HttpRequest | None) -> SafeString:
    """Return the stylesheet, once a page, for templates that need it ahead of their own parts."""
    page = page_of(request)
    return page.finished(page.style())


def if_consent(request: HttpRequest | None, key: str) -> bool:
    """Say whether the category or tool ``key`` may run for this visitor.

    In cacheable delivery the page is everybody's: True only for what is essential.
    """
    return page_of(request).shown.allows(key)


def is_up_to_script(request: HttpRequest | None, key: str) -> bool:
    """Say whether only the page's script can know if ``key`` may run."""
    page = page_of(request)
    return page.cacheable and key in page.policy.needed


def aside(request: HttpRequest | None) -> AbstractContextManager[None]:
    """Return a context in which is rendered what the page's script may bring to life, or not."""
    return page_of(request).aside()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        consent_head,
        consent_body,
        consent_tool,
        consent_policy,
        consent_preferences_button,
        consent_embed,
        consent_block,
        if_consent,
    )
}
