"""The catalogue of recipes: what is in it, what it refuses, and what it writes into a page."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from html import escape
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from django.db.models import Field, Model
from django.test import modify_settings
from hypothesis import given
from hypothesis import strategies as st

from consent.models import Cookie, Tool
from consent.recipes import (
    DeclaredCookie,
    Parameter,
    Recipe,
    RecipeError,
    Script,
    catalogue,
    directories,
    google,
    load,
    problems,
    search,
)
from consent.recipes.escaping import javascript_literal
from consent.recipes.reading import AtMost

pytestmark = pytest.mark.once

# What the page must load (`src`) or hold in its inline code, with the recipe's example values. What
# the start of the others looks like is for the browser tests to know.
STARTS = {
    "drift": ('"https://js.driftt.com/include/"', 'drift.load("abcd1234efgh")'),
    "amplitude": (
        'src="https://cdn.amplitude.com/script/0123456789abcdef0123456789abcdef.js"',
        'name: "init",\n    args: ["0123456789abcdef0123456789abcdef", { serverZone: "EU"',
    ),
    "clearbit-reveal": (
        'src="https://tag.clearbitscripts.com/v1/pk_0123456789abcdef0123456789abcdef/tags.js"',
    ),
    "customer-io": (
        'src="https://cdp-eu.customer.io/v1/analytics-js/snippet/0123456789abcdef0123/'
        'analytics.min.js"',
        'siteId = "abcdef0123456789abcd"',
        "client.page()",
    ),
    "drip": ('_dcs.account = "1234567"', 'src="https://tag.getdrip.com/1234567.js"'),
    "google-analytics": (
        'gtag("config", "G-ABC1234567")',
        'src="https://www.googletagmanager.com/gtag/js?id=G-ABC1234567"',
    ),
    "madkudu": (
        "madkudu.page()",
        'src="https://cdn.madkudu.com/madkudu.js/v1/0123456789abcdef0123456789abcdef/'
        'madkudu.min.js"',
    ),
    "marketo": (
        'Munchkin.init("123-ABC-456"',
        'workspace = "j1RQ"',
        'src="https://munchkin.marketo.net/munchkin.js"',
    ),
    "visual-website-optimizer": (
        'account = "123456", tolerance = Number("2000")',
        '"https://dev.visualwebsiteoptimizer.com/j.php?a="',
    ),
    "adwords": (
        'gtag("config", "AW-123456789")',
        '})("AbC-D_efG-h12_34-567")',
        'src="https://www.googletagmanager.com/gtag/js?id=AW-123456789"',
    ),
    "microsoft-clarity": (
        'window.clarity("consentv2", {',
        'src="https://www.clarity.ms/tag/abcdef1234"',
    ),
    "microsoft-uet": (
        'new window.UET({ ti: "12345678"',
        'src="https://bat.bing.com/bat.js"',
    ),
    "segment": (
        '_writeKey = "AbCdEfGhIjKlMnOpQrStUvWxYz012345"',
        '("google-analytics=Google Analytics 4 Web, adwords=Google Ads (Gtag)" || "")',
        'src="https://cdn.segment.com/analytics.js/v1/AbCdEfGhIjKlMnOpQrStUvWxYz012345/'
        'analytics.min.js"',
    ),
    "facebook-pixel": (
        'fbq("init", "123456789012345");\nfbq("track", "PageView")',
        'src="https://connect.facebook.net/en_US/fbevents.js"',
    ),
    "google-tag-manager": (
        'event: "gtm.js"',
        'src="https://www.googletagmanager.com/gtm.js?id=GTM-ABC1234"',
    ),
    "linkedin-insight-tag": (
        '_linkedin_partner_id = "1234567"',
        'src="https://snap.licdn.com/li.lms-analytics/insight.min.js"',
    ),
    "twitter-ads": (
        'twq("config", "o1a2b")',
        '})("tw-o1a2b-o3c4d")',
        'src="https://static.ads-twitter.com/uwt.js"',
    ),
    "recaptcha": (
        'src="https://www.google.com/recaptcha/api.js'
        '?render=6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI" async defer',
    ),
    "matomo": (
        'address = "https://analytics.example.com".replace',
        'site = "1"',
        'if ("off" === "off") paq.push(["disableCookies"])',
    ),
    "plausible": (
        '"https://stats.example.com" + "/js/pa-"',
        'encodeURIComponent("AbCdEfGhIjKlMnOpQrStU")',
    ),
    "hotjar": ('id = "1234567"', '"https://static.hotjar.com/c/hotjar-"'),
    "tiktok-pixel": (
        'code = "C4ABCDEF1234567890AB"',
        'src="https://analytics.tiktok.com/i18n/pixel/events.js'
        '?sdkid=C4ABCDEF1234567890AB&amp;lib=ttq"',
    ),
    "pinterest-tag": (
        'pintrk("load", "2612345678901");\npintrk("page")',
        'src="https://s.pinimg.com/ct/core.js"',
    ),
    "hubspot": (
        'src="https://js-eu1.hs-scripts.com/1234567.js" async id="hs-script-loader" defer',
    ),
    "intercom": (
        'app_id: "abcd1234"',
        'region = "eu"',
        'src="https://widget.intercom.io/widget/abcd1234"',
    ),
    "posthog": (
        '_i.push(["phc_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789", {\n    api_host: host',
        'host = "https://eu.i.posthog.com"',
    ),
    "stripe": (
        'src="https://js.stripe.com/v3/"></script>',
        'window.Stripe("pk_test_EXAMPLE0000000000000000")',
    ),
    "turnstile": (
        'dataset.sitekey = "1x00000000000000000000AA"',
        'src="https://challenges.cloudflare.com/turnstile/v0/api.js" async defer',
    ),
    "snap-pixel": (
        'snaptr("init", "01234567-89ab-cdef-0123-456789abcdef");\nsnaptr("track", "PAGE_VIEW")',
        'src="https://sc-static.net/scevent.min.js"',
    ),
    "reddit-pixel": (
        'rdt("init", "t2_abcdef");\nrdt("track", "PageVisit")',
        'src="https://www.redditstatic.com/ads/pixel.js"',
    ),
}
ON_THE_SERVER = {"webhooks", "zapier"}

each_recipe = pytest.mark.parametrize("key", sorted(catalogue()))
BROWSER_TOOLS = sorted(key for key, recipe in catalogue().items() if recipe.kind == "browser")
each_browser_tool = pytest.mark.parametrize("key", BROWSER_TOOLS)
each_parameter = pytest.mark.parametrize(
    ("key", "parameter"),
    [
        pytest.param(recipe.key, parameter, id=f"{recipe.key}-{parameter.name}")
        for recipe in catalogue().values()
        for parameter in recipe.parameters
    ],
)


def examples(recipe: Recipe) -> dict[str, str]:
    return {parameter.name: parameter.example for parameter in recipe.parameters}


def required(recipe: Recipe) -> dict[str, str]:
    return {p.name: p.example for p in recipe.parameters if p.required}


def field_of(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field


class Scripts(HTMLParser):
    """The script elements of some HTML, as a browser takes them, and whatever else is there."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self.others: list[str] = []
        self.inside = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.inside = tag == "script"
        (self.found.append((dict(attrs), "")) if self.inside else self.others.append(tag))

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            attributes, code = self.found[-1]
            self.found[-1] = (attributes, code + data)
        elif data.strip():
            self.others.append(data)


