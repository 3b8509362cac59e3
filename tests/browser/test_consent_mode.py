"""What Google's, Microsoft's and Segment's tools are told of consent, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from consent.models import Category, Policy, Tool
from consent.recipes import CONSENT_TYPES, catalogue
from tests.browser.conftest import Enter
from tests.browser.visitor import Visitor, asked_of
from tests.factories import ToolFactory

ANALYTICS, ADVERTISING, FUNCTIONAL = "marketing-analytics", "advertising", "functional"
GOOGLES = ("google-analytics", "adwords", "google-tag-manager")
ALWAYS = ("security_storage",)
OF_FUNCTIONAL = ("functionality_storage", "personalization_storage")
OF_ADVERTISING = ("ad_storage", "ad_user_data", "ad_personalization")

# Commands as lists, Google Tag Manager's entries as their event.
LAYER = """(window.dataLayer || []).map((entry) => (
  Object.prototype.toString.call(entry) === "[object Arguments]"
    ? Array.from(entry, (part) => part instanceof Date ? "now" : part) : [entry.event]
))"""
# The queue of UET is flat: three entries a command.
UET = """(window.uetq || []).reduce((calls, part, index) => {
  if (index % 3 === 0) calls.push([]);
  calls[calls.length - 1].push(part);
  return calls;
}, [])"""
CLARITY = "(window.clarity?.q || []).map((call) => Array.from(call))"
# Runs an event through the middleware as Segment's library does.
EVENT = """(event) => {
  const [, middleware] = Array.from(analytics).find((call) => call[0] === "addSourceMiddleware");
  let passed = "stopped";
  middleware({ payload: { obj: event }, next: (payload) => { passed = payload.obj; } });
  return passed;
}"""
TRACKED = 'Array.from(analytics).filter((call) => call[0] === "track")'

Decided = Callable[..., Visitor]


@pytest.fixture(params=["server", "cacheable"])
def delivery(request: pytest.FixtureRequest, settings: Any) -> str:
    settings.CONSENT_DELIVERY = request.param
    return str(request.param)


@pytest.fixture
def decided(enter: Enter, policy: Policy) -> Decided:
    """A function that lets in a visitor who has granted what is named, before they came."""

    def let_in(*granted: str) -> Visitor:
        policy.refresh_from_db()
        visitor = enter()
        visitor.has_decided(*granted, revision=policy.revision)
        return visitor

    return let_in


def state(*granted: str) -> dict[str, str]:
    """Return the seven signals, with these granted."""
    return {name: "granted" if name in granted else "denied" for name in CONSENT_TYPES}


def layer(visitor: Visitor) -> list[list[Any]]:
    found: list[list[Any]] = visitor.page.evaluate(LAYER)
    return found


def told(visitor: Visitor) -> list[dict[str, str]]:
    """Return the updates that Google was told, in their order."""
    return [call[2] for call in layer(visitor) if call[:2] == ["consent", "update"]]


def starts(visitor: Visitor) -> list[str]:
    """Return the commands by which Google's tools start, and the defaults, in their order."""
    calls = layer(visitor)
    return [
        str(call[1] if call[0] in ("consent", "config") else call[0])
        for call in calls
        if call[0] != "set" and call[:2] != ["consent", "update"]
    ]


def has_told(visitor: Visitor, *granted: str) -> None:
    """Wait until the last that Google was told is just this."""
    last = f"JSON.stringify({LAYER}.filter((call) => call[1] === 'update').pop()?.[2])"
    wanted = ", ".join(f"{name}: '{value}'" for name, value in state(*granted).items())
    visitor.page.wait_for_function(f"{last} === JSON.stringify({{{wanted}}})")


def is_same_document(visitor: Visitor) -> bool:
    same: bool = visitor.page.evaluate("window.sameDocument === true")
    return same


def stay(visitor: Visitor) -> None:
    visitor.page.evaluate("window.sameDocument = true")


def googles(visitor: Visitor) -> list[str]:
    return [url for key in GOOGLES for url in asked_of(catalogue()[key], visitor.requests)]


