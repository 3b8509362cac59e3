"""Views that import REST framework when they are first used, not together with the URLs.

The import takes a process several times the CPU time of a page, and several megabytes. The first
page of a process does not need it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import cached_property


class LazyView:
    """The view of a class in `consent.api.views`, which is imported at the first request.

    Its attributes (``cls``, ``csrf_exempt``, …), by which Django and schema generators look into a
    view, are those of the real one. ``name``: the name of the class.
    """

    def __init__(self, name: str) -> None:
        # By these Django's resolver describes a view, without importing it.
        self.__name__ = self.__qualname__ = name
        self.__module__ = "consent.api.views"

    @cached_property
    def _view(self) -> Callable[..., HttpResponseBase]:
        view: Callable[..., HttpResponseBase] = getattr(
            import_module(self.__module__), self.__name__
        ).as_view()
        return view

    def __call__(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Answer the request."""
        return self._view(request, *args, **kwargs)

    def __getattr__(self, attribute: str) -> Any:
        # Django's resolver asks for it when it loads the URLs, only to describe the view.
        if attribute == "view_class":
            raise AttributeError(attribute)
        return getattr(self._view, attribute)