# The catalogue


def test_catalogue_has_the_tools_of_the_first_policy_and_no_broken_file():
    assert problems() == []
    assert catalogue().keys() >= STARTS.keys() | ON_THE_SERVER
    files = (path.stem for directory in directories() for path in directory.glob("*.toml"))
    assert set(catalogue()) == set(files)


def test_catalogue_is_in_the_order_of_names_and_read_once():
    names = [recipe.name.casefold() for recipe in catalogue().values()]
    assert names == sorted(names)
    assert catalogue() is catalogue()


def test_no_two_recipes_have_the_same_name():
    names = [recipe.name for recipe in catalogue().values()]
    assert len(set(names)) == len(names)


@each_recipe
def test_recipe_fits_the_models_that_are_filled_from_it(key: str):
    recipe = catalogue()[key]
    for name in ("key", "name", "vendor", "privacy_url", "placement"):
        field_of(Tool, name).clean(getattr(recipe, name), None)
    for cookie in recipe.cookies:
        for name in ("kind", "name", "party", "retention", "purpose"):
            field_of(Cookie, name).clean(getattr(cookie, name), None)


def lengths(cls: type) -> dict[str, int]:
    """Return how long the texts may be that a model's fields are filled in from."""
    hints = get_type_hints(cls, include_extras=True)
    rules = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {
        n: rule.length for n, each in rules.items() for rule in each if isinstance(rule, AtMost)
    }


def test_lengths_are_those_of_the_models():
    of_tool, of_cookie = lengths(Recipe), lengths(DeclaredCookie)
    assert of_tool.keys() == {"key", "name", "vendor", "privacy_url"}
    assert of_cookie.keys() == {"name", "retention", "purpose"}
    for model, found in ((Tool, of_tool), (Cookie, of_cookie)):
        for name, length in found.items():
            assert field_of(model, name).max_length == length


@each_recipe
def test_recipe_says_where_its_facts_are_from_and_how_sure_they_are(key: str):
    recipe = catalogue()[key]
    assert recipe.sources
    assert recipe.confidence in ("high", "medium", "low")
    if recipe.confidence != "high":
        assert recipe.note, "what was not re-checked must be said"


@each_parameter
def test_parameter_is_explained(key: str, parameter: Parameter):
    assert parameter.label
    assert len(parameter.help) > 15


def test_what_is_secret_stays_on_the_server():
    secrets = {
        f"{recipe.key}.{parameter.name}"
        for recipe in catalogue().values()
        for parameter in recipe.parameters
        if parameter.secret
    }
    assert secrets == {"webhooks.authorization", "zapier.hook_url"}


# Search


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("AdWords", "adwords"),
        ("google ads", "adwords"),
        ("Facebook Pixel", "facebook-pixel"),
        ("meta", "facebook-pixel"),
        ("Twitter", "twitter-ads"),
        ("Universal Website Tag", "twitter-ads"),
        ("Wingify", "visual-website-optimizer"),
        ("Visual Website Optimizer", "visual-website-optimizer"),
        ("Clearbit", "clearbit-reveal"),
        ("HubSpot", "clearbit-reveal"),
        ("Marketo", "marketo"),
        ("munchkin", "marketo"),
        ("GTM", "google-tag-manager"),
        ("GA4", "google-analytics"),
        ("Universal Analytics", "google-analytics"),
        ("salesloft", "drift"),
        ("LINKEDIN insight", "linkedin-insight-tag"),
        ("instagram", "facebook-pixel"),
        ("live chat", "drift"),
        ("Webhooks by Zapier", "zapier"),
        ("Piwik", "matomo"),
        ("Plausible", "plausible"),
        ("Contentsquare", "hotjar"),
        ("tiktok ads", "tiktok-pixel"),
        ("pinterest", "pinterest-tag"),
        ("HubSpot tracking", "hubspot"),
        ("Intercom", "intercom"),
        ("PostHog", "posthog"),
        ("stripe checkout", "stripe"),
        ("cloudflare captcha", "turnstile"),
        ("Snapchat", "snap-pixel"),
        ("reddit ads", "reddit-pixel"),
    ],
)
def test_search_finds_old_and_new_names(query: str, key: str):
    assert key in [recipe.key for recipe in search(query)]


def test_search_takes_accents_case_and_spaces_lightly():
    assert search("  AMPLITUDÉ\tanalytics ") == [catalogue()["amplitude"]]


def test_search_wants_every_word():
    assert search("google visual") == []
    assert {recipe.key for recipe in search("google llc")} == {
        "adwords",
        "google-adsense",
        "google-analytics",
        "google-maps",
        "google-tag-manager",
        "recaptcha",
        "youtube",
    }


def test_blank_search_finds_all():
    assert search(" ") == list(catalogue().values())


# What is written into the page


@each_recipe
def test_examples_are_accepted(key: str):
    recipe = catalogue()[key]
    assert recipe.errors(examples(recipe)) == {}
    assert recipe.errors(required(recipe)) == {}


@pytest.mark.parametrize("key", sorted(STARTS))
def test_browser_tool_starts_with_its_id(key: str):
    recipe = catalogue()[key]
    html = recipe.render(examples(recipe), key)
    for part in STARTS[key]:
        assert part in html


@each_browser_tool
def test_each_value_is_in_what_is_written(key: str):
    recipe = catalogue()[key]
    html = recipe.render(required(recipe), key)
    for name, value in required(recipe).items():
        written = (json.dumps(value), escape(json.dumps(value)), escape(value), quote(value, ""))
        conditional = any(name in script.when for script in recipe.scripts)
        assert conditional or any(form in html for form in written)


@each_browser_tool
def test_every_script_carries_nonce_mark_and_tool(key: str):
    recipe = catalogue()[key]
    html = recipe.render(required(recipe), "my-tool")
    scripts = Scripts(html)
    assert scripts.found
    assert scripts.others == []
    # HTMLParser keeps NUL in attributes, as the page writer sees it.
    assert html.count('<script nonce="\0" data-consent-tool="my-tool"') == len(scripts.found)
    assert html.count("\0") == len(scripts.found)


@each_browser_tool
def test_every_script_of_a_vendor_is_from_a_host_of_the_recipe(key: str):
    recipe = catalogue()[key]
    sources = recipe.csp_sources(examples(recipe))["script-src"]
    allowed = [source.removeprefix("https://") for source in sources]
    for attributes, _ in Scripts(recipe.render(examples(recipe), key)).found:
        if address := attributes.get("src"):
            host = urlsplit(address).netloc
            assert any(
                source.split("/")[0] == host
                or (source.startswith("*") and host.endswith(source.removeprefix("*")))
                for source in allowed
            )