# Google


def test_nothing_of_googles_is_there_before_consent(delivery, visitor):
    visitor.goto("/")
    visitor.settle()
    assert visitor.page.evaluate("typeof window.dataLayer + typeof window.gtag") == "undefined" * 2

    visitor.reject_all()
    visitor.choose(FUNCTIONAL)
    visitor.goto("/journal/")
    visitor.settle()

    assert visitor.page.evaluate("typeof window.dataLayer + typeof window.gtag") == "undefined" * 2
    assert "gtag(" not in visitor.page.content()
    assert googles(visitor) == []


@pytest.mark.parametrize("before", [True, False], ids=["decided before", "decided here"])
def test_defaults_and_what_is_allowed_come_before_every_tag(delivery, decided, enter, before):
    visitor = decided(ANALYTICS) if before else enter()
    visitor.goto("/")
    if not before:
        visitor.choose(ANALYTICS)
    has_told(visitor, "analytics_storage", *ALWAYS)

    assert layer(visitor) == [
        ["consent", "default", {**state(), "wait_for_update": 500}],
        ["set", "ads_data_redaction", True],
        ["set", "url_passthrough", False],
        ["consent", "update", state("analytics_storage", *ALWAYS)],
        ["js", "now"],
        ["config", "G-ABC1234567"],
    ]


def test_tools_that_start_together_share_one_default(delivery, visitor):
    visitor.goto("/")
    visitor.accept_all()
    has_told(visitor, *CONSENT_TYPES)

    begun = starts(visitor)
    assert begun[0] == "default"
    assert begun.count("default") == 1
    assert {"G-ABC1234567", "AW-123456789", "gtm.js"} <= set(begun)
    assert told(visitor) == [state(*CONSENT_TYPES)]


def test_tool_that_starts_later_tells_what_is_new_first_and_no_defaults(delivery, visitor):
    visitor.goto("/")
    visitor.choose(ANALYTICS)
    has_told(visitor, "analytics_storage", *ALWAYS)
    stay(visitor)

    visitor.choose(ANALYTICS, ADVERTISING)
    has_told(visitor, "analytics_storage", *OF_ADVERTISING, *ALWAYS)
    visitor.page.wait_for_function(f"{LAYER}.some((call) => call[1] === 'AW-123456789')")

    calls = layer(visitor)
    update = ["consent", "update", state("analytics_storage", *OF_ADVERTISING, *ALWAYS)]
    assert calls.index(update) < calls.index(["config", "AW-123456789"])
    assert starts(visitor).count("default") == 1
    assert is_same_document(visitor)


def test_each_decision_is_told_at_once_and_what_is_denied_stays_denied(delivery, decided):
    # Nothing of these categories runs by itself, so that no withdrawal loads the page anew.
    Tool.objects.exclude(category__key=ANALYTICS).update(placement="manual")
    Policy.objects.get(is_default=True).touch()
    visitor = decided(ANALYTICS, ADVERTISING)
    visitor.goto("/")
    has_told(visitor, "analytics_storage", *OF_ADVERTISING, *ALWAYS)
    stay(visitor)

    visitor.choose(ANALYTICS)
    has_told(visitor, "analytics_storage", *ALWAYS)
    visitor.choose(ANALYTICS, FUNCTIONAL)
    has_told(visitor, "analytics_storage", *OF_FUNCTIONAL, *ALWAYS)

    assert told(visitor) == [
        state("analytics_storage", *OF_ADVERTISING, *ALWAYS),
        state("analytics_storage", *ALWAYS),
        state("analytics_storage", *OF_FUNCTIONAL, *ALWAYS),
    ]
    assert starts(visitor) == ["default", "js", "G-ABC1234567"]
    assert is_same_document(visitor)


