"""Attaches ``request.consent``, finishes the response, and holds its policy to what is allowed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from consent.pages.csp import extend_response
from consent.policy import policies
from consent.visitor import Consent, consent_of


class SyncAndAsyncMiddleware:
    """A middleware for sync and async stacks: `begin` before the response, `finish` after it.

    `abegin` is `begin` in an async stack, where nothing may wait for a database.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Begin, get the response, and finish it."""
        if self.is_async:
            return self._acall(request)
        self.begin(request)
        return self.finish(request, self.get_response(request))

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        await self.abegin(request)
        return self.finish(request, await self.get_response(request))

    def begin(self, request: HttpRequest) -> None:
        """Prepare ``request``."""

    async def abegin(self, request: HttpRequest) -> None:
        """Prepare ``request`` in an async stack."""
        self.begin(request)

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return the response to send."""
        return response


class ConsentMiddleware(SyncAndAsyncMiddleware):
    """Gives each request its ``consent`` and writes what became of it to the response.

    Works in sync and async stacks. It reads nothing by itself: neither the cookie nor the policy
    is touched before somebody asks ``request.consent``. Only in an async stack, and before an async
    view, it looks, at most every CONSENT_POLICY_MAX_AGE seconds and away from the event loop,
    whether the policy changed: in there nobody can.
    """

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        if not self.is_async:
            # Only here: Django would call it in a thread, for each request of an async stack.
            self.process_view = self._look_before_async_view

    def begin(self, request: HttpRequest) -> None:
        """Attach the consent."""
        request.consent = Consent(request)  # type: ignore[attr-defined]

    async def abegin(self, request: HttpRequest) -> None:
        """Attach the consent, and look whether the policy changed."""
        self.begin(request)
        if policies.is_stale():
            await policies.arefresh()

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Write to ``response`` what became of the consent."""
        consent_of(request).finish(response)
        return response

    def _look_before_async_view(
        self, request: HttpRequest, view: Callable[..., object], *arguments: object
    ) -> None:
        # The cheaper question first: it is asked at each request.
        if policies.is_stale() and iscoroutinefunction(view):
            policies.refresh()


class ConsentCSPMiddleware(SyncAndAsyncMiddleware):
    """Adds the hosts of the tools that the visitor allows to the page's Content-Security-Policy.

    It extends the headers that it finds, the enforced and the report-only one, whoever wrote them:
    so it has to be outside of what writes them, and inside of `ConsentMiddleware`, which says that
    the response depends on the visitor. Works in sync and async stacks. A response that has no
    such header, or is no page, stays as it is.
    """

    def begin(self, request: HttpRequest) -> None:
        """Tell the page that its policy allows only what the visitor allows."""
        consent = getattr(request, "consent", None)
        if isinstance(consent, Consent):
            consent.is_guarded = True

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Extend the policies of ``response``."""
        extend_response(request, response)
        return response
