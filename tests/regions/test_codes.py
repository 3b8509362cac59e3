"""Regions: their codes, the groups of them, and what an editor may write in a rule."""

import pytest
from django.core.exceptions import ValidationError

from consent import regions
from consent.models import Policy, RegionRule
from consent.models.default_texts import INTRODUCTION
from consent.models.validators import validate_regions
from consent.policy import build, policies
from consent.policy.versions import policy_texts
from tests.factories import PolicyFactory

WORLD = ["", "DE", "FR", "US", "US-CA", "US-TX", "BR", "GB-ENG", "ES-M"]


@pytest.mark.parametrize("code", ["DE", "US", "US-CA", "ES-M", "GB-ENG", "FR-973", "IT-25"])
def test_country_and_part_are_regions(code):
    assert regions.is_region(code)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "D",
        "DEU",
        "de",
        "US-",
        "-CA",
        "US-CALI",
        "US_CA",
        "US-C A",
        "12",
        "US-CA\n",
        "ÄÖ",
        "EEA",
        "UK",
        "EU",
        "UK-ENG",
        "XX",
        "US-CA-LA",
    ],
)
def test_anything_else_is_none(text):
    assert not regions.is_region(text)


def test_countries_are_those_of_iso_and_kosovo():
    assert len(regions.COUNTRIES) == 249 + 1
    assert not regions.COUNTRIES & {"UK", "EL", "EU", "AP", "XX", "ZZ", "SU", "YU", "AN"}


@pytest.mark.parametrize("group", regions.GROUPS)
def test_groups_hold_regions_each_once(group):
    codes = regions.GROUPS[group]

    assert all(map(regions.is_region, codes))
    assert len(codes) == len(set(codes))
    # A group's name can never be taken for a region.
    assert not regions.is_region(group)


def test_eea_is_the_union_and_three_more():
    codes = set(regions.GROUPS["EEA"])

    assert {"DE", "FR", "IE", "HR", "GR", "IS", "LI", "NO"} <= codes
    assert not codes & {"GB", "CH", "US", "EL", "TR"}
    # 27 and 3, and what of France and Finland has a country code of its own.
    assert len(codes - {"AX", "GF", "GP", "MQ", "YT", "RE", "MF"}) == 30


def test_us_opt_out_is_of_states():
    codes = set(regions.GROUPS["US-OPT-OUT"])

    assert {"US-CA", "US-CO", "US-TX", "US-VA"} <= codes
    assert all(code.startswith("US-") and len(code) == 5 for code in codes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("DE", {"DE"}),
        ("de us-ca", {"DE", "US-CA"}),
        (" DE,\n FR ;US-CA\t", {"DE", "FR", "US-CA"}),
        ("DE DE", {"DE"}),
        ("us-opt-out", set(regions.GROUPS["US-OPT-OUT"])),
        ("EEA BR", {*regions.GROUPS["EEA"], "BR"}),
        ("nonsense DE", {"DE"}),
    ],
)
def test_names_are_written_out(text, expected):
    assert regions.expand(text) == expected


COVERED = [
    # regions, region, lies in it for certain, may lie in it
    ({"DE"}, "DE", True, True),
    ({"DE"}, "DE-BY", True, True),
    ({"DE"}, "FR", False, False),
    ({"DE"}, "", False, True),
    ({"US-CA"}, "US-CA", True, True),
    ({"US-CA"}, "US", False, True),
    ({"US-CA"}, "US-TX", False, False),
    ({"US-CA"}, "", False, True),
    ({"US", "US-CA"}, "US-TX", True, True),
    # A country is not taken for another whose code it begins.
    ({"US-CA"}, "CA", False, False),
    (set(), "", False, False),
    (set(), "DE", False, False),
]


@pytest.mark.parametrize(("codes", "region", "surely", "maybe"), COVERED)
def test_what_a_list_covers(codes, region, surely, maybe):
    assert regions.covers(frozenset(codes), region) is surely
    assert regions.may_cover(frozenset(codes), region) is maybe


@pytest.mark.parametrize("region", WORLD)
@pytest.mark.parametrize("codes", [{"DE"}, {"US"}, {"US-CA"}, {"BR", "US-TX"}])
def test_what_is_covered_for_certain_may_be_covered(codes, region):
    if regions.covers(frozenset(codes), region):
        assert regions.may_cover(frozenset(codes), region)


