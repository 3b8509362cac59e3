"""What a request says about its visitor, and the headers that the response depends on for that."""

from __future__ import annotations

from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import DisallowedHost
from django.db import Error
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.functional import cached_property

from consent.conf import conf


class RequestReader:
    """Reads cookies, headers and the user of a request, and notes each header that was read.

    ``RequestReader(None)`` reads nothing: every text is empty. ``vary``: the headers that were
    read, for the response's ``Vary``. ``is_private``: whether no header says for whom the response
    is, so that no shared cache may keep it.
    """

    def __init__(self, request: HttpRequest | None) -> None:
        self.request = request
        self.vary: list[str] = []
        self.is_private = False

    def depends_on(self, header: str) -> None:
        """Note that the response depends on ``header``."""
        if header not in self.vary:
            self.vary.append(header)

    def header(self, name: str) -> str:
        """Return the header that WSGI calls ``name``; "" if there is none. Notes nothing."""
        # `request.headers` parses all headers first.
        return "" if self.request is None else self.request.META.get(name, "")

    def cookie(self, name: str) -> str | None:
        """Return the cookie called ``name``; None if there is none."""
        if self.request is None:
            return None
        self.depends_on("Cookie")
        return self.request.COOKIES.get(name)

    @property
    def host(self) -> str:
        """The name of the requested host, without its port; "" if it is not in ALLOWED_HOSTS."""
        try:
            return split_domain_port(self.request.get_host())[0] if self.request else ""
        except DisallowedHost:
            return ""

    @cached_property
    def fetched(self) -> bool:
        """Whether a script fetched this page, to insert it into one that is loaded already."""
        self.depends_on("Sec-Fetch-Dest")
        return self.header("HTTP_SEC_FETCH_DEST") == "empty"

    @cached_property
    def is_prerendered(self) -> bool:
        """Whether the browser renders this page before the visitor sees it, if they ever do.

        https://wicg.github.io/nav-speculation/prerendering.html
        """
        self.depends_on("Sec-Purpose")
        return "prerender" in self.header("HTTP_SEC_PURPOSE")

    @property
    def is_post(self) -> bool:
        """Whether the request sends a form, so that to repeat it would send the form again."""
        return self.request is not None and self.request.method == "POST"

    @property
    def is_secure(self) -> bool:
        """Whether cookies get ``Secure``: as CONSENT_COOKIE_SECURE says, else over https."""
        if conf.COOKIE_SECURE is None:
            return self.request is not None and self.request.is_secure()
        return conf.COOKIE_SECURE

    @property
    def opts_out(self) -> bool:
        """Whether the browser asks not to sell or share data: by Sec-GPC, or DNT (CONSENT_DNT).

        https://www.w3.org/TR/gpc/#the-sec-gpc-header-field-for-http-requests
        """
        return self.header("HTTP_SEC_GPC") == "1" or (conf.DNT and self.header("HTTP_DNT") == "1")

    @property
    def user(self) -> str:
        """The primary key of the signed-in user, if CONSENT_RECORD_USER lets records name them."""
        user = getattr(self.request, "user", None) if conf.RECORD_USER else None
        try:
            return str(user.pk) if user is not None and user.is_authenticated else ""
        except Error:
            # The database is down. The record either fails next, or does without the user.
            return ""

    @property
    def session(self) -> SessionBase | None:
        """The signed-in user's session; None if nobody is signed in."""
        return self.request.session if self.request is not None and self.user else None
