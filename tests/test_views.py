"""The preferences page and the policy page, as a browser without JavaScript uses them."""

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils.html import strip_tags
from hypothesis import HealthCheck, given, settings, strategies

from consent.models import Category, Policy, Tool
from consent.policy import policies
from consent.policy.decision import Decision, parse
from tests.factories import CategoryFactory, ToolFactory
from tests.helpers import (
    CHAT,
    OPTIONAL,
    SAME_ORIGIN,
    chosen,
    days_ago,
    grant,
    no_policy,
    small_site,
    tool_scripts,
    vary,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]

PREFERENCES, POLICY = "/consent/preferences/", "/consent/policy/"
ORIGIN = "http://testserver"


def place(response: HttpResponseBase) -> str:
    """Return where the answer leads, but for the receipt of a refusal, which differs each time."""
    return re.sub(r"\?receipt=[0-9a-f-]{36}", "", response["Location"])


@pytest.fixture
def policy() -> Policy:
    return small_site()


@pytest.fixture(autouse=True)
def _every_edit_shows_at_once(settings):
    settings.CONSENT_POLICY_MAX_AGE = 0


def browser(cookie: str = "") -> Client:
    client = Client(enforce_csrf_checks=True)
    if cookie:
        client.cookies["consent"] = cookie
    return client


def post(data: Any, cookie: str = "", **options: Any) -> Any:
    """Send the form as a page of this site does."""
    options.setdefault("headers", SAME_ORIGIN)
    return browser(cookie).post(PREFERENCES, data, **options)


def words(response: Any) -> str:
    return " ".join(strip_tags(response.content.decode()).split())


def choice(response: HttpResponseBase) -> str | None:
    cookie = response.cookies.get("consent")
    return None if cookie is None else cookie.value


def boxes(response: Any) -> dict[str, bool]:
    """Return each box of the page's form (not the dialog's): category key to ticked or not."""
    tags = re.findall(r'<input type="checkbox"[^>]*id="dcp-page-[^>]*>', response.content.decode())
    return {re.findall(r'value="([^"]*)"', tag)[0]: "checked" in tag for tag in tags}


def decisions(response: HttpResponseBase) -> list[Decision]:
    """Return the decision that a response stores; the list is never empty."""
    found = parse(choice(response) or "")
    assert found is not None
    return [found]


def hidden_fields(response: Any) -> dict[str, str]:
    """Return what the page's own form sends besides the visitor's choice."""
    form = response.content.decode().partition("data-consent-leave>")[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form))


# Looking


@pytest.mark.parametrize("path", [PREFERENCES, POLICY])
def test_page_answers_and_stores_nothing(policy, path):
    response = browser().get(path)

    assert response.status_code == 200
    assert not response.cookies
    assert "Cookie" in vary(response)


@pytest.mark.parametrize("path", [PREFERENCES, POLICY])
@pytest.mark.parametrize("cookie", ["", "1.1.20000.functional_1", "nonsense"])
def test_page_stands_without_a_policy(path, cookie):
    response = browser(cookie).get(path)

    assert response.status_code == 200
    assert not response.cookies


@pytest.mark.parametrize("path", [PREFERENCES, POLICY])
def test_page_answers_to_head(policy, path):
    response = browser().head(path)

    assert (response.status_code, response.content) == (200, b"")


def test_preferences_page_is_never_cached(policy):
    for response in (browser().get(PREFERENCES), post({"action": "x"}), post({}, headers={})):
        assert "no-store" in response["Cache-Control"]
        assert "private" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("granted", "ticked"),
    [(None, ()), ((), ()), (("functional",), ("functional",)), (OPTIONAL, OPTIONAL)],
)
def test_boxes_show_what_was_granted(policy, granted, ticked):
    cookie = "" if granted is None else grant(*granted)

    assert boxes(browser(cookie).get(PREFERENCES)) == {key: key in ticked for key in OPTIONAL}


def test_boxes_show_what_runs_under_the_implied_regime():
    small_site(implied=True)

    assert boxes(browser().get(PREFERENCES)) == dict.fromkeys(OPTIONAL, True)


