"""Pages about a single tool that other apps add to the admin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.http import HttpRequest
from django.http.response import HttpResponse
from django.urls import URLPattern, path, reverse

from consent.admin.generic import ModelAdmin
from consent.admin.wording import Text
from consent.models import Tool

View: TypeAlias = Callable[[Any, HttpRequest, str], HttpResponse]


@dataclass(frozen=True)
class ToolPage:
    """A page about one tool.

    ``name``: of its URL, in the namespace ``admin``. ``slug``: ends its address. ``label``: what
    the link on the tool's form says, a lazy translation. ``applies``: whether a tool has the page.
    ``view``: is given the section of tools, the request, and the tool's primary key as text.
    """

    name: str
    slug: str
    label: Text
    applies: Callable[[Tool], bool]
    view: View

    def url(self, section: ModelAdmin[Tool]) -> URLPattern:
        """Return the URL pattern of the page in the ``section`` of tools."""

        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            return self.view(section, request, object_id)

        page = section.admin_site.admin_view(view)
        return path(f"<path:object_id>/{self.slug}/", page, name=self.name)

    def address(self, tool: Tool) -> str:
        """Return the address of the page about ``tool``."""
        return reverse(f"admin:{self.name}", args=[tool.pk])


_pages: dict[str, ToolPage] = {}


def register(page: ToolPage) -> None:
    """Add a page to the admin's section of tools; for an app's module ``admin``."""
    _pages[page.name] = page


def pages() -> list[ToolPage]:
    """Return all pages that were registered."""
    return list(_pages.values())


def links(tool: Tool | None) -> list[tuple[Text, str]]:
    """Return label and address of each page that ``tool`` has; nothing for a new tool."""
    if tool is None:
        return []
    return [(page.label, page.address(tool)) for page in pages() if page.applies(tool)]
