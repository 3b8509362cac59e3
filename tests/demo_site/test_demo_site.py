"""The demo site: its pages, its panel, its seed and its settings."""

import os
import re
import subprocess
import sys
from datetime import date, timedelta
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from consent.models import Policy, Tool
from consent.policy.decision import Decision, today
from demo_site import settings as demo_settings
from demo_site.management.commands.demo_seed import NAME, RULES, TOOLS
from demo_site.region import REGIONS

TOP = Path(__file__).resolve().parents[2]
PAGES = (
    "/",
    "/journal/",
    "/contact/",
    "/contact/thanks/",
    "/policy/",
    "/privacy/",
    "/csp/",
    "/panel/",
)
# The panel's own address is about one visitor, and a page with a nonce is nobody else's.
FOR_ALL = PAGES[:-2]
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
SIGNAL = {"Sec-GPC": "1"}
LETTER = {
    "name": "Ada",
    "email": "ada@example.com",
    "about": "lost",
    "message": "A blue umbrella, on the 12:00.",
}

pytestmark = pytest.mark.django_db


def seed() -> str:
    out = StringIO()
    call_command("demo_seed", stdout=out)
    return out.getvalue()


@pytest.fixture
def seeded(settings) -> Policy:
    settings.DEBUG = True
    seed()
    return Policy.objects.get(is_default=True)


def words(client: Client, path: str = "/panel/", **options: Any) -> str:
    """Return the page's text on one line, as a reader sees it; ``options``: of the request."""
    return " ".join(unescape(strip_tags(client.get(path, **options).content.decode())).split())


def decide(
    client: Client, *, choices: dict[str, int], revision: int, day: int | None = None
) -> None:
    decision = Decision(revision, today() if day is None else day, choices)
    client.cookies["consent"] = decision.text


def english(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


# Pages


@pytest.mark.parametrize(
    "path", [*PAGES, "/consent/preferences/", "/consent/policy/", "/api/schema/"]
)
def test_page_answers_and_sets_no_cookie_before_a_decision(client, seeded, path):
    response = client.get(path)

    assert response.status_code == 200
    assert not response.cookies


def test_pages_stand_on_an_empty_database(client):
    assert [client.get(path).status_code for path in PAGES] == [200] * len(PAGES)


@pytest.mark.parametrize("path", PAGES[:-1])
def test_every_page_has_the_panel_once(client, seeded, path):
    assert client.get(path).content.count(b"data-panel-url") == 1


@pytest.mark.parametrize("path", FOR_ALL)
def test_page_for_everybody_is_the_same_for_all(client, seeded, settings, path):
    settings.CONSENT_DELIVERY = "cacheable"
    before = client.get(path)
    decide(client, choices={"functional": seeded.revision}, revision=seeded.revision)
    after = client.get(path)

    assert before.content == after.content
    assert "Cookie" not in after["Vary"]
    assert b'data-panel-url="/panel/' in after.content


def test_preferences_page_wears_the_sites_clothes(client, seeded):
    response = client.get("/consent/preferences/", headers={"Accept-Language": "de"})

    assert "demo_site/base.html" in [template.name for template in response.templates]
    assert b'<main id="main" tabindex="-1" lang="de" dir="ltr">' in response.content


def test_policy_page_has_the_companys_texts_and_every_tool(client, seeded):
    page = words(client, "/policy/")

    assert "Oddersay Ferry uses data" in page
    assert "we keep your choice for 6 months" in page.lower()
    assert all(tool.name in page for tool in Tool.objects.all())


def test_pages_hold_no_inline_style_or_handler(client, seeded):
    for path in PAGES:
        page = client.get(path).content.decode()
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page


def test_unknown_page_has_a_way_back(client, seeded, settings):
    settings.DEBUG = False

    response = client.get("/nowhere/")

    assert response.status_code == 404
    assert b"Back to the sailings" in response.content


# The contact form


def test_letter_from_our_own_page_is_taken_without_a_cookie(seeded):
    client = Client(enforce_csrf_checks=True)

    response = client.post("/contact/", LETTER, headers=OWN_PAGE)

    assert response.status_code == 303
    assert response["Location"] == "/contact/thanks/"
    assert not response.cookies


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {},
    ],
)
def test_letter_from_elsewhere_is_refused(client, seeded, headers):
    response = client.post("/contact/", LETTER, headers=headers)

    assert response.status_code == 403
    assert "only taken from our own page" in response.content.decode()


