"""Makes policies, categories, tools and cookies for tests; each is right unless a test says not.

`CategoryFactory()` belongs to the policy in use, which is created where there is none. Whatever is
made through `save()` raises the policy's revision, as it does for an editor.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from factory.declarations import LazyAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory

from consent.models import Category, Cookie, Policy, Tool
from consent.recipes import catalogue

M = TypeVar("M", bound=Model)


def store_as_is(rows: Iterable[M]) -> list[M]:
    """Store `rows` as a restored backup has them: no revision is raised, nothing is stamped."""
    found = list(rows)
    return QuerySet(type(found[0])).bulk_create(found) if found else []


def example_parameters(recipe: str) -> dict[str, str]:
    """Return values that fit `recipe`: the examples of its parameters."""
    return {parameter.name: parameter.example for parameter in catalogue()[recipe].parameters}


class PolicyFactory(DjangoModelFactory[Policy]):
    """The policy in use: the one that is there, or a new one. Traits: `implied`, `spare`.

    With `revision`: one that issued all revisions from 1 to that one.
    """

    class Meta:
        model = Policy
        django_get_or_create = ("key",)

    class Params:
        implied = Trait(regime="implied")
        # Another policy beside the one in use.
        spare = Trait(key=Sequence(lambda n: f"spare-{n}"), name="A spare policy", is_default=False)

    key = "default"
    is_default = True

    @classmethod
    def _create(cls, model_class: type[Policy], *args: Any, **kwargs: Any) -> Policy:
        policy: Policy = super()._create(model_class, *args, **kwargs)
        if revision := kwargs.get("revision"):
            policy.revision, policy.issued = revision, list(range(1, revision + 1))
            Policy.objects.filter(pk=policy.pk).update(revision=revision, issued=policy.issued)
        return policy


class CategoryFactory(DjangoModelFactory[Category]):
    """A category of the policy in use; optional unless made with `essential=True`."""

    class Meta:
        model = Category

    policy = SubFactory(PolicyFactory)
    key = Sequence(lambda n: f"category-{n}")
    name = LazyAttribute(lambda category: category.key.replace("-", " ").capitalize())
    purpose = LazyAttribute(lambda category: f"To do what {category.name} is for.")


class ToolFactory(DjangoModelFactory[Tool]):
    """An enabled tool with a custom snippet, in a category of its own unless one is given.

    Traits: `disabled`; `by_recipe` (Google Analytics, or another `recipe` with the examples of its
    parameters); `server` (Webhooks).
    """

    class Meta:
        model = Tool

    class Params:
        disabled = Trait(enabled=False)
        by_recipe = Trait(
            recipe="google-analytics",
            snippet="",
            parameters=LazyAttribute(lambda tool: example_parameters(tool.recipe)),
        )
        server = Trait(by_recipe=True, recipe="webhooks", placement=Tool.Placement.MANUAL)

    category = SubFactory(CategoryFactory)
    key = Sequence(lambda n: f"tool-{n}")
    name = LazyAttribute(lambda tool: tool.key.replace("-", " ").capitalize())
    vendor = "Example Ltd"
    privacy_url = "https://vendor.example/privacy"
    snippet = LazyAttribute(
        lambda tool: f'<script src="https://vendor.example/{tool.key}.js"></script>'
    )


class CookieFactory(DjangoModelFactory[Cookie]):
    """A first-party cookie. Traits: `third_party`, `storage`."""

    class Meta:
        model = Cookie

    class Params:
        third_party = Trait(party=Cookie.Party.THIRD)
        storage = Trait(kind=Cookie.Kind.STORAGE)

    tool = SubFactory(ToolFactory)
    name = Sequence(lambda n: f"_cookie_{n}")
    retention = "2 years"
    purpose = "Tells visitors apart."
