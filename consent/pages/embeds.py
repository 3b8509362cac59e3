"""Embeds and blocks: third-party content that is requested only once the visitor allows it.

An embed (the iframe of a recipe) and a block (any markup) are written into a frame of their own. If
the visitor allows it, the frame contains the markup as it is. Otherwise it contains a placeholder
that asks, and the markup in an attribute, which browsers do not parse.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost, ImproperlyConfigured
from django.http import HttpRequest
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from consent.models.texts_language import attributes_of_texts, gettext, in_texts_language
from consent.pages.markup import EMBED, LOADED_ONCE, conditional_markup
from consent.pages.page import Page, page_of
from consent.pages.template_data import PAGE_ADDRESS, embed_data, name_of
from consent.recipes import Embed
from consent.recipes.markers import NONCE

logger = logging.getLogger("consent")

# Before the names of the embed's own parameters in the form of the placeholder.
PREFIX = "embed-"
RATIO = "16:9"
_RATIO = re.compile(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})")
_MARKS = re.compile(f"[{NONCE}{PAGE_ADDRESS}]")


@dataclass(frozen=True, slots=True)
class ShownEmbed:
    """One embed, as a template or the form of its placeholder describes it.

    ``title`` says what it shows, ``ratio`` is its width to height ("16:9"); ``values`` are the
    parameters of its recipe.
    """

    embed: Embed
    title: str
    ratio: str
    values: Mapping[str, str]

    @classmethod
    def read(
        cls, embed: Embed, title: object, ratio: object, values: Mapping[str, object]
    ) -> ShownEmbed:
        """Validate a description of ``embed``; raises ValueError, which says what is wrong."""
        shown = cls(embed, _text(title), _text(ratio), {k: _text(v) for k, v in values.items()})
        with in_texts_language():
            problems = [*embed.errors(shown.values).values(), *shown._problems()]
        if problems:
            raise ValueError(" ".join(problems))
        return shown

    def html(self, request: HttpRequest | None) -> str:
        """Return the iframe for a page that answers ``request``."""
        host = _host(request) if self.embed.names_host else ""
        return self.embed.html(self.values, self.title, host)

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the placeholder's form, from which `read` makes the same again."""
        values = {f"{PREFIX}{name}": value for name, value in self.values.items() if value}
        return {"title": self.title, "ratio": self.ratio, **values}

    def _problems(self) -> list[str]:
        problems = [_wrong_ratio(self.ratio)]
        if not self.title:
            problems.append(gettext("The title is missing: say what is shown."))
        return [problem for problem in problems if problem]


def consent_embed(
    request: HttpRequest | None, key: str, /, title: str = "", ratio: str = RATIO, **values: object
) -> SafeString:
    """Return the embed of the tool ``key``, or a placeholder that asks for it; see `ShownEmbed`.

    Returns "", and logs it, if no enabled tool has that key. Other errors raise
    ImproperlyConfigured under DEBUG; otherwise they are logged. The result is a sentence that says
    what is wrong with a value, since an editor may have entered it; else it is "".
    """
    page = page_of(request)
    tool = page.policy.tools.get(key)
    if tool is None:
        return _unknown(key)
    if tool.embed is None:
        return _refused(key, "it is no embed; write {% consent_tool %} or {% consentblock %}.")
    try:
        shown = ShownEmbed.read(tool.embed, title, ratio, values)
    except ValueError as error:
        return _wrong_values(key, _text(title) or tool.name, str(error))
    inside = shown.html(request)
    allowed = page.writes(key)
    head = page.embed_parts(has_placeholder=not allowed)
    if not allowed:
        if not page.policy.has_addresses:
            # Nobody could allow it here.
            return SafeString("")
        inside = conditional_markup(key, inside, _placeholder(page, key, shown.title, shown.fields))
    return page.finish(head, _frame(key, shown.title, shown.ratio, inside))