@pytest.mark.parametrize(
    "change",
    [{"email": "not an address"}, {"about": "theft"}, {"message": ""}, dict.fromkeys(LETTER, "")],
)
def test_letter_with_a_fault_comes_back_with_the_fault_marked(client, seeded, change):
    response = client.post("/contact/", {**LETTER, **change}, headers=OWN_PAGE)

    assert response.status_code == 200
    assert set(response.context["form"].errors) == set(change)
    assert b'aria-invalid="true"' in response.content


def test_recaptcha_is_on_the_contact_page_only(client, seeded):
    placed = {path: b"recaptcha/api.js" in client.get(path).content for path in PAGES[:-1]}

    assert placed == {path: path == "/contact/" for path in PAGES[:-1]}


def test_contact_page_stands_without_recaptcha(client, seeded):
    Tool.objects.filter(key="recaptcha").switch_off()

    assert client.get("/contact/").status_code == 200


# The panel


def test_panel_before_a_decision(client, seeded):
    panel = words(client)

    assert "0 of 18 tools run on this page" in panel
    assert "Drift you have not decided off" in panel
    assert "reCAPTCHA essential; only on pages with a form not here" in panel
    assert "before you decide, nothing is stored" in panel
    assert f"at revision {seeded.revision}" in panel


def test_panel_says_that_recaptcha_runs_where_the_page_asks_for_it(client, seeded):
    assert "reCAPTCHA essential running" in words(client, "/contact/")
    assert "reCAPTCHA essential running" in words(client, "/panel/?placed=recaptcha")


def test_panel_tells_what_was_granted_and_refused_and_when(client, seeded):
    revision = seeded.revision
    day = today() - 3
    choices = {"functional": revision, "marketing-analytics": revision, "advertising": 0}
    decide(client, choices=choices, revision=revision, day=day)
    date = english(timezone.now() - timedelta(days=3))

    panel = words(client)

    assert f"Drift allowed: you granted Functional on {date} running" in panel
    assert (
        f"Webhooks allowed: you granted Marketing & Analytics on {date}; "
        "sent from our server allowed"
    ) in panel
    assert f"you refused Advertising on {date}" in panel
    assert "Google Ads you refused off" in panel


def test_panel_explains_the_cookie_part_by_part(client, seeded):
    revision = seeded.revision
    decide(client, choices={"functional": revision, "advertising": 0}, revision=revision)

    panel = words(client)

    assert f"consent=1.{revision}.{today()}.functional_{revision}.advertising_0" in panel
    assert "1 version of this format" in panel
    assert f"{today()} days since 1 January 1970: {english(timezone.now())}" in panel
    assert f"functional_{revision} Functional: granted at revision {revision}" in panel
    assert "advertising_0 Advertising: refused" in panel


def test_panel_tells_what_is_new_since_the_decision(client, seeded):
    revision = seeded.revision
    choices = {"functional": revision, "marketing-analytics": revision, "advertising": revision}
    decide(client, choices=choices, revision=revision)
    Tool.objects.create(
        policy=seeded,
        category=seeded.categories.get(key="functional"),
        key="tide-clock",
        name="Tide clock",
        vendor="Tides of Nowhere",
        snippet="<script>1</script>",
        placement="body",
    )

    panel = words(client)

    assert f"Tide clock new since your decision: added in revision {revision + 1}" in panel
    assert f"Drift allowed: you granted Functional on {english(timezone.now())} running" in panel


def test_panel_tells_of_a_category_that_came_after_the_decision(client, seeded):
    revision = seeded.revision
    decide(client, choices={"functional": 0, "advertising": 0}, revision=revision)

    seeded.categories.create(key="weather", name="Weather", purpose="To tell the wind.", order=9)

    panel = words(client)

    assert "Amplitude you have not decided off" in panel
    assert "Weather off new since your decision" in panel


