"""What each recipe's own code does in Chromium, before and after the vendor's script arrives.

Nothing leaves the machine: every address is answered here, a vendor's with a stand-in that takes up
the queue as the vendor's script does. The page allows scripts by nonce only.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from playwright.sync_api import Route, sync_playwright

from consent.pages.consent_signals import insert_consent
from consent.policy import NO_POLICY
from consent.recipes import Recipe, Script, catalogue
from consent.recipes.markers import NONCE
from tests.recipes.test_recipes import (
    BROWSER_TOOLS,
    STARTS,
    examples,
    nasty_text,
    recipe_with,
    required,
)

pytestmark = pytest.mark.browser

SITE = "https://site.example/page?from=here"
CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'nonce-Abc123'; base-uri 'none'"


@dataclass(frozen=True)
class Visit:
    """What came of opening a page: the value asked for, the requests and the complaints."""

    value: Any
    requests: list[str]
    complaints: list[str]


Visitor = Callable[..., Visit]


@pytest.fixture(scope="module")
def visit() -> Iterator[Visitor]:
    """A function that opens a page with some HTML in its head and evaluates an expression in it.

    The browser lives in a thread of its own, so that it gets along with other fixtures' browsers.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        visitor = thread.submit(OnePage).result()
        yield lambda *given, **named: thread.submit(visitor.visit, *given, **named).result()
        thread.submit(visitor.close).result()


class OnePage:
    """One page of a browser, opened again for each visit."""

    def __init__(self) -> None:
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox"],
        )
        self.head = self.answer = ""
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page = self.browser.new_page()
        self.page.route("**/*", self.respond)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))

    def visit(self, head: str, expression: str, answer: str = "") -> Visit:
        self.head, self.answer = head, answer
        self.requests, self.complaints = [], []
        self.page.goto(SITE, wait_until="load")
        return Visit(self.page.evaluate(expression), self.requests, self.complaints)

    def respond(self, route: Route) -> None:
        if route.request.url == SITE:
            document = f"<!doctype html><html><head>{self.head}</head><body></body></html>"
            route.fulfill(
                body=document.replace(NONCE, "Abc123"),
                content_type="text/html; charset=utf-8",
                headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
            )
        else:
            self.requests.append(route.request.url)
            route.fulfill(
                body=self.answer,
                content_type="text/javascript",
                headers={"Access-Control-Allow-Origin": "*"},
            )

    def close(self) -> None:
        self.browser.close()
        self.playwright.stop()


def rendered(key: str, /, **values: str) -> str:
    recipe = catalogue()[key]
    return insert_consent(recipe.render(required(recipe) | values, key), NO_POLICY.everything)


def own_script(code: str) -> str:
    return f'<script nonce="{NONCE}">{code}</script>'


def queue_after(visit: Visitor, html: str, expression: str, answer: str = "") -> Any:
    seen = visit(html, expression, answer)
    assert seen.complaints == []
    return seen.value


