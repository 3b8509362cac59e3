"""Require consent for a view: `consent_required` for functions, a mixin for classes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial, wraps
from typing import Any, Self

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.safestring import SafeString

from consent.pages.access import describe_missing, missing_consent, refusal_data, validate_keys
from consent.pages.nonce import nonce_of
from consent.pages.template_data import texts_data
from consent.pages.template_functions import consent_style
from consent.visitor import consent_of

HTML, JSON = "text/html", "application/json"


class _Awaitable:
    """A response that may also be awaited: an async class's ``dispatch`` is a plain function."""

    def __await__(self) -> Generator[None, None, Self]:
        yield from ()
        return self


class RefusalPage(_Awaitable, TemplateResponse):
    """403: the page that says what has to be allowed; Django renders it, away from async views."""


class RefusalData(_Awaitable, JsonResponse):
    """403: the same for programs."""


def consent_required(*keys: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a view answer only visitors who allow all of these categories or tools.

    For functions, sync and async, and for ``dispatch`` of a class
    (``@method_decorator(consent_required("advertising"), name="dispatch")``). Others get 403: a
    page with a way to the preferences, or JSON where they prefer that or where REST framework
    asks. A key that the policy does not know refuses everybody. Raises ImproperlyConfigured where
    no key is named, and as `consent.pages.access.missing_consent` does.
    """
    needed = validate_keys(keys)

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def answer(request: HttpRequest, *args: object, **kwargs: object) -> Any:
            refused = refuse(request, needed)
            return view(request, *args, **kwargs) if refused is None else refused

        @wraps(view)
        async def aanswer(request: HttpRequest, *args: object, **kwargs: object) -> Any:
            refused = refuse(request, needed)
            return await view(request, *args, **kwargs) if refused is None else refused

        return aanswer if iscoroutinefunction(view) else answer

    return decorate


class ConsentRequiredMixin:
    """For class-based views, sync and async: what `consent_required` is for functions.

    ``consent_required``: a key, or several. Put it first among the bases.
    """

    consent_required: str | Sequence[str] = ()

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Answer, or refuse."""
        named = self.consent_required
        refused = refuse(
            request, validate_keys((named,) if isinstance(named, str) else tuple(named))
        )
        if refused is not None:
            return refused
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return response


def refuse(request: Any, keys: tuple[str, ...]) -> HttpResponseBase | None:
    """Return the refusal of ``request``, Django's or REST framework's; None if it may go on."""
    # REST framework's request wraps Django's.
    wrapped: HttpRequest = getattr(request, "_request", request)
    missing = missing_consent(wrapped, keys)
    if not missing:
        return None
    is_program = wrapped is not request
    prefers_json = is_program or wrapped.get_preferred_type([HTML, JSON]) == JSON
    response = _data(wrapped, missing) if prefers_json else _page(wrapped, missing)
    add_never_cache_headers(response)
    patch_vary_headers(response, ["Cookie"] if is_program else ["Cookie", "Accept"])
    return response


def _data(request: HttpRequest, missing: tuple[str, ...]) -> RefusalData:
    return RefusalData(refusal_data(request, missing), status=403)


def _page(request: HttpRequest, missing: tuple[str, ...]) -> RefusalPage:
    policy = consent_of(request).policy
    context = {
        **texts_data(policy, policy.strictest),
        "reasons": describe_missing(request, missing),
        "next": request.get_full_path(),
        # A reload would send the form again.
        "reloads": request.method in ("GET", "HEAD"),
        "nonce": SafeString(nonce_of(request)),
        "style": partial(consent_style, request),
    }
    return RefusalPage(request, "consent/required_page.html", context, status=403)