# What an editor writes


@pytest.mark.parametrize("text", ["DE", "de, us-ca", "EEA", "eea US-OPT-OUT BR", "DE\nFR"])
def test_codes_and_groups_are_taken(text):
    validate_regions(text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("DEU", "DEU"),
        ("DE germany", "GERMANY"),
        ("US-CALI", "US-CALI"),
        ("*", "*"),
        ("XX", "XX"),
        ("DE SU", "SU"),
    ],
)
def test_what_is_no_region_is_named(text, wrong):
    with pytest.raises(ValidationError) as caught:
        validate_regions(text)

    (message,) = caught.value.messages
    assert f"“{wrong}” is not a region code" in message
    assert "EEA" in message
    assert "US-OPT-OUT" in message


@pytest.mark.parametrize(
    ("text", "wrong", "meant"), [("EEA UK CH", "UK", "GB"), ("eu", "EU", "EEA"), ("EL", "EL", "GR")]
)
def test_what_is_meant_is_said(text, wrong, meant):
    with pytest.raises(ValidationError) as caught:
        validate_regions(text)

    assert caught.value.messages == [f"“{wrong}” is not a region code: write {meant}."]
    validate_regions(meant)


# Rules in the database


@pytest.mark.django_db
def test_rules_count_in_their_order():
    policy = PolicyFactory()
    RegionRule.objects.create(policy=policy, order=2, regions="US", regime="notice_only")
    RegionRule.objects.create(policy=policy, order=1, regions="US-CA", regime="implied")

    compiled = build().default

    found = {region: compiled.regimes.at(region) for region in ("US-CA", "US-TX", "US", "DE", "")}
    assert found == {
        "US-CA": "implied",
        "US-TX": "notice_only",
        "US": "implied",
        "DE": "opt_in",
        "": "opt_in",
    }
    assert compiled.regimes.in_use == ("opt_in", "implied", "notice_only")


@pytest.mark.django_db
def test_rule_that_never_counts_makes_nothing_stricter():
    policy = PolicyFactory(regime="implied")
    RegionRule.objects.create(policy=policy, order=1, regions="US", regime="notice_only")
    RegionRule.objects.create(policy=policy, order=2, regions="US-CA", regime="opt_in")

    compiled = build().default

    assert compiled.regimes.at("US-CA") == "notice_only"
    assert compiled.strictest == compiled.regimes.at("") == "implied"


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["instance", "queryset", "save"])
def test_edited_rule_shows_at_once(how, settings, django_capture_on_commit_callbacks):
    # Nobody looks at the row meanwhile.
    settings.CONSENT_POLICY_MAX_AGE = 3600
    policy = PolicyFactory()
    rule = RegionRule.objects.create(policy=policy, regions="US", regime="implied")
    policies.forget()
    assert policies.current().regimes.at("US") == "implied"
    before = Policy.objects.values_list("changed_at", flat=True).get()

    with django_capture_on_commit_callbacks(execute=True):
        if how == "instance":
            rule.delete()
        elif how == "queryset":
            RegionRule.objects.all().delete()
        else:
            rule.regime = "opt_in"
            rule.save()

    assert policies.current().regimes.at("US") == "opt_in"
    # By which other processes find out.
    assert Policy.objects.values_list("changed_at", flat=True).get() > before


# What visitors are told


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("region", "said"),
    [("DE", "start only if you agree."), ("US", "run unless you reject them.")],
)
def test_notice_of_an_editor_s_own_is_followed_by_what_holds_here(region, said):
    policy = PolicyFactory(notice_text="Nothing starts unless you agree.")
    RegionRule.objects.create(policy=policy, regions="US", regime="implied")
    compiled = build().default

    told = policy_texts(compiled, compiled.regimes.at(region))["notice_text"]

    start = "Nothing starts unless you agree. Where you are, optional tools "
    assert told == f"{start}{said}"


@pytest.mark.django_db
def test_notice_stays_as_it_was_written_where_the_same_holds_everywhere():
    PolicyFactory(notice_text="We collect data.", regime="implied")

    assert policy_texts(build().default, "implied")["notice_text"] == "We collect data."


def test_introduction_is_true_under_any_regime():
    assert "before you" not in INTRODUCTION