def test_same_decision_again_is_not_told_again(delivery, decided):
    visitor = decided(ANALYTICS)
    visitor.goto("/")
    has_told(visitor, "analytics_storage", *ALWAYS)

    visitor.page.evaluate(
        "window.heard = 0; addEventListener('consent:change', () => heard++, true)"
    )
    visitor.choose(ANALYTICS)

    visitor.page.wait_for_function("window.heard === 1")
    assert told(visitor) == [state("analytics_storage", *ALWAYS)]


def test_signal_of_two_categories_takes_both(delivery, decided):
    Category.objects.filter(key=ANALYTICS).update(consent_types="analytics_storage ad_user_data")
    Category.objects.get(key="essential").save()
    visitor = decided(ANALYTICS)
    visitor.goto("/")
    has_told(visitor, "analytics_storage", *ALWAYS)

    visitor.choose(ANALYTICS, FUNCTIONAL)
    has_told(visitor, "analytics_storage", *OF_FUNCTIONAL, *ALWAYS)
    visitor.choose(ANALYTICS, FUNCTIONAL, ADVERTISING)
    has_told(visitor, *CONSENT_TYPES)


def test_signal_that_no_category_has_is_denied(delivery, decided):
    Category.objects.filter(key=ADVERTISING).update(consent_types="ad_storage")
    Category.objects.get(key="essential").save()
    visitor = decided(ADVERTISING)
    visitor.goto("/")
    has_told(visitor, "ad_storage", *ALWAYS)

    visitor.choose(ADVERTISING, FUNCTIONAL)
    has_told(visitor, "ad_storage", *OF_FUNCTIONAL, *ALWAYS)


def test_settings_of_the_policy_are_told(delivery, decided, policy):
    policy.wait_for_update, policy.ads_data_redaction, policy.url_passthrough = 0, False, True
    policy.save()
    visitor = decided(ANALYTICS)
    visitor.goto("/")
    has_told(visitor, "analytics_storage", *ALWAYS)

    assert layer(visitor)[:3] == [
        ["consent", "default", state()],
        ["set", "ads_data_redaction", False],
        ["set", "url_passthrough", True],
    ]


def test_tool_that_always_runs_is_told_what_the_visitor_allows(delivery, decided):
    essential = Category.objects.get(key="essential")
    Tool.objects.filter(key="google-tag-manager").update(category=essential)
    # No other tag of Google's starts later, and tells.
    Tool.objects.filter(key__in=GOOGLES[:2]).switch_off()
    essential.save()
    visitor = decided(ADVERTISING)
    # It need not wait until all of the page is there.
    visitor.context.add_init_script(
        "addEventListener('pageshow', (event) => event.stopImmediatePropagation())"
    )
    visitor.goto("/")
    has_told(visitor, *OF_ADVERTISING, *ALWAYS)
    assert starts(visitor)[0] == "default"
    assert "gtm.js" in starts(visitor)

    visitor.choose(ADVERTISING, ANALYTICS)
    has_told(visitor, "analytics_storage", *OF_ADVERTISING, *ALWAYS)
    assert starts(visitor).count("default") == 1


def test_without_our_script_google_is_told_by_the_page(decided):
    visitor = decided(ANALYTICS)
    visitor.context.route("**/choice*.js", lambda route: route.abort())
    visitor.goto("/")

    assert told(visitor) == [state("analytics_storage", *ALWAYS)]
    assert starts(visitor) == ["default", "js", "G-ABC1234567"]


def test_page_that_the_back_button_brings_back_tells_what_was_decided_meanwhile(decided):
    Tool.objects.exclude(category__key=ANALYTICS).update(placement="manual")
    Policy.objects.get(is_default=True).touch()
    visitor = decided(ANALYTICS, ADVERTISING)
    visitor.goto("/")
    has_told(visitor, "analytics_storage", *OF_ADVERTISING, *ALWAYS)
    revision = Policy.objects.get(is_default=True).revision
    visitor.has_decided(ANALYTICS, revision=revision)

    visitor.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")

    has_told(visitor, "analytics_storage", *ALWAYS)


