"""Check that the website's own template around the app's pages has a block for their content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from django.core.checks import CheckMessage, Warning
from django.template import Context, Template, TemplateDoesNotExist, TemplateSyntaxError
from django.template.base import Node, NodeList
from django.template.loader import get_template
from django.template.loader_tags import BlockNode, ExtendsNode

# The template that a website may replace, and the block that the app's pages fill.
PAGE_TEMPLATE, PAGE_BLOCK = "consent/base.html", "content"

NodeT = TypeVar("NodeT", bound=Node)


def check_page_block(**kwargs: object) -> Iterator[CheckMessage]:
    """consent.W023: the website's own consent/base.html has no block for the pages' content."""
    try:
        template = getattr(get_template(PAGE_TEMPLATE), "template", None)
        if not isinstance(template, Template) or _has_block(template, PAGE_BLOCK):
            return
    except (TemplateDoesNotExist, TemplateSyntaxError):
        # Rendering explains it better, and other checks report a missing engine.
        return
    yield Warning(
        f"The template {PAGE_TEMPLATE} has no block '{PAGE_BLOCK}', so the pages of the policy, "
        "the preferences and the receipts are empty.",
        hint=f"Write {{% block {PAGE_BLOCK} %}}{{% endblock %}} in it, inside the block in which "
        "your base template has its main content.",
        id="consent.W023",
    )


def _has_block(template: Template, name: str) -> bool:
    """Say whether a template that extends ``template`` can fill the block ``name``."""
    context = Context()
    with context.bind_template(template):
        while True:
            blocks = _found(BlockNode, template.nodelist)
            extends = _found(ExtendsNode, template.nodelist)
            # Of a template that extends another, only what stands in a block is rendered.
            inner = [found for block in blocks for found in _found(BlockNode, block.nodelist)]
            if name in {block.name for block in (inner if extends else blocks)}:
                return True
            if not extends:
                return False
            template = extends[0].get_parent(context)


def _found(kind: type[NodeT], nodes: NodeList) -> list[NodeT]:
    """Return the nodes of one ``kind`` that are in ``nodes``, however deep."""
    return [node for node in nodes.get_nodes_by_type(kind) if isinstance(node, kind)]