@each_parameter
def test_every_choice_renders(key: str, parameter: Parameter):
    recipe = catalogue()[key]
    for choice in parameter.choices:
        html = recipe.render({**examples(recipe), parameter.name: choice}, key)
        assert bool(html) == (recipe.kind == "browser")


@pytest.mark.parametrize(
    ("key", "chosen", "src"),
    [
        ("customer-io", {"region": ""}, "https://cdp.customer.io/v1/analytics-js/snippet/"),
        ("customer-io", {"region": "us"}, "https://cdp.customer.io/v1/analytics-js/snippet/"),
        ("customer-io", {"region": "eu"}, "https://cdp-eu.customer.io/v1/analytics-js/snippet/"),
        ("tiktok-pixel", {"region": ""}, "https://analytics.tiktok.com/i18n/pixel/events.js?sdkid"),
        (
            "tiktok-pixel",
            {"region": "us"},
            "https://analytics.us.tiktok.com/i18n/pixel/events.js?sdkid",
        ),
        ("recaptcha", {"version": ""}, "https://www.google.com/recaptcha/api.js?render=6L"),
        ("recaptcha", {"version": "v3"}, "https://www.google.com/recaptcha/api.js?render=6L"),
        (
            "recaptcha",
            {"version": "enterprise"},
            "https://www.google.com/recaptcha/enterprise.js?render=6L",
        ),
        ("recaptcha", {"version": "v2"}, "https://www.google.com/recaptcha/api.js"),
        ("hubspot", {"region": ""}, "https://js.hs-scripts.com/1234567.js"),
        ("hubspot", {"region": "na1"}, "https://js.hs-scripts.com/1234567.js"),
        ("hubspot", {"region": "na2"}, "https://js-na2.hs-scripts.com/1234567.js"),
        ("hubspot", {"region": "eu1"}, "https://js-eu1.hs-scripts.com/1234567.js"),
        ("hubspot", {"region": "ap1"}, "https://js-ap1.hs-scripts.com/1234567.js"),
        ("hubspot", {"region": "ca1"}, "https://js-ca1.hs-scripts.com/1234567.js"),
        ("stripe", {"fraud_signals": ""}, "https://js.stripe.com/v3/"),
        ("stripe", {"fraud_signals": "on"}, "https://js.stripe.com/v3/"),
        (
            "stripe",
            {"fraud_signals": "off"},
            "https://js.stripe.com/v3/?advancedFraudSignals=false",
        ),
    ],
)
def test_choice_decides_the_address(key: str, chosen: dict[str, str], src: str):
    recipe = catalogue()[key]
    html = recipe.render(required(recipe) | chosen, key)
    addresses = [attributes["src"] for attributes, _ in Scripts(html).found if "src" in attributes]
    assert len(addresses) == 1
    assert str(addresses[0]).startswith(src)
    assert ("?" in str(addresses[0])) == ("?" in src)


def test_blank_becomes_null_and_default_takes_its_place():
    html = catalogue()["amplitude"].render({"api_key": "f" * 32, "server_zone": " "}, "amplitude")
    assert 'serverZone: "US"' in html
    html = catalogue()["marketo"].render({"munchkin_id": "123-ABC-456"}, "marketo")
    assert "workspace = null;" in html


@pytest.mark.parametrize("key", sorted(ON_THE_SERVER))
def test_server_side_tool_writes_nothing(key: str):
    recipe = catalogue()[key]
    assert recipe.kind == "server"
    assert recipe.scripts == ()
    assert recipe.render(examples(recipe), key) == ""


def test_render_refuses_what_errors_names():
    with pytest.raises(ValueError, match=r"google-analytics: .*UA-1.*G-ABC1234567"):
        catalogue()["google-analytics"].render({"measurement_id": "UA-1"}, "google-analytics")


def test_recipes_have_no_fallback_without_javascript():
    # It would run exactly where nobody can have been asked by script.
    for recipe in catalogue().values():
        assert not any("noscript" in script.inline for script in recipe.scripts)


# Values that try to break out


nasty_text = st.one_of(
    st.text(min_size=1),
    st.text(alphabet="</script>\"'`\\&!-[]{}$\0\1\n\r\u2028\u2029 ", min_size=1),
    st.sampled_from(["</script><script>x()//", "<!--<script>", "{{value}}", "\ud800", "${x}"]),
).filter(str.strip)

ANYTHING = Parameter(name="value", label="Value", example="x", pattern=r"[\s\S]*", required=True)


def recipe_with(*scripts: Script) -> Recipe:
    return Recipe(
        key="test",
        name="Test",
        also_known_as=(),
        vendor="Test",
        kind="browser",
        category="advertising",
        placement="head",
        privacy_url="https://example.com/",
        description="Test.",
        confidence="high",
        note="",
        sources=("test",),
        parameters=(ANYTHING,),
        scripts=scripts,
        csp={},
        consent_mode=(),
        cookies=(),
    )


@given(nasty_text)
def test_literal_is_the_value_and_leaves_script_and_line_alone(value: str):
    literal = javascript_literal(value)
    assert json.loads(literal) == value
    assert literal.isascii()
    assert literal.isprintable()
    assert not set("<>&") & set(literal)


@given(nasty_text)
def test_inline_script_stays_one_script(value: str):
    html = recipe_with(Script(inline="f({{value}}, {{value}});")).render({"value": value}, "test")
    ((_, code),) = Scripts(html).found
    assert code == f"f({javascript_literal(value)}, {javascript_literal(value)});"
    assert html.count("\0") == 1
    assert "\1" not in html


@given(nasty_text)
def test_address_keeps_the_value_in_its_place(value: str):
    script = Script(src="https://example.com/a/{{value}}/b.js?id={{value}}", is_async=True)
    html = recipe_with(script).render({"value": value}, "test")
    scripts = Scripts(html)
    assert scripts.others == []
    ((attributes, code),) = scripts.found
    assert code == ""
    assert list(attributes) == ["nonce", "data-consent-tool", "src", "async"]
    address = urlsplit(str(attributes["src"]))
    written = value.encode(errors="replace").decode()
    assert address.netloc == "example.com"
    assert unquote(address.path) == f"/a/{written}/b.js"
    assert address.path.count("/") == 3
    assert parse_qs(address.query, keep_blank_values=True) == {"id": [written]}
    assert address.fragment == ""
    assert html.count("\0") == 1


@given(st.text())
def test_tool_key_and_static_attribute_cannot_leave_their_attribute(text: str):
    text = text.replace("\0", "").replace("\r", "")
    script = Script(src="https://example.com/x.js", attributes={"data-x": text})
    scripts = Scripts(recipe_with(script).render({"value": "x"}, text))
    assert scripts.others == []
    ((attributes, _),) = scripts.found
    assert attributes["data-consent-tool"] == text
    assert attributes["data-x"] == text