def test_box_is_not_ticked_where_something_is_new_and_the_page_says_what(policy):
    cookie = grant("functional", "advertising")
    ToolFactory(category=Category.objects.get(key="functional"), name="Newcomer")

    page = browser(cookie).get(PREFERENCES)

    assert boxes(page) == {"functional": False, "marketing-analytics": False, "advertising": True}
    assert "New since your last choice, and off until you allow it: Newcomer" in words(page)


def test_page_says_what_is_chosen(policy):
    assert "You have not chosen yet" in words(browser().get(PREFERENCES))
    assert "You allow none of the" in words(browser(grant()).get(PREFERENCES))
    assert "You allow: Functional." in words(browser(grant("functional")).get(PREFERENCES))


def test_page_says_what_runs_until_one_chooses():
    policy = small_site(implied=True)
    expired = grant(*OPTIONAL, day=days_ago(policy.lifetime_days))

    assert "Until you do, the ticked categories are on" in words(browser().get(PREFERENCES))
    assert "only essential tools run" in words(browser(expired).get(PREFERENCES))


def test_policy_page_lists_every_tool_and_leads_back_to_itself(policy):
    page = browser().get(POLICY)

    assert all(tool.name in words(page) for tool in Tool.objects.all())
    assert f'href="{PREFERENCES}?next=%2Fconsent%2Fpolicy%2F"' in page.content.decode()


def test_page_knows_where_to_go_back_to(policy):
    page = browser().get(PREFERENCES, {"next": "/journal/?page=2"}).content.decode()

    assert '<input type="hidden" name="next" value="/journal/?page=2">' in page
    assert 'href="/journal/?page=2">Cancel' in page


# Choosing


@pytest.mark.parametrize(
    ("data", "granted"),
    [
        ({"action": "accept-all"}, OPTIONAL),
        ({"action": "accept-all", "choices": ["functional"]}, OPTIONAL),
        ({"action": "reject-all"}, ()),
        ({"action": "reject-all", "choices": ["functional"]}, ()),
        (
            {"action": "save", "choices": ["functional", "advertising"]},
            ("functional", "advertising"),
        ),
        ({"action": "save", "choices": ["functional", "functional"]}, ("functional",)),
        ({"action": "save", "choices": ["essential"]}, ()),
        ({"action": "save"}, ()),
        ({"choices": ["functional"]}, ("functional",)),
        ({}, ()),
    ],
)
@pytest.mark.parametrize("before", ["", "grant"])
def test_form_is_answered_with_the_page_that_follows_and_the_cookie(policy, data, granted, before):
    response = post(data, grant("marketing-analytics") if before else "")

    assert response.status_code == 303
    assert place(response) == f"{PREFERENCES}#dcp-status"
    assert choice(response) == grant(*granted)


def test_choice_made_with_the_form_holds_on_the_next_page(policy):
    client = browser()
    before = client.get("/")
    client.post(PREFERENCES, {"choices": "functional", "next": "/"}, headers=SAME_ORIGIN)
    after = client.get("/")

    assert CHAT not in tool_scripts(before.content.decode())
    assert CHAT in tool_scripts(after.content.decode())
    assert 'id="dcp-notice"' not in after.content.decode()


def test_save_after_an_edit_leaves_open_what_the_form_did_not_show(policy):
    shown = policies.current().revision
    CategoryFactory(key="surveys")

    decision = parse(
        choice(post({"action": "save", "choices": "functional", "revision": shown})) or ""
    )

    assert decision is not None
    assert "surveys" not in decision.choices


def test_save_with_a_form_that_does_not_say_what_it_showed_refuses_what_is_not_ticked(policy):
    CategoryFactory(key="surveys")

    decision = parse(choice(post({"action": "save", "choices": "functional"})) or "")

    assert decision is not None
    assert decision.choices["surveys"] == 0


@pytest.mark.parametrize("revision", ["00", "-1", "x", "1.5", "9" * 400, "\u0661"])
def test_revision_that_can_be_none_is_refused_with_the_page_and_the_reason(policy, revision):
    response = post({"action": "accept-all", "revision": revision})

    assert (response.status_code, choice(response)) == (400, None)
    assert revision[:40] in words(response)