ADDRESSES = {
    "drift": r"https://js\.driftt\.com/include/[0-9]+00000/abcd1234efgh\.js",
    "amplitude": r"https://cdn\.amplitude\.com/script/0123456789abcdef0123456789abcdef\.js",
    "clearbit-reveal": r"https://tag\.clearbitscripts\.com/v1/pk_[0-9a-f]{32}/tags\.js",
    "customer-io": r"https://cdp\.customer\.io/v1/analytics-js/snippet/0123456789abcdef0123/"
    r"analytics\.min\.js",
    "drip": r"https://tag\.getdrip\.com/1234567\.js",
    "google-analytics": r"https://www\.googletagmanager\.com/gtag/js\?id=G-ABC1234567",
    "madkudu": r"https://cdn\.madkudu\.com/madkudu\.js/v1/[0-9a-f]{32}/madkudu\.min\.js",
    "marketo": r"https://munchkin\.marketo\.net/munchkin\.js",
    "visual-website-optimizer": r"https://dev\.visualwebsiteoptimizer\.com/j\.php\?a=123456"
    r"&u=https%3A%2F%2Fsite\.example%2Fpage%3Ffrom%3Dhere&vn=2\.1",
    "adwords": r"https://www\.googletagmanager\.com/gtag/js\?id=AW-123456789",
    "facebook-pixel": r"https://connect\.facebook\.net/en_US/fbevents\.js",
    "google-tag-manager": r"https://www\.googletagmanager\.com/gtm\.js\?id=GTM-ABC1234",
    "microsoft-clarity": r"https://www\.clarity\.ms/tag/abcdef1234",
    "microsoft-uet": r"https://bat\.bing\.com/bat\.js",
    "segment": r"https://cdn\.segment\.com/analytics\.js/v1/[A-Za-z0-9]{32}/analytics\.min\.js",
    "linkedin-insight-tag": r"https://snap\.licdn\.com/li\.lms-analytics/insight\.min\.js",
    "twitter-ads": r"https://static\.ads-twitter\.com/uwt\.js",
    "recaptcha": r"https://www\.google\.com/recaptcha/api\.js\?render=6L[A-Za-z0-9_-]{38}",
    "matomo": r"https://analytics\.example\.com/matomo\.js",
    "plausible": r"https://plausible\.io/js/pa-AbCdEfGhIjKlMnOpQrStU\.js",
    "hotjar": r"https://static\.hotjar\.com/c/hotjar-1234567\.js\?sv=6",
    "tiktok-pixel": r"https://analytics\.tiktok\.com/i18n/pixel/events\.js"
    r"\?sdkid=C4ABCDEF1234567890AB&lib=ttq",
    "pinterest-tag": r"https://s\.pinimg\.com/ct/core\.js",
    "hubspot": r"https://js\.hs-scripts\.com/1234567\.js",
    "intercom": r"https://widget\.intercom\.io/widget/abcd1234",
    "posthog": r"https://us-assets\.i\.posthog\.com/static/array\.js",
    "stripe": r"https://js\.stripe\.com/v3/",
    "turnstile": r"https://challenges\.cloudflare\.com/turnstile/v0/api\.js",
    "snap-pixel": r"https://sc-static\.net/scevent\.min\.js",
    "reddit-pixel": r"https://www\.redditstatic\.com/ads/pixel\.js",
}


@pytest.mark.parametrize("key", sorted(STARTS))
def test_tool_loads_one_script_from_its_vendor_and_nothing_goes_wrong(visit: Visitor, key: str):
    seen = visit(rendered(key), "null")
    assert seen.complaints == []
    (address,) = seen.requests
    assert re.fullmatch(ADDRESSES[key], address)


# Ten tools on a page, so that the whole catalogue takes few of them.
BATCHES = [BROWSER_TOOLS[start : start + 10] for start in range(0, len(BROWSER_TOOLS), 10)]


@pytest.mark.parametrize("keys", BATCHES, ids=lambda keys: f"{keys[0]}-{keys[-1]}")
def test_started_twice_does_not_go_wrong(visit: Visitor, keys: list[str]):
    html = "".join(rendered(key) * 2 for key in keys)
    assert visit(html, "null").complaints == []


def test_all_tools_get_along_on_one_page(visit: Visitor):
    recipes = [catalogue()[key] for key in BROWSER_TOOLS]
    html = "\n".join(rendered(recipe.key, **examples(recipe)) for recipe in recipes)
    seen = visit(html, "typeof fbq + typeof twq + typeof gtag + typeof lintrk")
    assert seen.complaints == []
    assert len(seen.requests) == len(BROWSER_TOOLS)
    assert seen.value == "function" * 4


# Google

# Without what they are told of consent: see test_consent_mode.
DATA_LAYER = """
dataLayer.filter((entry) => !["consent", "set"].includes(entry[0])).map((entry) => (
  Object.prototype.toString.call(entry) === "[object Arguments]"
    ? Array.from(entry, (part) => part instanceof Date ? "a date" : part)
    : Object.keys(entry)
))
"""


def test_google_analytics_queues_its_commands_as_arguments(visit: Visitor):
    commands = queue_after(visit, rendered("google-analytics"), DATA_LAYER)
    assert commands == [["js", "a date"], ["config", "G-ABC1234567"]]


def test_two_properties_of_google_analytics_are_configured_each(visit: Visitor):
    html = rendered("google-analytics") + rendered("google-analytics", measurement_id="G-XYZ7654")
    commands = queue_after(visit, html, DATA_LAYER)
    configured = [command[1] for command in commands if command[0] == "config"]
    assert configured == ["G-ABC1234567", "G-XYZ7654"]