@given(
    st.dictionaries(st.text(), st.one_of(st.text(), st.none(), st.integers(), st.lists(st.text())))
)
def test_errors_takes_anything(values: dict[str, object]):
    for recipe in catalogue().values():
        errors = recipe.errors(values)
        assert all(errors.values())
        assert errors.keys() <= values.keys() | required(recipe).keys()


# What is said of a value that does not fit


def errors_of(key: str, /, **values: object) -> dict[str, str]:
    recipe = catalogue()[key]
    return recipe.errors(required(recipe) | values)


@each_parameter
def test_error_names_the_value_and_what_is_expected(key: str, parameter: Parameter):
    (message,) = errors_of(key, **{parameter.name: "<wrong> "}).values()
    assert ("<wrong>" in message) is not parameter.secret
    for expected in parameter.choices or (parameter.example,):
        assert expected in message


def test_error_where_a_required_value_is_missing():
    expected = {"measurement_id": "Measurement ID is missing. It looks like this: G-ABC1234567"}
    assert catalogue()["google-analytics"].errors({}) == expected
    assert catalogue()["google-analytics"].errors({"measurement_id": " \n"}) == expected


def test_blank_optional_value_is_fine():
    assert errors_of("adwords", conversion_label="", report="") == {}


def test_error_for_an_unknown_name_says_which_there_are():
    assert errors_of("google-analytics", tracking_id="UA-1") == {
        "tracking_id": "“tracking_id” is not a parameter of Google Analytics. "
        "It has: measurement_id"
    }


@pytest.mark.parametrize("value", [1234567, None, True, ["1234567"], {"id": 1}])
def test_error_for_what_is_not_text(value: object):
    (message,) = errors_of("drip", account_id=value).values()
    assert message == f"{value!r} is not text. Account ID is written as text: 1234567"


def test_error_shortens_a_long_value():
    (message,) = errors_of("drip", account_id="9" * 5000).values()
    assert len(message) < 200
    assert "9…" in message


@pytest.mark.parametrize("value", ["https://secret.example/x", 98765])
def test_error_does_not_repeat_a_secret(value: object):
    (message,) = errors_of("zapier", hook_url=value).values()
    assert str(value) not in message


@pytest.mark.parametrize(
    ("key", "name", "wrong"),
    [
        ("google-analytics", "measurement_id", ["UA-12345-1", "g-abc1234567", "G-ABC1234567\n"]),
        ("google-tag-manager", "container_id", ["GTM-", "G-ABC1234567"]),
        ("adwords", "conversion_id", ["123456789", "AW-12345678٣"]),
        ("clearbit-reveal", "publishable_key", ["sk_0123456789abcdef0123456789abcdef"]),
        ("recaptcha", "version", ["V3", "v4"]),
        # That it is https, and public, is no matter of form: see `consent.events.endpoints`.
        ("webhooks", "url", ["ftp://example.com/", "https://", "https://user@example.com/"]),
        ("webhooks", "authorization", [" Bearer abc", "Bearer abc\r\nX-Header: 1", "ö"]),
        ("zapier", "hook_url", ["https://hooks.zapier.com.evil.example/hooks/catch/1/abcd/"]),
        ("marketo", "munchkin_id", ["123-abc-456", "123ABC456"]),
        ("facebook-pixel", "pixel_id", ["12345", "\N{FULLWIDTH DIGIT ONE}" * 15]),
        (
            "matomo",
            "matomo_url",
            [
                "http://analytics.example.com",
                "https://",
                "https://analytics.example.com/matomo.js?x=1",
                "https://analytics.example.com; script-src *",
                "https://user@analytics.example.com",
                "https://analytics..example.com",
            ],
        ),
        ("plausible", "host", ["https://stats.example.com/", "stats.example.com"]),
        ("hotjar", "site_id", ["1", "0123456789ab", "0123456789abcg"]),
        ("posthog", "host", ["https://eu.i.posthog.com/static?x=1", "//eu.i.posthog.com"]),
        ("stripe", "publishable_key", ["sk_live_EXAMPLE0000000000000000", "rk_live_EXAMPLE00000"]),
        ("turnstile", "site_key", ["1x0000", "9x00000000000000000000AA"]),
        ("reddit-pixel", "pixel_id", ["t3_abcdef", "t2_ABCDEF"]),
    ],
)
def test_wrong_values_are_refused(key: str, name: str, wrong: list[str]):
    for value in wrong:
        assert list(errors_of(key, **{name: value})) == [name]


@pytest.mark.parametrize(
    ("key", "name", "right"),
    [
        ("google-analytics", "measurement_id", ["GT-ABC1234", "G-ABC1234567"]),
        ("adwords", "conversion_id", ["AW-123456789", "DC-1234567"]),
        ("snap-pixel", "pixel_id", ["01234567-89AB-CDEF-0123-456789ABCDEF"]),
        ("hotjar", "site_id", ["12", "123"]),
        ("hubspot", "portal_id", ["53", "123"]),
        ("posthog", "host", ["https://www.example.com/ingest", "https://eu.i.posthog.com"]),
    ],
)
def test_valid_values_are_accepted(key: str, name: str, right: list[str]):
    for value in right:
        assert errors_of(key, **{name: value}) == {}


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("segment", ["persisted-queue:*", "__tld__"]),
        ("customer-io", ["persisted-queue:*", "ajs_group_properties", "gist.web.*"]),
        ("microsoft-uet", ["_uetmsclkid", "_uetmsclkid_exp", "_clck", "_clsk", "_cltk"]),
        ("facebook-pixel", ["lastExternalReferrer", "lastExternalReferrerTime"]),
        ("snap-pixel", ["u_sclid", "u_sclid_r", "u_scsid", "u_scsid_r", "_schn1"]),
        ("reddit-pixel", ["_rdt_cid"]),
        ("posthog", ["ph_*_session_registered_properties", "ph_*_posthog_cpm", "seenSurvey_*"]),
        ("amplitude", ["AMP_URL_INFO", "AMP_PAGE_VIEW", "AMP_diagnostics_*"]),
        ("amplitude", ["*_amp_session_replay_*"]),
        ("microsoft-clarity", ["_cltk"]),
        ("tiktok-pixel", ["tt_adInfo", "ttclid"]),
        ("pinterest-tag", ["is_eu", "_nccapi_url"]),
    ],
)
def test_what_real_code_stores_is_declared(key: str, names: list[str]):
    """As the vendors' own scripts were seen to do, so that a withdrawal deletes it."""
    assert {*names} <= {cookie.name for cookie in catalogue()[key].cookies}


def test_a_container_of_inline_scripts_says_what_a_policy_does_to_them():
    assert "inline scripts" in catalogue()["google-tag-manager"].note


def test_clarity_that_microsofts_file_loads_is_declared():
    recipe = catalogue()["microsoft-uet"]
    clarity = catalogue()["microsoft-clarity"]
    assert "https://www.clarity.ms" in recipe.csp["script-src"]
    assert {*clarity.csp["connect-src"]} <= {*recipe.csp["connect-src"]}
    assert {each.name for each in clarity.cookies} <= {each.name for each in recipe.cookies}
    assert "Clarity" in recipe.note


