"""What a tool's code is told of the state of consent that it is sent for."""

import json
import re
from typing import Any

import pytest

from consent.models import Category, Tool
from consent.pages.consent_signals import code_for_script, insert_consent
from consent.pages.script_bundles import bundle, tools_to_start
from consent.pages.template_functions import consent_head, consent_tool
from consent.policy import NO_POLICY, Selection, build, policies
from consent.recipes import CONSENT_TYPES, catalogue, google
from consent.recipes.markers import CHOICES, NONCE, SIGNALS
from tests.factories import CategoryFactory, PolicyFactory, ToolFactory
from tests.helpers import ANALYTICS, grant, page_request, small_site

pytestmark = pytest.mark.django_db

NOW = re.compile(r"\}\)\((\{.*?\}), (\{.*?\}), \(function")


def first_told(mark: str, selection: Selection) -> tuple[Any, Any]:
    """Return what code is told at once, and the settings that come with it."""
    found = NOW.search(insert_consent(mark, selection).replace("\n", " "))
    assert found is not None
    return json.loads(found[1]), json.loads(found[2])


def signals(selection: Selection) -> set[str]:
    """Return the signals that are granted; each of the seven is told, as one or the other."""
    now, _ = first_told(SIGNALS, selection)
    assert tuple(now) == CONSENT_TYPES
    assert set(now.values()) <= {"granted", "denied"}
    return {name for name, value in now.items() if value == "granted"}


def chosen(*granted: str) -> Selection:
    policy = build().default
    return policy.grant(dict.fromkeys(granted, policy.revision))


# Signals


def test_signals_are_granted_where_their_category_is_allowed():
    small_site()

    assert signals(chosen()) == {"security_storage"}
    assert signals(chosen("marketing-analytics")) == {"security_storage", "analytics_storage"}
    assert signals(chosen("functional", "marketing-analytics", "advertising")) == {*CONSENT_TYPES}


def test_signal_of_several_categories_takes_all_of_them():
    for key in ("one", "other"):
        CategoryFactory(key=key, consent_types="ad_storage")

    assert signals(chosen("one")) == signals(chosen("other")) == set()
    assert signals(chosen("one", "other")) == {"ad_storage"}


def test_signal_is_denied_where_the_grant_does_not_cover_what_the_category_means_now():
    CategoryFactory(key="ads", consent_types="ad_storage", since=4)
    policy = build().default
    (since,) = policy.categories[0].thresholds

    assert signals(policy.grant({"ads": since - 1})) == set()
    assert signals(policy.grant({"ads": since})) == {"ad_storage"}


def test_nothing_is_granted_without_a_policy_or_a_category():
    assert signals(NO_POLICY.everything) == set()
    PolicyFactory()
    assert signals(build().default.everything) == set()


def test_settings_of_the_policy_come_with_what_is_told_first():
    PolicyFactory(wait_for_update=9, ads_data_redaction=False, url_passthrough=True)

    _, settings = first_told(SIGNALS, build().default.everything)
    assert settings == {"wait": 9, "redact": False, "passthrough": True}


# Choices


def test_choices_are_all_categories_and_all_tools_that_are_enabled():
    small_site()
    Tool.objects.filter(key="pixel").update(enabled=False)

    now, _ = first_told(CHOICES, chosen("marketing-analytics"))
    assert now["categories"] == {
        "functional": False,
        "marketing-analytics": True,
        "advertising": False,
        "essential": True,
    }
    assert now["tools"] == {
        "chat": {"name": "Chat", "allowed": False},
        "google-analytics": {"name": "Google analytics", "allowed": True},
        "guard": {"name": "Guard", "allowed": True},
        "captcha": {"name": "Captcha", "allowed": True},
    }


def test_tool_with_the_key_of_a_category_is_told_of_as_a_tool():
    category = CategoryFactory(key="ads")
    Tool.objects.bulk_create(
        [ToolFactory.build(category=category, policy=category.policy, key="ads", since=9)]
    )

    now, _ = first_told(CHOICES, build().default.grant({"ads": category.since}))
    assert (now["categories"]["ads"], now["tools"]["ads"]["allowed"]) == (True, False)


