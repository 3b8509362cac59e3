"""``{% hard_coded %}`` is, once a template is loaded, the text that an author pasted there."""

from django import template
from django.template.base import Parser, TextNode, Token

from tests.benchmarks import tools

register = template.Library()


@register.tag
def hard_coded(parser: Parser, token: Token) -> TextNode:
    """``{% hard_coded advertising head %}``: the code of these tools, as plain text."""
    _, category, place = token.split_contents()
    return TextNode(tools.hard_coded(category, place))