@pytest.mark.parametrize("host", ["https://eu.posthog.com", "https://app.posthog.com"])
def test_posthog_may_send_where_its_code_sends(host: str):
    recipe = catalogue()["posthog"]
    sources = recipe.csp_sources(required(recipe) | {"host": host})["connect-src"]
    assert {"https://us.i.posthog.com", "https://eu.i.posthog.com"} <= {*sources}


def test_tag_managers_are_marked_and_say_so():
    marked = {key for key, recipe in catalogue().items() if recipe.loads_others}
    assert marked == {
        "adobe-tags",
        "google-tag-manager",
        "hightouch-events",
        "piwik-pro",
        "rudderstack",
        "segment",
    }
    assert all("policy" in catalogue()[key].note for key in marked)


@each_recipe
def test_each_fact_has_a_date(key: str):
    checked = catalogue()[key].checked
    assert checked is not None
    assert date(2026, 11, 1) <= checked <= datetime.now(tz=UTC).date()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("google-adsense", "certified"),
        ("cloudflare-web-analytics", "before consent"),
        ("onesignal", "subscription outlives"),
        ("yandex-metrica", "Russia"),
        ("piwik-pro", "consent manager"),
    ],
)
def test_what_consent_alone_does_not_settle_is_said(key: str, words: str):
    assert words in catalogue()[key].note


# What a Content-Security-Policy has to allow

# https://www.w3.org/TR/CSP3/#grammardef-source-expression, with what recipes use of it.
SOURCE = re.compile(
    r"(https|wss)://(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?(/[A-Za-z0-9./_-]*)?"
    r"|blob:|data:|'[a-z-]+'"
)
# The parameters of which the origin stands in a recipe's [csp].
ADDRESSES = {
    "freshchat": ("host", "https://acme.freshchat.com", ""),
    "hightouch-events": ("api_host", "https://events.example.org", ""),
    "matomo": ("matomo_url", "https://stats.example.org:8443", "/some/where/"),
    "pardot": ("tracker", "https://go.example.org", ""),
    "pendo": ("cdn", "https://cdn.eu.pendo.io", ""),
    "piano-analytics": ("collect_domain", "https://logs9.xiti.com", ""),
    "piwik-pro": ("account", "https://stats.example.org:8443", "/some/where/"),
    "plausible": ("host", "https://stats.example.org:8443", ""),
    "posthog": ("host", "https://stats.example.org:8443", ""),
    "rudderstack": ("data_plane_url", "https://data.example.org:8443", "/some/where/"),
    "rybbit": ("host", "https://stats.example.org:8443", "/some/where/"),
    "snowplow": ("script_url", "https://static.example.org", "/lib@1/sp-3.24.js"),
    "umami": ("host", "https://stats.example.org:8443", "/some/where/"),
}
# Only where data is sent: the tool's scripts come from elsewhere.
RECEIVERS = {"hightouch-events", "piano-analytics", "rudderstack"}


@each_recipe
def test_csp_sources_are_sources_whatever_the_choice(key: str):
    recipe = catalogue()[key]
    chosen = [
        {parameter.name: choice} for parameter in recipe.parameters for choice in parameter.choices
    ]
    for values in ({}, examples(recipe), *chosen):
        directives = recipe.csp_sources(required(recipe) | values)
        assert directives.keys() == recipe.csp.keys()
        for sources in directives.values():
            assert all(SOURCE.fullmatch(source) for source in sources)
            assert len(set(sources)) == len(sources)


def test_csp_that_depends_on_a_parameter_is_looked_at_here():
    depending = {
        key
        for key, recipe in catalogue().items()
        if any("{{" in entry for entries in recipe.csp.values() for entry in entries)
    }
    assert depending == ADDRESSES.keys()


def test_every_address_that_scripts_come_from_is_code():
    for key in ADDRESSES:
        assert address_parameter(key).code == (key not in RECEIVERS)


@pytest.mark.parametrize("key", sorted(ADDRESSES))
def test_csp_allows_the_origin_of_the_address_that_was_given(key: str):
    recipe = catalogue()[key]
    name, origin, rest = ADDRESSES[key]
    for directive, sources in recipe.csp_sources(required(recipe) | {name: origin + rest}).items():
        assert (origin in sources) == (f"{{{{{name}}}}}" in recipe.csp[directive])
        assert not any("{" in source for source in sources)
    assert (f"{{{{{name}}}}}" in recipe.csp["script-src"]) == (key not in RECEIVERS)


def test_csp_takes_the_default_where_the_address_is_blank():
    recipe = catalogue()["plausible"]
    sources = recipe.csp_sources(required(recipe) | {"host": " "})
    assert sources == {
        "script-src": ("https://plausible.io",),
        "connect-src": ("https://plausible.io",),
    }


def test_csp_holds_no_source_twice():
    recipe = catalogue()["posthog"]
    host = "https://eu-assets.i.posthog.com"
    sources = recipe.csp_sources(required(recipe) | {"host": host})
    assert sources["connect-src"] == (
        host,
        "https://us.i.posthog.com",
        "https://eu.i.posthog.com",
        "https://us-assets.i.posthog.com",
    )


def test_csp_sources_refuses_what_errors_names():
    with pytest.raises(ValueError, match=r"matomo: .*http://x.*https://analytics.example.com"):
        catalogue()["matomo"].csp_sources({"matomo_url": "http://x", "site_id": "1"})


def address_parameter(key: str) -> Parameter:
    (found,) = (each for each in catalogue()[key].parameters if each.name == ADDRESSES[key][0])
    return found


# One recipe for each of the patterns.
PATTERNS = {address_parameter(key).pattern: key for key in sorted(ADDRESSES, reverse=True)}


@pytest.mark.parametrize("key", sorted(key for pattern, key in PATTERNS.items() if pattern))
@given(data=st.data())
def test_every_address_that_a_pattern_accepts_is_a_source(key: str, data: st.DataObject):
    recipe, parameter = catalogue()[key], address_parameter(key)
    pattern = re.compile(parameter.pattern, re.ASCII)
    address = data.draw(st.from_regex(pattern, fullmatch=True))
    directive = "connect-src" if key in RECEIVERS else "script-src"
    sources = recipe.csp_sources(required(recipe) | {parameter.name: address})[directive]
    assert all(SOURCE.fullmatch(source) for source in sources)
    assert sources[0] == "/".join(address.split("/")[:3])


@given(
    st.one_of(nasty_text, nasty_text.map("https://".__add__), nasty_text.map("https://a".__add__))
)
def test_no_value_breaks_out_of_a_policy(value: str):
    recipe = replace(recipe_with(), csp={"script-src": ("{{value}}",)})
    try:
        (source,) = recipe.csp_sources({"value": value})["script-src"]
    except ValueError:
        return
    assert re.fullmatch(r"https://[A-Za-z0-9.:-]+", source)
    assert value.startswith(source)


# Files that are refused


