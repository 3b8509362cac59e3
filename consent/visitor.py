"""The visitor's consent, behind ``request.consent``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from http.cookies import Morsel
from itertools import accumulate, takewhile
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from django.utils.translation import gettext

from consent.compiled import CompiledPolicy, CompiledTool, Selection, Standing, policies
from consent.conf import conf
from consent.decision import (
    MAX_CATEGORIES,
    MAX_LENGTH,
    SECONDS_PER_DAY,
    Decision,
    parse,
    today,
)
from consent.keys import is_category_key

# Bytes of headers that delete cookies: proxies accept 4 to 8 KB of headers in all.
DELETIONS_LENGTH = 2_500

# A cookie's name is a token (RFC 9110, 5.6.2), or has a colon, as one of MadKudu's does and Python
# takes; what else a browser sends cannot be sent back.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~:-]+")
_FOLDER = re.compile(r"[\w.~%-]+", re.ASCII)


class InvalidChoicesError(ValueError):
    """Choices that the policy does not offer. ``errors``: category key to what is wrong with it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(errors.values())))
        self.errors = errors


class PolicyUnavailableError(Exception):
    """Something was granted while no policy could be read: a grant needs to know of what."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that came after the visitor's decision. ``name``: the tool, or None for all."""

    name: str | None
    category: str


@dataclass(frozen=True, slots=True)
class CleanUp:
    """What tools that are not allowed may have left in the browser.

    ``cookies``, ``storage``: name patterns to delete; ``keep``: patterns never to delete.
    """

    tools: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