def test_google_tools_share_one_queue(visit: Visitor):
    keys = ("google-tag-manager", "google-analytics", "adwords")
    commands = queue_after(visit, "".join(map(rendered, keys)), DATA_LAYER)
    assert commands == [
        ["gtm.start", "event"],
        ["js", "a date"],
        ["config", "G-ABC1234567"],
        ["js", "a date"],
        ["config", "AW-123456789"],
    ]


def test_google_ads_reports_a_conversion_only_when_called(visit: Visitor):
    html = rendered("adwords", conversion_label="a-Label")
    assert len(queue_after(visit, html, DATA_LAYER)) == 2
    html += own_script("window.returned = gtag_report_conversion();")
    last = "Array.from(dataLayer[dataLayer.length - 1], (part) => part.send_to || part)"
    command = queue_after(visit, html, f"[returned, ...{last}]")
    assert command == [False, "event", "conversion", "AW-123456789/a-Label"]


def test_google_ads_reports_a_conversion_on_each_page_where_asked(visit: Visitor):
    html = rendered("adwords", conversion_label="a-Label", report="on-each-page")
    conversion = ["event", "conversion", {"send_to": "AW-123456789/a-Label"}]
    assert queue_after(visit, html, DATA_LAYER)[2:] == [conversion]


def test_google_ads_without_a_label_reports_nothing(visit: Visitor):
    html = rendered("adwords", report="on-each-page")
    assert len(queue_after(visit, html, DATA_LAYER)) == 2
    assert queue_after(visit, html, "typeof gtag_report_conversion") == "undefined"


@pytest.mark.parametrize(
    ("version", "api"),
    [("v2", "grecaptcha"), ("v3", "grecaptcha"), ("enterprise", "grecaptcha.enterprise")],
)
def test_recaptcha_can_be_waited_for(visit: Visitor, version: str, api: str):
    html = rendered("recaptcha", version=version) + own_script(
        f"{api}.ready(() => {{ window.waited = true; }});"
    )
    arrival = "setTimeout(() => ___grecaptcha_cfg.fns.forEach((callback) => callback()))"
    seconds = "new Promise((done) => setTimeout(() => done(window.waited), 50))"
    assert queue_after(visit, html, seconds, arrival) is True


# Queues that the vendor's script takes up


def test_meta_pixel_calls_in_order_and_hands_over(visit: Visitor):
    html = rendered("facebook-pixel")
    calls = [["consent", "grant"], ["init", "123456789012345"], ["track", "PageView"]]
    assert queue_after(visit, html, "fbq.queue.map((call) => Array.from(call))") == calls
    shape = "[fbq === _fbq, fbq.push === fbq, fbq.loaded, fbq.version]"
    assert queue_after(visit, html, shape) == [True, True, True, "2.0"]
    arrival = """
    window.calls = [];
    fbq.callMethod = function () { calls.push(Array.from(arguments)); };
    fbq.queue.splice(0).forEach((call) => fbq.callMethod.apply(fbq, call));
    fbq("track", "Lead");
    """
    assert queue_after(visit, html, "calls", arrival) == [*calls, ["track", "Lead"]]


def test_x_pixel_calls_in_order_and_hands_over(visit: Visitor):
    html = rendered("twitter-ads", event_id="tw-o1a2b-o3c4d")
    queue = "[twq.version, ...twq.queue.map((call) => Array.from(call))]"
    assert queue_after(visit, html, queue) == ["1.1", ["config", "o1a2b"]]
    arrival = """
    window.calls = [];
    twq.exe = function () { calls.push(Array.from(arguments)); };
    twq.queue.splice(0).forEach((call) => twq.exe.apply(twq, call));
    twq_report_conversion({ value: 5 });
    """
    event = ["event", "tw-o1a2b-o3c4d", {"value": 5}]
    assert queue_after(visit, html, "calls", arrival) == [["config", "o1a2b"], event]


def test_x_pixel_reports_a_conversion_on_each_page_where_asked(visit: Visitor):
    html = rendered("twitter-ads", event_id="tw-o1a2b-o3c4d", report="on-each-page")
    calls = queue_after(visit, html, "twq.queue.map((call) => Array.from(call))")
    assert calls == [["config", "o1a2b"], ["event", "tw-o1a2b-o3c4d", {}]]
    assert queue_after(visit, html, "typeof twq_report_conversion") == "undefined"


