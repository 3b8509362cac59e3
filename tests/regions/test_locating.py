"""Where a visitor's region is known from (CONSENT_REGION), and what caches are told of it."""

import json
import logging
import socket
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from consent.models import RegionRule
from consent.policy import policies
from consent.regions import geoip, locating
from tests.helpers import (
    CAPTCHA,
    GUARD,
    OPTIONAL,
    TOOLS,
    consent_in,
    grant,
    page_request,
    small_site,
    tool_scripts,
    vary,
)

PRESETS = {
    "cloudflare": ("CF-IPCountry", "CF-Region-Code"),
    "cloudfront": ("CloudFront-Viewer-Country", "CloudFront-Viewer-Country-Region"),
    "fastly": ("Client-Geo-Country", "Client-Geo-Region"),
    "app-engine": ("X-AppEngine-Country", "X-AppEngine-Region"),
}

# The home page has no place for the captcha, which a template would have to keep.
ALL, NONE = set(TOOLS) - {CAPTCHA}, {GUARD}

calls: list[str] = []


def in_texas(request: HttpRequest) -> str:
    calls.append(request.path)
    return "us-tx"


def fails(request: HttpRequest) -> str:
    raise RuntimeError("The database of addresses is gone.")


def knows_nothing(request: HttpRequest) -> None:
    return None


def located(**headers: str) -> str:
    return locating.region_of(RequestFactory().get("/", headers=headers))


def by(preset: str, country: str, part: str = "") -> str:
    names = PRESETS[preset]
    request = RequestFactory().get("/", headers={names[0]: country, names[1]: part})
    return locating.region_of(request)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    ("country", "part", "expected"),
    [
        ("DE", "", "DE"),
        ("US", "CA", "US-CA"),
        ("us", "ca", "US-CA"),
        (" FR ", " IDF ", "FR-IDF"),
        ("GB", "ENG", "GB-ENG"),
        # What they say where they do not know, and of Tor.
        ("XX", "", ""),
        ("ZZ", "?", ""),
        ("T1", "", ""),
        ("t1", "CA", ""),
        # What older databases of addresses say of a continent, and what no country is called.
        ("EU", "", ""),
        ("AP", "", ""),
        ("UK", "ENG", ""),
        ("XK", "", "XK"),
        ("", "", ""),
        ("?", "?", ""),
        ("US", "?", "US"),
        ("US", "California", "US"),
        ("US", "CA, TX", "US"),
        # No garbage becomes a region.
        ("", "CA", ""),
        ("DEU", "BY", ""),
        ("US-CA", "", ""),
        ("US-CA", "TX", ""),
        ("D", "E", ""),
        ("<script>", "'", ""),
        ("DE, US", "", ""),
        ("\x00\xff", "\xe4", ""),
    ],
)
def test_preset_reads_its_headers(settings, preset, country, part, expected):
    settings.CONSENT_REGION = preset

    assert by(preset, country, part) == expected
    assert locating.headers() == PRESETS[preset]


def test_headers_of_other_proxies_are_not_trusted(settings):
    everything = {name: "US" for names in PRESETS.values() for name in names[:1]}
    for preset, (country, _) in PRESETS.items():
        settings.CONSENT_REGION = preset
        others = {name: value for name, value in everything.items() if name != country}
        assert located(**others) == ""
    settings.CONSENT_REGION = None
    assert located(**everything) == ""
    assert locating.headers() == ()


def test_headers_of_the_site_s_own(settings):
    settings.CONSENT_REGION = {"country": "X-Country", "subdivision": "X-Part"}
    assert located(**{"X-Country": "us", "X-Part": "ca"}) == "US-CA"
    assert locating.headers() == ("X-Country", "X-Part")

    settings.CONSENT_REGION = {"country": "X-Country"}
    assert located(**{"X-Country": "US", "X-Part": "CA"}) == "US"
    assert locating.headers() == ("X-Country",)

    settings.CONSENT_REGION = {"subdivision": "X-Part"}
    assert located(**{"X-Part": "CA"}) == ""


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (in_texas, "US-TX"),
        ("tests.regions.test_locating.in_texas", "US-TX"),
        (knows_nothing, ""),
        (lambda request: "", ""),
        (lambda request: "DE", "DE"),
        (lambda request: "XX", ""),
        (lambda request: "US-CALIFORNIA", "US"),
        (lambda request: "Germany", ""),
        (lambda request: 49, ""),
    ],
)
def test_function_of_the_site_s_own(settings, setting, expected):
    settings.CONSENT_REGION = setting

    assert located() == expected
    # It may look at anything.
    assert locating.headers() is None


@pytest.mark.parametrize(
    "setting", [fails, "tests.regions.test_locating.fails", "no.such.function"]
)
def test_function_that_fails_means_that_nothing_is_known(settings, caplog, setting):
    settings.CONSENT_REGION = setting

    with caplog.at_level(logging.ERROR, "consent"):
        assert located() == ""

    (record,) = caplog.records
    assert "CONSENT_REGION" in record.getMessage()
    assert record.exc_info is not None


