"""An ordinary page: a list of offers, from data that is at hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe

PLACES = ("Aberlour", "Bexhill", "Cromarty", "Dunwich", "Eyemouth")
TEXT = (
    "Two nights by the water & a morning's walk along the cliffs, with a late breakfast, "
    "a packed lunch and the train back, for two people who would rather not drive."
)

# Static text at the end of the padded page, by visitor; see `pad`.
_padding: dict[str, SafeString] = {}


@dataclass(frozen=True, slots=True)
class Offer:
    slug: str
    title: str
    place: str
    text: str
    price: float
    nights: int
    starts: datetime


OFFERS = tuple(
    Offer(
        slug=f"offer-{number}",
        title=f"{PLACES[number % 5]} & beyond, no. {number}",
        place=PLACES[number % 5].lower(),
        text=TEXT,
        price=89.5 + 17.25 * number,
        nights=1 + number % 4,
        starts=datetime(2031, 4, 1, 9, tzinfo=UTC) + timedelta(days=3 * number),
    )
    for number in range(20)
)


def page(
    request: HttpRequest, base: str = "base.html", visitor: str = "", **kwargs: Any
) -> HttpResponse:
    """Show the page. ``base``: what it extends; ``visitor``: whose padding it ends with."""
    context = {
        "base": base,
        "highlights": OFFERS[:1],
        "offers": OFFERS,
        "places": PLACES,
        "padding": _padding.get(visitor, ""),
    }
    return render(request, "page.html", context)


async def async_page(request: HttpRequest) -> HttpResponse:
    """Show the page in the event loop: it waits for nothing."""
    return page(request)


def pad(visitor: str, length: int) -> None:
    """Make ``visitor``'s padded page longer by ``length`` bytes."""
    _padding[visitor] = mark_safe("x" * length)  # noqa: S308
