"""The decision and its text in the preference cookie."""

from datetime import date
from http.cookies import SimpleCookie
from string import ascii_lowercase, digits

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consent.policy import decision as decision_module
from consent.policy.decision import Decision, parse, today
from consent.recipes.keys import CATEGORY_KEY_LENGTH, MAX_CATEGORIES, MAX_COOKIE_LENGTH

pytestmark = pytest.mark.once

TODAY = 20_780
# Day 20,780 of a visitor who was asked at revision 7.
TEXT = "1.7.20780.functional_7.marketing-analytics_5.advertising_0"
LAST_DAY = (date.max - date(1970, 1, 1)).days


@pytest.fixture(autouse=True)
def fixed_day(monkeypatch):
    monkeypatch.setattr(decision_module, "today", lambda: TODAY)


def well_formed(text: str) -> bool:
    """What the format's description says, in the plainest words."""

    def is_number(part: str) -> bool:
        return 1 <= len(part) <= 13 and set(part) <= set(digits) and str(int(part)) == part

    def is_key(part: str) -> bool:
        return all(word and set(word) <= set(ascii_lowercase + digits) for word in part.split("-"))

    version, *fields = text.split(".")
    if len(text) > 512 or version != "1" or len(fields) < 2:
        return False
    revision, day, *pairs = fields
    choices = [pair.split("_") for pair in pairs]
    return (
        is_number(revision)
        and is_number(day)
        and int(day) <= LAST_DAY
        and all(len(c) == 2 and is_key(c[0]) and is_number(c[1]) for c in choices)
        and all(int(granted) <= int(revision) for _, granted in choices)
        and len({key for key, _ in choices}) == len(choices)
    )


keys = st.lists(st.text("az09", min_size=1, max_size=7), min_size=1, max_size=4).map("-".join)


@st.composite
def decisions(draw) -> Decision:
    revision = draw(st.integers(0, 9_999_999_999_999))
    choices = st.dictionaries(keys, st.integers(0, revision), max_size=MAX_CATEGORIES)
    return Decision(revision, draw(st.integers(0, LAST_DAY)), draw(choices))


@st.composite
def damaged(draw) -> str:
    """A well-formed text in which something was replaced."""
    text = draw(decisions()).text
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 3)))
    junk = draw(st.text("01_.-a9A \u0661é\n\0", max_size=3))
    return text[:start] + junk + text[end:]


@given(st.text() | st.text("01._-a", max_size=20).map("1.{}".format) | damaged())
@example(TEXT)
@example("1.7.20780\n")
@example("1.\u0661.20780")
def test_any_text_is_read_exactly_where_it_is_well_formed(text: str):
    read = parse(text)

    assert (read is not None) == well_formed(text)
    assert read is None or read.text == text


@given(st.binary(max_size=600))
def test_any_bytes_are_no_exception_and_no_consent_unless_well_formed(sent: bytes):
    text = sent.decode("latin-1")

    assert (parse(text) is not None) == well_formed(text)


@given(decisions())
def test_what_is_written_is_read_back(decision: Decision):
    assert parse(decision.text) == decision


@given(decisions())
def test_no_cookie_parser_quotes_the_text(decision: Decision):
    cookie = SimpleCookie({"consent": decision.text})

    assert cookie["consent"].coded_value == decision.text
    assert SimpleCookie(cookie.output(header=""))["consent"].value == decision.text


def test_ten_categories_of_the_longest_keys_and_revisions_fit():
    last = 9_999_999_999_999
    names = [f"{n}".rjust(CATEGORY_KEY_LENGTH, "k") for n in range(MAX_CATEGORIES)]
    longest = Decision(last, LAST_DAY, dict.fromkeys(names, last))

    assert len(longest.text.encode()) <= 512
    assert parse(longest.text) == longest


def test_text_that_is_one_character_too_long_is_no_decision():
    prefix = "1.7.20780."
    fits = prefix + "k" * (MAX_COOKIE_LENGTH - len(prefix) - 2) + "_0"
    too_long = prefix + "k" * (MAX_COOKIE_LENGTH - len(prefix) - 1) + "_0"

    assert len(fits) == MAX_COOKIE_LENGTH == len(too_long) - 1
    assert parse(fits) is not None
    assert parse(too_long) is None


