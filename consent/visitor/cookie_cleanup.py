"""What tools that are not allowed may have left in the browser, and the headers that delete it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from http.cookies import Morsel
from itertools import accumulate, takewhile
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from consent.policy import CompiledPolicy, CompiledTool, Selection

# Bytes of headers that delete cookies: proxies accept 4 to 8 KB of headers in all.
DELETIONS_LENGTH = 2_500

# A cookie's name is a token (RFC 9110, 5.6.2), or has a colon, as one of MadKudu's does and Python
# takes; what else a browser sends cannot be sent back.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~:-]+")
_FOLDER = re.compile(r"[\w.~%-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class CleanUp:
    """What tools that are not allowed may have left in the browser.

    ``cookies``, ``storage``: name patterns to delete; ``keep``: patterns never to delete.
    """

    tools: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


def clean_up(policy: CompiledPolicy, selection: Selection) -> CleanUp:
    """Return what the tools of ``policy`` that ``selection`` leaves out may have left."""
    allowed = {tool.key for tool in selection.tools}
    stopped = [tool for tool in policy.tools.values() if tool.key not in allowed]
    return CleanUp(
        tools=tuple(tool.key for tool in stopped),
        cookies=_declared(stopped, "cookie"),
        storage=_declared(stopped, "storage"),
        keep=(
            *_own_cookies(policy),
            *_declared(selection.tools, "cookie"),
            *_declared(selection.tools, "storage"),
        ),
    )


def has_others(request: HttpRequest, policy: CompiledPolicy) -> bool:
    """Say whether ``request`` brings any cookie that is not the site's own."""
    return not request.COOKIES.keys() <= set(_own_cookies(policy))


def deletions(request: HttpRequest, left: CleanUp) -> Iterator[Morsel[str]]:
    """Return what expires the cookies of ``request`` that are ``left`` over.

    The page's script cannot do so with HttpOnly cookies. No more than DELETIONS_LENGTH in all.
    """
    names = [name for name in request.COOKIES if _is_left_over(name, left)]
    if not names:
        return
    places = [
        (path, domain)
        for path in _paths(request.META.get("HTTP_REFERER", ""), request.get_host())
        for domain in _domains(request.get_host())
    ]
    # Place by place: the likely ones come first for every name, in case there is no room.
    found = [_deletion(name, *place) for place in places for name in names]
    lengths = accumulate(len(morsel.OutputString()) + len("Set-Cookie: \r\n") for morsel in found)
    for morsel, length in zip(found, lengths, strict=True):
        if length <= DELETIONS_LENGTH:
            yield morsel


def _is_left_over(name: str, left: CleanUp) -> bool:
    """Say whether the cookie ``name`` is one to delete, and can be."""
    return (
        matches(name, left.cookies)
        and not matches(name, left.keep)
        and _TOKEN.fullmatch(name) is not None
        # Python's Morsel takes no cookie that has the name of an attribute.
        and not Morsel().isReservedKey(name)
    )


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Say whether a cookie's ``name`` is one of ``patterns``, in which * stands for anything."""
    return any(_matches(name, parts) for parts in _split(patterns))


@lru_cache(maxsize=256)
def _split(patterns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(pattern.split("*")) for pattern in patterns)


def _matches(name: str, parts: tuple[str, ...]) -> bool:
    """Say whether ``name`` consists of ``parts``, in their order, with anything between them.

    It looks for each part once, and never goes back: the first place leaves the most room for the
    rest. A regular expression would try all places of all parts, which takes seconds of CPU.
    """
    if len(parts) == 1:
        return name == parts[0]
    first, *middle, last = parts
    at, end = len(first), len(name) - len(last)
    if at > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _declared(tools: Iterable[CompiledTool], kind: str) -> tuple[str, ...]:
    """Return the name patterns of ``kind`` that ``tools`` set for this website."""
    cookies = (c for tool in tools for c in tool.cookies if c.kind == kind and c.party == "first")
    return tuple(dict.fromkeys(cookie.name for cookie in cookies))


def _own_cookies(policy: CompiledPolicy) -> tuple[str, ...]:
    """Return the names of the cookies that belong to the site itself, whatever a tool declares."""
    return (
        policy.cookie_name,
        policy.subject_cookie_name,
        policy.account_cookie_name,
        *django_cookies(),
    )


def django_cookies() -> tuple[str, ...]:
    """Return the names of the cookies that Django itself sets, of which no tool may dispose."""
    return (
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