def test_panel_says_that_an_expired_or_mangled_cookie_is_no_decision(client, seeded):
    revision = seeded.revision
    for text in ("1.2.3.<b>", Decision(revision, today() - 200, {"functional": 1}).text):
        client.cookies["consent"] = text

        panel = words(client)

        assert "It counts as no decision" in panel
        assert "Drift you have not decided off" in panel


def test_panel_under_the_implied_regime(client, seeded):
    seeded.region_rules.all().delete()
    seeded.regime = "implied"
    seeded.save()

    assert "lets it run until you refuse" in words(client)


def test_panel_explains_a_choice_made_in_spite_of_the_signal(client, seeded):
    revision = seeded.revision
    decision = Decision(revision, today(), {"advertising": revision}, opt_out=True)
    client.cookies["consent"] = decision.text

    panel = words(client, headers=SIGNAL)

    assert "but you allowed Advertising later, and the later choice applies" in panel
    assert "1g version of this format; g: chosen while the browser sent" in panel
    assert "LinkedIn Insight Tag allowed: you granted Advertising" in panel


def test_panel_without_tools_says_what_to_do(client):
    assert "run manage.py demo_seed" in words(client)


def test_panel_is_never_cached(client, seeded):
    assert "no-store" in client.get("/panel/")["Cache-Control"]


# Regions


@pytest.fixture
def located(seeded, settings) -> Policy:
    """The seeded policy, on a site where the page's address says where its visitor is."""
    settings.CONSENT_REGION = demo_settings.CONSENT_REGION
    return seeded


def pixel_runs(client: Client, query: str = "", **options: Any) -> bool:
    return b"connect.facebook.net" in client.get(f"/{query}", **options).content


@pytest.mark.parametrize(
    ("query", "regime", "runs"),
    [
        ("", "opt_in", False),
        ("?region=", "opt_in", False),
        ("?region=DE", "opt_in", False),
        ("?region=US-CA", "implied", True),
        ("?region=US-TX", "implied", True),
        ("?region=BR", "notice_only", True),
        # None of those that the switch offers.
        ("?region=US-OPT-OUT", "opt_in", False),
        ("?region=%3Cb%3E", "opt_in", False),
    ],
)
def test_region_in_the_address_says_what_runs_before_a_choice(client, located, query, regime, runs):
    assert f"Where you are {regime} Before you choose" in words(client, f"/{query}")
    assert pixel_runs(client, query) is runs
    assert not client.cookies


def test_panel_offers_each_region_and_marks_the_one_that_holds(client, located):
    page = client.get("/journal/?region=US-TX").content.decode()

    assert page.count("<option ") == len(REGIONS)
    assert '<option value="US-TX" selected>Texas (US-TX)</option>' in page
    assert page.count(" selected>") == 1


def test_links_keep_the_region(client, located):
    page = client.get("/journal/?region=US-CA").content.decode()

    assert 'href="/contact/?region=US-CA"' in page
    assert 'href="/contact/"' in client.get("/journal/?region=%22%3E").content.decode()


def test_what_a_page_asks_for_is_for_its_region(client, located):
    page = {"Referer": "http://testserver/journal/?region=BR"}

    assert "Where you are notice_only" in words(client, headers=page)
    # Its own address counts for more, and a page's address says all of it.
    assert "Where you are opt_in" in words(client, "/panel/?region=DE", headers=page)
    assert "Where you are opt_in" in words(client, "/contact/", headers=page)


def test_cacheable_page_is_told_what_holds_in_its_region(client, located, settings):
    settings.CONSENT_DELIVERY = "cacheable"
    for query, regime in (("?region=US-CA", "implied"), ("", "opt_in")):
        page = {"Referer": f"http://testserver/{query}"}

        script = client.get("/consent/region.js", headers=page).content.decode()

        assert f'"regime": "{regime}"' in script


@pytest.mark.parametrize(
    "address", ["http://elsewhere.example/?region=BR", "http://[half/?region=BR", "nonsense"]
)
def test_region_of_another_sites_page_is_not_ours(client, located, address):
    assert "Where you are opt_in" in words(client, "/panel/", headers={"Referer": address})