def test_fields_are_read_as_they_were_written():
    decision = parse(TEXT)

    assert decision == Decision(
        7, 20_780, {"functional": 7, "marketing-analytics": 5, "advertising": 0}
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.7",
        "1..20780",
        "2.7.20780.functional_7",
        "1.7.20780.",
        "1.7.20780..functional_7",
        "1.7.20780.functional",
        "1.7.20780.functional_",
        "1.7.20780._7",
        "1.7.20780.functional_7_7",
        "1.7.20780.functional_-1",
        "1.7.20780.Functional_7",
        "1.7.20780.fünktional_7",
        "1.7.20780.-functional_7",
        "1.7.20780.functional-_7",
        "1.7.20780.func--tional_7",
        " 1.7.20780.functional_7",
        "1.7.20780.functional_7 ",
        "1.7.20780.functional_7\n",
        '"1.7.20780.functional_7"',
        "1.7.20780.functional_7;",
        # Leading zeros: one decision has one text, on which an edge cache can key.
        "01.7.20780.functional_7",
        "1.07.20780.functional_7",
        "1.7.020780.functional_7",
        "1.7.20780.functional_07",
        "1.7.20780.functional_00",
        # int() and \d would take other scripts' digits.
        "1.\u0667.20780.functional_7",
        "1.7.20780.functional_\u0667",
        "1.1\u0667.20780.functional_7",
        "1.7.2078\u0660.functional_7",
        "1.7.20780.functional_\uff17",
        # Numbers of fourteen digits, and days that no calendar has.
        "1.10000000000000.20780",
        "1.7.10000000000000",
        "1.7.9999999999999",
    ],
)
def test_malformed_text_is_no_decision(text: str):
    assert parse(text) is None


def test_category_named_twice_is_no_decision():
    assert parse("1.7.20780.functional_0.functional_7") is None
    assert parse("1.7.20780.functional_7.functional_7") is None


def test_grant_at_a_revision_after_the_decision_is_no_decision():
    assert parse("1.7.20780.functional_7") is not None
    assert parse("1.7.20780.functional_8") is None


def test_decision_without_categories_is_well_formed():
    assert parse("1.0.20780") == Decision(0, 20_780)


def test_same_text_is_read_once():
    assert parse(TEXT) is parse(TEXT)


def test_choices_cannot_be_changed():
    decision = parse(TEXT)

    assert decision is not None
    with pytest.raises(TypeError):
        decision.choices["advertising"] = 7  # type: ignore[index]


def test_choice_tells_granted_refused_and_never_asked_apart():
    decision = Decision(7, TODAY, {"functional": 5, "advertising": 0})

    assert decision.choice("functional") is True
    assert decision.choice("advertising") is False
    assert decision.choice("new-category") is None


def test_granted_is_the_revision_of_the_grant():
    decision = Decision(7, TODAY, {"functional": 5, "advertising": 0})

    assert decision.granted("functional") == 5
    assert decision.granted("advertising") == 0
    assert decision.granted("new-category") == 0


@pytest.mark.parametrize(
    ("day", "stands"),
    [
        (TODAY - 183, False),
        (TODAY - 182, False),
        (TODAY - 181, True),
        (TODAY, True),
        # A server whose clock is slightly ahead has just answered.
        (TODAY + 1, True),
        (TODAY + 2, False),
        (LAST_DAY, False),
        (0, False),
    ],
)
def test_decision_stands_until_it_expires_and_not_from_the_future(day: int, stands: bool):
    assert Decision(7, day).stands(lifetime_days=182, today=TODAY) is stands


def test_grants_at_other_revisions_are_left_out_and_refusals_stay():
    decision = Decision(7, TODAY, {"functional": 5, "marketing": 7, "advertising": 0}, opt_out=True)

    assert decision.granting_only({5, 6}) == Decision(
        7, TODAY, {"functional": 5, "advertising": 0}, opt_out=True
    )
    assert decision.granting_only(range(1, 8)) is decision


def test_decision_for_one_day_stands_on_that_day_alone():
    assert Decision(1, TODAY).stands(lifetime_days=1, today=TODAY)
    assert not Decision(1, TODAY - 1).stands(lifetime_days=1, today=TODAY)


def test_dates_are_those_of_the_days():
    decision = Decision(7, TODAY)

    assert decision.decided_on == date(2026, 11, 23)
    assert decision.expires_on(182) == date(2027, 5, 24)


def test_decision_no_longer_stands_on_the_day_that_expires_on_names():
    decision = Decision(7, TODAY - 182)

    assert (decision.expires_on(182) - date(1970, 1, 1)).days == TODAY
    assert not decision.stands(lifetime_days=182, today=TODAY)


@pytest.mark.parametrize(
    ("seconds", "day"), [(0.0, 0), (86_399.9, 0), (86_400.0, 1), (20_780 * 86_400 + 0.5, 20_780)]
)
def test_today_counts_whole_days(monkeypatch, seconds: float, day: int):
    monkeypatch.setattr("time.time", lambda: seconds)

    assert today() == day