class Consent:
    """What one visitor allows, read from the request's preference cookie when first asked for.

    ``Consent(None)`` knows no visitor: it allows only what is essential and never asks.
    """

    def __init__(self, request: HttpRequest | None) -> None:
        self._request = request
        self._vary: list[str] = []
        self._decided: Decision | None = None
        # What the app writes into the page: see `consent.page`.
        self.page: Any = None

    @property
    def is_blind(self) -> bool:
        """Whether there is no visitor to know: neither to ask nor to answer."""
        return self._request is None

    @cached_property
    def address(self) -> str:
        """The page's path and query, escaped for an attribute."""
        return "" if self._request is None else escape(self._request.get_full_path())

    @cached_property
    def policy(self) -> CompiledPolicy:
        """The policy that holds for this request."""
        return policies.current()

    @cached_property
    def fetched(self) -> bool:
        """Whether a script fetched this page, to put it into another that is running already."""
        self._depends_on("Sec-Fetch-Dest")
        return self._header("HTTP_SEC_FETCH_DEST") == "empty"

    @cached_property
    def standing(self) -> Standing:
        """What the cookie comes to today; without a request, only what is essential."""
        if self._request is None:
            return replace(self.policy.stand(None, self.policy.refused), must_ask=False)
        self._depends_on("Cookie")
        text = self._request.COOKIES.get(conf.COOKIE_NAME)
        if text is not None and len(text) > MAX_LENGTH:
            text = ""
        return self.policy.standing(text, today())

    @property
    def decision(self) -> Decision | None:
        """The decision that holds now; None while undecided, and where the cookie is not clear."""
        return self.standing.decision

    @property
    def selection(self) -> Selection:
        """The tools that are allowed now."""
        return self.standing.selection

    @property
    def choices(self) -> dict[str, bool | None]:
        """Each optional category's key: True granted, False refused, None not asked yet."""
        keys = (category.key for category in self.policy.optional)
        return dict(zip(keys, self.standing.choices, strict=True))

    def allows(self, key: str) -> bool:
        """Say whether the category or tool with this key may run for this visitor."""
        return self.selection.allows(key)

    @property
    def must_ask(self) -> bool:
        """Whether the visitor is to be asked: not decided yet, or something is newer."""
        return self.policy.asks and self.standing.must_ask

    @property
    def news(self) -> tuple[News, ...]:
        """What came after the decision in categories that were granted, or never seen.

        A refusal is not nagged again before it expires.
        """
        decision = self.decision
        if decision is None:
            return ()
        found: list[News] = []
        for category in self.policy.optional:
            granted = decision.granted(category.key)
            if not category.has_news(decision):
                continue
            if category.level(granted):
                found += [News(t.name, category.name) for t in category.tools if t.since > granted]
            else:
                found.append(News(None, category.name))
        return tuple(found)

    @cached_property
    def clean_up(self) -> CleanUp:
        """What the tools that are not allowed now may have left in the browser."""
        allowed = {tool.key for tool in self.selection.tools}
        stopped = [tool for tool in self.policy.tools.values() if tool.key not in allowed]
        return CleanUp(
            tools=tuple(tool.key for tool in stopped),
            cookies=_declared(stopped, "cookie"),
            storage=_declared(stopped, "storage"),
            keep=(
                *_own_cookies(),
                *_declared(self.selection.tools, "cookie"),
                *_declared(self.selection.tools, "storage"),
            ),
        )

    def decide(
        self, choices: Mapping[str, bool], *, partial: bool = False, shown: int | None = None
    ) -> None:
        """Take the visitor's choices: category key to True (granted) or False (refused).

        ``partial``: categories that are not named stay as they were, covering no more than they
        did. Otherwise each optional category has to be named. ``shown``: the policy's revision
        that the visitor's page showed (0: none), where that is known; what came later is not
        granted. The response sets the cookie.

        Raises InvalidChoicesError where a choice is none of the policy's, and
        PolicyUnavailableError where there is none to grant by; neither changes anything.
        """
        if self.is_blind:
            raise PolicyUnavailableError
        if not self.policy:
            self._refuse_unseen(choices)
            return
        if shown == 0 and any(choices.values()):
            raise PolicyUnavailableError
        if errors := self._errors(choices, partial=partial, shown=shown):
            raise InvalidChoicesError(errors)
        revision = self.policy.revision if shown is None else min(shown, self.policy.revision)
        kept = self._kept(choices) if partial else {}
        made = {
            category.key: self._grant(category.key, revision) if choices[category.key] else 0
            for category in self.policy.optional
            if category.key in choices
        }
        self._take(
            {**kept, **made},
            # What was granted earlier is not to outlive its term by a choice about something else.
            day=self.decision.day if self.decision and any(kept.values()) else today(),
        )

    def accept_all(self, *, shown: int | None = None) -> None:
        """Take the visitor's agreement to every optional category; ``shown`` as in `decide`.

        Raises PolicyUnavailableError where no policy could be read.
        """
        if not self.policy:
            raise PolicyUnavailableError
        self.decide({category.key: True for category in self.policy.optional}, shown=shown)

    def reject_all(self) -> None:
        """Take the visitor's refusal of every optional category, policy or not."""
        self.decide({category.key: False for category in self.policy.optional})

    def withdraw(self) -> None:
        """Take back whatever the visitor granted."""
        self.reject_all()

    def finish(self, response: HttpResponseBase) -> None:
        """Give ``response`` the cookie of a decision made, and a true ``Vary``."""
        if self._decided is not None:
            self._set_cookie(response, self._decided)
            self._delete_cookies(response)
        if self._vary and response.has_header("Vary"):
            patch_vary_headers(response, self._vary)
        elif self._vary:
            response.headers["Vary"] = ", ".join(self._vary)

    def _depends_on(self, header: str) -> None:
        if header not in self._vary:
            self._vary.append(header)

    def _header(self, name: str) -> str:
        # Not from `request.headers`, which takes all of them apart first.
        return "" if self._request is None else self._request.META.get(name, "")

    def _errors(
        self, choices: Mapping[str, bool], *, partial: bool, shown: int | None
    ) -> dict[str, str]:
        known = {category.key: category for category in self.policy.categories}
        errors = {}
        for key, granted in choices.items():
            if key not in known:
                errors[key] = gettext("There is no category with this key.")
            elif known[key].essential and not granted:
                errors[key] = gettext("An essential category cannot be refused.")
        for category in self.policy.optional:
            if category.key not in choices and category.was_shown(shown) and not partial:
                errors[category.key] = gettext("This category is missing: choose true or false.")
        return errors

    def _grant(self, category: str, revision: int) -> int:
        """Return the revision of a grant made now: an older page takes nothing back."""
        return max(revision, self.decision.granted(category) if self.decision else 0)

    def _kept(self, choices: Mapping[str, bool]) -> dict[str, int]:
        """Return what stays of the decision beside ``choices``: grants at their old revision."""
        if self.decision is None:
            return {}
        return {
            category.key: self.decision.choices[category.key]
            for category in self.policy.optional
            if category.key in self.decision.choices and category.key not in choices
        }

    def _refuse_unseen(self, choices: Mapping[str, bool]) -> None:
        """Take a refusal although no policy could be read: of what was named, now and before."""
        if any(choices.values()):
            raise PolicyUnavailableError
        named = [key for key in choices if is_category_key(key)][:MAX_CATEGORIES]
        self._depends_on("Cookie")
        cookie = parse(self._request.COOKIES.get(conf.COOKIE_NAME, "")) if self._request else None
        known = cookie.choices if cookie else {}
        self._take(dict.fromkeys(named or known, 0))

    def _take(self, choices: dict[str, int], *, day: int | None = None) -> None:
        revision = self.policy.revision
        decision = Decision(revision, today() if day is None else day, MappingProxyType(choices))
        self.__dict__.pop("clean_up", None)
        self.standing = self.policy.stand(decision)
        self._decided = decision

    def _set_cookie(self, response: HttpResponseBase, decision: Decision) -> None:
        secure = conf.COOKIE_SECURE
        if secure is None:
            secure = self._request is not None and self._request.is_secure()
        response.set_cookie(
            conf.COOKIE_NAME,
            decision.text,
            max_age=(decision.day + self.policy.lifetime_days - today()) * SECONDS_PER_DAY,
            path=conf.COOKIE_PATH,
            domain=conf.COOKIE_DOMAIN,
            secure=secure,
            samesite=conf.COOKIE_SAMESITE,
        )

    def _is_left_over(self, name: str) -> bool:
        """Say whether the cookie ``name`` is one to delete, and can be."""
        return (
            name not in _own_cookies()
            and matches(name, self.clean_up.cookies)
            and not matches(name, self.clean_up.keep)
            and _TOKEN.fullmatch(name) is not None
            # Python's Morsel takes no cookie that has the name of an attribute.
            and not Morsel().isReservedKey(name)
        )

    def _delete_cookies(self, response: HttpResponseBase) -> None:
        """Expire what stopped tools left, as the page's script cannot do with HttpOnly cookies."""
        if self._request is None:
            return
        names = [name for name in self._request.COOKIES if self._is_left_over(name)]
        if not names:
            return
        places = [
            (path, domain)
            for path in _paths(self._header("HTTP_REFERER"), self._request.get_host())
            for domain in _domains(self._request.get_host())
        ]
        # Place by place: the likely ones come first for every name, in case there is no room.
        deletions = [_deletion(name, *place) for place in places for name in names]
        lengths = accumulate(
            len(morsel.OutputString()) + len("Set-Cookie: \r\n") for morsel in deletions
        )
        for morsel, length in zip(deletions, lengths, strict=True):
            if length <= DELETIONS_LENGTH:
                # Django keeps one header a key; a name is deleted in several places.
                response.cookies[f"{morsel.key} {morsel['path']} {morsel['domain']}"] = morsel


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Say whether a cookie's ``name`` is one of ``patterns``, in which * stands for anything."""
    return bool(patterns) and _regex(patterns).fullmatch(name) is not None


