"""Renders the app's templates once, for all pages that show the same.

Two marks in the rendered markup stand for what each page has of its own: NONCE for its CSP nonce,
and PAGE_ADDRESS, at which the markup is split into pieces, for its address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils.translation import get_language

from consent.models.texts_language import (
    attributes_of_page,
    attributes_of_texts,
    in_texts_language,
)
from consent.pages import assets
from consent.pages.delivery import Delivery
from consent.pages.template_data import PAGE_ADDRESS
from consent.policy import CompiledPolicy
from consent.recipes.markers import NONCE, without_nonce

Context = Callable[[], Mapping[str, object]]

_INDENTATION = re.compile(r"\s*\n\s*")


class Variant(NamedTuple):
    """The properties of a page that change the markup, whoever its visitor is."""

    delivery: Delivery
    has_nonce: bool
    needs_reload: bool


def render(template: str, context: Mapping[str, object], variant: Variant) -> Sequence[str]:
    """Render ``template`` in `texts_language`, split at the places for the page's address."""
    constants = {
        "texts_attributes": attributes_of_texts(),
        "page_attributes": attributes_of_page(),
        "nonce": NONCE,
        "cacheable": variant.delivery.is_cacheable,
        "reloads": variant.needs_reload,
        "script": variant.delivery.script,
        "stylesheet": assets.STYLESHEET,
        "embed_script": assets.EMBED_SCRIPT,
        "embed_stylesheet": assets.EMBED_STYLESHEET,
    }
    with in_texts_language():
        markup: str = render_to_string(f"consent/{template}", {**context, **constants})
    if not variant.has_nonce:
        markup = without_nonce(markup)
    # Indentation would be a third of it.
    return _INDENTATION.sub("\n", markup).split(PAGE_ADDRESS)


def constant(template: str, policy: CompiledPolicy, variant: Variant) -> str:
    """Return the markup of a template that is the same in all languages; rendered once."""
    key = (template, variant)
    return policy.parts.get(key, lambda: render(template, {}, variant))[0]


def shared(
    template: str,
    policy: CompiledPolicy,
    variant: Variant,
    context: Context,
    *,
    shows: Hashable = "",
    before: str = "",
) -> Sequence[str]:
    """Return the pieces of a template that is the same for all visitors; rendered once.

    ``shows``: what the template shows beyond the policy and its texts, such as the regime.
    ``before``: a constant template to put before it, in the same look-up.
    """
    key = (before, template, variant, get_language(), shows)

    def make() -> Sequence[str]:
        first, *rest = render(template, context(), variant)
        return [(constant(before, policy, variant) if before else "") + first, *rest]

    return policy.parts.get(key, make)


def individual(
    template: str, policy: CompiledPolicy, variant: Variant, context: Context, key: Hashable
) -> Sequence[str]:
    """Return the pieces of a template that differs by ``key`` between visitors, or within a page.

    It is rendered once as long as the policy's memo has room for it.
    """
    full = (template, variant, get_language(), key)
    return policy.rendered.get(full, lambda: render(template, context(), variant))
