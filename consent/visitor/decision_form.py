"""Reads a decision from the fields of a form: what works without JavaScript.

``action``: ``accept-all``, ``reject-all``, ``save``, ``allow`` or ``withdraw``.
``choices``: the keys of the categories that are granted, one field each. With ``save`` the other
categories are refused; with ``allow`` they stay as they were.
``tools``: with ``tool_choices`` the keys of the tools that are ticked; with ``allow`` the keys of
tools that are no longer refused.
``revision`` and ``version``: what the page showed. ``key``: identifies this submission, so that it
is recorded once. ``forget``: with ``withdraw`` the browser also drops the cookie of its receipts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from django.http import QueryDict

from consent.models import Record
from consent.models.texts_language import gettext
from consent.policy.decision import NUMBER
from consent.proof.identifiers import read_key
from consent.proof.recording import Occasion
from consent.visitor.consent import Consent
from consent.visitor.errors import InvalidChoicesError

# Pages that were made without a policy send 0.
_REVISION = re.compile(NUMBER)
_SHOWN_CHARACTERS = 40


def take_decision(consent: Consent, form: QueryDict) -> None:
    """Make the decision that ``form`` describes; raises as `Consent.decide` does.

    Raises InvalidChoicesError also if the form itself is invalid.
    """
    action = form.get("action", "save")
    act = _ACTIONS.get(action)
    if act is None:
        message = gettext("there is no action “%s”; use accept-all, reject-all, save or allow.")
        raise InvalidChoicesError({"action": message % action[:_SHOWN_CHARACTERS]})
    act(consent, form, _occasion(form))


def _reject_all(consent: Consent, form: QueryDict, occasion: Occasion) -> None:
    # A refusal is valid whatever the page showed.
    consent.reject_all(occasion=occasion)


def _withdraw(consent: Consent, form: QueryDict, occasion: Occasion) -> None:
    consent.withdraw(forget="forget" in form, occasion=occasion)


def _accept_all(consent: Consent, form: QueryDict, occasion: Occasion) -> None:
    consent.accept_all(shown=_shown_revision(form), occasion=occasion)


def _save(consent: Consent, form: QueryDict, occasion: Occasion) -> None:
    shown = _shown_revision(form)
    choices = _choices(consent, form.getlist("choices"), shown)
    if "tool_choices" in form:
        choices |= _tool_choices(consent, form.getlist("tools"), choices, shown)
    consent.decide(choices, shown=shown, occasion=occasion)


def _allow(consent: Consent, form: QueryDict, occasion: Occasion) -> None:
    granted = form.getlist("choices")
    if not granted:
        message = gettext("nothing says what to allow; name a category in “choices”.")
        raise InvalidChoicesError({"choices": message})
    tools = [key for key in form.getlist("tools") if key in consent.refused_tools]
    choices = dict.fromkeys([*granted, *tools], True)
    consent.decide(choices, partial=True, shown=_shown_revision(form), occasion=occasion)


_ACTIONS: dict[str, Callable[[Consent, QueryDict, Occasion], None]] = {
    "accept-all": _accept_all,
    "reject-all": _reject_all,
    "save": _save,
    "allow": _allow,
    "withdraw": _withdraw,
}


def _occasion(form: QueryDict) -> Occasion:
    """Return how the form came. An invalid key is ignored, since it must not prevent a refusal."""
    try:
        key = read_key(form.get("key", ""))
    except ValueError:
        key = None
    return Occasion(Record.Source.FORM, form.get("version", ""), key)


def _shown_revision(form: QueryDict) -> int | None:
    """Return the revision that the page showed; None if the form, maybe a site's own, has none."""
    revision = form.get("revision", "")
    if not revision:
        return None
    if not _REVISION.fullmatch(revision):
        message = gettext("“%s” is no revision; load the page again.")
        raise InvalidChoicesError({"revision": message % revision[:_SHOWN_CHARACTERS]})
    return int(revision)


def _choices(consent: Consent, granted: list[str], shown: int | None) -> dict[str, bool]:
    """Return a choice for every category that was shown: a browser sends only ticked boxes."""
    offered = (category for category in consent.policy.optional if category.was_shown(shown))
    refused = {category.key: False for category in offered}
    return {**refused, **dict.fromkeys(granted, True)}


def _tool_choices(
    consent: Consent, ticked: list[str], choices: Mapping[str, bool], shown: int | None
) -> dict[str, bool]:
    """Return a choice for every tool of the granted categories that was shown with a box."""
    return {
        tool.key: tool.key in ticked
        for category in consent.policy.optional
        if choices.get(category.key)
        for tool in category.tools
        if shown is None or tool.is_covered(shown)
    }
