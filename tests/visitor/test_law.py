"""What runs and whom the site asks, in all cases of the law, against `tests.oracle`."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product
from typing import Any

import pytest
from django.test import Client, RequestFactory

from consent.models import Policy, RegionRule
from consent.policy import CompiledPolicy, build, compile_rules, policies
from consent.policy.regimes import RegimesByRegion
from consent.visitor import Consent
from tests.factories import CategoryFactory, PolicyFactory, ToolFactory, store_as_is
from tests.helpers import tool_scripts
from tests.visitor import oracle
from tests.visitor.oracle import UNCLEAR, text_of, today

REVISION, LIFETIME = 3, 182
REGIMES = ("opt_in", "implied", "notice_only")

# Advertising took its purpose at revision 2, after one of its tools; its other tool came at
# revision 3, as one of analytics did.
CATEGORIES: list[dict[str, Any]] = [
    {"key": "functional", "essential": False, "sale": False, "since": 1, "tools": {"chat": 2}},
    {
        "key": "marketing-analytics",
        "essential": False,
        "sale": False,
        "since": 1,
        "tools": {"counter": 1, "heat": 3},
    },
    {
        "key": "advertising",
        "essential": False,
        "sale": True,
        "since": 2,
        "tools": {"pixel": 1, "auction": 3},
    },
    # Of a category without tools there is nothing to be asked about, or to opt out of.
    {"key": "surveys", "essential": False, "sale": True, "since": 3, "tools": {}},
    {"key": "essential", "essential": True, "sale": False, "since": 1, "tools": {"guard": 3}},
]
TOOLS = {tool for category in CATEGORIES for tool in category["tools"]}

# What an editor writes. The oracle gets the same with the groups written out.
EEA = (
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO "
    "AX GF GP MQ YT RE MF"
)
US_OPT_OUT = (
    "US-CA US-CO US-CT US-DE US-FL US-IA US-IN US-KY US-MD US-MN US-MT US-NE US-NH US-NJ US-OR "
    "US-RI US-TN US-TX US-UT US-VA"
)
WRITTEN_OUT = {"EEA": EEA, "US-OPT-OUT": US_OPT_OUT}
RULE_SETS: dict[str, list[tuple[str, str]]] = {
    "none": [],
    "groups": [("EEA BR", "opt_in"), ("US-OPT-OUT", "implied")],
    "country first": [("US", "notice_only"), ("US-CA", "opt_in")],
    "part first": [("us-ca, de", "opt_in"), ("US", "notice_only")],
    "a part alone": [("US-CA", "implied")],
    "laxer": [("EEA", "implied"), ("US-TX;BR", "notice_only"), ("BR", "opt_in")],
}
REGIONS = {
    "": {},
    "DE": {"CF-IPCountry": "DE"},
    "US": {"CF-IPCountry": "US"},
    "US-CA": {"CF-IPCountry": "US", "CF-Region-Code": "CA"},
    "US-TX": {"CF-IPCountry": "US", "CF-Region-Code": "TX"},
    "BR": {"CF-IPCountry": "BR"},
}
# Headers, and whether they opt out where DNT counts as well, and where it does not.
SIGNALS: list[tuple[dict[str, str], bool, bool]] = [
    ({}, False, False),
    ({"Sec-GPC": "1"}, True, True),
    ({"Sec-GPC": "0"}, False, False),
    ({"DNT": "1"}, True, False),
    ({"Sec-GPC": "true", "DNT": "0"}, False, False),
]


def decided(
    choices: dict[str, int], *, revision: int = REVISION, age: int = 0, signal: bool = False
) -> dict[str, Any]:
    return {"choices": choices, "revision": revision, "age": age, "signal": signal}


def all_at(revision: int, **more: int) -> dict[str, int]:
    keys = ("functional", "marketing-analytics", "advertising", "surveys")
    return {**dict.fromkeys(keys, revision), **more}


def cookies() -> Iterator[tuple[str, Any]]:
    """Go through cookies: their text, and what they say."""
    yield "", UNCLEAR
    yield "nonsense", UNCLEAR
    yield "1.3.functional_3", UNCLEAR
    yield f"1.3.{today()}.functional_4", UNCLEAR
    yield f"2.3.{today()}.functional_3", UNCLEAR
    yield f"1gg.3.{today()}.functional_3", UNCLEAR
    yield f"1.3.{today()}." + ".".join(f"tool-{n}_0" for n in range(80)), UNCLEAR
    for signal in (False, True):
        for said in (
            decided(all_at(0)),
            decided(all_at(3)),
            decided(all_at(2), revision=2),
            decided(all_at(1), revision=1),
            decided(all_at(3), age=LIFETIME),
            decided(all_at(3), age=LIFETIME - 1),
            decided(all_at(3), age=-1),
            decided(all_at(3), age=-2),
            decided(all_at(4), revision=4),
            decided({**all_at(0), "advertising": 3}),
            decided({**all_at(0), "advertising": 2}),
            decided({**all_at(0), "advertising": 1}),
            decided({**all_at(3), "advertising": 0}),
            decided(all_at(3, pixel=0)),
            decided(all_at(3, chat=0, heat=0, auction=0)),
            decided({**all_at(3, chat=0), "functional": 0}),
            decided(all_at(2, auction=0), revision=2),
            # A tool is allowed by its category alone.
            decided({**all_at(3, pixel=3), "functional": 0, "chat": 3}),
            # What no visitor can refuse, and what is no longer there.
            decided(all_at(3, guard=0, gone=0, essential=0)),
            decided({"functional": 3}),
            decided({}),
        ):
            told = {**said, "signal": signal}
            yield text_of(told), told


def every_cookie() -> Iterator[dict[str, Any]]:
    """Go through all cookies that can be made of this policy's parts.

    Each category never asked about, refused, or granted at each revision; at each of these, now
    and at the edges of the time for which it holds; and any of the tools refused.
    """
    optional = [category["key"] for category in CATEGORIES[:4]]
    grants = [
        {key: at for key, at in zip(optional, chosen, strict=True) if at is not None}
        for chosen in product((None, 0, 1, 2, 3), repeat=len(optional))
    ]
    ages = (-2, -1, 0, LIFETIME - 1, LIFETIME)
    for choices, revision, age, signal in product(grants, (1, 2, 3, 4), ages, (False, True)):
        yield decided(choices, revision=revision, age=age, signal=signal)
    # The category without tools has told all that it can.
    fewer = [choices for choices in grants if "surveys" not in choices]
    tools = sorted(TOOLS)
    for choices, refused, signal in product(
        fewer, product((False, True), repeat=len(tools)), (False, True)
    ):
        without = {tool: 0 for tool, is_refused in zip(tools, refused, strict=True) if is_refused}
        yield decided({**choices, **without}, signal=signal)


def plain(rules: list[tuple[str, str]], regime: str) -> dict[str, Any]:
    """Return the policy as the oracle takes it."""
    return {
        "revision": REVISION,
        "lifetime": LIFETIME,
        "regime": regime,
        "rules": [(places(text), then) for text, then in rules],
        "categories": CATEGORIES,
    }


def places(text: str) -> set[str]:
    words = text.upper().replace(",", " ").replace(";", " ").split()
    return {code for word in words for code in WRITTEN_OUT.get(word, word).split()}


def store(**fields: Any) -> Policy:
    """Store the policy at once, as a restored backup is."""
    policy = PolicyFactory.create(revision=REVISION, lifetime_days=LIFETIME, **fields)
    for order, data in enumerate(CATEGORIES):
        built = CategoryFactory.build(
            policy=policy,
            order=order,
            **{name: data[name] for name in ("key", "essential", "sale", "since")},
        )
        (category,) = store_as_is([built])
        store_as_is(
            ToolFactory.build(policy=policy, category=category, key=key, since=since)
            for key, since in data["tools"].items()
        )
    return policy


@pytest.fixture(scope="module")
def compiled(django_db_setup, django_db_blocker) -> CompiledPolicy:
    """The policy without rules, compiled once; nothing of it stays in the database."""
    with django_db_blocker.unblock():
        store()
        found = build().default
        Policy.objects.all().delete()
    return found


def consent_of(policy: CompiledPolicy, cookie: str | None, headers: dict[str, str]) -> Consent:
    request = RequestFactory().get("/", headers=headers)
    if cookie is not None:
        request.COOKIES["consent"] = cookie
    consent = Consent(request)
    consent.__dict__["policy"] = policy
    return consent


@pytest.mark.parametrize("counts_dnt", [False, True], ids=["", "dnt"])
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("name", RULE_SETS)
def test_tools_and_question_are_those_of_the_law(compiled, settings, name, regime, counts_dnt):
    settings.CONSENT_REGION, settings.CONSENT_DNT = "cloudflare", counts_dnt
    rules = RULE_SETS[name]
    policy = replace(compiled, regimes=RegimesByRegion(regime, compile_rules(rules)))
    told = plain(rules, regime)

    for (region, place), signal, (text, said) in product(
        REGIONS.items(), SIGNALS, [(None, None), *cookies()]
    ):
        headers, with_dnt, without = signal
        consent = consent_of(policy, text, {**place, **headers})
        expected = oracle.answer(
            told, region, opts_out=with_dnt if counts_dnt else without, cookie=said
        )

        found = {tool.key for tool in consent.selection.tools}, consent.must_ask

        assert found == expected, f"in {region or 'nowhere'}, {headers}, cookie {text!r}"
        one_by_one = {key for key in TOOLS if consent.allows(key)}
        assert one_by_one == expected[0], f"allows(): {region}, {headers}, cookie {text!r}"


@pytest.mark.once
@pytest.mark.parametrize(
    "step",
    # A prime number, so that a sample has all values of each part.
    [pytest.param(11, id="sample"), pytest.param(1, id="all", marks=pytest.mark.exhaustive)],
)
@pytest.mark.parametrize("opts_out", [False, True], ids=["", "gpc"])
@pytest.mark.parametrize("regime", REGIMES)
def test_every_cookie_that_there_can_be_is_read_as_the_law_has_it(compiled, regime, opts_out, step):
    policy = replace(compiled, regimes=RegimesByRegion(regime))
    told = plain([], regime)
    headers = {"Sec-GPC": "1"} if opts_out else {}
    answers = set()

    for said in islice(every_cookie(), None, None, step):
        text = text_of(said)
        consent = consent_of(policy, text, headers)
        expected = oracle.answer(told, "", opts_out=opts_out, cookie=said)

        found = {tool.key for tool in consent.selection.tools}, consent.must_ask

        assert found == expected, f"{headers}, cookie {text!r}"
        answers.add((frozenset(found[0]), found[1]))

    assert len(answers) > 40


def test_oracle_tells_cases_apart():
    """The table is not one that any answer would pass."""
    told = plain(RULE_SETS["groups"], "implied")
    answers = {
        (frozenset(tools), ask)
        for region in REGIONS
        for opts_out in (False, True)
        for _, said in cookies()
        for tools, ask in [oracle.answer(told, region, opts_out=opts_out, cookie=said)]
    }

    assert len(answers) > 12


# Regimes alone


def rule_lists() -> Iterator[tuple[tuple[str, str], ...]]:
    written = ("DE", "US", "US-CA", "US-TX BR")
    for count in range(4):
        yield from product(product(written, REGIMES), repeat=count)


@pytest.mark.parametrize("regime", REGIMES)
def test_first_rule_that_fits_counts_and_the_strictest_that_may(regime):
    regions = ("", "DE", "DE-BY", "US", "US-CA", "US-TX", "US-NY", "BR", "FR")

    for rules in rule_lists():
        policy = CompiledPolicy(regimes=RegimesByRegion(regime, compile_rules(rules)))
        told = plain(list(rules), regime)
        for region in regions:
            found, expected = policy.regimes.at(region), oracle.regime_in(told, region)
            assert found == expected, f"{rules}, else {regime}: in {region or 'nowhere'}"
        assert policy.strictest == oracle.regime_in(told, ""), f"{rules}, else {regime}"


# Through the whole stack


SAMPLE = [
    (None, None),
    ("nonsense", UNCLEAR),
    *(
        (text_of(said), said)
        for said in (
            decided(all_at(0)),
            decided(all_at(3)),
            decided(all_at(3), signal=True),
            decided(all_at(2), revision=2),
            decided(all_at(3), age=LIFETIME),
            decided(all_at(3, pixel=0, chat=0), signal=True),
        )
    ),
]


def visitor(cookie: str | None, headers: dict[str, str]) -> Client:
    client = Client(headers=headers)
    if cookie is not None:
        client.cookies["consent"] = cookie
    return client


@pytest.fixture
def in_use(db: None, settings: Any) -> dict[str, Any]:
    """The policy with rules, in the database; returns it as the oracle takes it."""
    settings.CONSENT_REGION = "cloudflare"
    policy = store(regime="implied")
    for order, (text, regime) in enumerate(RULE_SETS["groups"]):
        RegionRule.objects.create(policy=policy, order=order, regions=text, regime=regime)
    policies.forget()
    return plain(RULE_SETS["groups"], "implied")


@pytest.mark.parametrize("delivery", ["server", "cacheable"])
def test_page_and_api_have_what_the_law_allows(in_use, settings, delivery):
    settings.CONSENT_DELIVERY = delivery
    essential = oracle.answer(in_use, "", opts_out=True, cookie=UNCLEAR)[0]

    for (region, place), (headers, _, opts_out), (text, said) in product(
        REGIONS.items(), SIGNALS[:2], SAMPLE
    ):
        tools, ask = oracle.answer(in_use, region, opts_out=opts_out, cookie=said)
        client = visitor(text, {**place, **headers})
        where = f"in {region or 'nowhere'}, {headers}, cookie {text!r}"

        page = client.get("/").content.decode()
        state = client.get("/consent/api/preferences/").json()

        assert (set(state["allowed"]), state["ask"]) == (tools, ask), where
        in_page = tools if delivery == "server" else essential
        assert tool_scripts(page, TOOLS) == in_page, where
        is_there = delivery == "cacheable" or ask
        assert ('id="dcp-notice"' in page) == is_there, where


def test_preferences_page_ticks_the_categories_that_are_granted_as_a_whole(in_use):
    for (region, place), (headers, _, opts_out), (text, said) in product(
        REGIONS.items(), SIGNALS[:2], SAMPLE
    ):
        # Tools that were refused one by one have boxes of their own.
        whole = said and said != UNCLEAR and {**said, "choices": without_tools(said["choices"])}
        tools, _ = oracle.answer(in_use, region, opts_out=opts_out, cookie=whole or said)

        page = visitor(text, {**place, **headers}).get("/consent/preferences/").content.decode()

        for category in CATEGORIES[:3]:
            box = page.partition(f'id="dcp-page-{category["key"]}"')[2].partition(">")[0]
            expected = set(category["tools"]) <= tools
            where = f"{category['key']} in {region or 'nowhere'}, {headers}, cookie {text!r}"
            assert ("checked" in box) == expected, where


def without_tools(choices: dict[str, int]) -> dict[str, int]:
    return {key: at for key, at in choices.items() if key not in TOOLS}