def test_pages_whose_region_says_what_runs_are_kept_by_no_shared_cache(client, located):
    assert "private" in client.get("/")["Cache-Control"]


# Global Privacy Control


def test_signal_keeps_advertising_off_where_it_would_run(client, located):
    assert pixel_runs(client, "?region=US-TX") is True
    assert pixel_runs(client, "?region=US-TX", headers=SIGNAL) is False

    panel = words(client, "/?region=US-TX", headers=SIGNAL)

    assert "Global Privacy Control sent Your browser sends it, and it is honoured" in panel
    assert "Google Ads your browser asks not to sell or share your data off" in panel
    assert "Amplitude you have not decided, and this policy lets it run" in panel


def test_panel_says_how_to_send_the_signal(client, seeded):
    panel = words(client)

    assert "Global Privacy Control not sent Your browser does not send it." in panel
    assert "A page cannot switch it on. In Firefox" in panel


def test_signal_changes_nothing_where_nothing_is_sold(client, seeded):
    category = seeded.categories.get(key="advertising")
    category.sale = False
    category.save()

    panel = words(client, headers=SIGNAL)

    assert "not sent It has no effect" in panel


def test_site_says_that_it_honours_the_signal(client, seeded):
    answer = client.get("/.well-known/gpc.json")

    assert answer.json()["gpc"] is True
    assert answer["Content-Type"] == "application/json"


# The video


def test_video_waits_until_it_is_allowed(client, seeded):
    page = client.get("/journal/").content.decode()
    frame = '<iframe src="https://www.youtube-nocookie.com/embed/aqz-KE-bpKQ'

    assert frame in unescape(page)
    assert frame not in page
    assert "Always allow “Functional”" in page

    decide(client, choices={"functional": seeded.revision}, revision=seeded.revision)
    page = client.get("/journal/").content.decode()

    assert frame in page
    assert "YouTube allowed: you granted Functional" in words(client, "/journal/")
    assert "only on pages that show it not here" in words(client, "/")


def test_journal_stands_without_the_video(client, seeded):
    Tool.objects.filter(key="youtube").switch_off()

    assert b"Film night" in client.get("/journal/").content


# The Content-Security-Policy


def sources(client: Client) -> dict[str, set[str]]:
    """Return the policy of the page about it: directive to sources."""
    header = client.get("/csp/")["Content-Security-Policy"]
    return {name: set(rest) for name, *rest in map(str.split, header.split(";"))}


def test_policy_names_the_pixels_host_only_where_it_is_allowed(client, seeded):
    host, revision = "https://www.facebook.com", seeded.revision

    assert "img-src" not in sources(client)
    assert "You do not allow Meta Pixel" in words(client, "/csp/")
    decide(client, choices={"advertising": 0}, revision=revision)
    assert "img-src" not in sources(client)
    decide(client, choices={"advertising": revision}, revision=revision)
    assert host in sources(client)["img-src"]
    assert "You allow Meta Pixel" in words(client, "/csp/")


def test_page_prints_the_policy_that_it_has(client, seeded):
    decide(client, choices={"advertising": seeded.revision}, revision=seeded.revision)
    response = client.get("/csp/")
    page = " ".join(unescape(strip_tags(response.content.decode())).split())

    for directive in response["Content-Security-Policy"].split(";"):
        assert directive.strip() in page


def test_our_own_scripts_have_the_policys_nonce_and_each_page_another(client, seeded):
    decide(client, choices={"advertising": seeded.revision}, revision=seeded.revision)
    responses = [client.get("/csp/") for _ in range(2)]
    nonces = [
        re.search("'nonce-([^']+)'", each["Content-Security-Policy"])[1] for each in responses
    ]

    assert nonces[0] != nonces[1]
    for nonce, response in zip(nonces, responses, strict=True):
        scripts = re.findall("<script[^>]*>", response.content.decode())
        inline = [script for script in scripts if " src=" not in script]
        assert inline
        assert all(f'nonce="{nonce}"' in script for script in inline)


def test_other_pages_have_no_policy_and_start_tools_in_place(client, seeded):
    for path in FOR_ALL:
        response = client.get(path)
        assert "Content-Security-Policy" not in response
        assert b'data-reload="true"' not in response.content
    assert b'data-reload="true"' in client.get("/csp/").content


