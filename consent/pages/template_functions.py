"""The template tags as plain functions of the request, for Jinja2 and other template engines.

A Jinja2 environment takes them as globals: ``environment.globals.update(pages.FUNCTIONS)``. Each
returns safe HTML.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest
from django.utils.safestring import SafeString

from consent.pages.embeds import consent_block, consent_embed
from consent.pages.markup import inert_tool
from consent.pages.notice import notice_and_status
from consent.pages.page import page_of

logger = logging.getLogger("consent")


def consent_head(request: HttpRequest | None) -> SafeString:
    """Return the script and the allowed tools that go into ``<head>``.

    Raises ImproperlyConfigured under DEBUG where the request or the middleware is missing;
    otherwise only essential tools are written then. The same holds for every function here.
    """
    page = page_of(request)
    return page.finish(page.head())


def consent_body(request: HttpRequest | None) -> SafeString:
    """Return notice, preferences and status, and the allowed tools at the end of ``<body>``.

    The tools come last, so that nothing in their code can be around the notice and the dialog.
    """
    page = page_of(request)
    if not page.policy.optional or not page.consent.can_ask:
        return page.finish(page.tools_in("body"))
    return page.finish(
        page.stylesheet(),
        notice_and_status(page),
        page.preferences_dialog(),
        page.tools_in("body"),
    )


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
    if not page.selection.allows(key):
        return SafeString(inert_tool(tool, ""))
    return page.finish(page.tools([tool]))


def consent_policy(request: HttpRequest | None) -> SafeString:
    """Return the table Category | Purpose | Tools of the policy page, the same for all visitors."""
    page = page_of(request)
    return page.finish(page.policy_table() if page.policy.has_addresses else "")


def consent_preferences_button(request: HttpRequest | None) -> SafeString:
    """Return the control “Website Data Collection Preferences”, the same for all visitors."""
    page = page_of(request)
    return page.finish(page.preferences_button() if page.policy.has_addresses else "")


def consent_style(request: HttpRequest | None) -> SafeString:
    """Return the stylesheet, once a page, for templates that need it before their own parts."""
    page = page_of(request)
    return page.finish(page.stylesheet())


def if_consent(request: HttpRequest | None, key: str) -> bool:
    """Say whether the category or tool ``key`` may run for this visitor.

    In a page that is the same for all visitors, True only for what is essential.
    """
    return page_of(request).selection.allows(key)


FUNCTIONS: dict[str, Callable[..., object]] = {
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