def test_linkedin_names_the_partner_and_queues_pairs(visit: Visitor):
    html = rendered("linkedin-insight-tag")
    html += own_script("lintrk('track', { conversion_id: 7 });")
    assert queue_after(
        visit, html, "[_linkedin_partner_id, _linkedin_data_partner_ids, lintrk.q]"
    ) == ["1234567", ["1234567"], [["track", {"conversion_id": 7}]]]


def test_drip_knows_its_account(visit: Visitor):
    html = rendered("drip") + own_script("_dcq.push(['track', 'Read']);")
    assert queue_after(visit, html, "[_dcs.account, _dcq]") == ["1234567", [["track", "Read"]]]


def test_madkudu_queues_the_page_view(visit: Visitor):
    html = rendered("madkudu") + own_script("madkudu.identify('me', {});")
    queue = queue_after(visit, html, "Array.from(madkudu)")
    assert queue == [["page"], ["identify", "me", {}]]


def test_drift_queues_and_its_address_is_new_every_five_minutes(visit: Visitor):
    html = rendered("drift") + own_script("drift.on('ready', 1);")
    seen = visit(html, "[drift === driftt, Array.from(drift), Date.now()]")
    same, queue, now = seen.value
    assert (same, queue) == (True, [["on", "ready", 1]])
    bucket = int(seen.requests[0].split("/")[4])
    assert bucket % 300_000 == 0
    assert -5_000 < bucket - now < 305_000


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ({}, {}),
        (
            {"site_id": "abcdef0123456789abcd", "region": "eu"},
            {"integrations": {"Customer.io In-App Plugin": {"siteId": "abcdef0123456789abcd"}}},
        ),
    ],
)
def test_customer_io_leaves_key_options_and_page_view(
    visit: Visitor, values: dict[str, str], options: dict[str, Any]
):
    arrival = """
    window.seen = [document.currentScript.dataset.globalCustomerioAnalyticsKey,
      cioanalytics._writeKey, cioanalytics._loadOptions, Array.from(cioanalytics)];
    """
    seen = visit(rendered("customer-io", **values), "seen", arrival)
    assert seen.complaints == []
    assert seen.value == ["cioanalytics", "0123456789abcdef0123", options, [["page"]]]
    assert seen.requests[0].startswith(f"https://cdp{'-eu' if values else ''}.customer.io/")


AMPLITUDE = """
window.calls = [];
const sdk = {};
for (const name of ["init", "track", "identify"]) {
  sdk[name] = (...args) => {
    calls.push([name, ...args]);
    return { promise: Promise.resolve(name) };
  };
}
"""
AMPLITUDE_RUNS_THE_QUEUE = """
window.amplitude = Object.assign(window.amplitude, sdk);
const queue = amplitude._q;
amplitude._q = [];
for (const { name, args, resolve } of queue) {
  const result = sdk[name](...args);
  if (resolve) resolve(result.promise);
}
"""


@pytest.mark.parametrize(
    "arrival",
    [AMPLITUDE_RUNS_THE_QUEUE, "window.amplitude = sdk;", "Object.assign(window.amplitude, sdk);"],
    ids=["that runs the queue", "that replaces the stub", "that fills the stub"],
)
def test_amplitude_starts_once_with_any_script(visit: Visitor, arrival: str):
    html = rendered("amplitude", server_zone="EU") + own_script(
        "amplitude.track('Early').promise.then((name) => { window.kept = name; });"
    )
    calls, kept = queue_after(
        visit, html, "[calls, window.kept]", f"(() => {{ {AMPLITUDE}{arrival} }})();"
    )
    options = {"serverZone": "EU", "fetchRemoteConfig": True, "autocapture": True}
    assert calls == [["init", "0123456789abcdef0123456789abcdef", options], ["track", "Early"]]
    assert kept == "track"


def test_amplitude_queue_waits_where_the_script_is_not_its_own(visit: Visitor):
    html = rendered("amplitude") + own_script("new amplitude.Identify().set('a', 1).add('b', 2);")
    assert queue_after(visit, html, "amplitude._q.map((call) => call.name)") == ["init"]


@pytest.mark.parametrize(
    ("values", "arguments"),
    [
        ({}, ["123-ABC-456", {}]),
        ({"workspace_id": "j1RQ"}, ["123-ABC-456", {"wsInfo": "j1RQ"}]),
    ],
)
def test_marketo_starts_once_when_its_script_has_loaded(
    visit: Visitor, values: dict[str, str], arguments: list[Any]
):
    arrival = "window.calls = []; window.Munchkin = { init: (...args) => calls.push(args) };"
    assert queue_after(visit, rendered("marketo", **values), "calls", arrival) == [arguments]