def test_page_for_everybody_owns_up_to_what_its_policy_cannot_do(client, seeded, settings):
    settings.CONSENT_DELIVERY = "cacheable"

    assert "does not stop this pixel for those who refused it" in words(client, "/csp/")
    assert "https://www.facebook.com" in sources(client)["img-src"]
    assert "no-store" in client.get("/csp/")["Cache-Control"]


# The seed


def test_seed_gives_the_policy_its_rules(seeded):
    rules = [(rule.regions, rule.regime) for rule in seeded.region_rules.all()]

    assert rules == [(regions, regime) for regions, regime in RULES]
    assert seeded.regime == "opt_in"


def test_seed_creates_every_tool_in_its_category_and_the_login(seeded):
    found = {
        category.key: {tool.key for tool in category.tools.all()}
        for category in seeded.categories.all()
    }

    assert found == {key: set(tools) for key, tools in TOOLS.items()}
    # The seventeen of the first policy, and the video.
    assert sum(len(tools) for tools in found.values()) == 17 + 1
    assert seeded.name == NAME
    assert seeded.get_absolute_url() == "/policy/"
    assert Client().login(username="admin", password="admin")


def test_second_seed_changes_nothing(seeded):
    before = list(Tool.objects.order_by("pk").values())

    out = seed()

    assert list(Tool.objects.order_by("pk").values()) == before
    assert Policy.objects.get().revision == seeded.revision
    assert "Tools added: 0. Already there: 18." in out


def test_second_seed_keeps_what_was_edited_and_adds_what_is_missing(seeded):
    seeded.introduction = "Our own words."
    seeded.policy_url = ""
    seeded.save()
    Tool.objects.filter(key="drift").update(name="Chat", enabled=False)
    Tool.objects.get(key="zapier").delete()
    seeded.region_rules.exclude(regions="BR").delete()
    login = get_user_model().objects.get(username="admin")
    login.set_password("changed")
    login.save()

    out = seed()

    seeded.refresh_from_db()
    assert (seeded.introduction, seeded.policy_url) == ("Our own words.", "")
    assert Tool.objects.filter(key="drift", name="Chat", enabled=False).exists()
    assert "Tools added: 1: Zapier" in out
    assert [rule.regions for rule in seeded.region_rules.all()] == ["BR"]
    assert Client().login(username="admin", password="changed")


def test_seed_leaves_out_the_tools_of_a_category_that_cannot_be_had(seeded, monkeypatch):
    monkeypatch.setitem(TOOLS, "gone", ("drift",))

    assert "The category “gone” does not exist" in seed()


def test_seed_refuses_to_run_without_debug(settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="it runs only with DEBUG"):
        seed()

    assert not get_user_model().objects.exists()
    assert not Policy.objects.exists()


# Settings


def load_settings(**environment: str) -> subprocess.CompletedProcess[str]:
    """Import the settings in a process of their own, with only these variables of ours set."""
    ours = ("DEBUG", "SECRET_KEY", "DATABASE_URL", "CACHE_URL", "ALLOWED_HOSTS", "HTTPS")
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, "-c", "import demo_site.settings as s; print(s.DEBUG, s.ALLOWED_HOSTS)"],
        cwd=TOP,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_settings_need_no_environment():
    assert load_settings().stdout == "True []\n"


def test_demo_key_is_refused_without_debug():
    result = load_settings(DEBUG="false")

    assert result.returncode != 0
    assert "SECRET_KEY is the demo's public one" in result.stderr


def test_own_key_is_taken_without_debug():
    result = load_settings(DEBUG="false", SECRET_KEY="x" * 50, ALLOWED_HOSTS="ferry.example")

    assert result.stdout == "False ['ferry.example']\n"


def test_consent_middleware_comes_after_locale_and_common():
    order = django_settings.MIDDLEWARE
    consent = order.index("consent.middleware.ConsentMiddleware")

    assert consent > order.index("django.middleware.locale.LocaleMiddleware")
    assert consent > order.index("django.middleware.common.CommonMiddleware")
