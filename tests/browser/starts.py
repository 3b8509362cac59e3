"""How each browser tool of the catalogue starts: what its vendor is asked for, and what it finds.

Written down once more on purpose, so that no mistake in a recipe repeats itself here. The ids are
the examples of the recipes' parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from consent.recipes import Recipe, catalogue
from consent.recipes.escaping import PLACEHOLDER
from tests.factories import example_parameters


@dataclass(frozen=True)
class Start:
    """How a tool starts with the ids of the demo site.

    `address`: what its vendor is asked for, a regular expression; `{page}` stands for the address
    of the page. `state`: JavaScript for what the vendor's script finds when it runs; `found`: that.
    `answer`: what the vendor's script does, where that matters. `after`: JavaScript for what has
    come of that when the tool's last script has run, once it is true; `left`: its value.
    """

    address: str
    state: str = "null"
    found: Any = None
    answer: str = ""
    after: str = ""
    left: Any = None


QUEUE = "{0}.map((call) => Array.from(call))"
COMMANDS = "dataLayer.map((call) => Array.from(call)).filter((call) => call[0] === 'config')"
HEX = "0123456789abcdef0123456789abcdef"
UUID = "01234567-89ab-cdef-0123-456789abcdef"

STARTS = {
    "drift": Start(
        r"https://js\.driftt\.com/include/[0-9]{8}00000/abcd1234efgh\.js",
        "drift === driftt && drift.SNIPPET_VERSION",
        "0.3.1",
    ),
    "amplitude": Start(
        rf"https://cdn\.amplitude\.com/script/{HEX}\.js",
        "amplitude._q.map((call) => [call.name, call.args[0]])",
        [["init", HEX]],
    ),
    "clearbit-reveal": Start(rf"https://tag\.clearbitscripts\.com/v1/pk_{HEX}/tags\.js"),
    "customer-io": Start(
        r"https://cdp\.customer\.io/v1/analytics-js/snippet/0123456789abcdef0123/"
        r"analytics\.min\.js",
        "[cioanalytics._writeKey, ...cioanalytics]",
        ["0123456789abcdef0123", ["page"]],
    ),
    "drip": Start(
        r"https://tag\.getdrip\.com/1234567\.js", "[_dcs.account, _dcq]", ["1234567", []]
    ),
    "google-analytics": Start(
        r"https://www\.googletagmanager\.com/gtag/js\?id=G-ABC1234567",
        f"{COMMANDS}.filter((call) => call[1].startsWith('G-'))",
        [["config", "G-ABC1234567"]],
    ),
    "madkudu": Start(
        rf"https://cdn\.madkudu\.com/madkudu\.js/v1/{HEX}/madkudu\.min\.js",
        "[...madkudu]",
        [["page"]],
    ),
    "marketo": Start(
        r"https://munchkin\.marketo\.net/munchkin\.js",
        "typeof window.Munchkin",
        "undefined",
        "window.Munchkin = { init: (...args) => { window.munchkinArguments = args; } };",
        "window.munchkinArguments",
        ["123-ABC-456", {}],
    ),
    "visual-website-optimizer": Start(
        r"https://dev\.visualwebsiteoptimizer\.com/j\.php\?a=123456&u={page}&vn=2\.1",
        "[_vwo_code.getVersion(), _vwo_code.finished()]",
        [2.1, False],
    ),
    "adwords": Start(
        r"https://www\.googletagmanager\.com/gtag/js\?id=AW-123456789",
        f"{COMMANDS}.filter((call) => call[1].startsWith('AW-'))",
        [["config", "AW-123456789"]],
    ),
    "facebook-pixel": Start(
        r"https://connect\.facebook\.net/en_US/fbevents\.js",
        QUEUE.format("fbq.queue"),
        [["consent", "grant"], ["init", "123456789012345"], ["track", "PageView"]],
    ),
    "google-tag-manager": Start(
        r"https://www\.googletagmanager\.com/gtm\.js\?id=GTM-ABC1234",
        "dataLayer.filter((entry) => entry['gtm.start']).map((entry) => entry.event)",
        ["gtm.js"],
    ),
    "microsoft-clarity": Start(
        r"https://www\.clarity\.ms/tag/abcdef1234",
        "clarity.q[0][0]",
        "consentv2",
    ),
    "microsoft-uet": Start(
        r"https://bat\.bing\.com/bat\.js", "uetq.slice(0, 2)", ["consent", "default"]
    ),
    "segment": Start(
        r"https://cdn\.segment\.com/analytics\.js/v1/AbCdEfGhIjKlMnOpQrStUvWxYz012345/"
        r"analytics\.min\.js",
        "[analytics._writeKey, ...Array.from(analytics, (call) => call[0])]",
        ["AbCdEfGhIjKlMnOpQrStUvWxYz012345", "addSourceMiddleware", "page"],
    ),
    "linkedin-insight-tag": Start(
        r"https://snap\.licdn\.com/li\.lms-analytics/insight\.min\.js",
        "[_linkedin_partner_id, _linkedin_data_partner_ids, lintrk.q]",
        ["1234567", ["1234567"], []],
    ),
    "twitter-ads": Start(
        r"https://static\.ads-twitter\.com/uwt\.js",
        QUEUE.format("twq.queue"),
        [["config", "o1a2b"]],
    ),
    "recaptcha": Start(
        r"https://www\.google\.com/recaptcha/api\.js\?render=6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI",
        "typeof grecaptcha.ready",
        "function",
    ),
    "matomo": Start(
        r"https://analytics\.example\.com/matomo\.js",
        "_paq",
        [
            ["disableCookies"],
            ["setTrackerUrl", "https://analytics.example.com/matomo.php"],
            ["setSiteId", "1"],
            ["trackPageView"],
            ["enableLinkTracking"],
        ],
    ),
    "plausible": Start(
        r"https://stats\.example\.com/js/pa-AbCdEfGhIjKlMnOpQrStU\.js",
        "[typeof plausible, plausible.o]",
        ["function", {}],
    ),
    "hotjar": Start(
        r"https://static\.hotjar\.com/c/hotjar-1234567\.js\?sv=6",
        "[_hjSettings, typeof hj]",
        [{"hjid": 1234567, "hjsv": 6}, "function"],
    ),
    "tiktok-pixel": Start(
        r"https://analytics\.tiktok\.com/i18n/pixel/events\.js\?sdkid=C4ABCDEF1234567890AB&lib=ttq",
        "[TiktokAnalyticsObject, Object.keys(ttq._i), ...ttq]",
        ["ttq", ["C4ABCDEF1234567890AB"], ["grantConsent"], ["page"]],
    ),
    "pinterest-tag": Start(
        r"https://s\.pinimg\.com/ct/core\.js",
        "pintrk.queue",
        [["setconsent", True], ["load", "2612345678901"], ["page"]],
    ),
    "hubspot": Start(
        r"https://js-eu1\.hs-scripts\.com/1234567\.js",
        "document.currentScript.id",
        "hs-script-loader",
    ),
    "intercom": Start(
        r"https://widget\.intercom\.io/widget/abcd1234",
        "[intercomSettings, typeof Intercom]",
        [{"api_base": "https://api-iam.eu.intercom.io", "app_id": "abcd1234"}, "function"],
    ),
    "posthog": Start(
        r"https://eu-assets\.i\.posthog\.com/static/array\.js",
        "posthog._i.map(([key, options, name]) => [key, options.api_host, name])",
        [["phc_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789", "https://eu.i.posthog.com", "posthog"]],
    ),
    "stripe": Start(
        r"https://js\.stripe\.com/v3/",
        "typeof window.stripe",
        "undefined",
        "window.Stripe = (key) => ({ key });",
    ),
    "turnstile": Start(
        r"https://challenges\.cloudflare\.com/turnstile/v0/api\.js",
        "Array.from(document.querySelectorAll('.cf-turnstile'), (box) => box.dataset.sitekey)",
        ["1x00000000000000000000AA"],
    ),
    "snap-pixel": Start(
        r"https://sc-static\.net/scevent\.min\.js",
        QUEUE.format("snaptr.queue"),
        [["init", "01234567-89ab-cdef-0123-456789abcdef"], ["track", "PAGE_VIEW"]],
    ),
    "reddit-pixel": Start(
        r"https://www\.redditstatic\.com/ads/pixel\.js",
        QUEUE.format("rdt.callQueue"),
        [["init", "t2_abcdef"], ["track", "PageVisit"]],
    ),
    "cloudflare-web-analytics": Start(
        r"https://static\.cloudflareinsights\.com/beacon\.min\.js",
        "JSON.parse(document.currentScript.dataset.cfBeacon)",
        {"token": HEX},
    ),
    "yandex-metrica": Start(
        r"https://mc\.yandex\.ru/metrika/tag\.js",
        f"[typeof ym.l, ...{QUEUE.format('ym.a')}]",
        [
            "number",
            [
                12345678,
                "init",
                {
                    "clickmap": True,
                    "trackLinks": True,
                    "accurateTrackBounce": True,
                    "webvisor": False,
                },
            ],
        ],
    ),
    "criteo-onetag": Start(
        r"https://dynamic\.criteo\.com/js/ld/ld\.js\?a=12345",
        "criteo_q",
        [
            {"event": "setAccount", "account": 12345},
            {"event": "setSiteType", "type": "d"},
            {"event": "viewPage"},
        ],
    ),
    "tawk-to": Start(
        r"https://embed\.tawk\.to/0123456789abcdef01234567/1abcdef23",
        "[Tawk_API, Tawk_LoadStart instanceof Date]",
        [{}, True],
    ),
    "paypal": Start(r"https://www\.sandbox\.paypal\.com/web-sdk/v6/core"),
    "snowplow": Start(
        r"https://static\.example\.com/sp-3\.24\.js",
        f"[GlobalSnowplowNamespace, ...{QUEUE.format('snowplow.q')}]",
        [
            ["snowplow"],
            ["newTracker", "sp", "https://sp.example.com", {"appId": "shop"}],
            ["trackPageView"],
        ],
    ),
    "zendesk-widget": Start(
        rf"https://static\.zdassets\.com/ekr/snippet\.js\?key={UUID}",
        "document.currentScript.id",
        "ze-snippet",
    ),
    "onesignal": Start(
        r"https://cdn\.onesignal\.com/sdks/web/v16/OneSignalSDK\.page\.js",
        "OneSignalDeferred.length",
        1,
        "OneSignalDeferred.forEach((run) => run({ init: (given) => { window.pushed = given; } }));",
        "window.pushed",
        {"appId": UUID},
    ),
    "adobe-tags": Start(
        r"https://assets\.adobedtm\.com/0123456789ab/0123456789ab/launch-0123456789ab\.min\.js",
        "adobeDataLayer",
        [],
    ),
    "quantcast-measure": Start(
        r"https://secure\.quantserve\.com/quant\.js", "_qevents", [{"qacct": "p-0123456789abc"}]
    ),
    "statcounter": Start(
        r"https://www\.statcounter\.com/counter/counter\.js",
        "[sc_project, sc_security, sc_invisible]",
        [1234567, "0a1b2c3d", 1],
    ),
    "mailchimp-connected": Start(
        r"https://chimpstatic\.com/mcjs-connected/js/users/0123456789abcdef0123456789/"
        r"abcdef0123456789abcdef0123\.js",
        "document.currentScript.id",
        "mcjs",
    ),
    "taboola-pixel": Start(
        r"https://cdn\.taboola\.com/libtrc/unip/1234567/tfa\.js",
        "[document.currentScript.id, ..._tfa]",
        ["tb_tfa_script", {"notify": "event", "name": "page_view", "id": 1234567}],
    ),
    "the-trade-desk": Start(
        r"https://js\.adsrvr\.org/up_loader\.1\.1\.0\.js",
        "typeof ttd_dom_ready",
        "undefined",
        """window.ttd_dom_ready = (run) => run();
        window.TTDUniversalPixelApi = class {
          init(...given) { window.universalPixel = given; }
        };""",
        "window.universalPixel",
        ["abc1234", ["ab1cd2e"], "https://insight.adsrvr.org/track/up"],
    ),
    "crazy-egg": Start(r"https://script\.crazyegg\.com/pages/scripts/0012/3456\.js"),
    "livechat": Start(
        r"https://cdn\.livechatinc\.com/tracking\.js",
        "[__lc, typeof LiveChatWidget.on, LiveChatWidget._q]",
        [{"license": 1234567}, "function", []],
    ),
    "adroll": Start(
        r"https://s\.adroll\.com/j/ABCDEFGHIJKLMNOPQRSTUV/roundtrip\.js",
        "[adroll_adv_id, adroll_pix_id, ...Array.from(adroll, ([name, all]) => [name, ...all])]",
        ["ABCDEFGHIJKLMNOPQRSTUV", "ABCDEFGHIJKLMNOPQRSTUW", ["track", "pageView"]],
    ),
    "mixpanel": Start(
        r"https://cdn\.mxpnl\.com/libs/mixpanel-2-latest\.min\.js",
        "mixpanel._i",
        [[HEX, {"api_host": "https://api-eu.mixpanel.com", "track_pageview": True}, "mixpanel"]],
    ),
    "contentsquare": Start(r"https://t\.contentsquare\.net/uxa/0123456789abc\.js", "_uxa", []),
    "smartsupp": Start(
        r"https://www\.smartsuppchat\.com/loader\.js",
        "[_smartsupp.key, smartsupp._]",
        [f"{HEX}01234567", []],
    ),
    "activecampaign": Start(
        r"https://diffuser-cdn\.app-us1\.com/diffuser/diffuser\.js",
        f"[visitorGlobalObjectAlias, ...{QUEUE.format('vgo.q')}]",
        ["vgo", ["setAccount", "123456789"], ["setTrackByDefault", True], ["process"]],
    ),
    "pendo": Start(
        rf"https://cdn\.eu\.pendo\.io/agent/static/{UUID}/pendo\.js",
        "pendo._q",
        [["initialize", {"visitor": {}, "account": {}}]],
    ),
    "smartlook": Start(
        r"https://web-sdk\.smartlook\.com/recorder\.js",
        QUEUE.format("smartlook.api"),
        [["init", f"{HEX}01234567", {"region": "eu"}]],
    ),
    "outbrain-amplify": Start(
        r"https://amplify\.outbrain\.com/cp/obtp\.js",
        f"[obApi.marketerId, ...{QUEUE.format('obApi.queue')}]",
        ["000123456789abcdef0123456789abcdef", ["track", "PAGE_VIEW"]],
    ),
    "fullstory": Start(
        r"https://edge\.fullstory\.com/s/fs\.js",
        "[_fs_org, _fs_host, _fs_script, _fs_namespace, FS.q]",
        ["o-1ABCDE-na1", "fullstory.com", "edge.fullstory.com/s/fs.js", "FS", []],
    ),
    "heap": Start(
        r"https://cdn\.us\.heap-api\.com/config/1234567890/heap_config\.js",
        "[heap.envId, heap.appid, typeof heap.track, heapReadyCb]",
        ["1234567890", "1234567890", "function", []],
    ),
    "freshchat": Start(
        r"https://acme\.freshchat\.com/js/widget\.js",
        "typeof fcWidget",
        "undefined",
        "window.fcWidget = { init: (given) => { window.freshchatStarted = given; } };",
        "window.freshchatStarted",
        {"token": UUID, "host": "https://acme.freshchat.com"},
    ),
    "olark": Start(
        r"https://static\.olark\.com/jsclient/loader0\.js",
        QUEUE.format("olark._.s"),
        [["identify", "1234-567-89-0123"]],
    ),
    "crisp": Start(r"https://client\.crisp\.chat/l\.js", "[$crisp, CRISP_WEBSITE_ID]", [[], UUID]),
    "hcaptcha": Start(
        r"https://js\.hcaptcha\.com/1/api\.js",
        "Array.from(document.querySelectorAll('.h-captcha'), (box) => box.dataset.sitekey)",
        ["10000000-ffff-ffff-ffff-000000000001"],
    ),
    "quora-pixel": Start(
        r"https://a\.quora\.com/qevents\.js",
        QUEUE.format("qp.queue"),
        [["init", HEX], ["track", "ViewContent"]],
    ),
    "brevo": Start(
        r"https://sibautomation\.com/sa\.js\?key=abcdefghij0123456789klmn",
        "[document.currentScript.id, sib.client_key, sib.equeue]",
        ["sendinblue-js", "abcdefghij0123456789klmn", [{"page": []}]],
    ),
    "pardot": Start(
        r"https://go\.example\.com/pd\.js",
        "[piAId, piCId, piHostname]",
        ["123456", "1234", "go.example.com"],
    ),
    "fathom": Start(
        r"https://cdn\.usefathom\.com/script\.js", "document.currentScript.dataset.site", "ABCDEFGH"
    ),
    "umami": Start(
        r"https://umami\.example\.com/script\.js", "document.currentScript.dataset.websiteId", UUID
    ),
    "simple-analytics": Start(
        r"https://scripts\.simpleanalyticscdn\.com/latest\.js",
        "document.currentScript.dataset.hostname",
        "example.com",
    ),
    "piwik-pro": Start(
        rf"https://example\.containers\.piwik\.pro/{UUID}\.js",
        "[dataLayer.filter((each) => each.event === 'stg.start').length, typeof ppms.cm.api]",
        [1, "function"],
    ),
    "rybbit": Start(
        r"https://rybbit\.example\.com/api/script\.js",
        "document.currentScript.dataset.siteId",
        "1234",
    ),
    "pirsch": Start(
        r"https://api\.pirsch\.io/pa\.js",
        "[document.currentScript.id, document.currentScript.dataset.code]",
        ["pianjs", "AbCdEfGhIjKlMnOpQrStUvWxYz012345"],
    ),
    "ahrefs-analytics": Start(
        r"https://analytics\.ahrefs\.com/analytics\.js",
        "document.currentScript.dataset.key",
        "AbCdEfGhIjKlMnOpQrStUv==",
    ),
    "rudderstack": Start(
        r"https://cdn\.rudderlabs\.com/v3/modern/rsa\.min\.js",
        "[rudderanalytics[0].slice(0, 3), ...rudderanalytics.slice(1)]",
        [
            [
                "load",
                "AbCdEfGhIjKlMnOpQrStUvWxYz0",
                "https://example.dataplane.rudderstack.com",
            ],
            ["page"],
        ],
    ),
    "hightouch-events": Start(
        r"https://cdn\.hightouch-events\.com/browser/release/v1-latest/events\.min\.js",
        "[htevents._writeKey, htevents._loadOptions, ...htevents]",
        [HEX * 2, {"apiHost": "us-east-1.hightouch-events.com"}, ["page"]],
    ),
    "logrocket": Start(
        r"https://cdn\.logrocket\.io/LogRocket\.min\.js",
        "typeof LogRocket",
        "undefined",
        "window.LogRocket = { init: (id) => { window.recorded = id; } };",
        "window.recorded",
        "abc123/my-app",
    ),
    "piano-analytics": Start(
        r"https://tag\.aticdn\.net/piano-analytics\.js",
        "typeof pa",
        "undefined",
        """window.pa = {
          setConfigurations: (given) => { window.piano = [given]; },
          sendEvent: (name) => { window.piano.push(name); },
        };""",
        "window.piano",
        [{"site": 123456, "collectDomain": "https://logs1234.xiti.com"}, "page.display"],
    ),
    "leadinfo": Start(
        r"https://cdn\.leadinfo\.net/ping\.js",
        "[GlobalLeadinfoNamespace, leadinfo.t, leadinfo.q]",
        [["leadinfo"], "LI-0123456789ABC", []],
    ),
    "chartbeat": Start(
        r"https://static\.chartbeat\.com/js/chartbeat\.js",
        "_sf_async_config",
        {"uid": 12345, "domain": "example.com", "useCanonical": True},
    ),
    "disqus": Start(
        r"https://example\.disqus\.com/embed\.js",
        "document.querySelectorAll('#disqus_thread').length",
        1,
    ),
}


@cache
def start_of(key: str) -> Start:
    return STARTS.get(key) or derived_start(catalogue()[key])


def derived_start(recipe: Recipe) -> Start:
    """Return how a tool starts by its recipe's one script, which has to hold every id."""
    values = example_parameters(recipe.key)
    required = {parameter.name for parameter in recipe.parameters if parameter.required}
    addresses = [script for script in recipe.scripts if script.src and script.applies(values)]
    (script,) = addresses if len(addresses) == 1 else (None,)
    assert script is not None, f"tell in STARTS which script {recipe.key} loads"
    shown = {*PLACEHOLDER.findall(script.src)}
    assert required <= shown, f"tell in STARTS how {recipe.key} gets its ids"
    filled = re.sub(r"\{\{(\w+)\}\}", lambda found: quote(values[found[1]], safe=""), script.src)
    return Start(re.escape(filled).replace("{", "{{").replace("}", "}}"))