def test_pasted_tag_of_googles_is_told_before_it_starts(delivery, decided):
    Tool.objects.filter(category__key=ADVERTISING).switch_off()
    ToolFactory(
        category=Category.objects.get(key=ADVERTISING),
        key="pasted",
        snippet='<script async src="https://www.googletagmanager.com/gtag/js?id=AW-1"></script>\n'
        "<script>window.dataLayer = window.dataLayer || [];\n"
        "function gtag(){dataLayer.push(arguments);}\n"
        "gtag('js', new Date());\ngtag('config', 'AW-1');</script>",
    )
    visitor = decided(ADVERTISING)
    visitor.goto("/")
    has_told(visitor, *OF_ADVERTISING, *ALWAYS)
    visitor.page.wait_for_function(f"{LAYER}.some((call) => call[1] === 'AW-1')")

    assert starts(visitor) == ["default", "js", "AW-1"]
    assert layer(visitor)[3] == ["consent", "update", state(*OF_ADVERTISING, *ALWAYS)]


# Microsoft


def test_uet_is_told_its_default_and_each_decision(delivery, decided):
    visitor = decided()
    visitor.goto("/")
    visitor.settle()
    assert visitor.page.evaluate("typeof window.uetq") == "undefined"

    visitor.choose(ADVERTISING)
    visitor.page.wait_for_function("window.uetq && uetq.length === 6")

    assert visitor.page.evaluate(UET) == [
        ["consent", "default", {"ad_storage": "denied"}],
        ["consent", "update", {"ad_storage": "granted"}],
    ]


def test_uet_that_runs_is_told_of_a_withdrawal(delivery, decided):
    """Its own tool is in another category, and so goes on."""
    Tool.objects.exclude(key="microsoft-uet").update(placement="manual")
    analytics = Category.objects.get(key=ANALYTICS)
    Tool.objects.filter(key="microsoft-uet").update(category=analytics)
    analytics.save()
    visitor = decided(ANALYTICS, ADVERTISING)
    visitor.answers["https://bat.bing.com/bat.js"] = """
      window.UET = function ({ ti, q }) { this.calls = [ti, ...q]; };
      UET.prototype.push = function (...parts) { this.calls.push(...parts); };
    """
    visitor.goto("/")
    visitor.page.wait_for_function("window.uetq && uetq.calls")
    stay(visitor)

    visitor.choose(ANALYTICS)
    visitor.page.wait_for_function("uetq.calls.length === 11")

    denied, granted = {"ad_storage": "denied"}, {"ad_storage": "granted"}
    assert visitor.page.evaluate("uetq.calls") == [
        *("12345678", "consent", "default", denied, "consent", "update", granted),
        *("pageLoad", "consent", "update", denied),
    ]
    assert is_same_document(visitor)


def test_clarity_is_told_both_storages_at_each_decision(delivery, decided):
    visitor = decided(ANALYTICS)
    visitor.goto("/")
    visitor.page.wait_for_function(f"{CLARITY}.length === 1")
    stay(visitor)

    visitor.choose(ANALYTICS, ADVERTISING)
    visitor.page.wait_for_function(f"{CLARITY}.length === 2")

    assert visitor.page.evaluate(CLARITY) == [
        ["consentv2", {"ad_Storage": "denied", "analytics_Storage": "granted"}],
        ["consentv2", {"ad_Storage": "granted", "analytics_Storage": "granted"}],
    ]
    assert is_same_document(visitor)


# Segment


def preferences(*granted: str) -> dict[str, bool]:
    keys = (FUNCTIONAL, ANALYTICS, ADVERTISING, "essential")
    return {key: key in (*granted, "essential") for key in keys}


