"""The catalogue of recipes that “Add tool” offers, and what was chosen from it."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, QueryDict
from django.utils.translation import gettext

from consent.admin.base import Context
from consent.models import Category, Policy, Tool, default_texts
from consent.recipes import Recipe, search, valid

CUSTOM = "custom"
DECLARED = "declared"
EDIT_SNIPPET = "consent.edit_snippet"


def chosen(request: HttpRequest) -> Recipe | None:
    """Return the recipe that the address names; None for a custom snippet, or without any code.

    Raises Http404 if no recipe has that key, and PermissionDenied for a custom snippet if the user
    may not edit snippets.
    """
    if declares_only(request):
        return None
    key = request.GET.get("recipe", CUSTOM)
    if key == CUSTOM:
        if not may_edit_snippets(request):
            raise PermissionDenied
        return None
    recipe = valid().get(key)
    if recipe is None:
        raise Http404(gettext("There is no recipe “%s”.") % key)
    return recipe


def declares_only(request: HttpRequest) -> bool:
    """Say whether the address is that of a tool which something else loads."""
    return request.GET.get("recipe") == DECLARED


def recipe_of(request: HttpRequest, tool: Tool | None) -> Recipe | None:
    """Return the recipe of ``tool``, or the chosen one where none is stored yet."""
    return chosen(request) if tool is None or tool.pk is None else tool.get_recipe()


def may_edit_snippets(request: HttpRequest) -> bool:
    """Say whether the user may put their own code on the website."""
    return request.user.has_perm(EDIT_SNIPPET)


def catalogue_context(request: HttpRequest) -> Context:
    """Return the context of the catalogue's page: recipes that match ``?q=``, by category."""
    policy = Policy.objects.default()
    query = request.GET.get("q", "").replace("\0", "")
    return {
        "policy": policy,
        "query": query,
        "groups": _grouped(search(query), policy),
        "in_use": set(Tool.objects.filter(policy=policy).values_list("recipe", flat=True)),
        "may_add_snippet": may_edit_snippets(request),
        "passed_on": passed_on(request),
    }


def passed_on(request: HttpRequest) -> QueryDict:
    """Return the admin's own parameters of the address: pop-up, filters of the list."""
    parameters = request.GET.copy()
    for name in [name for name in parameters if not name.startswith("_")]:
        del parameters[name]
    return parameters


def category_names(policy: Policy | None) -> dict[str, str]:
    """Return the names of categories by their keys: as the policy orders them, then the others."""
    names = {category.key: str(category) for category in Category.objects.filter(policy=policy)}
    names |= {
        text.key: gettext(text.name) for text in default_texts.CATEGORIES if text.key not in names
    }
    return names


def _grouped(recipes: list[Recipe], policy: Policy | None) -> list[tuple[str, list[Recipe]]]:
    """Return names of categories, as the policy orders them, with the recipes that suit each."""
    names = category_names(policy)
    groups: dict[str, list[Recipe]] = {key: [] for key in names}
    for recipe in recipes:
        groups.setdefault(recipe.category, []).append(recipe)
    return [(names.get(key, key), found) for key, found in groups.items() if found]
