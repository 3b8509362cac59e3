"""The notice of a page, and the place for the messages about what was saved."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.safestring import SafeString
from django.utils.translation import get_language

from consent.conf import conf
from consent.pages import rendering
from consent.pages.page import Page
from consent.pages.template_data import choices_data, texts_data
from consent.policy import Standing
from consent.proof.notice_counter import count_notice


def notice_and_status(page: Page) -> str:
    """Return the notice, if the visitor has to be asked, and the place for status messages."""
    standing = page.delivery.standing(page.consent)
    if standing and standing.must_ask and conf.RECORDS:
        count_notice(page.regime)
    state = standing and standing.key
    key = ("notice and status", page.variant, get_language(), state, page.regime)
    # What depends on visitors must not evict what is the same for all of them.
    memo = page.policy.rendered if standing else page.policy.parts
    return page.with_address(memo.get(key, lambda: _render(page, standing)))


def notice_for(page: Page, regime: str) -> SafeString:
    """Return the notice of ``regime`` for the script of a page that is the same for everybody.

    It contains no address to return to, since this request is not the page's own.
    """
    notice = rendering.shared(
        "notice.html",
        page.policy,
        page.variant,
        lambda: texts_data(page.policy, regime),
        shows=regime,
    )
    return page.finish("".join(notice))


def _render(page: Page, standing: Standing | None) -> Sequence[str]:
    choices = choices_data(page.consent) if standing else {}
    status = rendering.render("status.html", choices, page.variant)
    if not (standing.must_ask if standing else page.policy.asks):
        return status
    data = {**texts_data(page.policy, page.regime), **choices}
    notice = rendering.render("notice.html", data, page.variant)
    return [*notice[:-1], notice[-1] + status[0], *status[1:]]
