"""The REST API: policy and preferences, and every refusal."""

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client
from hypothesis import HealthCheck, given, settings, strategies

from consent.api.parsers import MAX_BYTES
from consent.models import Category, Policy, Tool
from consent.policy import policies
from consent.policy.decision import parse
from tests.factories import CategoryFactory, CookieFactory, ToolFactory
from tests.helpers import (
    ANALYTICS,
    CAPTCHA,
    CHAT,
    ESSENTIAL_TOOLS,
    GUARD,
    OPTIONAL,
    OWN_COOKIES,
    PIXEL,
    SAME_ORIGIN,
    TOOLS,
    TOOLS_OF,
    chosen,
    days_ago,
    grant,
    iso,
    no_policy,
    small_site,
    vary,
)
from tests.separate_process import run_in_new_process

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]

POLICY, PREFERENCES = "/consent/api/policy/", "/consent/api/preferences/"
WRITES = ("PUT", "PATCH", "DELETE")
REFUSE_ALL = {"choices": dict.fromkeys(OPTIONAL, False)}
GRANT_ALL = {"choices": dict.fromkeys(OPTIONAL, True)}


@pytest.fixture
def policy() -> Policy:
    return small_site()


@pytest.fixture(autouse=True)
def _every_edit_shows_at_once(settings):
    settings.CONSENT_POLICY_MAX_AGE = 0


def send(
    method: str, body: Any = None, cookie: str = "", client: Client | None = None, **options: Any
) -> Any:
    """Send a request about the preferences as a page of this site does."""
    client = client or Client(enforce_csrf_checks=True)
    path = options.pop("path", PREFERENCES)
    if cookie:
        client.cookies["consent"] = cookie
    headers = {**SAME_ORIGIN, **options.pop("headers", {})}
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    options.setdefault("content_type", "application/json")
    return client.generic(
        method,
        path,
        b"" if body is None else data,
        headers={name: value for name, value in headers.items() if value is not None},
        **options,
    )


def choice(response: HttpResponseBase) -> str | None:
    cookie = response.cookies.get("consent")
    return None if cookie is None else cookie.value


def tools(response: Any) -> list[str]:
    return sorted(response.json()["allowed"])


def test_each_visitor_is_told_of_their_own_consent_whoever_was_told_before(policy):
    told = {
        granted: (
            tools(send("GET", cookie=grant(*granted))),
            send("PUT", {"choices": {key: key in granted for key in OPTIONAL}}).json(),
        )
        for granted in ((), ("functional",), ("advertising",), OPTIONAL, ("functional",))
    }

    for granted, (allowed, outcome) in told.items():
        expected = sorted({*(TOOLS_OF[key] for key in granted), *ESSENTIAL_TOOLS})
        assert allowed == sorted(outcome["allowed"]) == expected
        assert sorted(tool["tool"] for tool in outcome["start"]) == expected
        assert set(outcome["stop"]["tools"]) == set(TOOLS) - set(expected)
        assert outcome["choices"] == {key: key in granted for key in OPTIONAL}


# The policy


def test_policy_tells_what_every_visitor_may_know(policy):
    content = Client().get(POLICY).json()

    assert content["revision"] == policy.revision
    assert content["regime"] == "opt_in"
    assert content["lifetime_days"] == 182
    assert content["policy_url"] == "/consent/policy/"
    assert [category["key"] for category in content["categories"]] == [*OPTIONAL, "essential"]
    assert content["categories"][2]["tools"] == [
        {
            "key": PIXEL,
            "name": "Pixel",
            "vendor": "Example Ltd",
            "privacy_url": "https://vendor.example/privacy",
            "since": Tool.objects.get(key=PIXEL).since,
            "server": False,
            "cookies": [
                {
                    "name": name,
                    "kind": kind,
                    "party": party,
                    "retention": "2 years",
                    "purpose": "Tells visitors apart.",
                    "languages": {},
                }
                for name, kind, party in (
                    ("_px_*", "cookie", "first"),
                    ("px_state", "storage", "first"),
                    ("ad_id", "cookie", "third"),
                )
            ],
            "languages": {},
        }
    ]