def test_snap_pixel_calls_in_order_and_hands_over(visit: Visitor):
    calls = [["init", "01234567-89ab-cdef-0123-456789abcdef"], ["track", "PAGE_VIEW"]]
    arrival = """
    window.calls = [];
    snaptr.handleRequest = function () { calls.push(Array.from(arguments)); };
    snaptr.queue.splice(0).forEach((call) => snaptr.handleRequest.apply(snaptr, call));
    snaptr("track", "SIGN_UP");
    """
    after = queue_after(visit, rendered("snap-pixel"), "calls", arrival)
    assert after == [*calls, ["track", "SIGN_UP"]]


def test_reddit_pixel_calls_in_order_and_hands_over(visit: Visitor):
    arrival = """
    window.calls = [];
    rdt.sendEvent = function () { calls.push(Array.from(arguments)); };
    rdt.callQueue.splice(0).forEach((call) => rdt.sendEvent.apply(rdt, call));
    rdt("track", "Lead");
    """
    after = queue_after(visit, rendered("reddit-pixel"), "calls", arrival)
    assert after == [["init", "t2_abcdef"], ["track", "PageVisit"], ["track", "Lead"]]


def test_pinterest_queues_arrays_and_tells_of_consent_first(visit: Visitor):
    html = rendered("pinterest-tag") + own_script("pintrk('track', 'lead', { value: 1 });")
    assert queue_after(visit, html, "[pintrk.version, ...pintrk.queue]") == [
        "3.0",
        ["setconsent", True],
        ["load", "2612345678901"],
        ["page"],
        ["track", "lead", {"value": 1}],
    ]


def test_tiktok_pixel_is_found_by_its_id_and_queues(visit: Visitor):
    html = rendered("tiktok-pixel")
    html += own_script("ttq.track('Contact'); ttq.instance('C4ABCDEF1234567890AB').track('Own');")
    state = """[TiktokAnalyticsObject, Array.from(ttq), Object.entries(ttq._i).map(([id, queue]) =>
      [id, queue._u, Array.from(queue)]), Object.keys(ttq._t), ttq._o]"""
    code = "C4ABCDEF1234567890AB"
    assert queue_after(visit, html, state) == [
        "ttq",
        [["grantConsent"], ["page"], ["track", "Contact"]],
        [[code, "https://analytics.tiktok.com/i18n/pixel/events.js", [["track", "Own"]]]],
        [code],
        {code: {}},
    ]


def test_two_tiktok_pixels_share_a_queue(visit: Visitor):
    html = rendered("tiktok-pixel") + rendered("tiktok-pixel", pixel_code="C0000000000000000000")
    assert queue_after(visit, html, "Object.keys(ttq._i)") == [
        "C4ABCDEF1234567890AB",
        "C0000000000000000000",
    ]


@pytest.mark.parametrize(
    ("region", "base"),
    [
        ("", "https://api-iam.intercom.io"),
        ("us", "https://api-iam.intercom.io"),
        ("eu", "https://api-iam.eu.intercom.io"),
        ("au", "https://api-iam.au.intercom.io"),
    ],
)
def test_intercom_keeps_the_settings_of_the_page_and_queues(visit: Visitor, region: str, base: str):
    html = own_script("window.intercomSettings = { name: 'Ada', app_id: 'other' };")
    html += rendered("intercom", region=region) + own_script("Intercom('show');")
    state = "[intercomSettings, Intercom.q.map((call) => Array.from(call))]"
    settings = {"name": "Ada", "app_id": "abcd1234", "api_base": base}
    assert queue_after(visit, html, state) == [settings, [["show"]]]


