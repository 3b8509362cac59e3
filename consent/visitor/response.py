"""What a visitor's consent writes to the response: cookies, deleted cookies, and ``Vary``."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.translation import get_language

from consent.conf import conf
from consent.policy import CompiledPolicy
from consent.policy.decision import SECONDS_PER_DAY, Decision, today
from consent.visitor import cookie_cleanup
from consent.visitor.partitioned import partition
from consent.visitor.preference_cookie import has_account_cookie
from consent.visitor.state import ConsentState

# A cookie whose name begins so belongs to one host, and no other host can set it.
HOST_PREFIX = "__Host-"

# Browsers keep no cookie for longer:
# https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.5
_LONGEST_DAYS = 400


def write_response(state: ConsentState, response: HttpResponseBase) -> None:
    """Set or delete the cookies as the request decided, and say what the response depends on."""
    outcome = state.outcome
    if _ends_account(state):
        _delete_cookie(state, response, state.policy.account_cookie_name, conf.COOKIE_PATH)
        _delete_tools_cookies(state, response)
    if outcome.decision is not None:
        _set_preferences(state, response, outcome.decision, is_of_account=outcome.is_of_account)
        if not outcome.is_of_account:
            _write_subject(state, response)
        _delete_tools_cookies(state, response)
    elif lapsed := _lapsed_refusal(state):
        _set_preferences(state, response, lapsed, is_of_account=state.cookie.is_of_account)
    if conf.COOKIE_PARTITIONED:
        policy = state.policy
        subject = policy.subject_cookie_name
        names = (policy.cookie_name, policy.account_cookie_name, subject, f"{subject} elsewhere")
        partition(response, *names)
    _write_caching(state, response)


def _ends_account(state: ConsentState) -> bool:
    """Return whether the browser has the cookie of an account that nobody is signed in to."""
    outcome = state.outcome
    is_own = outcome.decision is not None and not outcome.is_of_account
    is_without_session = state.is_read and not state.cookie.is_of_account
    is_over = outcome.leaves_account or is_own or (is_without_session and outcome.decision is None)
    return is_over and has_account_cookie(state.reader, state.policy)


def _lapsed_refusal(state: ConsentState) -> Decision | None:
    """Return a refusal that is over its term, if tools would run without its cookie.

    None if the response does not depend on the cookie: it must not set it then.
    """
    if not state.is_read or state.decision is not None or not state.policy.runs_first:
        return None
    last = state.last_decision
    return last if last is not None and last.refuses else None


def _write_caching(state: ConsentState, response: HttpResponseBase) -> None:
    vary = state.reader.vary
    if vary and response.has_header("Vary"):
        patch_vary_headers(response, vary)
    elif vary:
        response.headers["Vary"] = ", ".join(vary)
    if state.reader.is_private:
        patch_cache_control(response, private=True)


def _set_preferences(
    state: ConsentState, response: HttpResponseBase, decision: Decision, *, is_of_account: bool
) -> None:
    policy, age = state.policy, _preferences_age(state, decision)
    name = policy.account_cookie_name if is_of_account else policy.cookie_name
    response.set_cookie(
        name,
        decision.text,
        max_age=_age_of_account(state, age) if is_of_account else age,
        path=conf.COOKIE_PATH,
        domain=_domain(state),
        secure=_is_secure(state, name),
        samesite=conf.COOKIE_SAMESITE,
    )


def _age_of_account(state: ConsentState, age: int) -> int | None:
    """Return for how many seconds the account's cookie is kept: at most as long as the session.

    The next person at this browser is somebody else. None: until the browser is closed.
    """
    session = state.reader.session
    if session is None:
        return age
    if session.get_expire_at_browser_close():
        return None
    return min(age, int(session.get_expiry_age()))


def _write_subject(state: ConsentState, response: HttpResponseBase) -> None:
    """Set or renew the subject's cookie if there are records; delete it if there are none."""
    if state.outcome.forgets_subject or not conf.RECORDS:
        if state.secret:
            _delete_subject(state, response)
    elif state.current_secret:
        response.set_cookie(
            state.policy.subject_cookie_name,
            state.current_secret,
            max_age=_max_age(state, today()),
            path=_subject_path(state.policy),
            domain=_domain(state),
            secure=_is_secure(state, state.policy.subject_cookie_name),
            httponly=True,
            samesite=conf.COOKIE_SAMESITE,
        )


def _delete_subject(state: ConsentState, response: HttpResponseBase) -> None:
    """Delete the subject's cookie on its present path, and on the one of other settings."""
    name = state.policy.subject_cookie_name
    for path in dict.fromkeys((_app_path(state.policy), _subject_path(state.policy))):
        if name in response.cookies:
            # Django keeps one header for each key.
            response.cookies[f"{name} elsewhere"] = response.cookies.pop(name)
        _delete_cookie(state, response, name, path)


def _delete_cookie(state: ConsentState, response: HttpResponseBase, name: str, path: str) -> None:
    response.delete_cookie(name, path, _domain(state), conf.COOKIE_SAMESITE)


def _delete_tools_cookies(state: ConsentState, response: HttpResponseBase) -> None:
    """Delete the cookies of tools that were stopped; scripts cannot delete HttpOnly cookies."""
    request = state.reader.request
    if request is None or not cookie_cleanup.has_others(request, state.policy):
        return
    for morsel in cookie_cleanup.deletions(request, state.clean_up):
        # Django keeps one header for each key; one name is deleted in several places.
        response.cookies[f"{morsel.key} {morsel['path']} {morsel['domain']}"] = morsel


def _is_secure(state: ConsentState, name: str) -> bool:
    # Browsers refuse such a name otherwise: RFC 6265bis, 4.1.3.
    return state.reader.is_secure or name.startswith(("__Secure-", HOST_PREFIX))


def _domain(state: ConsentState) -> str | None:
    """Return the ``Domain`` of the cookies that this host's responses set."""
    if conf.COOKIE_NAME.startswith(HOST_PREFIX):
        return None
    return state.policy.cookie_domain(state.reader.host if state.policy.hosts else "")


def _subject_path(policy: CompiledPolicy) -> str:
    """Return the path of the subject's cookie: the app's own, unless more of the site reads it.

    If events are sent, the whole site: a withdrawal then finds the events that wait, by subject.
    """
    if conf.SUBJECT_COOKIE_PATH:
        return conf.SUBJECT_COOKIE_PATH
    if policy.server_tools:
        return "/"
    return _app_path(policy)


def _app_path(policy: CompiledPolicy) -> str:
    """Return the path below which the app's own pages are, in the active language."""
    if not policy.has_addresses:
        return "/"
    key = ("subject's path", get_language())
    return policy.parts.get(
        key, lambda: [reverse("consent:preferences").removesuffix("preferences/")]
    )[0]


def _preferences_age(state: ConsentState, decision: Decision) -> int:
    """Return the seconds for which the browser keeps the preference cookie.

    Where tools run before a decision, a refusal must outlive its term, after which the visitor is
    asked again: without its cookie everything would run.
    """
    if decision.refuses and state.policy.runs_first:
        return _LONGEST_DAYS * SECONDS_PER_DAY
    return _max_age(state, decision.day)


def _max_age(state: ConsentState, day: int) -> int:
    """Return the seconds for which the browser keeps a cookie of a decision made on ``day``."""
    return (day + state.policy.lifetime_days - today()) * SECONDS_PER_DAY
