"""``{% load consent_texts %}``: the language of the app's own texts, for the app's own pages."""

from __future__ import annotations

from django import template
from django.template.base import Node, NodeList, Parser, Token
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from consent.models.texts_language import (
    attributes_of,
    attributes_of_texts,
    direction_of,
    in_texts_language,
    marked,
    texts_language,
)

register = template.Library()


register.simple_tag(texts_language)
register.simple_tag(direction_of)
register.simple_tag(attributes_of, name="lang")
register.simple_tag(marked)


class ConsentTextsNode(Node):
    """``{% consenttexts %}``: a part of a template that has the app's own texts."""

    def __init__(self, element: str, nodelist: NodeList) -> None:
        self.element = element
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """Render the part in `texts_language`, in an element that says so if the page differs."""
        attributes = attributes_of_texts()
        with in_texts_language():
            content = self.nodelist.render(context)
        if not (self.element and attributes):
            return content
        return format_html("<{0}{1}>{2}</{0}>", self.element, attributes, content)


@register.tag
def consenttexts(parser: Parser, token: Token) -> ConsentTextsNode:
    """``{% consenttexts div %}…{% endconsenttexts %}``; without ``div`` no element is written.

    Raises TemplateSyntaxError if it has more than one argument.
    """
    arguments = token.split_contents()[1:]
    if len(arguments) > 1:
        raise template.TemplateSyntaxError("consenttexts takes at most the name of an element.")
    nodelist = parser.parse(("endconsenttexts",))
    parser.delete_first_token()
    return ConsentTextsNode("".join(arguments), nodelist)