def test_policy_tells_nothing_of_how_tools_are_configured(policy):
    text = Client().get(POLICY).content.decode()
    parameters = Tool.objects.get(key=ANALYTICS).parameters

    assert parameters
    assert not any(value in text for value in parameters.values())
    assert "<script" not in text


def test_policy_is_the_same_for_every_visitor(policy):
    client = Client()
    client.cookies["consent"] = grant(*OPTIONAL)

    response = client.get(POLICY)

    assert response.content == Client().get(POLICY).content
    assert not response.cookies
    assert vary(response) == {"Accept-Language"}
    assert response["Cache-Control"] == "public, no-cache"


def test_policy_that_the_client_has_is_not_sent_again(policy):
    first = Client().get(POLICY)

    again = Client().get(POLICY, headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Cache-Control"):
        assert again[name] == first[name]
    assert vary(again) == vary(first)


def test_policys_etag_changes_with_every_edit_and_with_nothing_else(policy):
    def etag() -> str:
        return str(Client().get(POLICY)["ETag"])

    seen = [etag()]
    assert etag() == seen[0]
    Category.objects.filter(key="functional").update(name="Practical")
    policy.touch()
    seen.append(etag())
    Tool.objects.filter(key=CHAT).switch_off()
    seen.append(etag())
    CookieFactory(tool=Tool.objects.get(key=PIXEL))
    seen.append(etag())
    policy.touch()

    assert len(set(seen)) == len(seen)
    assert etag() == seen[-1]


def test_policy_and_its_etag_are_in_the_requests_language(policy):
    # Django's own catalogue translates it.
    Category.objects.filter(key="functional").update(name="Monday")
    policy.touch()
    german, english = (
        Client().get(POLICY, headers={"Accept-Language": language}) for language in ("de", "en")
    )

    assert german.json()["categories"][0]["name"] == "Montag"
    assert german["ETag"] != english["ETag"]
    assert (
        Client()
        .get(POLICY, headers={"Accept-Language": "de", "If-None-Match": english["ETag"]})
        .status_code
        == 200
    )


def test_policy_wanted_as_it_was_is_refused_once_it_changed(policy):
    response = Client().get(POLICY, headers={"If-Match": '"another"'})

    assert response.status_code == 412
    assert response.json() == {"detail": "The precondition does not hold."}


@pytest.mark.parametrize("value", ["*", "broken", '"a', 'W/"x", "y"', ",,,", "\x00", "ü"])
def test_odd_preconditions_break_nothing(policy, value):
    assert Client().get(POLICY, headers={"If-None-Match": value}).status_code in {200, 304}
    assert Client().get(POLICY, headers={"If-Match": value}).status_code in {200, 412}


def test_policy_answers_where_there_is_none():
    content = Client().get(POLICY).json()

    assert (content["revision"], content["categories"]) == (0, [])


# Reading preferences


def test_undecided_visitor_has_no_choice_and_is_to_be_asked(policy):
    response = Client().get(PREFERENCES)

    assert response.json() == {
        "decided": False,
        "ask": True,
        "revision": None,
        "decided_on": None,
        "expires_on": None,
        "choices": dict.fromkeys(OPTIONAL),
        "refused_tools": [],
        "opted_out": False,
        "overridden": False,
        "allowed": [CAPTCHA, GUARD],
    }


def test_decided_visitor_reads_the_choice_and_what_it_allows(policy):
    response = send("GET", cookie=grant("functional", day=days_ago(10)))

    assert response.json() == {
        "decided": True,
        "ask": False,
        "revision": policy.revision,
        "decided_on": iso(-10),
        "expires_on": iso(172),
        "choices": {"functional": True, "marketing-analytics": False, "advertising": False},
        "refused_tools": [],
        "opted_out": False,
        "overridden": False,
        "allowed": [CHAT, CAPTCHA, GUARD],
    }


def test_page_that_follows_another_reads_what_a_write_answers(policy):
    written = send("PUT", {"choices": {**REFUSE_ALL["choices"], "functional": True}})
    cookie = written.cookies["consent"].value

    read = send("GET", cookie=cookie, path=f"{PREFERENCES}?outcome=true")

    # Nothing is recorded by reading.
    assert read.json() == {**written.json(), "receipt": None}
    assert CHAT in {each["tool"] for each in read.json()["start"]}
    assert "no-store" in read["Cache-Control"]


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}])
def test_reading_needs_no_page_of_this_site_and_stores_nothing(policy, headers):
    response = Client().get(PREFERENCES, headers=headers)

    assert response.status_code == 200
    assert not response.cookies
    assert "Cookie" in vary(response)


