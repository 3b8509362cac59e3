"""Texts that the admin's sections share: who is asked again, and the words of the history."""

from __future__ import annotations

from typing import Any, TypeAlias

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop

from consent.models import Category, Dated, Tool

Text: TypeAlias = str | Promise
"""A text, or a lazy translation of one."""

History: TypeAlias = list[dict[str, dict[str, Any]]]
"""Entries of an object's history, in the form of the admin's change messages."""

# Words of the history. They are stored in English, and translated when the history is shown.
REVISION = gettext_noop("revision")
WORDING_ONLY = gettext_noop("wording only, as a cosmetic change")


def verdict_of(sign: str, name: str, words: Text) -> SafeString:
    """Return the HTML of a verdict: a sign, hidden from screen readers, and the same in words."""
    return format_html(
        '<span class="dcp-admin-verdict dcp-admin-{}"><span aria-hidden="true">{}</span> {}</span>',
        name,
        sign,
        words,
    )


def asked_again(changed: Dated) -> str:
    """Say which visitors are asked again because of what was changed."""
    category = changed.category if isinstance(changed, Tool) else changed
    if not isinstance(category, Category):
        return ""
    if not category.policy.is_default:
        return gettext("The policy is not active: no visitor is asked at the moment.")
    if category.essential:
        text = gettext("“%s” is essential: no visitor is asked; the policy page shows the change.")
        return text % category
    if isinstance(changed, Tool):
        text = gettext(
            "Visitors who allowed “%s” are asked again; until they agree, the changed tool stays "
            "off for them."
        )
    elif category.tools.filter(enabled=True).exists():
        text = gettext(
            "Visitors are asked again about “%s”, unless they refused it; until they agree, it "
            "stays off for them."
        )
    else:
        text = gettext("“%s” has no enabled tool: visitors are asked when it has one.")
    return text % category


def from_revision(revision: int) -> History:
    """Return the entry of the history for a revision from which visitors are asked."""
    return [{"added": {"name": REVISION, "object": str(revision)}}]
