"""Vendors are recognised in what people paste, with their parameters; nothing else is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.recipes import Recipe, catalogue
from consent.recipes.recognition import MOST_CHARACTERS, analyse, recognise
from consent.recipes.recognition.addresses import MOST_ADDRESSES
from consent.recipes.recognition.facts import all_facts
from tests.recipes.other_code import OTHER_CODE, WORDS

pytestmark = pytest.mark.once

# The code as each vendor documents it, and the values in it.
VENDOR_CODE = Path(__file__).with_name("vendor_code")
EXPECTED = tomllib.loads((VENDOR_CODE / "expected.toml").read_text(encoding="utf-8"))

# Their recipe is written as the vendor's own code is.
RENDERED = ("ab-tasty", "ahrefs-analytics", "clearbit-reveal", "fathom", "pirsch")

ENOUGH = 0.95
"""Of all samples, in each of the ways in which they are pasted."""


@cache
def samples() -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """Return by recipe the vendor's code, and the values in it."""
    found = {}
    for key, values in EXPECTED.items():
        found[key] = ((VENDOR_CODE / f"{key}.html").read_text(encoding="utf-8"), values)
    for key in RENDERED:
        values = {each.name: each.example for each in catalogue()[key].parameters}
        found[key] = (catalogue()[key].render(values, key).replace("\0", ""), values)
    return found


def read(pasted: str) -> dict[str, dict[str, str]]:
    return {each.recipe.key: dict(each.parameters) for each in recognise(pasted).vendors}


# Ways in which the same code is pasted


def as_it_is(code: str) -> str:
    return code


def minified(code: str) -> str:
    code = re.sub(r"<!--.*?-->|^\s*//[^\n]*$", "", code, flags=re.DOTALL | re.MULTILINE)
    code = re.sub(r"\s*\n\s*", " ", code)
    return re.sub(r" ?([=(){},;]) ?", r"\1", code)


def from_a_mail_program(code: str) -> str:
    curled = re.sub(
        r'"([^"\n]*)"', "\u201c\\1\u201d", re.sub(r"'([^'\n]*)'", "\u2018\\1\u2019", code)
    )
    return curled.replace("  ", "\xa0 ").replace("\n", "\r\n")


def escaped(code: str) -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        code = code.replace(sign, entity)
    return code


def as_a_quoted_answer(code: str) -> str:
    return "".join(f"> {line}\n" for line in code.splitlines())


def with_other_order_and_comments(code: str) -> str:
    def turned(found: re.Match[str]) -> str:
        attributes = re.findall(r"""[\w-]+(?:=(?:"[^"]*"|'[^']*'|[^\s>"']+))?""", found[1])
        return f"<script {' '.join(reversed(attributes))}>"

    code = re.sub(r"<script\s+([^>]+)>", turned, code)
    return f"<!-- please add, thanks -->\n{code.replace('</script>', '/* end */</script>')}<!-- -->"


def with_a_noscript(code: str) -> str:
    return f"{code}\n<noscript>Please switch JavaScript on.</noscript>"


def within_a_page(code: str) -> str:
    return f"Hello,\nplease paste this into the head:\n\n{code}\n\nBest regards, Alex"


def with_other_quotes(code: str) -> str:
    return code.translate(str.maketrans({'"': "'", "'": '"'}))


@pytest.mark.parametrize(
    "way",
    [
        as_it_is,
        minified,
        from_a_mail_program,
        escaped,
        as_a_quoted_answer,
        with_other_order_and_comments,
        with_a_noscript,
        within_a_page,
        with_other_quotes,
    ],
)
def test_vendors_own_code_is_recognised_with_its_values(way: Any) -> None:
    wrong = {
        key: read(way(code))
        for key, (code, values) in samples().items()
        if read(way(code)) != {key: values}
    }
    share = 1 - len(wrong) / len(samples())
    assert share >= ENOUGH, wrong
    # Code as the vendor shows it is always recognised.
    assert way is not as_it_is or not wrong


def test_there_is_a_sample_for_every_recipe_with_code_of_a_vendor() -> None:
    with_code = {key for key, recipe in catalogue().items() if recipe.kind != "server"}
    assert with_code == set(samples())


def test_documented_code_leaves_nothing_over() -> None:
    left = {key: recognise(code).rest for key, (code, _) in samples().items()}
    # Places in the page, which these recipes leave to the site's templates.
    assert {key for key, rest in left.items() if rest} == {"addtoany", "disqus"}


def test_what_a_recipe_writes_itself_is_recognised() -> None:
    """Its own code differs from the vendor's in some; those that build everything are unknown."""
    browser = [recipe for recipe in catalogue().values() if recipe.kind == "browser"]
    found = {recipe.key: set(read(_rendered(recipe))) for recipe in browser}
    missed = {key for key, keys in found.items() if key not in keys}
    assert missed == {"disqus", "plausible", "posthog"}
    # Where two vendors have an address in common, it is the one with more evidence.
    assert all(keys <= {key} for key, keys in found.items())