@pytest.mark.parametrize("path", [POLICY, PREFERENCES])
@pytest.mark.parametrize("method", ["head", "options"])
def test_head_and_options_are_answered_and_store_nothing(policy, path, method):
    response = getattr(Client(), method)(path)

    assert response.status_code == 200
    assert not response.cookies


# Writing preferences


def test_put_takes_a_choice_about_everything(policy):
    choices = {"functional": True, "marketing-analytics": False, "advertising": False}
    response = send("PUT", {"choices": choices})
    content = response.json()

    assert response.status_code == 200
    assert choice(response) == grant("functional")
    assert content["choices"] == choices
    assert (content["decided"], content["ask"]) == (True, False)
    assert (content["decided_on"], content["expires_on"]) == (iso(0), iso(182))
    assert content["allowed"] == [CHAT, CAPTCHA, GUARD]


def test_put_from_a_page_that_is_out_of_date_grants_only_what_that_showed(policy):
    shown = policies.current().revision
    ToolFactory(category=Category.objects.get(key="functional"), key="newcomer")

    response = send("PUT", {"choices": dict.fromkeys(OPTIONAL, True), "revision": shown})

    assert "newcomer" not in response.json()["allowed"]
    assert response.json()["ask"] is True


@pytest.mark.parametrize("revision", [0, -1, 1.5, "x", [], True])
def test_put_with_a_revision_that_can_be_none_names_the_field(policy, revision):
    response = send("PUT", {"choices": dict.fromkeys(OPTIONAL, True), "revision": revision})

    assert (response.status_code, choice(response)) == (400, None)
    assert set(response.json()) == {"revision"}


def test_put_tells_the_page_what_to_start(policy):
    ToolFactory(category=Category.objects.get(key="essential"), key="hook", server=True)

    start = send("PUT", GRANT_ALL).json()["start"]

    assert [(tool["tool"], tool["placement"]) for tool in start] == [
        (CHAT, "head"),
        (ANALYTICS, "head"),
        (PIXEL, "body"),
        (CAPTCHA, "manual"),
        (GUARD, "head"),
    ]
    assert start[0]["html"] == (
        f'<script data-consent-tool="{CHAT}" src="https://vendor.example/{CHAT}.js"></script>'
    )
    assert "nonce=" not in "".join(tool["html"] for tool in start)


def test_put_tells_the_page_what_to_clean_up(policy):
    stop = send(
        "PUT", {"choices": {**dict.fromkeys(OPTIONAL, False), "marketing-analytics": True}}
    ).json()["stop"]

    assert stop == {
        "tools": [CHAT, PIXEL],
        "cookies": ["_px_*"],
        "storage": ["px_state"],
        "keep": [*OWN_COOKIES, "_ga", "_ga_*"],
    }


def test_put_deletes_the_cookies_of_what_was_refused(policy):
    client = Client()
    client.cookies["_ga_X"] = "1"

    response = send("PUT", REFUSE_ALL, grant(*OPTIONAL), client)

    assert [morsel.key for morsel in response.cookies.values()] == ["consent", "_ga_X"]


def test_patch_leaves_the_rest_as_it_was(policy):
    response = send("PATCH", {"choices": {"advertising": True}}, grant("functional"))

    assert response.json()["choices"] == {
        "functional": True,
        "marketing-analytics": False,
        "advertising": True,
    }


def test_patch_keeps_older_grants_at_what_they_covered(policy):
    cookie = grant("functional", day=days_ago(100))
    ToolFactory(category=Category.objects.get(key="functional"), key="newcomer")

    response = send("PATCH", {"choices": {"advertising": True}}, cookie)

    assert tools(response) == sorted([CHAT, PIXEL, CAPTCHA, GUARD])
    assert response.json()["ask"] is True
    assert response.json()["expires_on"] == iso(82)


