"""``{% load consent %}``: the functions of `consent.pages.template_functions` as template tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.base import FilterExpression, Node, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.utils.safestring import SafeString

from consent.pages import embeds
from consent.pages import template_functions as functions
from consent.pages.markup import conditional_markup
from consent.pages.page import page_of

register = template.Library()


def _request(context: Context) -> HttpRequest | None:
    request = context.get("request")
    # A template that REST framework renders has its request, which wraps Django's.
    request = getattr(request, "_request", request)
    return request if isinstance(request, HttpRequest) else None


class RequestNode(Node):
    """A tag without arguments; ``{% tag as name %}`` stores its markup in the context instead.

    `simple_tag` does the same, but takes a page longer than the tags themselves.
    """

    def __init__(
        self, function: Callable[[HttpRequest | None], SafeString], target: str | None
    ) -> None:
        self.function = function
        self.target = target

    def render(self, context: Context) -> SafeString:
        """Return what the function writes into the page."""
        markup = self.function(_request(context))
        if self.target is None:
            return markup
        context[self.target] = markup
        return SafeString("")


def _request_tag(function: Callable[[HttpRequest | None], SafeString]) -> None:
    """Register ``function`` of `consent.pages.template_functions` as a tag without arguments."""

    def compile_tag(parser: Parser, token: Token) -> RequestNode:
        name, *arguments = token.split_contents()
        if arguments and (len(arguments) != 2 or arguments[0] != "as"):
            raise template.TemplateSyntaxError(f"{name} takes no arguments but “as” and a name.")
        return RequestNode(function, arguments[1] if arguments else None)

    compile_tag.__doc__ = function.__doc__
    register.tag(function.__name__, compile_tag)


for _function in (
    functions.consent_head,
    functions.consent_body,
    functions.consent_policy,
    functions.consent_preferences_button,
):
    _request_tag(_function)


@register.simple_tag(takes_context=True)
def consent_tool(context: Context, key: str) -> SafeString:
    """Write the tool ``key`` here, where the visitor allows it."""
    return functions.consent_tool(_request(context), key)


@register.simple_tag(takes_context=True)
def consent_embed(context: Context, key: str, **values: Any) -> SafeString:
    """Write the embed of the tool ``key``, or what asks for it: ``id="…" title="…"``."""
    return embeds.consent_embed(_request(context), key, **values)


class ConsentBlockNode(Node):
    """``{% consentblock %}``: a part of a template that stays inert until it is allowed."""

    def __init__(
        self, key: FilterExpression, options: dict[str, FilterExpression], nodelist: NodeList
    ) -> None:
        self.key = key
        self.options = options
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """Render the part, and what asks for it where it is not allowed."""
        options = {name: value.resolve(context) for name, value in self.options.items()}
        return embeds.block(
            _request(context),
            str(self.key.resolve(context)),
            lambda: self.nodelist.render(context),
            options.get("title"),
            options.get("ratio"),
        )


@register.tag
def consentblock(parser: Parser, token: Token) -> ConsentBlockNode:
    """``{% consentblock "chat" title="…" ratio="4:3" %}…{% endconsentblock %}``.

    Raises TemplateSyntaxError unless it has one key, and at most a title and a ratio.
    """
    arguments = token.split_contents()[1:]
    key, given = arguments[:1], arguments[1:]
    options = token_kwargs(given, parser)
    if not key or given or not options.keys() <= {"title", "ratio"}:
        raise template.TemplateSyntaxError(
            "consentblock takes the key of a category or tool, then at most title=… and ratio=…."
        )
    nodelist = parser.parse(("endconsentblock",))
    parser.delete_first_token()
    return ConsentBlockNode(parser.compile_filter(key[0]), options, nodelist)


class IfConsentNode(Node):
    """``{% ifconsent %}``: one of two parts of a template, or both for the script to choose."""

    child_nodelists = ("nodelist_true", "nodelist_false")

    def __init__(self, key: FilterExpression, allowed: NodeList, otherwise: NodeList) -> None:
        self.key = key
        self.nodelist_true = allowed
        self.nodelist_false = otherwise

    def render(self, context: Context) -> SafeString:
        """Render the part that fits the visitor's consent."""
        page, key = page_of(_request(context)), str(self.key.resolve(context))
        if page.writes(key):
            return self.nodelist_true.render(context)
        otherwise = self.nodelist_false.render(context)
        if page.delivery.script_decides(page.consent, key):
            with page.inert_content():
                allowed = self.nodelist_true.render(context)
            return conditional_markup(key, allowed, otherwise)
        return otherwise


@register.tag
def ifconsent(parser: Parser, token: Token) -> IfConsentNode:
    """``{% ifconsent "advertising" %}…{% else %}…{% endifconsent %}``, by category or tool.

    Raises TemplateSyntaxError unless it has exactly one argument, a key.
    """
    arguments = token.split_contents()[1:]
    if len(arguments) != 1:
        raise template.TemplateSyntaxError(
            "ifconsent takes one argument, the key of a category or tool."
        )
    allowed = parser.parse(("else", "endifconsent"))
    otherwise = NodeList()
    if parser.next_token().contents == "else":
        otherwise = parser.parse(("endifconsent",))
        parser.delete_first_token()
    return IfConsentNode(parser.compile_filter(arguments[0]), allowed, otherwise)