def _rendered(recipe: Recipe) -> str:
    values = {each.name: each.example for each in recipe.parameters}
    return recipe.render(values, recipe.key).replace("\0", "")


# What is not a vendor's


@pytest.mark.parametrize("code", OTHER_CODE)
def test_code_of_unknown_vendors_is_nobodys(code: str) -> None:
    assert recognise(code).vendors == ()
    assert recognise(code).rest


@pytest.mark.parametrize("words", WORDS)
def test_words_are_neither_a_vendors_nor_code(words: str) -> None:
    found = recognise(words)
    assert (found.vendors, found.rest) == ((), "")


# What is found


@pytest.mark.parametrize(
    ("pasted", "found"),
    [
        ("G-ABC1234567", {"google-analytics": {"measurement_id": "G-ABC1234567"}}),
        (" GTM-XXXX\n", {"google-tag-manager": {"container_id": "GTM-XXXX"}}),
        ("AW-123456789", {"adwords": {"conversion_id": "AW-123456789"}}),
        ("123-ABC-456", {"marketo": {"munchkin_id": "123-ABC-456"}}),
        (
            "Container: GTM-ABC1234, Analytics: G-ABC1234567",
            {
                "google-tag-manager": {"container_id": "GTM-ABC1234"},
                "google-analytics": {"measurement_id": "G-ABC1234567"},
            },
        ),
        # Many vendors have IDs like these.
        ("1234567", {}),
        ("01234567-89ab-cdef-0123-456789abcdef", {}),
        ("0123456789abcdef0123456789abcdef", {}),
        ("youtu.be/aBcDeFgHiJk", {"youtube": {"id": "aBcDeFgHiJk"}}),
        ("https://vimeo.com/123456789", {"vimeo": {"id": "123456789"}}),
    ],
)
def test_an_id_or_an_address_alone_counts_where_it_can_be_nothing_else(
    pasted: str, found: Mapping[str, Any]
) -> None:
    assert read(pasted) == found


def test_several_vendors_in_one_paste_are_several_results_in_their_order() -> None:
    both = "\n".join(samples()[key][0] for key in ("hotjar", "google-tag-manager", "hubspot"))
    assert list(read(both).items()) == [
        (key, EXPECTED[key]) for key in ("hotjar", "google-tag-manager", "hubspot")
    ]


def test_two_vendors_in_one_script_are_two_results() -> None:
    code = "<script>fbq('init','123456789012345');gtag('config','AW-123456789');</script>"
    assert read(code) == {
        "facebook-pixel": {"pixel_id": "123456789012345"},
        "adwords": {"conversion_id": "AW-123456789"},
    }


def test_each_pair_of_vendors_keeps_its_values() -> None:
    keys = list(samples())
    wrong = []
    for one, other in zip(keys, keys[1:] + keys[:1], strict=True):
        found = read(samples()[one][0] + samples()[other][0])
        if found != {key: samples()[key][1] for key in (one, other)}:
            wrong.append((one, other, found))
    assert len(wrong) <= len(keys) * (1 - ENOUGH), wrong


def test_code_of_an_unknown_vendor_beside_a_known_one_is_left_over() -> None:
    unknown = '<script src="https://cdn.unheard-of.example/a.js"></script>'
    found = recognise(samples()["hotjar"][0] + unknown)
    assert [each.recipe.key for each in found.vendors] == ["hotjar"]
    assert found.rest == unknown


def test_an_invalid_value_stays_empty() -> None:
    found = recognise("<script>fbq('init', 'YOUR-PIXEL-ID')</script>" + _META)
    assert [(each.recipe.key, each.parameters) for each in found.vendors] == [
        ("facebook-pixel", {})
    ]
    assert found.vendors[0].missing == ("pixel_id",)


_META = '<script src="https://connect.facebook.net/de_DE/fbevents.js"></script>'


def test_what_the_tool_will_not_do_is_listed() -> None:
    code = (
        "fbq('init', '123456789012345', {em: 'x@y.example'}); fbq('init', '543210987654321');"
        "fbq('track', 'PageView'); fbq('track', 'Purchase', {value: 1});"
        "fetch('https://collect.shop.example/x')"
    )
    (found,) = recognise(f"<script>{code}</script>").vendors
    assert found.parameters == {"pixel_id": "123456789012345"}
    assert found.further_values == ("543210987654321",)
    assert found.calls == ("fbq('track', 'Purchase')",)
    assert found.options == ("em: 'x@y.example'",)
    assert found.hosts == ("collect.shop.example",)
    assert len(found.unexplained) == 4


def test_options_that_the_recipe_gives_or_that_are_parameters_are_not_listed() -> None:
    code = "<script>gtag('config', 'G-ABC1234567', {anonymize_ip: true, send_page_view: false});"
    (found,) = recognise(code).vendors
    assert found.options == ("anonymize_ip: true", "send_page_view: false")
    (found,) = recognise(samples()["amplitude"][0]).vendors
    assert found.options == ()
    assert found.parameters["server_zone"] == "EU"