def test_delete_withdraws_everything(policy):
    response = send("DELETE", cookie=grant(*OPTIONAL))

    assert response.status_code == 200
    assert choice(response) == grant()
    assert tools(response) == sorted([CAPTCHA, GUARD])
    assert response.json()["stop"]["tools"] == [CHAT, ANALYTICS, PIXEL]


def test_essential_category_may_be_named_as_granted(policy):
    body = {"choices": {**dict.fromkeys(OPTIONAL, False), "essential": True}}

    assert choice(send("PUT", body)) == grant()


@pytest.mark.parametrize("method", WRITES)
def test_writes_need_no_token_and_no_cookie_of_a_session(policy, method):
    get_user_model().objects.create_user("ada", password="x")
    client = Client(enforce_csrf_checks=True)
    assert client.login(username="ada", password="x")

    response = send(method, REFUSE_ALL, client=client)

    assert response.status_code == 200
    assert set(response.cookies) == {"consent"}


@pytest.mark.parametrize("method", ["GET", *WRITES])
def test_answers_are_kept_by_no_cache(policy, method):
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Accept": "text/html"}):
        assert "no-store" in send(method, REFUSE_ALL, headers=headers)["Cache-Control"]


def test_older_browser_is_known_by_its_origin(policy):
    headers = {"Sec-Fetch-Site": None, "Origin": "http://testserver"}

    assert send("PUT", GRANT_ALL, headers=headers).status_code == 200


def test_api_works_in_an_async_stack(policy):
    response = async_to_sync(AsyncClient(enforce_csrf_checks=True).put)(
        PREFERENCES, GRANT_ALL, content_type="application/json", headers=SAME_ORIGIN
    )

    assert choice(response) == grant(*OPTIONAL)


ELSEWHERE = """
from django.test import Client
client = Client(headers={"Sec-Fetch-Site": "same-origin"})
preferences, body = "/consent/api/preferences/", {"choices": {"advertising": False}}
answers = [
    client.get("/consent/api/policy/"),
    client.get(preferences),
    client.put(preferences, body, "application/json"),
    client.patch(preferences, body, "application/json"),
    client.delete(preferences),
]
print(json.dumps([[answer.status_code, answer["Content-Type"]] for answer in answers]))
"""


def test_api_works_the_same_on_a_site_whose_own_api_is_another():
    answers = run_in_new_process(
        ELSEWHERE,
        rest_framework={
            "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
            "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.StaticHTMLRenderer"],
            "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
            "DEFAULT_THROTTLE_RATES": {"anon": "1/day"},
            "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.NamespaceVersioning",
            "ALLOWED_VERSIONS": ["v1"],
        },
    )

    assert json.loads(answers) == [[200, "application/json"]] * 5


# Refusals: each says why, and leaves the cookie as it was


def refusal(status: int, *arguments: Any, **options: Any) -> Any:
    """Send a request that is refused with `status`; return the JSON that says why."""
    response = send(*arguments, **{"cookie": grant("functional"), **options})

    assert response.status_code == status
    assert not response.cookies
    assert response["Content-Type"] == "application/json"
    return response.json()


MISSING = ["This category is missing: choose true or false."]
NEITHER = ["Invalid choice: use true or false."]
NO_KEY = ["Invalid category or tool key."]
UNKNOWN = ["There is no category with this key."]