def consent_block(
    request: HttpRequest | None, key: str, html: str, /, title: str = "", ratio: str = ""
) -> SafeString:
    """Return ``html`` where the category or tool ``key`` may run, or a placeholder that asks.

    Text that is not safe HTML is escaped. ``title`` says what it is (else the name of the tool),
    ``ratio`` how wide and high, if that is known. For what is wrong see `consent_embed`.
    """
    return block(request, key, lambda: conditional_escape(html), title, ratio)


def block(
    request: HttpRequest | None, key: str, content: Callable[[], str], title: object, ratio: object
) -> SafeString:
    """Do what `consent_block` does, with what ``content`` returns; it is called only if needed."""
    page = page_of(request)
    if key not in page.policy.needed:
        return _unknown(key)
    ratio = _text(ratio)
    if ratio and (problem := _wrong_ratio(ratio)):
        return _refused(key, problem)
    title = _text(title) or name_of(page.policy, key)
    allowed = page.writes(key)
    head = page.embed_parts(has_placeholder=not allowed)
    with page.inert_content():
        inside = _MARKS.sub("", content())
    if not allowed:
        if not page.policy.has_addresses:
            # Nobody could allow it here.
            return SafeString("")
        inside = conditional_markup(key, inside, _placeholder(page, key, title, {}))
    return page.finish(head, _frame(key, title, ratio, inside))


def loaded(request: HttpRequest, key: str, shown: ShownEmbed) -> SafeString:
    """Return an embed whatever the visitor's consent, since they asked to load this one once."""
    page = page_of(request)
    page.loaded_once.append(page.policy.tools[key])
    frame = _frame(key, shown.title, shown.ratio, shown.html(request), f" {LOADED_ONCE}")
    return page.finish(page.embed_parts(has_placeholder=False), frame)


def _host(request: HttpRequest | None) -> str:
    """Return the host that the page is on, without a port; "" where that is not known."""
    try:
        address = f"//{request.get_host()}" if request is not None else ""
    except DisallowedHost:
        return ""
    return urlsplit(address).hostname or ""


def _placeholder(page: Page, key: str, title: str, fields: Mapping[str, str]) -> str:
    """Return the placeholder; ``fields``: the hidden fields that describe an embed."""

    def data() -> dict[str, object]:
        shown = {"key": key, "title": title, "fields": dict(fields)}
        return {**embed_data(page.policy, page.regime, key), **shown}

    return page.embed_placeholder((key, title, *fields.items()), data)


def _frame(key: str, title: str, ratio: str, inside: str, mark: str = "") -> str:
    """Return the frame, which keeps its size when its content is loaded; ``mark``: an attribute."""
    name = f'{EMBED}="{escape(key)}"{mark} role="group" aria-label="{escape(title)}"'
    size = ratio.replace(":", " ")
    # The image gives the frame its ratio without inline style, which a Content-Security-Policy
    # may forbid.
    room = f'<svg viewBox="0 0 {size}" aria-hidden="true"></svg>' if ratio else ""
    return f'<div class="dcp-embed" {name}>{room}{inside}</div>'


def _text(value: object) -> str:
    """Return ``value`` as text without the marks that pages are rendered with."""
    return "" if value is None else _MARKS.sub("", str(value)).strip()


def _wrong_ratio(ratio: str) -> str:
    if _RATIO.fullmatch(ratio):
        return ""
    return gettext("“%s” is no ratio of width to height, such as 16:9.") % ratio[:40]


def _unknown(key: str) -> SafeString:
    logger.info("No category or enabled tool has the key %r: nothing is written for it.", key)
    return SafeString("")


def _wrong_values(key: str, title: str, reason: str) -> SafeString:
    """Report that the values of an embed are invalid, in the page as well."""
    _refused(key, reason)
    words = gettext("“%(title)s” cannot be shown: %(reason)s") % {"title": title, "reason": reason}
    return SafeString(f"<p{attributes_of_texts()}>{escape(words)}</p>")


def _refused(key: str, reason: str) -> SafeString:
    """Report why nothing is written: raise under DEBUG, else log it."""
    if settings.DEBUG:
        raise ImproperlyConfigured(f"The embed “{key}” cannot be written: {reason}")
    logger.error("The embed %s cannot be written: %s", key, reason)
    return SafeString("")