GOOD = """
name = "Good"
also_known_as = ["Fine"]
vendor = "Good, Inc."
kind = "browser"
category = "advertising"
placement = "head"
privacy_url = "https://good.example/privacy"
description = "Does good."
confidence = "low"
note = "One line\\nand another."
sources = ["https://good.example/docs"]

[[parameters]]
name = "site"
label = "Site"
pattern = '[a-z]{1,5}'
example = "abc"
help = "In Good: Settings."
required = true

[[parameters]]
name = "zone"
label = "Zone"
choices = ["eu", "us"]
example = "eu"
default = "us"
help = "Where you are."

[[scripts]]
inline = "good({{site}});"

[[scripts]]
src = "https://good.example/{{site}}.js"
async = true
attributes = { referrerpolicy = "origin", defer = true }
when = { zone = ["eu"] }

[csp]
script-src = ["https://good.example", "'unsafe-inline'"]

[consent_mode]
types = ["ad_storage"]

[[cookies]]
name = "_good_*"
kind = "cookie"
party = "first"
retention = "1 year"
purpose = "Counts."
"""


def write(directory: Path, text: str, name: str = "good.toml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def assert_refused(path: Path, message: str) -> None:
    """Check that the recipe in ``path`` is refused, with the name of the file and ``message``."""
    with pytest.raises(RecipeError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path.name}: {message}")


def test_good_file_is_read_in_full(tmp_path: Path):
    recipe = load(write(tmp_path, GOOD))
    assert (recipe.key, recipe.name, recipe.note) == ("good", "Good", "One line and another.")
    assert recipe.parameters[1].choices == ("eu", "us")
    assert recipe.scripts[1].when == {"zone": ("eu",)}
    assert recipe.scripts[1].attributes == {"referrerpolicy": "origin", "defer": None}
    assert recipe.csp == {"script-src": ("https://good.example", "'unsafe-inline'")}
    assert recipe.cookies[0].name == "_good_*"
    assert recipe == load(tmp_path / "good.toml")
    assert hash(recipe) == hash(load(tmp_path / "good.toml"))
    assert recipe.render({"site": "abc", "zone": "eu"}, "good") == (
        '<script nonce="\0" data-consent-tool="good">good("abc");</script>\n'
        '<script nonce="\0" data-consent-tool="good" src="https://good.example/abc.js" async'
        ' referrerpolicy="origin" defer></script>'
    )


def test_inline_script_may_ask_for_what_it_is_told(tmp_path: Path):
    path = write(
        tmp_path, GOOD.replace("good({{site}})", "{{consent_signals}}({{consent_choices}})")
    )
    recipe = load(path)
    html = recipe.render({"site": "abc", "zone": "us"}, "good")
    assert html == '<script nonce="\0" data-consent-tool="good">\1(\2);</script>'
    assert recipe.hears_signals


def test_a_tag_of_googles_is_told_first(tmp_path: Path):
    path = write(tmp_path, GOOD.replace("types =", "google_tag = true\ntypes ="))
    recipe = load(path)
    first, second, _ = Scripts(recipe.render({"site": "abc", "zone": "eu"}, "good")).found
    assert '"consent","default"' in first[1]
    assert second[1] == 'good("abc");'
    assert recipe.hears_signals
    assert not load(write(tmp_path, GOOD, "other.toml")).hears_signals


def test_every_tag_of_googles_is_told_first():
    for recipe in catalogue().values():
        loads_tag = any("googletagmanager.com" in script.src for script in recipe.scripts)
        assert (recipe.scripts[:1] == (google.PRELUDE,)) == loads_tag, recipe.key


BROKEN = [
    # What is replaced, by what, and the message without the file's name.
    ('name = "Good"\n', "", "name: is missing."),
    ('name = "Good"', "name = 3", "name: must be text."),
    ('name = "Good"', 'name = " "', "name: must not be blank."),
    ('name = "Good"', 'name = "a\\u0000b"', "name: must not hold control characters."),
    ('name = "Good"', f'name = "{"x" * 81}"', "name: must not be longer than 80 characters."),
    (
        'kind = "browser"',
        'kind = "brwser"',
        "kind: “brwser” is not one of: browser, server, embed.",
    ),
    ('kind = "browser"', 'kind = "server"', "scripts: are for browser tools only."),
    ('placement = "head"', 'placement = "foot"', "placement: “foot” is not one of: head, body, "),
    ('confidence = "low"', 'confidence = "sure"', "confidence: “sure” is not one of: high, "),
    ('category = "advertising"', 'category = "Ads!"', "category: “Ads!” does not match"),
    ('["Fine"]', '["Fine", 3]', "also_known_as[1]: must be text."),
    ('["Fine"]', '["Fine", "Fine"]', "also_known_as: holds the same text twice."),
    ('["Fine"]', "[]", "also_known_as: must be a list of texts that is not empty."),
    ('["Fine"]', '"Fine"', "also_known_as: must be a list of texts that is not empty."),
    ('sources = ["https://good.example/docs"]', "", "sources: is missing."),
    ("https://good.example/privacy", "http://good.example/", "privacy_url: “http://good.example/"),
    ("https://good.example/privacy", "https://[", "privacy_url: “https://[” is not an https"),
    ('privacy_url = "https://good.example/privacy"', "", "privacy_url: is missing."),
    ('vendor = "Good', 'vendors = 1\nvendor = "Good', "vendors: is unknown. Known are: "),
    ('vendor = "Good', 'key = "x"\nvendor = "Good', "key: is unknown."),
    ('label = "Site"\n', "", "parameters[0].label: is missing."),
    ('label = "Site"', 'label = "Site"\nlbl = ""', "parameters[0].lbl: is unknown."),
    ('name = "site"', 'name = "Site"', "parameters[0].name: “Site” does not match"),
    ('name = "zone"', 'name = "site"', "parameters[1].name: “site” is there twice."),
    ("'[a-z]{1,5}'", "'[a-z'", "parameters[0].pattern: is not a regular expression: "),
    ("'[a-z]{1,5}'", "'^[a-z]+'", "parameters[0].pattern: must do without ^ and $"),
    ("pattern = '[a-z]{1,5}'\n", "", "parameters[0].pattern: or choices must be given"),
    ('choices = ["eu", "us"]', 'choices = ["eu", "us"]\npattern = "eu"', "parameters[1].pattern: "),
    ('example = "abc"', 'example = "ABC"', "parameters[0].example: “ABC” does not fit"),
    ('example = "eu"', 'example = "uk"', "parameters[1].example: “uk” does not fit"),
    ('default = "us"', 'default = "uk"', "parameters[1].default: “uk” does not fit"),
    ("required = true", 'required = "yes"', "parameters[0].required: must be true or false."),
    ("required = true", "secret = true", "scripts[1].src: holds site, which may be blank"),
    ("required = true", "required = true\nsecret = true", "parameters[0].secret: would be read"),
    ('default = "us"\n', "", "scripts[1].when.zone: may be blank"),
    ("good({{site}})", "good({{sight}})", "scripts[0].inline: holds {{sight}}, but there is no "),
    ("good({{site}})", "good({{ site }})", "scripts[0].inline: holds {{ that is no placeholder."),
    ("good({{site}})", "good('{{site}}')", "scripts[0].inline: has a placeholder in quotes"),
    ("good({{site}})", "x('</SCRIPT>')", "scripts[0].inline: must not hold a script tag"),
    ("good({{site}})", "x('<!-- ')", "scripts[0].inline: must not hold a script tag"),
    ('good({{site}});"', 'x();"\nasync = true', "scripts[0].async: has no meaning"),
    ('good({{site}});"', 'x();"\nsrc = "https://x.example/"', "scripts[0].inline: or src must be"),
    ('inline = "good({{site}});"', "", "scripts[0].inline: or src must be given"),
    ("https://good.example/{{site}}", "http://good.example/{{site}}", "scripts[1].src: “http:"),
    ("https://good.example/{{site}}", "//good.example/{{site}}", "scripts[1].src: “//good"),
    ("https://good.example/{{site}}", "https://{{site}}.example/", "scripts[1].src: “https://{{"),
    ("https://good.example/{{site}}", "https://good.example/{{", "scripts[1].src: holds {{ that"),
    ("defer = true", "onload = 'x()'", "scripts[1].attributes.onload: is not an attribute that"),
    ("defer = true", "nonce = 'x'", "scripts[1].attributes.nonce: is not an attribute that"),
    ("defer = true", "defer = 1", "scripts[1].attributes.defer: must be text."),
    ('zone = ["eu"]', 'zone = ["uk"]', "scripts[1].when.zone: must name a parameter and some of"),
    ('zone = ["eu"]', 'zoo = ["eu"]', "scripts[1].when.zoo: must name a parameter and some of"),
    ("script-src", "script-sauce", "csp.script-sauce: is unknown."),
    ("'unsafe-inline'\"", 'a b"', "csp.script-src[1]: “a b” is not a source that CSP knows, nor"),
    ("'unsafe-inline'\"", '{{site}}"', "csp.script-src[1]: “{{site}}” is not a source that CSP"),
    ("'unsafe-inline'\"", '{{zone}}"', "csp.script-src[1]: “{{zone}}” is not a source that CSP"),
    ("'unsafe-inline'\"", '{{sight}}"', "csp.script-src[1]: “{{sight}}” is not a source that CSP"),
    ("'unsafe-inline'\"", 'https://{{zone}}.x"', "csp.script-src[1]: “https://{{zone}}.x” is not"),
    ('["ad_storage"]', '["adstorage"]', "consent_mode.types[0]: “adstorage” is not a type of"),
    ("types =", "kinds =", "consent_mode.kinds: is unknown."),
    ("types =", "google_tag = 1\ntypes =", "consent_mode.google_tag: must be true or false."),
    ("{{site}}.js", "{{consent_signals}}.js", "scripts[1].src: holds {{consent_signals}}, but "),
    ('name = "site"', 'name = "consent_choices"', "parameters[0].name: “consent_choices” is what "),
    (
        "good({{site}})",
        "good('{{consent_signals}}')",
        "scripts[0].inline: has a placeholder in quo",
    ),
    ('"_good_*"', '"_good; x"', "cookies[0].name: “_good; x” does not match"),
    ('kind = "cookie"', 'kind = "local"', "cookies[0].kind: “local” is not one of: cookie, "),
    ('party = "first"', 'party = "second"', "cookies[0].party: “second” is not one of: first, "),
    ('retention = "1 year"\n', "", "cookies[0].retention: is missing."),
    ('purpose = "Counts."', f'purpose = "{"x" * 301}"', "cookies[0].purpose: must not be longer"),
    ("sources =", "recognised_by = ['… ']\nsources =", "recognised_by[0]: is blank."),
    (
        "sources =",
        "recognised_by = [\"load('{{sight}}'\"]\nsources =",
        "recognised_by[0]: holds {{sight}}, but there is no such parameter.",
    ),
    (
        "sources =",
        'recognised_by = ["good.eu( → zone=uk"]\nsources =',
        "recognised_by[0]: implies “zone=uk”, which no parameter accepts.",
    ),
    ("[csp]", "[[csp]]", "csp: must be a table."),
    ("[[cookies]]", "[cookies]", "cookies: must be a list of tables."),
    ('name = "Good"', 'name = "Good', "is not valid TOML: "),
]


@pytest.mark.parametrize(("old", "new", "message"), BROKEN, ids=[case[2] for case in BROKEN])
def test_broken_file_is_refused_with_file_and_field_named(
    tmp_path: Path, old: str, new: str, message: str
):
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    assert_refused(path, message)


def test_parameter_that_no_script_uses_is_refused(tmp_path: Path):
    path = write(tmp_path, GOOD.replace('when = { zone = ["eu"] }', ""))
    with pytest.raises(RecipeError, match=r"good.toml: parameters\[1\].name: “zone” is never used"):
        load(path)


def test_browser_tool_without_scripts_is_refused(tmp_path: Path):
    before, rest = GOOD.split("[[scripts]]", 1)
    path = write(tmp_path, before + rest[rest.index("[csp]") :])
    with pytest.raises(RecipeError, match=r"good.toml: scripts: are missing"):
        load(path)


def test_cookie_that_is_there_twice_is_refused(tmp_path: Path):
    cookie = GOOD[GOOD.index("[[cookies]]") :]
    path = write(tmp_path, GOOD + cookie)
    with pytest.raises(RecipeError, match=r"cookies\[1\].name: “cookie _good_\*” is there twice"):
        load(path)
    storage = cookie.replace('kind = "cookie"', 'kind = "storage"')
    assert len(load(write(tmp_path, GOOD + storage)).cookies) == 2


GOOD_ADDRESS = r"""
[[parameters]]
name = "host"
label = "Host"
pattern = 'https:\/\/[a-z.]+'
example = "https://good.example"
help = "In Good: Settings."
required = true

[[scripts]]
inline = "host({{host}});"

[csp]
img-src = ["{{host}}"]
"""


def with_address(old: str = "", new: str = "") -> str:
    """Return the good file with a parameter that is an address, and something replaced in it."""
    assert old in GOOD_ADDRESS
    return GOOD.replace("\n[csp]\n", GOOD_ADDRESS.replace(old, new, 1))


def test_csp_may_hold_an_address(tmp_path: Path):
    recipe = load(write(tmp_path, with_address()))
    assert recipe.csp["img-src"] == ("{{host}}",)
    values = {"site": "abc", "host": "https://other.example"}
    assert recipe.csp_sources(values)["img-src"] == ("https://other.example",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("required = true", ""),
        ("pattern = 'https:", "pattern = 'https?:"),
        ('example = "https://good.example"', 'example = "https://good..example"'),
        ("required = true", 'default = "https://.good"'),
        ('"{{host}}"', '"{{host}}/path"'),
        ('"{{host}}"', '"https://{{host}}"'),
        ('"{{host}}"', '"{{ host }}"'),
    ],
)
def test_csp_is_refused_where_it_could_become_no_source(tmp_path: Path, old: str, new: str):
    path = write(tmp_path, with_address(old, new))
    with pytest.raises(RecipeError, match=r"^good.toml: csp.img-src\[0\]: “.*host.*” is not a sou"):
        load(path)