@pytest.mark.parametrize(
    ("values", "address", "tracker"),
    [
        ({}, "https://analytics.example.com/matomo.js", "https://analytics.example.com/matomo.php"),
        (
            {"matomo_url": "https://example.com:8443/stats/"},
            "https://example.com:8443/stats/matomo.js",
            "https://example.com:8443/stats/matomo.php",
        ),
        (
            {"matomo_url": "https://acme.matomo.cloud/"},
            "https://cdn.matomo.cloud/acme.matomo.cloud/matomo.js",
            "https://acme.matomo.cloud/matomo.php",
        ),
    ],
    ids=["at the top of a host", "below a path", "in Matomo's cloud"],
)
def test_matomo_is_asked_where_it_runs(
    visit: Visitor, values: dict[str, str], address: str, tracker: str
):
    seen = visit(rendered("matomo", **values), "_paq")
    assert seen.complaints == []
    assert seen.requests == [address]
    assert seen.value == [
        ["setTrackerUrl", tracker],
        ["setSiteId", "1"],
        ["trackPageView"],
        ["enableLinkTracking"],
    ]


def test_matomo_is_told_to_do_without_cookies_before_it_counts(visit: Visitor):
    queue = queue_after(visit, rendered("matomo", cookies="off"), "_paq.map(([name]) => name)")
    assert queue[0] == "disableCookies"
    assert "trackPageView" in queue


def test_plausible_is_initialised_and_queues_until_its_script_is_there(visit: Visitor):
    html = rendered("plausible", host="https://stats.example.com:444")
    html += own_script("plausible('Signup', { props: { plan: 'small' } });")
    seen = visit(html, "[plausible.o, plausible.q.map((call) => Array.from(call))]")
    assert seen.complaints == []
    assert seen.value == [{}, [["Signup", {"props": {"plan": "small"}}]]]
    assert seen.requests == ["https://stats.example.com:444/js/pa-AbCdEfGhIjKlMnOpQrStU.js"]


def test_hotjar_queues(visit: Visitor):
    html = rendered("hotjar") + own_script("hj('event', 'read');")
    state = "[_hjSettings, hj.q.map((call) => Array.from(call)), typeof _uxa]"
    expected = [{"hjid": 1234567, "hjsv": 6}, [["event", "read"]], "undefined"]
    assert queue_after(visit, html, state) == expected


@pytest.mark.parametrize("tag", ["0123456789abc", "0123456789012"])
def test_an_id_of_contentsquare_loads_its_tag(visit: Visitor, tag: str):
    html = rendered("hotjar", site_id=tag) + own_script("_uxa.push(['trackPageEvent', 'read']);")
    seen = visit(html, "[_uxa, typeof hj, typeof _hjSettings]")
    assert seen.complaints == []
    assert seen.value == [[["trackPageEvent", "read"]], "undefined", "undefined"]
    assert seen.requests == [f"https://t.contentsquare.net/uxa/{tag}.js"]


# As array.js does: it starts what is in _i, then runs what was queued.
POSTHOG = """
window.calls = [];
const stub = window.posthog;
for (const [key, options, name] of stub._i) {
  const sdk = { __loaded: true };
  for (const method of ["capture", "identify"]) {
    sdk[method] = (...args) => calls.push([method, ...args]);
  }
  calls.push(["init", key, options, name]);
  for (const [method, ...args] of stub) sdk[method](...args);
  window[name] = sdk;
}
"""


@pytest.mark.parametrize(
    ("host", "assets"),
    [
        ("https://us.i.posthog.com", "https://us-assets.i.posthog.com"),
        ("https://eu.i.posthog.com", "https://eu-assets.i.posthog.com"),
        ("https://posthog.example.com:8000", "https://posthog.example.com:8000"),
    ],
)
def test_posthog_is_started_from_the_queue(visit: Visitor, host: str, assets: str):
    html = rendered("posthog", host=host)
    html += own_script("posthog.identify('me', { plan: 'small' }); posthog.capture('read');")
    seen = visit(html, "calls", f"(() => {{ {POSTHOG} }})();")
    assert seen.complaints == []
    options = {"api_host": host, "defaults": "2025-05-24", "person_profiles": "identified_only"}
    assert seen.value == [
        ["init", "phc_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789", options, "posthog"],
        ["identify", "me", {"plan": "small"}],
        ["capture", "read"],
    ]
    assert seen.requests == [f"{assets}/static/array.js"]


def test_posthog_is_started_once(visit: Visitor):
    seen = visit(rendered("posthog") * 2, "posthog._i.length")
    assert seen.complaints == []
    assert seen.value == 1
    assert len(seen.requests) == 1


# What a page with a form asks for