def test_segment_starts_with_the_destinations_that_are_allowed(delivery, decided):
    visitor = decided(ANALYTICS)
    visitor.goto("/")
    visitor.page.wait_for_function("window.analytics && analytics._loadOptions")

    integrations = visitor.page.evaluate("analytics._loadOptions.integrations")
    assert (integrations["All"], integrations["Segment.io"]) == (False, True)
    # By its name, by the name that the demo site's parameter gives, and not itself.
    assert integrations["Amplitude"] is True
    assert integrations["Google Analytics 4 Web"] is True
    assert integrations["Google Ads (Gtag)"] is False
    assert integrations["Drift"] is False
    assert not {"Segment", "Google Analytics", "Google Ads"} & integrations.keys()
    names = [
        call[0] for call in visitor.page.evaluate("Array.from(analytics, (call) => [call[0]])")
    ]
    assert names == ["addSourceMiddleware", "page"]


def test_segments_events_say_what_is_allowed_at_the_time(delivery, decided):
    visitor = decided(ANALYTICS)
    visitor.goto("/")
    visitor.page.wait_for_function("window.analytics && analytics._loadOptions")
    stay(visitor)

    event = visitor.page.evaluate(EVENT, {"context": {"consent": {"more": 1}, "page": 2}})
    consent = event["context"]["consent"]
    assert (event["context"]["page"], consent["more"]) == (2, 1)
    assert consent["categoryPreferences"] == preferences(ANALYTICS)
    assert consent["defaultDestinationBehavior"] == "disable"
    assert consent["destinationPreferences"]["Drift"] is False
    assert event["integrations"]["Drift"] is False
    assert visitor.page.evaluate(TRACKED) == []

    visitor.choose(ANALYTICS, FUNCTIONAL)
    visitor.page.wait_for_function(f"{TRACKED}.length === 1")

    assert visitor.page.evaluate(TRACKED) == [["track", "Segment Consent Preference Updated"]]
    event = visitor.page.evaluate(EVENT, {})
    consent = event["context"]["consent"]
    assert consent["categoryPreferences"] == preferences(ANALYTICS, FUNCTIONAL)
    assert consent["destinationPreferences"]["Drift"] is True
    assert event["integrations"]["Drift"] is True
    assert is_same_document(visitor)


def test_event_goes_nowhere_that_the_page_or_the_visitor_does_not_want(decided):
    visitor = decided(ANALYTICS)
    visitor.goto("/")

    wanted = {"Drift": True, "Amplitude": {"session": 1}, "Drip": False, "Unlisted": True}
    passed = visitor.page.evaluate(EVENT, {"integrations": wanted})["integrations"]
    assert passed["Drift"] is False
    assert passed["Amplitude"] == {"session": 1}
    assert passed["Drip"] is False
    assert passed["Unlisted"] is False
    assert passed["MadKudu"] is True
    assert (passed["All"], passed["Segment.io"]) == (False, True)
    nowhere = visitor.page.evaluate(EVENT, {"integrations": {"All": False}})["integrations"]
    assert not [name for name, goes in nowhere.items() if goes and name != "Segment.io"]


def test_segment_that_was_refused_sends_no_more_events(decided):
    """Until the page is gone, which the withdrawal loads anew."""
    visitor = decided(ANALYTICS)
    visitor.goto("/")
    visitor.page.evaluate(
        """(event) => {
          const pass = eval(event);
          document.addEventListener("consent:change", () => {
            sessionStorage.last = JSON.stringify([pass({}), analytics.length]);
          });
          sessionStorage.before = analytics.length;
        }""",
        EVENT,
    )

    visitor.choose(FUNCTIONAL)
    visitor.page.wait_for_function("typeof window.analytics === 'undefined' && document.body")

    last, before = visitor.page.evaluate("[sessionStorage.last, Number(sessionStorage.before)]")
    assert last == f'["stopped",{before}]'


def test_name_of_a_tool_cannot_break_out_of_what_segment_is_told(decided):
    name = "</script><script>window.broken = 1</script><!-- \u2028\"'\\"
    Tool.objects.filter(key="drift").update(name=name)
    Policy.objects.get(is_default=True).touch()
    visitor = decided(ANALYTICS)
    visitor.goto("/")

    assert visitor.page.evaluate("analytics._loadOptions.integrations")[name] is False
    assert visitor.page.evaluate("window.broken") is None
