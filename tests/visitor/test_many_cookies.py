"""Very many cookies, altered at random: none raises, and none allows what a clear one would not."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from django.test import RequestFactory

from consent.models import Policy
from consent.policy import policies
from consent.policy.decision import today
from tests.helpers import (
    ESSENTIAL_TOOLS,
    OPTIONAL,
    TOOLS,
    attach,
    chosen,
    consent_in,
    days_ago,
    grant,
    small_site,
)

pytestmark = pytest.mark.django_db

SIGNS = "._-0123456789agxfunctional\u00e9 \t\"'%;,=\\/\x00\x7f"


@pytest.fixture
def policy() -> Policy:
    return small_site()


def texts(policy: Policy) -> list[str]:
    """Return genuine cookies of all kinds: granted, refused, in part, old and of a tool."""
    revision = policy.revision
    return [
        grant(*OPTIONAL),
        grant(),
        grant("functional"),
        grant(*OPTIONAL, day=days_ago(policy.lifetime_days - 1)),
        grant(*OPTIONAL, day=days_ago(policy.lifetime_days)),
        chosen({"functional": revision, "advertising": 0}, revision=revision),
        chosen({"advertising": revision, "google-analytics": 0}, revision=revision),
        chosen(dict.fromkeys(OPTIONAL, 1), revision=revision),
    ]


def altered(text: str, chance: random.Random) -> str:
    """Return ``text`` with up to four changes; sometimes none."""
    for _ in range(chance.randrange(5)):
        place = chance.randrange(len(text) + 1)
        match chance.randrange(4):
            case 0:
                text = text[:place] + chance.choice(SIGNS) + text[place:]
            case 1:
                text = text[:place] + text[place + 1 :]
            case 2:
                text = text[:place] + text[place:][:9] * chance.randrange(1, 80) + text[place:]
            case _:
                end = chance.randrange(len(text) + 1)
                text = text[min(place, end) : max(place, end)]
    return text


def many(number: int, policy: Policy) -> Iterator[tuple[str, random.Random]]:
    """Yield so many cookies, the same in each run."""
    chance = random.Random(20_261_129)  # noqa: S311
    genuine = texts(policy)
    for _ in range(number):
        yield altered(chance.choice(genuine), chance), chance


def granted_in(text: str, policy: Policy) -> set[str]:
    """Return the categories that ``text`` can grant at most, read without the app's own parser."""
    form, *parts = text.split(".")
    if form not in ("1", "1g") or len(parts) < 2 or len(text) > 512:
        return set()
    revision, day, *choices = parts
    if not all(choice.count("_") for choice in choices):
        return set()
    numbers = [revision, day, *(choice.rpartition("_")[2] for choice in choices)]
    if any(not (n.isascii() and n.isdigit()) or (n[0] == "0" and n != "0") for n in numbers):
        return set()
    if not today() - policy.lifetime_days < int(day) <= today() + 1:
        return set()
    pairs = dict(choice.rsplit("_", 1) for choice in choices)
    if len(pairs) != len(choices) or any(int(at) > int(revision) for at in pairs.values()):
        return set()
    # Only what was granted at a revision that there was.
    return {key for key, at in pairs.items() if 0 < int(at) <= policy.revision}


@pytest.mark.parametrize("number", [10_000, pytest.param(1_000_000, marks=pytest.mark.exhaustive)])
@pytest.mark.timeout(3_600)
def test_no_altered_cookie_allows_more_than_it_says(policy, number):
    compiled = policies.current()
    clear = 0
    for text, _ in many(number, policy):
        standing = compiled.standing(text, today(), policy.regime, False)
        allowed = {tool.key for tool in standing.selection.tools} - ESSENTIAL_TOOLS
        may = granted_in(text, policy)
        assert {compiled.tools[key].category for key in allowed} <= may, text
        clear += bool(may)

    # The test would say little if hardly any cookie were left whole.
    assert number / 10 < clear < number / 2


@pytest.mark.parametrize("number", [1_000, pytest.param(100_000, marks=pytest.mark.exhaustive)])
@pytest.mark.timeout(3_600)
def test_no_pair_of_cookies_allows_what_one_of_them_does_not(policy, number):
    genuine, compiled = texts(policy), policies.current()
    for text, chance in many(number, policy):
        pair = [text.encode("latin-1", "replace").decode("latin-1"), chance.choice(genuine)]
        chance.shuffle(pair)
        header = "; ".join(f"consent={each}" for each in pair)
        consent = consent_in(attach(RequestFactory().get("/", HTTP_COOKIE=header)))

        allowed = {key for key in TOOLS if consent.allows(key)} - ESSENTIAL_TOOLS

        categories = {compiled.tools[key].category for key in allowed}
        if any(sign in text for sign in ';,"= \t'):
            # It may be no second copy but another cookie, or be quoted.
            assert categories <= set().union(*(granted_in(each, policy) for each in genuine))
        else:
            assert all(categories <= granted_in(each, policy) for each in pair), pair