# Pages


@pytest.fixture
def site(db: None) -> Any:
    """In the United States tools run at once, in California unless refused, elsewhere not."""
    policy = small_site()
    rules = (("US-CA", "implied"), ("US", "notice_only"))
    for order, (regions, regime) in enumerate(rules):
        RegionRule.objects.create(policy=policy, order=order, regions=regions, regime=regime)
    policies.forget()
    return policy


def visit(cookie: str = "", path: str = "/", **headers: str) -> Any:
    client = Client(headers=headers)
    if cookie:
        client.cookies["consent"] = cookie
    return client.get(path)


def tools(response: Any) -> set[str]:
    return tool_scripts(response.content.decode())


@pytest.mark.parametrize("preset", PRESETS)
def test_page_follows_the_region_and_says_that_it_depends_on_it(settings, site, preset):
    settings.CONSENT_REGION = preset
    country, part = PRESETS[preset]

    texas = visit(**{country: "US", part: "TX"})
    germany, nowhere = visit(**{country: "DE"}), visit()

    assert tools(texas) == ALL
    assert tools(germany) == tools(nowhere) == NONE
    for response in (texas, germany, nowhere):
        assert {country, part, "Cookie"} <= vary(response)
        assert "private" not in response.get("Cache-Control", "")


@pytest.mark.parametrize("setting", [in_texas, "tests.regions.test_locating.in_texas"])
def test_what_no_header_says_no_shared_cache_may_keep(settings, site, setting):
    settings.CONSENT_REGION = setting

    response = visit()

    assert tools(response) == ALL
    assert "private" in response["Cache-Control"]


def test_where_the_function_fails_the_strictest_holds_and_the_page_comes(settings, site, caplog):
    settings.CONSENT_REGION = fails

    response = visit()

    assert response.status_code == 200
    assert tools(response) == NONE
    assert "private" in response["Cache-Control"]
    assert "CONSENT_REGION" in caplog.text


@pytest.mark.parametrize("granted", [(), OPTIONAL], ids=["refused", "granted"])
def test_nobody_looks_where_a_decided_visitor_is(settings, site, granted):
    settings.CONSENT_REGION = in_texas
    cookie = grant(*granted)
    calls.clear()

    consent = consent_in(page_request(cookie))
    assert consent.allows("chat") == bool(granted)
    assert not consent.must_ask
    assert calls == []


@pytest.mark.parametrize("cookie", ["nonsense", "1.2.1.functional_2"])
def test_nobody_looks_where_a_cookie_allows_nothing_anywhere(settings, site, cookie):
    settings.CONSENT_REGION = in_texas
    calls.clear()

    assert not consent_in(page_request(cookie)).allows("chat")
    assert calls == []


@pytest.mark.parametrize("rules", [(), (("US", "opt_in"),)], ids=["none", "same"])
def test_nobody_looks_where_the_policy_makes_no_difference(db, settings, rules):
    settings.CONSENT_REGION = in_texas
    policy = small_site()
    for regions, regime in rules:
        RegionRule.objects.create(policy=policy, regions=regions, regime=regime)
    policies.forget()
    calls.clear()

    request = page_request()

    assert not consent_in(request).allows("chat")
    assert consent_in(request).must_ask
    assert calls == []


def test_page_for_everybody_looks_at_no_region(settings, site):
    settings.CONSENT_DELIVERY, settings.CONSENT_REGION = "cacheable", "cloudflare"
    pages = [visit(**{"CF-IPCountry": code}) for code in ("DE", "US", "XX")]

    assert len({page.content for page in pages}) == 1
    assert not any("CF-IPCountry" in vary(page) for page in pages)
    settings.CONSENT_REGION = in_texas
    calls.clear()
    assert "private" not in visit().get("Cache-Control", "")
    assert calls == []


# What pages for everybody are told


def told(response: Any) -> dict[str, Any]:
    text = response.content.decode()
    start, end = "consent.settle(", ");\n"
    assert text.startswith(start), text
    assert text.endswith(end), text
    found: dict[str, Any] = json.loads(text[len(start) : -len(end)])
    return found


@pytest.mark.parametrize(
    ("country", "part", "regime"),
    [
        ("DE", "", "opt_in"),
        ("US", "TX", "notice_only"),
        ("US", "CA", "implied"),
        ("US", "", "implied"),
        ("XX", "", "opt_in"),
    ],
)
def test_region_script_tells_what_holds_there(settings, site, country, part, regime):
    settings.CONSENT_DELIVERY, settings.CONSENT_REGION = "cacheable", "cloudflare"

    response = visit(path="/consent/region.js", **{"CF-IPCountry": country, "CF-Region-Code": part})

    found = told(response)
    assert found["data"]["regime"] == regime
    assert ("They run unless you reject them" in found["notice"]) == (regime != "opt_in")
    assert ('value="accept-all"' in found["notice"]) == (regime != "notice_only")
    assert f'name="version" value="{found["data"]["version"]}"' in found["notice"]
    # Who chooses by it comes back to a page, not to this script.
    assert "region.js" not in found["notice"]
    assert "no-store" in response["Cache-Control"]
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response["Content-Type"].startswith("text/javascript")