@lru_cache(maxsize=256)
def _regex(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(p).replace(r"\*", ".*") for p in patterns), re.DOTALL)


def _declared(tools: Iterable[CompiledTool], kind: str) -> tuple[str, ...]:
    """Return the name patterns of ``kind`` that ``tools`` set for this website."""
    cookies = (c for tool in tools for c in tool.cookies if c.kind == kind and c.party == "first")
    return tuple(dict.fromkeys(cookie.name for cookie in cookies))


def _own_cookies() -> tuple[str, ...]:
    """Return the names of the cookies that belong to the site itself, whatever a tool declares."""
    return (
        conf.COOKIE_NAME,
        settings.SESSION_COOKIE_NAME,
        settings.CSRF_COOKIE_NAME,
        settings.LANGUAGE_COOKIE_NAME,
    )


def _domains(host: str) -> list[str | None]:
    """Return every ``Domain`` under which ``host`` may have a cookie; None is the host alone.

    The widest comes next: that is where tools put what is to be seen on all of a site's hosts.
    """
    name = host.partition(":")[0] if not host.startswith("[") else ""
    labels = name.split(".")
    if len(labels) < 2 or labels[-1].isdigit():
        return [None]
    return [None, *(".".join(labels[-count:]) for count in range(2, len(labels) + 1))]


def _paths(referer: str, host: str) -> list[str]:
    """Return ``/`` and the folders above the page that the visitor is on, at most four."""
    try:
        page = urlsplit(referer)
    except ValueError:
        return ["/"]
    if page.netloc != host:
        return ["/"]
    folders = list(takewhile(_FOLDER.fullmatch, page.path.split("/")[1:-1]))[:3]
    return ["/", *("/" + "/".join(folders[:depth]) for depth in range(1, len(folders) + 1))]


def _deletion(name: str, path: str, domain: str | None) -> Morsel[str]:
    """Return what deletes one cookie; in few bytes, since ``Max-Age`` goes before ``Expires``."""
    morsel: Morsel[str] = Morsel()
    morsel.set(name, "", "")
    morsel["path"] = path
    morsel["domain"] = domain or ""
    morsel["max-age"] = 0
    # Without it browsers ignore whatever is said of cookies with these prefixes (RFC 6265bis,
    # 4.1.3); elsewhere it would keep a plain http page from deleting its own.
    morsel["secure"] = name.startswith(("__Secure-", "__Host-"))
    return morsel