@pytest.mark.parametrize(
    ("choices", "errors"),
    [
        ({"functional": True}, {"marketing-analytics": MISSING, "advertising": MISSING}),
        (
            {**dict.fromkeys(OPTIONAL, True), "essential": False},
            {"essential": ["An essential category cannot be refused."]},
        ),
        ({**dict.fromkeys(OPTIONAL, True), "surveys": True}, {"surveys": UNKNOWN}),
        ({**dict.fromkeys(OPTIONAL, True), CHAT: True}, {CHAT: UNKNOWN}),
    ],
)
def test_put_of_choices_that_the_policy_does_not_offer_names_each(policy, choices, errors):
    assert refusal(400, "PUT", {"choices": choices}) == {"choices": errors}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("choices", "errors"),
    [
        ({"functional": "true"}, {"functional": NEITHER}),
        ({"functional": 1}, {"functional": NEITHER}),
        ({"functional": 0}, {"functional": NEITHER}),
        ({"functional": []}, {"functional": NEITHER}),
        ({"functional": {"a": True}}, {"functional": NEITHER}),
        ({"functional": None}, {"functional": ["This field may not be null."]}),
        ({"Functional": True}, {"Functional": NO_KEY}),
        ({"": True}, {"": NO_KEY}),
        ({"x" * 41: True}, {"x" * 40: NO_KEY}),
        ({"x" * 999: True}, {"x" * 40: NO_KEY}),
        ({"\ud800": 5}, {"\\ud800": NO_KEY}),
        ({"\0": True}, {"\\x00": NO_KEY}),
        ({"a.b": True, "functional": True}, {"a.b": NO_KEY}),
        ({}, ["This dictionary may not be empty."]),
        ([], ['Expected a dictionary of items but got type "list".']),
        ("functional", ['Expected a dictionary of items but got type "str".']),
        (True, ['Expected a dictionary of items but got type "bool".']),
        (None, ["This field may not be null."]),
        ({f"k{n}": True for n in range(51)}, ["Too many choices: the maximum is 50."]),
    ],
)
def test_choice_that_can_be_none_is_named(policy, method, choices, errors):
    assert refusal(400, method, {"choices": choices}) == {"choices": errors}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("body", [None, {}, {"choice": {"functional": True}}])
def test_missing_choices_are_named(policy, method, body):
    assert refusal(400, method, body) == {"choices": ["This field is required."]}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"no JSON",
        b'{"choices": {"functional": tru}}',
        b'{"choices": {"functional": NaN}}',
        b'{"choices": Infinity}',
        b"[" * 9_000,
        b'{"a":' * 1_500,
        b"1" * 9_000,
        b"\xff\xfe{}",
        rb'{"choices": {"functional": false}, "source": "\ud800"}',
        b"\xef\xbb\xbf{}",
        '{"choices": {"functional": true}}'.encode("utf-16"),
    ],
)
def test_body_that_is_no_json_is_told_so(policy, method, body):
    assert refusal(400, method, body) == {"detail": "The body is not valid JSON."}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    "body",
    [
        '{"choices": {"functional": false, "functional": true}}',
        '{"choices": {"functional": false}, "choices": {"functional": true}}',
        '{"choices": {"functional": true}, "revision": 1, "revision": 99}',
    ],
)
def test_body_with_the_same_key_twice_is_refused(policy, method, body):
    detail = "The body has the same key twice in an object."
    assert refusal(400, method, body) == {"detail": detail}


@pytest.mark.parametrize("body", ["[]", "null", "true", "7", '"choices"', '[["choices", {}]]'])
def test_body_that_is_no_object_is_told_so(policy, body):
    assert refusal(400, "PUT", body) == {"detail": "The body is not a JSON object."}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_body_that_is_too_long_is_not_read(policy, method):
    longest = json.dumps({"choices": dict.fromkeys(OPTIONAL, True)}).ljust(MAX_BYTES)

    assert send(method, longest).status_code == 200
    assert refusal(413, method, longest + " ") == {
        "detail": "The body is too long: at most 10,000 bytes are read."
    }


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json-patch+json",
        "nonsense",
        "application/" + "x" * 300,
    ],
)
def test_body_of_another_type_is_refused(policy, method, content_type):
    content = refusal(415, method, GRANT_ALL, content_type=content_type)

    assert "Unsupported media type" in content["detail"]


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "nonsense"])
def test_claimed_charset_means_nothing(policy, charset):
    content_type = f"application/json; charset={charset}"

    assert send("PUT", GRANT_ALL, content_type=content_type).status_code == 200


@pytest.mark.parametrize("method", ["GET", *WRITES])
def test_other_formats_than_json_are_not_served(policy, method):
    content = refusal(406, method, REFUSE_ALL, headers={"Accept": "text/html"})

    assert content == {"detail": "Could not satisfy the request Accept header."}


