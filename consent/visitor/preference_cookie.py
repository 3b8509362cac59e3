"""Which preference cookie of a request counts: the browser's own, or the account's."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from consent.conf import conf
from consent.policy import CompiledPolicy
from consent.recipes.keys import MAX_COOKIE_LENGTH
from consent.visitor.cookie_copies import combine_copies, have_different_copies
from consent.visitor.request_reader import RequestReader


@dataclass(frozen=True, slots=True)
class PreferenceCookie:
    """The cookie called ``name``, as ``reader`` finds it in the request.

    ``is_of_account``: whether it is the account's, which login sync keeps beside the browser's own.
    """

    reader: RequestReader
    name: str
    is_of_account: bool = False

    @property
    def text(self) -> str | None:
        """Its text, "" if that is too long or its copies differ; None if there is none."""
        text = self.reader.cookie(self.name)
        if text is None:
            return None
        text = combine_copies(self.reader.header("HTTP_COOKIE"), self.name, text)
        return text if len(text) <= MAX_COOKIE_LENGTH else ""

    @property
    def has_different_copies(self) -> bool:
        """Whether the browser sent several that differ: another host has set one."""
        return have_different_copies(self.reader.header("HTTP_COOKIE"), self.name)


def own_cookie(reader: RequestReader, policy: CompiledPolicy) -> PreferenceCookie:
    """Return the browser's own cookie."""
    return PreferenceCookie(reader, policy.cookie_name)


def has_account_cookie(reader: RequestReader, policy: CompiledPolicy) -> bool:
    """Return whether login sync is on, and the browser has the account's cookie."""
    return conf.LOGIN_SYNC and bool(reader.cookie(policy.account_cookie_name))


def cookie_that_counts(reader: RequestReader, policy: CompiledPolicy) -> PreferenceCookie:
    """Return the account's cookie if the browser has one and a session's; else its own."""
    if has_account_cookie(reader, policy) and reader.cookie(settings.SESSION_COOKIE_NAME):
        return PreferenceCookie(reader, policy.account_cookie_name, is_of_account=True)
    return own_cookie(reader, policy)
