"""From the choices that a visitor sends to the decision that they mean."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from consent.models.texts_language import gettext
from consent.policy.decision import Decision, today
from consent.recipes.keys import MAX_CATEGORIES, MAX_COOKIE_LENGTH, is_category_key
from consent.visitor.errors import InvalidChoicesError, PolicyUnavailableError
from consent.visitor.state import ConsentState


def check_choices(
    state: ConsentState, choices: Mapping[str, bool], *, partial: bool, shown: int | None
) -> None:
    """Raise InvalidChoicesError if the policy does not allow ``choices``.

    Arguments as those of `consent.visitor.Consent.decide`.
    """
    errors = _wrong_keys(state, choices, shown)
    for category in state.policy.optional:
        if category.key not in choices and category.was_shown(shown) and not partial:
            errors[category.key] = gettext("This category is missing: choose true or false.")
    if errors:
        raise InvalidChoicesError(errors)


def check_shown(state: ConsentState, shown: int | None) -> None:
    """Raise an error where nothing can be granted: the visitor's page showed another policy.

    ``shown``: as for `consent.visitor.Consent.decide`. PolicyUnavailableError: it showed none.
    InvalidChoicesError: it showed a revision that this policy never issued.
    """
    if shown == 0:
        raise PolicyUnavailableError
    if shown is not None and shown not in state.policy.issued:
        message = gettext("The page showed another policy; load the page again.")
        raise InvalidChoicesError({"revision": message})


def decision_from(
    state: ConsentState, choices: Mapping[str, bool], *, partial: bool, revision: int
) -> Decision:
    """Return the decision that valid ``choices`` mean; ``revision``: what the visitor was shown.

    Raises InvalidChoicesError if it is too long for the cookie.
    """
    kept = _kept_choices(state, choices) if partial else {}
    made = {
        category.key: _granted_at(state, category.key, revision) if choices[category.key] else 0
        for category in state.policy.optional
        if category.key in choices
    }
    categories = {**kept, **made, **_unknown_refusals(state, choices)}
    held = state.decision
    decision = Decision(
        state.policy.revision,
        # An earlier grant must not last longer because of a choice about something else.
        held.day if held and any(kept.values()) else today(),
        MappingProxyType({**categories, **_refused_tools(state, choices, categories)}),
        opt_out=state.overrides_opt_out,
    )
    if len(decision.text) > MAX_COOKIE_LENGTH:
        message = gettext("These are too many single tools; refuse a whole category instead.")
        raise InvalidChoicesError({"choices": message})
    return decision


def refusal_without_policy(state: ConsentState, choices: Mapping[str, bool]) -> Decision:
    """Return a refusal of the named categories, or of all that were decided on before.

    It needs no policy. Raises PolicyUnavailableError if anything is granted.
    """
    if any(choices.values()):
        raise PolicyUnavailableError
    named = [key for key in choices if is_category_key(key)][:MAX_CATEGORIES]
    known = state.last_decision.choices if state.last_decision else {}
    refused = dict.fromkeys(named or known, 0)
    return Decision(state.policy.revision, today(), MappingProxyType(refused))


def _wrong_keys(
    state: ConsentState, choices: Mapping[str, bool], shown: int | None
) -> dict[str, str]:
    policy = state.policy
    known = {category.key: category for category in policy.categories}
    allowed = policy.refusable if policy.tool_choices else state.refused_tools
    if shown is not None and shown != policy.revision:
        allowed |= _unknown_refusals(state, choices).keys()
    errors = {}
    for key in choices.keys() - allowed:
        if key not in known:
            errors[key] = gettext("There is no category with this key.")
        elif known[key].essential and not choices[key]:
            errors[key] = gettext("An essential category cannot be refused.")
    return {key: errors[key] for key in choices if key in errors}


def _unknown_refusals(state: ConsentState, choices: Mapping[str, bool]) -> dict[str, int]:
    """Return the refusals of categories that this process does not know, or no longer.

    The visitor's page may be of before an edit, or of a process that has seen a later one.
    """
    known = {category.key for category in state.policy.categories} | state.policy.tools.keys()
    refused = [key for key, granted in choices.items() if not granted]
    unknown = [key for key in refused if key not in known and is_category_key(key)]
    room = max(0, MAX_CATEGORIES - len(state.policy.optional))
    return dict.fromkeys(unknown[:room], 0)


def _granted_at(state: ConsentState, category: str, revision: int) -> int:
    """Return the revision of a grant made now; an older page does not lower an earlier one."""
    return max(revision, state.decision.granted(category) if state.decision else 0)


def _kept_choices(state: ConsentState, choices: Mapping[str, bool]) -> dict[str, int]:
    """Return the earlier choices that ``choices`` do not name, with their old revisions.

    What the browser alone was allowed is not extended to the account of who has signed in.
    """
    held = state.decision.choices if state.decision else {}
    if state.account and not state.cookie.is_of_account:
        held = {key: at for key, at in held.items() if not at}
    return {
        category.key: held[category.key]
        for category in state.policy.optional
        if category.key in held and category.key not in choices
    }


def _refused_tools(
    state: ConsentState, choices: Mapping[str, bool], categories: Mapping[str, int]
) -> dict[str, int]:
    """Return the tools to refuse in those ``categories`` that are granted."""
    policy = state.policy
    refused = {key for key in choices if key in policy.refusable and not choices[key]}
    kept = {key for key in state.refused_tools if key not in choices}
    return {key: 0 for key in sorted(refused | kept) if categories.get(policy.tools[key].category)}
