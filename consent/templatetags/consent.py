"""``{% load consent %}``: the functions of :mod:`consent.rendering` as template tags."""

from __future__ import annotations

from django import template
from django.http import HttpRequest
from django.template.base import FilterExpression, Node, NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString

from consent import rendering

register = template.Library()


def _request(context: Context) -> HttpRequest | None:
    request = context.get("request")
    # A template that REST framework renders has its request, which wraps Django's.
    request = getattr(request, "_request", request)
    return request if isinstance(request, HttpRequest) else None


@register.simple_tag(takes_context=True)
def consent_head(context: Context) -> SafeString:
    """Write the script and the allowed tools that go into ``<head>``."""
    return rendering.consent_head(_request(context))


@register.simple_tag(takes_context=True)
def consent_body(context: Context) -> SafeString:
    """Write the allowed tools at the end of ``<body>``, and notice, preferences and status."""
    return rendering.consent_body(_request(context))


@register.simple_tag(takes_context=True)
def consent_tool(context: Context, key: str) -> SafeString:
    """Write the tool ``key`` here, where the visitor allows it."""
    return rendering.consent_tool(_request(context), key)


@register.simple_tag(takes_context=True)
def consent_policy(context: Context) -> SafeString:
    """Write the policy's table Category | Purpose | Tools."""
    return rendering.consent_policy(_request(context))


@register.simple_tag(takes_context=True)
def consent_preferences_button(context: Context) -> SafeString:
    """Write the control “Website Data Collection Preferences”."""
    return rendering.consent_preferences_button(_request(context))


class IfConsentNode(Node):
    """``{% ifconsent %}``: one of two parts of a template, or both for the script to choose."""

    child_nodelists = ("nodelist_true", "nodelist_false")

    def __init__(self, key: FilterExpression, allowed: NodeList, otherwise: NodeList) -> None:
        self.key = key
        self.nodelist_true = allowed
        self.nodelist_false = otherwise

    def render(self, context: Context) -> SafeString:
        """Render the part that fits the visitor's consent."""
        request, key = _request(context), str(self.key.resolve(context))
        if rendering.if_consent(request, key):
            return self.nodelist_true.render(context)
        otherwise = self.nodelist_false.render(context)
        if rendering.is_up_to_script(request, key):
            return rendering.switch(key, self.nodelist_true.render(context), otherwise)
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