def test_address_of_a_script_must_be_marked_as_code(tmp_path: Path):
    text = with_address('img-src = ["{{host}}"]', 'script-src = ["{{host}}"]').replace(
        'script-src = ["https://good.example", "\'unsafe-inline\'"]\n', ""
    )
    with pytest.raises(RecipeError, match=r"parameters\[2\].code: must be code = true"):
        load(write(tmp_path, text))
    marked = text.replace('label = "Host"', 'label = "Host"\ncode = true')
    assert load(write(tmp_path, marked)).code({"host": "https://x.example"}) == {
        "host": "https://x.example"
    }


@pytest.mark.parametrize("name", ["Good.toml", "go_od.toml", "-good.toml", f"{'x' * 41}.toml"])
def test_file_name_must_be_a_key(tmp_path: Path, name: str):
    with pytest.raises(RecipeError, match="the file's name must match"):
        load(write(tmp_path, GOOD, name))


def test_file_that_cannot_be_read_is_refused(tmp_path: Path):
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(RecipeError, match=r"latin.toml: is not valid TOML"):
        load(tmp_path / "latin.toml")
    with pytest.raises(RecipeError, match=r"gone.toml: cannot be read"):
        load(tmp_path / "gone.toml")


def test_problems_names_every_broken_file_and_no_other(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("consent.recipes.directories", lambda: [tmp_path])
    write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace('kind = "browser"', 'kind = "x"'), "kind.toml")
    write(tmp_path, "", "empty.toml")
    found = problems()
    assert [message.split(":")[0] for message in found] == ["empty.toml", "kind.toml"]


