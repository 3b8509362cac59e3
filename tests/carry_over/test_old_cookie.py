"""What the cookie of django-cookie-consent says; nothing in it raises."""

import pytest
from hypothesis import given, strategies

from consent.carry_over.old_cookie import LONGEST, answers
from tests.carry_over.helpers import V1, V2

pytestmark = pytest.mark.once

VERSIONS = {"analytics": V1, "social": V2, "empty": ""}


def said(text: str) -> dict[str, bool]:
    return answers(text, VERSIONS, "-1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"analytics={V1}|social=-1", {"analytics": True, "social": False}),
        (f"social=-1|analytics={V2}", {"analytics": True, "social": False}),
        (f"social={V1}", {}),
        ("social=-1|unknown=-1", {"social": False}),
        ("empty=", {"empty": True}),
        (f"empty={V1}", {"empty": True}),
        ("analytics=", {}),
    ],
    ids=["both", "newer", "older", "unknown", "no-version", "cookies-removed", "cookies-added"],
)
def test_accepted_counts_from_the_version_on_and_declined_always(text, expected):
    assert said(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "|||",
        "===",
        "analytics",
        "analytics=1",
        "analytics=9",
        "analytics=true",
        "analytics=zzzz",
        f"analytics={V1}=",
        f"analytics={V1} ",
        f"analytics={V1}\n",
        "analytics=٢٠٢٤-03-01T09:30:00+00:00",
        f"Analytics={V1}",
        f"analytics={V1};social=-1",
        f"analytics={V1}|" + "x" * LONGEST,
        "analytics=-1|" + "x" * LONGEST,
    ],
)
def test_what_is_not_clear_says_nothing(text):
    assert said(text) == {}


def test_declined_counts_for_more_than_accepted():
    assert said(f"analytics=-1|analytics={V1}") == {"analytics": False}
    assert said(f"analytics={V1}|analytics=-1") == {"analytics": False}
    assert said(f"analytics={V1}|analytics=2023-01-01T00:00:00+00:00") == {}


def test_declined_may_be_another_text():
    assert answers("analytics=no", VERSIONS, "no") == {"analytics": False}


@given(strategies.text(alphabet="analytics=|-1 2024T:+.\x00é", max_size=200))
def test_any_text_is_read(text):
    assert set(said(text)) <= set(VERSIONS)
