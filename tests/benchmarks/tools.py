"""The tools that every website has: the first policy's, and more where a test is of size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from consent.recipes import Recipe, catalogue
from consent.recipes.markers import MARKS, NONCE

OPTIONAL = ("functional", "marketing-analytics", "advertising")
ESSENTIAL = "essential"
# What the visitor who accepts some of it accepts: the category with the most of the 17 tools.
PARTLY = ("marketing-analytics",)
# Further tools go to the other categories, so that this visitor's page stays as it is.
FURTHER = tuple(key for key in OPTIONAL if key not in PARTLY)
SIZES = (17, 170, 1700)
# Those of the first policy, so that figures of different versions are of the same page.
FIRST = (
    "adwords",
    "amplitude",
    "clearbit-reveal",
    "customer-io",
    "drift",
    "drip",
    "facebook-pixel",
    "google-analytics",
    "google-tag-manager",
    "linkedin-insight-tag",
    "madkudu",
    "marketo",
    "recaptcha",
    "twitter-ads",
    "visual-website-optimizer",
    "webhooks",
    "zapier",
)
# A page asks for this one by itself; here it is on every page, in every solution.
PLACEMENTS = {"recaptcha": "body"}


def granted(visitor: str) -> tuple[str, ...]:
    """Return the optional categories that ``visitor`` allows."""
    return {"undecided": (), "partly": PARTLY, "accepted": OPTIONAL}[visitor]


def recipes() -> list[Recipe]:
    """Return the recipes of the first tools, in the catalogue's order."""
    return [recipe for recipe in catalogue().values() if recipe.key in FIRST]


def placement(recipe: Recipe) -> str:
    """Return where on the page the tool of ``recipe`` is."""
    return PLACEMENTS.get(recipe.key, recipe.placement)


def examples(recipe: Recipe) -> dict[str, str]:
    """Return values for the parameters that ``recipe`` requires."""
    return {each.name: each.example for each in recipe.parameters if each.required}


def hard_coded(category: str, place: str) -> str:
    """Return the code of the first tools of ``category`` in ``place`` (head or body).

    It is told nothing of what the visitor allows.
    """
    code = "".join(
        recipe.render(examples(recipe), recipe.key).replace(f' nonce="{NONCE}"', "")
        for recipe in recipes()
        if recipe.kind != "server" and (recipe.category, placement(recipe)) == (category, place)
    )
    return code.translate({ord(mark): "(function () {})" for mark in MARKS.values()})


@dataclass(frozen=True, slots=True)
class FurtherTool:
    """A made-up tool with a snippet of about 320 bytes and two cookies."""

    number: int

    @property
    def key(self) -> str:
        return f"vendor-{self.number:04}"

    @property
    def name(self) -> str:
        return f"Vendor {self.number:04}"

    @property
    def category(self) -> str:
        return FURTHER[self.number % len(FURTHER)]

    @property
    def placement(self) -> str:
        return ("head", "body")[self.number // 2 % 2]

    @property
    def privacy_url(self) -> str:
        return f"https://{self.key}.example/legal/privacy"

    @property
    def cookies(self) -> tuple[str, str]:
        return (f"_v{self.number:04}_id", f"_v{self.number:04}_session")

    @property
    def snippet(self) -> str:
        queue = f"vendor{self.number:04}"
        return (
            f"<script>\nwindow.{queue} = window.{queue} || [];\n"
            f'window.{queue}.push(["init", "V-{self.number:08}"]);\n'
            f'window.{queue}.push(["page", {{ path: location.pathname, title: document.title, '
            f"referrer: document.referrer }}]);\n</script>\n"
            f'<script async src="https://cdn.{self.key}.example/v2/tag.min.js'
            f'?account=V-{self.number:08}"></script>'
        )


def further(tools: int) -> Iterator[FurtherTool]:
    """Return what is missing to make the first tools ``tools`` in all."""
    return (FurtherTool(number) for number in range(tools - len(FIRST)))