def test_code_in_comments_does_not_count() -> None:
    code = "<script>/* fbq('init','111111111111') */\n// fbq('init','222222222222')\n</script>"
    assert read(f"{code}<!-- <script>fbq('init','333333333333')</script> -->") == {}


def test_the_values_are_those_that_the_recipe_accepts() -> None:
    for key, (code, _) in samples().items():
        recipe = catalogue()[key]
        given = recognise(code).vendors[0].parameters
        if recipe.embed is None:
            assert recipe.errors(given) == {}, key
        else:
            assert recipe.embed.errors(given) == {}, key


# Bounds


def test_what_is_longer_is_not_read() -> None:
    filler = " " * MOST_CHARACTERS
    assert read(f"<p>{filler}" + samples()["hotjar"][0]) == {}
    assert len(analyse("<b>" * MOST_CHARACTERS).snippet) <= MOST_CHARACTERS


def test_the_number_of_addresses_is_bounded() -> None:
    many = "".join(f'"https://a{number}.example/" ' for number in range(1000))
    hotjar = '"https://static.hotjar.com/c/hotjar-"'
    assert read(f"<script>{many[:3000]}{hotjar}</script>") == {"hotjar": {}}
    assert many.count("https") > MOST_ADDRESSES
    assert read(f"<script>{many}{hotjar}</script>") == {}


def test_every_repetition_in_the_patterns_of_recipes_is_bounded() -> None:
    """No pattern that is made of a recipe's facts can try a text in more and more ways."""
    for facts in all_facts():
        for form in facts.code:
            assert not re.search(r"(?<!\\)[*+](?![^\[]*\])", form.pattern.pattern), form
        for address in facts.addresses:
            for pattern in address.patterns:
                assert not re.search(r"(?<!\\)[*+](?![^\[]*\])", pattern.pattern), address


@given(st.text())
def test_no_text_raises(text: str) -> None:
    recognise(text)
    analyse(text)


_SCRAPS = [
    *("<script>", "</script>", "<!--", "-->", "<noscript>", "<iframe src='", "/*", "*/", "//", "'"),
    *('"', "fbq(", "'init',", "_paq.push([", "https://", "www.googletagmanager.com/gtm.js?id="),
    *(
        "GTM-ABC1",
        "\0",
        "&lt;",
        "&#x0;",
        "&#1114112;",
        "hjid:",
        "\u201c",
        "<",
        ">",
        "=",
        "\\",
        "[::",
    ),
]


@given(st.lists(st.sampled_from(_SCRAPS)).map("".join))
def test_no_scraps_of_code_raise(text: str) -> None:
    analyse(recognise(text).rest)


# What no recipe knows


def test_unknown_code_is_analysed() -> None:
    found = analyse(
        '<script src="https://cdn.unheard.example/w.js" onload="go()"></script>'
        '<script>document.write("x"); document.cookie = "uh_id=1"; localStorage.setItem("uh", 1);'
        ' fetch("https://api.unheard.example/v1"); new WebSocket("wss://ws.unheard.example/")'
        '</script><img src="http://pixel.unheard.example/a.gif">'
    )
    assert found.hosts == (
        "cdn.unheard.example",
        "api.unheard.example",
        "ws.unheard.example",
        "pixel.unheard.example",
    )
    assert found.sources.splitlines() == [
        "script-src https://cdn.unheard.example",
        "connect-src https://api.unheard.example wss://ws.unheard.example",
        "img-src https://pixel.unheard.example",
    ]
    assert list(found.stored) == [("cookie", "uh_id"), ("storage", "uh")]
    assert [len(found.warnings), found.errors, found.loads_others] == [3, (), False]
    assert "document.write()" in found.warnings[0]
    assert (found.vendor, found.category, found.name) == ("", "", "cdn.unheard.example")
    assert found.placement == "body"


def test_the_vendor_of_a_known_host_is_named() -> None:
    found = analyse('<script src="https://js.hsforms.net/forms/v2.js"></script>')
    assert [recipe.key for recipe in found.known] == ["hubspot"]
    assert found.vendor.startswith("HubSpot, Inc.")
    assert (found.category, found.placement) == ("marketing-analytics", "head")


def test_a_host_that_several_recipes_of_one_vendor_name_has_no_category() -> None:
    found = analyse('<script src="https://www.google.com/some.js"></script>')
    assert len(found.known) > 1
    assert not found.loads_others
    assert found.vendor.startswith("Google LLC")
    assert found.category == ""


def test_code_that_would_damage_the_page_is_said_to() -> None:
    found = analyse('<script src="https://cdn.unheard.example/w.js">')
    assert found.errors == ("<script> is opened in line 1 and never closed; add </script>.",)


def test_a_tag_manager_is_noticed() -> None:
    assert analyse('<script src="https://tags.shop.example/container/1.js"></script>').loads_others
    assert analyse('<script src="https://cdn.segment.com/next/x.js"></script>').loads_others


def test_a_source_that_no_policy_can_name_is_left_out() -> None:
    found = analyse('<script src="https://-.a_b.example:99999999/w.js"></script>')
    assert found.sources in ("", "script-src https://-.a")