@pytest.mark.parametrize("path", [POLICY, PREFERENCES])
def test_format_in_the_query_means_nothing(policy, path):
    assert Client().get(path, {"format": "api"}).status_code == 200


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": None},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        {"Sec-Fetch-Site": None, "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": None, "Origin": "null"},
    ],
)
def test_write_from_elsewhere_is_refused(policy, method, headers):
    content = refusal(403, method, REFUSE_ALL, headers=headers)

    assert content == {"detail": "The request was not sent by a page of this site."}


def test_write_from_elsewhere_is_refused_before_its_body_is_looked_at(policy):
    refusal(403, "PUT", b"x" * 20_000, headers={"Sec-Fetch-Site": "cross-site"})


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_grant_without_a_policy_is_refused(method):
    response = send(method, GRANT_ALL, "1.1.20000.functional_1")

    assert response.status_code == 503
    assert response.json() == {
        "detail": "The policy cannot be read at the moment. Nothing was saved."
    }
    assert not response.cookies


@pytest.mark.parametrize("method", WRITES)
def test_nothing_is_pretended_where_the_middleware_is_missing(policy, settings, method):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "consent" not in name]

    response = send(method, None if method == "DELETE" else REFUSE_ALL)

    assert response.status_code == 503
    assert not response.cookies


@pytest.mark.parametrize("method", WRITES)
def test_refusal_without_a_policy_is_taken(policy, method):
    cookie = grant(*OPTIONAL)
    no_policy()

    response = send(method, REFUSE_ALL, cookie)

    assert response.status_code == 200
    assert choice(response) == chosen(dict.fromkeys(OPTIONAL, 0), revision=0)
    assert response.json()["allowed"] == []


@pytest.mark.parametrize("method", WRITES)
def test_refusal_is_taken_while_the_database_is_down(policy, method):
    cookie = grant(*OPTIONAL)

    def fail(*arguments: Any) -> None:
        raise DatabaseError("The database is down.")

    with connection.execute_wrapper(fail):
        response = send(method, REFUSE_ALL, cookie)

    assert response.status_code == 200
    assert choice(response) == grant()


def test_post_is_no_way_to_write(policy):
    assert send("POST", GRANT_ALL).status_code == 405


# Whatever strangers send

values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(strategies.text(), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = strategies.sampled_from([*OPTIONAL, "essential", "surveys"]) | strategies.text()
bodies = (
    strategies.binary(max_size=100)
    | values.map(json.dumps)
    | strategies.fixed_dictionaries({"choices": values}).map(json.dumps)
    | strategies.dictionaries(keys, strategies.booleans() | values, max_size=5).map(
        lambda choices: json.dumps({"choices": choices})
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strategies.sampled_from(["PUT", "PATCH", "DELETE"]), bodies)
def test_no_body_breaks_the_api_or_the_cookie(unlimited_policy, method, body):
    response = send(method, body, grant("functional"))

    assert response.status_code in ({200} if method == "DELETE" else {200, 400})
    assert isinstance(response.json(), dict)
    assert (choice(response) is not None) == (response.status_code == 200)
    assert parse(choice(response) or grant()) is not None


@pytest.fixture
def unlimited_policy(policy: Policy, settings) -> Policy:
    settings.CONSENT_THROTTLE_RATE = None
    return policy


latin = strategies.text(strategies.characters(max_codepoint=255), max_size=60)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(latin, latin, latin)
def test_no_header_breaks_the_api(unlimited_policy, cookie, content_type, accept):
    response = send(
        "PATCH",
        {"choices": {"functional": True}},
        HTTP_COOKIE=f"consent={cookie}",
        CONTENT_TYPE=content_type,
        HTTP_ACCEPT=accept,
    )

    assert response.status_code in {200, 400, 406, 415}


def test_ten_categories_with_long_keys_fit(unlimited_policy):
    for n in range(7):
        CategoryFactory(key=f"{n}-{'x' * 30}")
    keys = Category.objects.filter(essential=False).values_list("key", flat=True)

    response = send("PUT", {"choices": dict.fromkeys(keys, True)})

    assert len(keys) == 10
    assert parse(choice(response) or "") is not None