# Recipes of other apps


@pytest.fixture
def app_with_recipes(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """Return the directory for recipes of an app that is installed during the test."""
    app = tmp_path / "vendors_of_ours"
    directory = app / "consent_recipes"
    directory.mkdir(parents=True)
    app.joinpath("__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with modify_settings(INSTALLED_APPS={"append": "vendors_of_ours"}):
        yield directory
    sys.modules.pop("vendors_of_ours", None)


def test_installed_app_brings_its_own_recipes(app_with_recipes: Path):
    write(app_with_recipes, GOOD)

    assert catalogue()["good"].name == "Good"
    assert "google-analytics" in catalogue()
    assert [recipe.key for recipe in search("good inc")] == ["good"]


def test_recipe_of_an_app_that_is_not_installed_is_not_offered(app_with_recipes: Path):
    write(app_with_recipes, GOOD)
    assert "good" in catalogue()

    with modify_settings(INSTALLED_APPS={"remove": "vendors_of_ours"}):
        assert "good" not in catalogue()


def test_recipe_of_an_app_replaces_the_one_of_the_same_key(app_with_recipes: Path):
    write(app_with_recipes, GOOD, "hotjar.toml")

    assert catalogue()["hotjar"].name == "Good"


def test_invalid_recipe_of_an_app_is_a_problem(app_with_recipes: Path):
    write(app_with_recipes, "")

    assert [message.split(":")[0] for message in problems()] == ["good.toml"]


def test_server_side_tool_needs_no_privacy_page_and_uses_no_parameter_in_scripts(tmp_path: Path):
    scripts = GOOD[GOOD.index("[[scripts]]") : GOOD.index("[csp]")]
    text = GOOD.replace(scripts, "").replace('kind = "browser"', 'kind = "server"')
    text = text.replace('privacy_url = "https://good.example/privacy"\n', 'endpoint = "site"\n')
    recipe = load(write(tmp_path, text))
    assert recipe.privacy_url == ""
    assert recipe.render({"site": "abc"}, "good") == ""
    assert (recipe.endpoint, recipe.authorization, recipe.signed) == ("site", "", False)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "endpoint: is missing"),
        ('endpoint = "other"', "endpoint: “other” is not one of the parameters that are required"),
        (
            'endpoint = "site"\nauthorization = "site"',
            "authorization: “site” is not one of the parameters that are secret",
        ),
    ],
)
def test_server_side_tool_says_where_its_events_go(tmp_path: Path, line: str, message: str):
    scripts = GOOD[GOOD.index("[[scripts]]") : GOOD.index("[csp]")]
    text = GOOD.replace(scripts, "").replace('kind = "browser"', f'kind = "server"\n{line}')
    with pytest.raises(RecipeError, match=message):
        load(write(tmp_path, text))


@pytest.mark.parametrize("line", ['endpoint = "site"', 'authorization = "site"', "signed = true"])
def test_browser_tool_gets_no_events(tmp_path: Path, line: str):
    text = GOOD.replace('kind = "browser"', f'kind = "browser"\n{line}')
    with pytest.raises(RecipeError, match="is for tools of the kind server only"):
        load(write(tmp_path, text))


def test_all_that_recipes_tell_visitors_is_a_sentence():
    texts = chain.from_iterable(
        (recipe.description, *(cookie.purpose for cookie in recipe.cookies))
        for recipe in catalogue().values()
    )
    for text in texts:
        assert text.endswith(".")
        assert text == " ".join(text.split())


# The guide's examples

GUIDE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_main_example_of_the_guide_is_a_recipe(tmp_path: Path):
    recipe = load(write(tmp_path, EXAMPLES[0], "google-analytics.toml"))

    assert recipe.errors({"measurement_id": "G-ABC1234567"}) == {}
    assert len(recipe.scripts) == 4


def test_other_examples_of_the_guide_fit_into_a_recipe(tmp_path: Path):
    attributes, recognised_by, address, start, embed = EXAMPLES[1:]
    recipe = load(write(tmp_path, GOOD.replace("[[", f"{recognised_by}\n[[", 1)))
    assert len(recipe.recognised_by) == len(recognised_by.splitlines()) - 2
    head = GOOD[: GOOD.index("[[parameters]]")]
    site = GOOD[GOOD.index("[[parameters]]") :].split("\n\n")[0]
    recipe = load(write(tmp_path, f"{head}\n{site}\n\n{attributes}"))
    html = recipe.render({"site": "abc"}, "good")
    assert Scripts(html).found[0][0]["data-site-id"] == "abc"
    recipe = load(write(tmp_path, f"{head}\n{address}\n{start}"))
    html = recipe.render({"matomo_url": "https://a.example/x/"}, "good")
    assert Scripts(html).found[0][0]["src"] == "https://a.example/x/matomo.js"
    assert recipe.csp_sources({"matomo_url": "https://a.example/x"})["script-src"] == (
        "https://a.example",
        "https://cdn.matomo.cloud",
    )

    head = head.replace('kind = "browser"', 'kind = "embed"').replace('"head"', '"manual"')
    recipe = load(write(tmp_path, f"{head}\n{embed}"))
    assert recipe.embed is not None
    assert recipe.embed.errors({"id": "https://vimeo.com/123456789"}) == {}
