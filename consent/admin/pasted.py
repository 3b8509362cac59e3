"""What somebody pasted in the first step of “Add tool”: what it is, and the form filled in with it.

What is found opens the form by POST. None of it is trusted: the form validates it as if it had been
typed, and a link cannot bring it.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext

from consent.admin.base import Context
from consent.admin.catalogue import category_names, may_edit_snippets, passed_on
from consent.admin.forms import PREFIX
from consent.models import Category, Policy, Tool
from consent.recipes import Parameter, Recipe
from consent.recipes.recognition import MOST_CHARACTERS, Analysis, Recognised, analyse, recognise

TEXT = "pasted"
"""Name of the text area."""

FILL_IN = "_fill_in"
"""Name of the button that opens the form with the values that were found."""

# Fields of a custom snippet that can be filled in.
_OF_SNIPPET = ("name", "vendor", "snippet", "sources", "placement")
_MOST_COOKIES = 30


@dataclass(frozen=True)
class Value:
    """A value that was found: the name of its field, its label, and whether it is filled in."""

    field: str
    label: str
    value: str
    is_filled_in: bool


@dataclass(frozen=True)
class Offer:
    """A tool that can be added: its recipe, what was found for it, and what was not."""

    found: Recognised
    values: tuple[Value, ...]
    missing: tuple[str, ...]

    @property
    def recipe(self) -> Recipe:
        """The recipe of the tool."""
        return self.found.recipe

    @property
    def is_locked(self) -> bool:
        """Whether the user may not set some value that was found."""
        return self.recipe.embed is None and not all(each.is_filled_in for each in self.values)


def pasted_text(request: HttpRequest) -> str:
    """Return what was pasted."""
    return _sent(request, TEXT)


def _sent(request: HttpRequest, name: str) -> str:
    """Return the text of a field without NUL, which PostgreSQL takes in no query."""
    return request.POST.get(name, "").replace("\0", "")


def recognised_context(request: HttpRequest) -> Context:
    """Return the context of the page that says what was recognised."""
    text = pasted_text(request)
    recognition = recognise(text)
    policy = Policy.objects.default()
    analysis = analyse(recognition.rest) if recognition.rest else None
    tools = len(recognition.vendors) + (analysis is not None)
    return {
        "policy": policy,
        "pasted": text,
        "is_cut": len(text) > MOST_CHARACTERS,
        "limit": MOST_CHARACTERS,
        "offers": [_offer(request, found) for found in recognition.vendors],
        "analysis": analysis,
        # A pop-up hands the one tool that is added in it to the page that opened it.
        "has_several": tools > 1 and "_popup" not in request.GET,
        "usual_category": _category_name(analysis, policy),
        "in_use": set(Tool.objects.filter(policy=policy).values_list("recipe", flat=True)),
        "may_add_snippet": may_edit_snippets(request),
        "passed_on": passed_on(request),
        "catalogue_url": f"?{passed_on(request).urlencode()}",
    }


def _category_name(analysis: Analysis | None, policy: Policy | None) -> str:
    return category_names(policy).get(analysis.category, "") if analysis else ""


def _offer(request: HttpRequest, found: Recognised) -> Offer:
    embedded = found.recipe.embed.parameters if found.recipe.embed else ()
    labels = {each.name: gettext(each.label) for each in (*found.recipe.parameters, *embedded)}
    fillable = {each.name for each in _fillable(request, found.recipe)}
    values = tuple(
        Value(PREFIX + name, labels[name], value, name in fillable)
        for name, value in found.parameters.items()
    )
    return Offer(found, values, tuple(labels[name] for name in found.missing))


def _fillable(request: HttpRequest, recipe: Recipe) -> Iterator[Parameter]:
    """Yield the parameters that the user may have filled in: code only with that permission."""
    for parameter in recipe.parameters:
        if not parameter.secret and (may_edit_snippets(request) or not parameter.code):
            yield parameter


def opens_form(request: HttpRequest) -> bool:
    """Say whether the request is to open the form with what was found."""
    return request.method == "POST" and FILL_IN in request.POST


def as_first_shown(request: HttpRequest) -> HttpRequest:
    """Return a request for the form as it is first shown: what was sent is not to be saved yet."""
    shown = copy(request)
    shown.method = "GET"
    return shown


def initial_values(request: HttpRequest, recipe: Recipe | None) -> dict[str, Any]:
    """Return the values of the form's fields that were found; {} where it was opened by itself."""
    if FILL_IN not in request.POST:
        return {}
    if recipe is not None:
        found = {each: _sent(request, PREFIX + each.name) for each in _fillable(request, recipe)}
        return {PREFIX + each.name: text for each, text in found.items() if each.accepts(text)}
    if not may_edit_snippets(request):
        return {}
    key = _sent(request, "category")
    category = Category.objects.filter(policy=Policy.objects.default(), key=key)
    values = {name: _sent(request, name) for name in _OF_SNIPPET}
    return {**values, "category": category.first()}


def initial_cookies(request: HttpRequest) -> list[dict[str, str]]:
    """Return the cookies and storage keys that were found in the code of a custom snippet."""
    if FILL_IN not in request.POST:
        return []
    rows = [
        {"kind": kind, "name": name.replace("\0", ""), "party": "first"}
        for kind in ("cookie", "storage")
        for name in request.POST.getlist(kind)
    ]
    return rows[:_MOST_COOKIES]