@pytest.mark.parametrize("signals", ["", "off"])
def test_stripe_is_there_for_the_code_below_it(visit: Visitor, signals: str):
    html = rendered("stripe", fraud_signals=signals)
    html += own_script("window.found = window.stripe && stripe.key;")
    arrival = "window.Stripe = (key) => ({ key });"
    assert queue_after(visit, html, "found", arrival) == "pk_test_EXAMPLE0000000000000000"
    # Where its script did not come, nothing goes wrong but that it is missing.
    assert queue_after(visit, html, "typeof found") == "undefined"


def test_turnstile_puts_its_box_where_it_stands(visit: Visitor):
    html = f"</head><body><form><p></p>{rendered('turnstile')}<button></button></form>"
    state = """Array.from(document.querySelectorAll("form > :not(script)"), (part) =>
      [part.localName, part.className, part.dataset.sitekey || ""])"""
    assert queue_after(visit, html, state) == [
        ["p", "", ""],
        ["div", "cf-turnstile", "1x00000000000000000000AA"],
        ["button", "", ""],
    ]


def test_turnstile_leaves_the_head_alone(visit: Visitor):
    state = "document.querySelectorAll('.cf-turnstile').length"
    assert queue_after(visit, rendered("turnstile"), state) == 0


# VWO


def test_vwo_never_hides_the_page(visit: Visitor):
    html = rendered("visual-website-optimizer")
    state = """[_vwo_code.hide_element(), _vwo_code.finished(), _vwo_code.settings_tolerance(),
      document.querySelectorAll("style").length, getComputedStyle(document.body).opacity]"""
    assert queue_after(visit, html, state) == ["", False, 2000, 0, "1"]


def test_vwo_is_told_when_it_is_too_late_to_change_the_page(visit: Visitor):
    html = rendered("visual-website-optimizer", settings_tolerance="10")
    later = "new Promise((done) => setTimeout(() => done(_vwo_code.finished()), 60))"
    assert queue_after(visit, html, later) is True


def test_vwo_can_load_more_under_the_nonce(visit: Visitor):
    arrival = """
    if (!window.more) {
      window.more = 1;
      _vwo_code.load("https://dev.visualwebsiteoptimizer.com/web/tag.js", { sL: 1 });
      _vwo_code.addScript({ text: "window.evaluated = true;" });
    }
    """
    wait = "new Promise((done) => setTimeout(() => done(window.evaluated), 50))"
    seen = visit(rendered("visual-website-optimizer"), wait, arrival)
    assert seen.complaints == []
    assert seen.value is True
    assert seen.requests[1:] == ["https://dev.visualwebsiteoptimizer.com/web/tag.js"]


def test_vwo_variant_of_wingify(visit: Visitor):
    seen = visit(
        rendered("visual-website-optimizer", smartcode="wingify"),
        "[typeof _vwo_code, _wingify_code.getVersion(), _wingify_code.nonce]",
    )
    assert seen.complaints == []
    assert seen.value == ["undefined", 3, "Abc123"]
    assert seen.requests == ["https://edge.wingify.net/tag/123456.js"]


# Values and patterns


@pytest.fixture(scope="module")
def breakable() -> Recipe:
    return recipe_with(
        Script(inline="window.received = {{value}};"),
        Script(src="https://vendor.example/{{value}}/x.js?id={{value}}", is_async=True),
    )


@settings(max_examples=60, deadline=None)
@given(value=nasty_text)
def test_no_value_breaks_out(visit: Visitor, breakable: Recipe, value: str):
    head = breakable.render({"value": value}, "test")
    written = "[received, document.scripts.length, document.body.childNodes.length]"
    seen = visit(head, written)
    assert seen.complaints == []
    assert seen.value == [value, 2, 0]
    (address,) = seen.requests
    assert address.startswith("https://vendor.example/")
    assert "#" not in address


def test_patterns_work_as_html_patterns(visit: Visitor):
    """A browser reads `pattern` with the flag v, which wants more escapes than Python does."""
    cases = [
        [parameter.pattern, parameter.example]
        for recipe in catalogue().values()
        for parameter in recipe.parameters
        if parameter.pattern
    ]
    tried = ", ".join(f"[{pattern!r}, {example!r}]" for pattern, example in cases)
    assert cases
    matches = "([pattern, example]) => new RegExp(`^(?:${pattern})$`, 'v').test(example)"
    assert visit("", f"[{tried}].filter((pair) => !({matches})(pair))").value == []