@pytest.mark.parametrize(
    "name",
    ["</script><script>x()", "<!--<script>", "\1\2", "\u2028", "\"'\\`${x}", "Müller & Co"],
)
def test_name_stays_a_text_within_the_script(name: str):
    ToolFactory(key="chat", name="x", category__key="ads")
    Tool.objects.update(name=name)

    written = insert_consent(f"<script>{CHOICES}</script>", build().default.everything)
    assert first_told(CHOICES, build().default.everything)[0]["tools"]["chat"]["name"] == name
    assert written.count("<") == 2
    assert written.isascii()
    assert not {NONCE, SIGNALS, CHOICES, "\u2028"} & set(written)


# Where it is written


def test_markup_without_marks_stays_as_it_is():
    assert insert_consent(f"<p>{NONCE}</p>", NO_POLICY.everything) == f"<p>{NONCE}</p>"


def test_only_the_nonces_mark_is_left_and_others_get_none():
    markup = catalogue()["microsoft-uet"].render({"tag_id": "12345678"}, "uet")

    assert {SIGNALS, NONCE} <= set(markup)
    assert NONCE in insert_consent(markup, NO_POLICY.everything)
    assert not {SIGNALS, NONCE} & set(code_for_script(markup, NO_POLICY.everything))


def test_page_file_and_answer_tell_the_same_of_the_same_state():
    small_site()
    cookie = grant("marketing-analytics")
    page = page_request(cookie)
    selection = page.consent.selection  # type: ignore[attr-defined]
    markup = code_for_script(selection.policy.tools[ANALYTICS].markup, selection)

    assert '"analytics_storage":"granted"' in markup
    assert '"ad_storage":"denied"' in markup
    assert {"tool": ANALYTICS, "placement": "head", "html": markup} in tools_to_start(selection)
    assert json.dumps(markup) in bundle(selection)
    assert markup in consent_head(page)
    assert markup in consent_tool(page_request(cookie), ANALYTICS)


def test_state_is_written_once_and_costs_no_query(django_assert_num_queries):
    small_site()
    policies.forget()
    policy = policies.current()
    first = policy.grant({"advertising": policy.revision})

    with django_assert_num_queries(0):
        written = insert_consent(SIGNALS, first)
        kept = policy.rendered.get(
            ("consent signals", SIGNALS, first.levels), lambda: pytest.fail("lost")
        )
        assert list(kept) == [written]
        assert insert_consent(SIGNALS, policy.grant({"advertising": policy.revision})) == written
        assert insert_consent(SIGNALS, policy.refused) != written


def test_edited_signals_lead_to_another_file():
    small_site()
    before = build().default.fingerprint
    Category.objects.filter(key="advertising").update(consent_types="ad_storage")

    assert build().default.fingerprint != before


# Pasted code


@pytest.mark.parametrize(
    ("snippet", "expected"),
    [
        ('<script src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>', True),
        ("<script>j.src='https://www.googletagmanager.com/gtm.js?id='+i+dl;</script>", True),
        ('<script src="https://vendor.example/x.js"></script>', False),
        (
            "<script>gtag('consent', 'default', {});</script>"
            '<script src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>',
            False,
        ),
        ('<iframe src="https://www.googletagmanager.com/ns.html?id=GTM-1"></iframe>', False),
    ],
)
def test_pasted_tag_of_googles_is_told_unless_it_sees_to_consent(snippet: str, expected: bool):
    tool = ToolFactory(key="pasted", snippet=snippet)

    markup = build().default.tools[tool.key].markup
    assert markup.startswith(google.prelude("pasted")) is expected
    assert (SIGNALS in markup) is expected


def test_text_cannot_ask_to_be_told():
    ToolFactory(key="chat", snippet=f"<p>{SIGNALS}{CHOICES}{{{{consent_signals}}}}</p>")

    markup = build().default.tools["chat"].markup
    assert not {SIGNALS, CHOICES} & set(markup)
    assert "{{consent_signals}}" in markup
