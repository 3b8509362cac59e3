"""One page: what the app writes into it, each part once, and most of it made long before."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from consent.conf import conf
from consent.pages import assets
from consent.pages.consent_signals import told
from consent.pages.contexts import NEXT, choices_context, policy_context, texts_context
from consent.pages.script_bundles import directory
from consent.policy import CompiledTool, Selection, Standing
from consent.proof.notice_counter import count_notice
from consent.recipes.markers import NONCE, without_nonce
from consent.visitor import Consent, consent_of

_INDENTATION = re.compile(r"\s*\n\s*")


def page_of(request: HttpRequest | None) -> Page:
    """Return the page that answers ``request``, always the same; raises as `consent_of` does."""
    consent = consent_of(request)
    page: Page | None = consent.page
    if page is None:
        page = consent.page = Page(consent, nonce_of(request))
    return page


class Page:
    """What one page gets of the app, and has of it already.

    ``nonce``: the request's, escaped, or "". Of the markup that its methods return, what is the
    same for several requests is rendered once, for each policy, delivery, language and state of
    consent.
    """

    __slots__ = (
        "_embeds",
        "_filled",
        "_has_nonce",
        "_nonce",
        "_styled",
        "_written",
        "cacheable",
        "consent",
        "lent",
        "policy",
    )

    def __init__(self, consent: Consent, nonce: str) -> None:
        self.consent = consent
        self.policy = consent.policy
        self.cacheable = is_cacheable()
        self._nonce = nonce
        self._has_nonce = nonce != ""
        # Tools by key, and places that have all of theirs.
        self._written: set[str] = set()
        self._filled: set[str] = set()
        self._styled = False
        # Of what embeds need, the parts that the page has.
        self._embeds: set[str] = set()
        # Tools that the visitor has asked to load here, this once.
        self.lent: list[CompiledTool] = []

    @property
    def shown(self) -> Selection:
        """The tools that the server writes: in a page for everybody, those of everybody."""
        return self.policy.refused if self.cacheable else self.consent.standing.selection

    @property
    def regime(self) -> str:
        """What the page says that holds before a choice: for everybody, what holds anywhere."""
        return self.policy.strictest if self.cacheable else self.consent.regime

    def script(self) -> str:
        """Return the scripts that every page of the site loads.

        The embeds' own is among them where the policy has embeds: one may come to the page later.
        """
        later = self._once("embed_script.html") if self.policy.has_embeds else ""
        return self._constant("head.html") + later

    def placed(self, placement: str) -> str:
        """Return the tools of ``placement`` (head or body) that the page does not have yet."""
        if placement in self._filled:
            return ""
        if self._is_fetched or (self._written and self._is_begun(placement)):
            return self.tools(tool for tool in self.shown.tools if tool.placement == placement)
        self._filled.add(placement)
        key = (placement, self.shown.state, self._has_nonce)
        return self.policy.rendered.get(key, lambda: [self._joined(placement)])[0]

    def tools(self, tools: Iterable[CompiledTool]) -> str:
        """Return the code of ``tools``, but for what the page has already.

        It is inert where a script puts it into a page that runs already: that page may have
        started them before, and its script starts each of them once.
        """
        fresh = [tool for tool in tools if tool.markup and self._is_new(tool)]
        self._written.update(tool.key for tool in fresh)
        wrap = slot if self._is_fetched else _plain
        return self._code("".join(wrap(tool, tool.markup) for tool in fresh))

    def style(self) -> str:
        """Return the stylesheet, once a page, ahead of what it is for.

        In the head it would keep the browser from showing the page.
        """
        if self._styled:
            return ""
        self._styled = True
        return self._constant("stylesheet.html")

    def embedding(self, *, asks: bool) -> str:
        """Return what embeds need, once a page; ``asks``: one of them is a placeholder."""
        style = self.style() if asks else ""
        return style + self._once("embed_style.html") + self._once("embed_script.html")

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Render what may stay inert: the page does not have yet what is written for it."""
        styled, embeds = self._styled, set(self._embeds)
        yield
        self._styled, self._embeds = styled, embeds

    def remembered(
        self, template: str, key: tuple[Hashable, ...], context: Callable[[], dict[str, Any]]
    ) -> str:
        """Return what ``template`` renders to where this regime holds, one of many by ``key``."""
        full = (template, key, get_language(), self._has_nonce, self._reloads, self.regime)
        memo = self.policy.rendered
        return self._addressed(memo.get(full, lambda: self._pieces(template, context())))

    def reused(self, template: str, context: Callable[[], dict[str, Any]], regime: str = "") -> str:
        """Return what ``template`` renders to, which is the same for every visitor.

        ``regime``: the one that it depends on, if it does.
        """
        key = (template, self.cacheable, get_language(), self._has_nonce, self._reloads, regime)
        return self._addressed(
            self.policy.parts.get(key, lambda: self._pieces(template, context()))
        )

    def asking(self) -> str:
        """Return notice and status, as one text for all whose consent is the same."""
        standing = None if self.cacheable else self.consent.standing
        key = ("asking", get_language(), self._has_nonce, standing and standing.key, self.regime)
        # What differs from visitor to visitor must not crowd out what does not.
        memo = self.policy.rendered if standing else self.policy.parts
        if standing and standing.must_ask and conf.RECORDS:
            count_notice(self.regime)
        return self._addressed(memo.get(key, lambda: self._asking(standing)))

    def notice(self, regime: str) -> str:
        """Return the notice of a page for everybody, as it is where ``regime`` holds."""
        key = ("notice", get_language(), self._has_nonce, regime)
        pieces = self.policy.parts.get(key, lambda: self._notice(regime, {}))
        # Without an address to go back to: it is not this one.
        return self.finished("".join(pieces))

    def dialog(self) -> str:
        """Return the preferences, which the page's script fills in."""

        def context() -> dict[str, Any]:
            told = policy_context(self.policy, self.regime)
            return {**told, "tools_url": directory(self.policy), "has_rules": self.policy.has_rules}

        return self.reused("preferences_dialog.html", context, self.regime)

    def finished(self, *parts: str) -> SafeString:
        """Join ``parts``, with the request's nonce where there is one."""
        markup = "".join(parts)
        return SafeString(markup.replace(NONCE, self._nonce) if self._has_nonce else markup)

    def _asking(self, standing: Standing | None) -> Sequence[str]:
        visitor = choices_context(self.consent) if standing else {}
        status = self._pieces("status.html", visitor)
        if not (standing.must_ask if standing else self.policy.asks):
            return status
        notice = self._notice(self.regime, visitor)
        return [*notice[:-1], notice[-1] + status[0], *status[1:]]

    def _notice(self, regime: str, visitor: dict[str, Any]) -> Sequence[str]:
        return self._pieces("notice.html", {**texts_context(self.policy, regime), **visitor})

    def _joined(self, placement: str) -> str:
        tools = (tool for tool in self.shown.tools if tool.placement == placement)
        return self._code("".join(tool.markup for tool in tools))

    def _code(self, markup: str) -> str:
        """Return the markup of tools as this visitor's page gets it."""
        return self._bare(told(markup, self.shown))

    def _once(self, template: str) -> str:
        if template in self._embeds:
            return ""
        self._embeds.add(template)
        return self._constant(template)

    def _constant(self, template: str) -> str:
        """Return what a template renders to that is the same in all languages."""
        key = (template, self.cacheable, self._has_nonce)
        return self.policy.parts.get(key, lambda: self._pieces(template, {}))[0]

    def _pieces(self, template: str, context: dict[str, Any]) -> Sequence[str]:
        """Render ``template``, in pieces between which the page's address goes."""
        constants = {
            "nonce": NONCE,
            "cacheable": self.cacheable,
            "reloads": self._reloads,
            "script": assets.CACHEABLE_SCRIPT if self.cacheable else assets.SCRIPT,
            "stylesheet": assets.STYLESHEET,
            "embed_script": assets.EMBED_SCRIPT,
            "embed_stylesheet": assets.EMBED_STYLESHEET,
        }
        markup = render_to_string(f"consent/{template}", {**context, **constants})
        # A third of it would be the templates' indentation.
        return _INDENTATION.sub("\n", self._bare(markup)).split(NEXT)

    def _addressed(self, pieces: Sequence[str]) -> str:
        return pieces[0] if len(pieces) == 1 else self.consent.address.join(pieces)

    def _bare(self, markup: str) -> str:
        """Return ``markup`` without the places for a nonce where there is none."""
        return markup if self._has_nonce else without_nonce(markup)

    @property
    def _is_fetched(self) -> bool:
        return not self.cacheable and self.consent.fetched

    @property
    def _reloads(self) -> bool:
        """Whether what is newly allowed can start only on a new page, with a new policy."""
        return self.consent.is_guarded and not self.cacheable

    def _is_begun(self, placement: str) -> bool:
        return any(self.policy.tools[key].placement == placement for key in self._written)

    def _is_new(self, tool: CompiledTool) -> bool:
        return tool.key not in self._written and tool.placement not in self._filled


def _plain(tool: CompiledTool, markup: str) -> str:
    return markup


def slot(tool: CompiledTool, markup: str) -> str:
    """Return an inert place for ``tool``, with its code or without."""
    return f'<template data-consent-slot="{escape(tool.key)}">{markup}</template>'


def switch(key: str, allowed: str, otherwise: str) -> SafeString:
    """Return ``otherwise``, for the page's script to put ``allowed`` there where ``key`` may run.

    Both are safe HTML. Marks are templates, since these may stand anywhere in a page. ``allowed``
    is in its one as text: of markup in there, Firefox fetches scripts, styles and images ahead
    (https://bugzilla.mozilla.org/show_bug.cgi?id=1441044), and some could end the template.
    """
    text = escape(allowed, quote=False)
    return SafeString(
        f'<template data-consent-if="{escape(key)}">{text}</template>{otherwise}'
        "<template data-consent-end></template>"
    )


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