def test_form_works_without_a_token_for_visitors_with_a_session(policy):
    get_user_model().objects.create_user("ada", password="x")
    client = browser()
    assert client.login(username="ada", password="x")

    response = client.post(PREFERENCES, {"action": "reject-all"}, headers=SAME_ORIGIN)

    assert response.status_code == 303
    assert choice(response) == grant()


def test_refusal_is_taken_without_a_policy(policy):
    cookie = grant(*OPTIONAL)
    no_policy()

    for data in ({"action": "reject-all"}, {"action": "save"}):
        response = post(data, cookie)
        assert response.status_code == 303
        assert choice(response) == chosen(dict.fromkeys(OPTIONAL, 0), revision=0)


@pytest.mark.parametrize("action", ["reject-all", "save"])
@pytest.mark.parametrize("returns", [False, True])
def test_refusal_on_a_page_that_had_no_policy_is_taken(action, returns):
    fields = hidden_fields(browser().get(PREFERENCES))
    if returns:
        small_site()

    response = post({**fields, "action": action}, chosen({"functional": 1}, revision=1))

    assert response.status_code == 303
    assert not any(decision.granted(key) for decision in decisions(response) for key in OPTIONAL)


def test_grant_on_a_page_that_had_no_policy_grants_nothing():
    fields = hidden_fields(browser().get(PREFERENCES))
    small_site()

    response = post({**fields, "action": "accept-all"})

    assert response.status_code == 503
    assert choice(response) is None


@pytest.mark.parametrize("data", [{"action": "accept-all"}, {"choices": "functional"}])
def test_grant_without_a_policy_is_refused_with_the_page(data):
    response = post(data)

    assert response.status_code == 503
    assert choice(response) is None
    assert "Nothing was saved, and nothing was started" in words(response)


@pytest.mark.parametrize(
    "data",
    [
        {"action": "accept"},
        {"action": "ACCEPT-ALL"},
        {"action": ""},
        {"action": "x" * 10_000},
        {"action": "%s%d%(x)s{}"},
        {"action": "<script>alert(1)</script>"},
        {"choices": ["surveys"]},
        {"choices": ["functional", "surveys"]},
        {"choices": [""]},
        {"choices": [CHAT]},
        {"choices": ["<script>alert(1)</script>"]},
    ],
)
def test_unknown_action_or_category_is_refused_with_the_page_and_the_reason(policy, data):
    response = post(data, grant("functional"))

    assert response.status_code == 400
    assert choice(response) is None
    assert "Nothing was saved: " in words(response)
    assert b"<script>alert" not in response.content


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
        {"Origin": "https://evil.example"},
        {"Origin": "https://testserver"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
)
@pytest.mark.parametrize("action", ["accept-all", "reject-all"])
def test_form_from_elsewhere_is_refused_with_the_page(policy, headers, action):
    response = post({"action": action}, grant("functional"), headers=headers)

    assert response.status_code == 403
    assert choice(response) is None
    assert "was not sent from a page of this site" in words(response)
    assert boxes(response)["functional"] is True


def test_form_from_an_older_browser_is_known_by_its_origin(policy):
    response = post({"action": "accept-all"}, headers={"Origin": ORIGIN})

    assert choice(response) == grant(*OPTIONAL)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_none_of_the_pages(policy, method):
    assert getattr(browser(), method)(PREFERENCES, headers=SAME_ORIGIN).status_code == 405
    assert getattr(Client(), method)(POLICY, headers=SAME_ORIGIN).status_code == 405


def test_expired_grant_is_deleted_from_the_browser_with_its_cookies(policy):
    client = browser(grant(*OPTIONAL, day=days_ago(policy.lifetime_days)))
    client.cookies["_ga"] = "1"

    response = client.post(PREFERENCES, {"action": "reject-all"}, headers=SAME_ORIGIN)

    assert [morsel.key for morsel in response.cookies.values()] == ["consent", "_ga"]


# Where to go then