def test_region_script_sets_no_cookie_and_takes_only_safe_methods(settings, site):
    settings.CONSENT_DELIVERY = "cacheable"

    assert not visit(path="/consent/region.js").cookies
    assert Client().post("/consent/region.js").status_code == 405


def test_dialog_names_the_region_script_only_where_there_are_rules(settings, site):
    settings.CONSENT_DELIVERY = "cacheable"
    assert b'data-region="/consent/region.js"' in visit().content
    settings.CONSENT_DELIVERY = "server"
    assert b"data-region" not in visit().content

    settings.CONSENT_DELIVERY = "cacheable"
    RegionRule.objects.all().delete()
    policies.forget()
    assert b"data-region" not in visit().content


# geoip2


def database(path: Any, *, city: bool) -> None:
    writer = MMDBWriter(
        ip_version=6,
        ipv4_compatible=True,
        database_type="GeoLite2-City" if city else "GeoLite2-Country",
        languages=["en"],
        description="Made for a test.",
    )
    usa = {"iso_code": "US", "names": {"en": "United States"}}
    germany = {"iso_code": "DE", "names": {"en": "Germany"}, "is_in_european_union": True}
    americas = {"code": "NA", "names": {"en": "North America"}}
    texas = {"country": usa, "continent": americas}
    somewhere = {"country": germany, "continent": {"code": "EU", "names": {"en": "Europe"}}}
    if city:
        place = {"latitude": 30.1, "longitude": -97.7, "time_zone": "America/Chicago"}
        parts = [{"iso_code": "TX", "names": {"en": "Texas"}}]
        texas |= {"subdivisions": parts, "location": place}
        somewhere |= {"location": {"latitude": 51.0, "longitude": 9.0}}
    # Addresses that documents may use (RFC 5737, RFC 3849).
    writer.insert_network(IPSet(["192.0.2.0/24", "2001:db8:1::/48"]), texas)
    writer.insert_network(IPSet(["198.51.100.0/24"]), somewhere)
    writer.to_db_file(str(path))


@pytest.fixture(params=["city", "country"])
def addresses(request, tmp_path, settings, monkeypatch) -> Any:
    """A database of addresses, of cities or of countries alone, and no name server."""

    def ask(*arguments: Any, **options: Any) -> None:
        raise AssertionError("The name server was asked.")

    for name in ("gethostbyname", "getaddrinfo", "gethostbyaddr"):
        monkeypatch.setattr(socket, name, ask)
    is_city = request.param == "city"
    name = "GeoLite2-City.mmdb" if is_city else "GeoLite2-Country.mmdb"
    database(tmp_path / name, city=is_city)
    settings.GEOIP_PATH, settings.CONSENT_REGION = str(tmp_path), "geoip2"
    geoip._database.cache_clear()
    yield request.param
    geoip._database().__del__()
    geoip._database.cache_clear()


def of_address(address: str) -> str:
    return locating.region_of(RequestFactory().get("/", REMOTE_ADDR=address))


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8:1::7"])
def test_region_of_an_address(addresses, address):
    assert of_address(address) == ("US-TX" if addresses == "city" else "US")


def test_region_of_an_address_of_which_only_the_country_is_known(addresses):
    assert of_address("198.51.100.1") == "DE"


@pytest.mark.parametrize(
    "address", ["203.0.113.9", "127.0.0.1", "::1", "", "localhost", "example.com", "192.0.2.7:80"]
)
def test_address_that_nobody_knows_is_nowhere_and_no_name_server_is_asked(
    addresses, address, caplog
):
    assert of_address(address) == ""
    assert caplog.records == []


def test_page_by_address_is_for_nobody_else(addresses, site):
    texas = Client(REMOTE_ADDR="192.0.2.7").get("/")
    germany = Client(REMOTE_ADDR="198.51.100.1").get("/")

    assert tools(texas) == ALL
    assert tools(germany) == NONE
    assert "private" in texas["Cache-Control"]
    assert "private" in germany["Cache-Control"]


def test_without_a_database_of_addresses_the_strictest_holds(site, settings, tmp_path, caplog):
    settings.GEOIP_PATH, settings.CONSENT_REGION = str(tmp_path), "geoip2"
    geoip._database.cache_clear()

    response = Client(REMOTE_ADDR="192.0.2.7").get("/")

    assert tools(response) == NONE
    assert "CONSENT_REGION" in caplog.text