SAFE = [
    ("/", "/"),
    ("/journal/?page=2&x=%20", "/journal/?page=2&x=%20"),
    ("/journal/#part", "/journal/"),
    ("/ü/?ü", "/%C3%BC/?%C3%BC"),
    ("http://testserver/journal/", "http://testserver/journal/"),
    ("https://testserver/journal/", "https://testserver/journal/"),
    ("?page=2", "?page=2"),
]
UNSAFE = [
    "",
    "#part",
    "//evil.example",
    "//evil.example/journal/",
    "///evil.example",
    "////evil.example",
    "http:///evil.example",
    "https://evil.example/",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "http://evil.example#http://testserver/",
    "ftp://testserver/",
    "\\\\evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "http:\\\\evil.example",
    "javascript:alert(1)",
    "JavaScript:alert(1)//testserver",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "\x08//evil.example",
    "\x00/",
    "http://[broken",
    "http://testserver:port/",
    "/" + "x" * 3000,
]


@pytest.mark.parametrize(("address", "location"), SAFE)
def test_form_leads_back_to_a_page_of_this_site(policy, address, location):
    assert post({"action": "reject-all", "next": address})["Location"] == f"{location}#dcp-status"


@pytest.mark.parametrize("address", UNSAFE)
def test_form_leads_nowhere_else(policy, address):
    response = post({"action": "reject-all", "next": address})

    assert response.status_code == 303
    assert place(response) == f"{PREFERENCES}#dcp-status"


@pytest.mark.parametrize("address", UNSAFE)
def test_page_leads_nowhere_else(policy, address):
    page = browser().get(PREFERENCES, {"next": address})

    assert page.status_code == 200
    assert page.context["next"] == ""


def test_page_on_https_leads_to_no_page_on_http(policy):
    response = browser().post(
        PREFERENCES,
        {"action": "reject-all", "next": "http://testserver/journal/"},
        headers=SAME_ORIGIN,
        secure=True,
    )

    assert place(response) == f"{PREFERENCES}#dcp-status"


def test_line_breaks_in_an_address_make_no_header(policy):
    response = post({"action": "reject-all", "next": "/a\r\nSet-Cookie: consent=evil"})

    assert response.status_code == 303
    assert "\n" not in response["Location"]
    assert choice(response) == grant()


# Whatever strangers send

anything = strategies.text(max_size=50) | strategies.sampled_from(
    ["save", "accept-all", "reject-all", *OPTIONAL, "essential", "/", "//x", "http://[", "\0", "\1"]
)
forms = strategies.dictionaries(
    strategies.sampled_from(["action", "choices", "next"]) | strategies.text(max_size=20),
    strategies.lists(anything, max_size=5),
    max_size=5,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(forms, strategies.booleans())
def test_no_form_breaks_the_page_or_the_cookie(policy, data, fails):
    response = post(data, grant("functional"), headers={} if fails else SAME_ORIGIN)

    assert response.status_code in ({403} if fails else {303, 400})
    assert (choice(response) is not None) == (response.status_code == 303)
    assert parse(choice(response) or grant()) is not None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    strategies.binary(max_size=200),
    strategies.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=nonsense",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "application/json",
            "text/plain",
            "",
        ]
    ),
)
def test_no_body_breaks_the_page(policy, body, content_type):
    response = browser().generic(
        "POST", PREFERENCES, body, content_type=content_type, headers=SAME_ORIGIN
    )

    assert response.status_code in {303, 400, 415}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything, strategies.text(strategies.characters(max_codepoint=255), max_size=100))
def test_no_address_or_cookie_breaks_the_page(policy, address, header):
    response = browser().get(PREFERENCES, {"next": address}, HTTP_COOKIE=f"consent={header}")

    assert response.status_code == 200


def test_more_fields_than_django_reads_are_a_bad_request(policy):
    assert post({"choices": ["functional"] * 2000}).status_code == 400


def test_many_unknown_categories_are_told_of_once(policy):
    response = post({"choices": [f"x{n}" for n in range(900)]})

    assert response.status_code == 400
    assert words(response).count("There is no category with this key.") == 1
