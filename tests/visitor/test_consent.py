"""What a visitor allows, is asked, decides, and what is cleaned up."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings, strategies

from consent.models import Category, Policy, Tool
from consent.models.legal_basis import LEGAL_BASES
from consent.policy import policies
from consent.policy.decision import parse
from consent.visitor import Consent, InvalidChoicesError, PolicyUnavailableError
from consent.visitor.additions import Addition
from consent.visitor.cookie_cleanup import DELETIONS_LENGTH, CleanUp, matches
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
    TOOLS,
    chosen,
    consent_in,
    days_ago,
    grant,
    no_policy,
    page_request,
    small_site,
    vary,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _every_edit_shows_at_once(settings):
    # A test's transaction is never committed, so nothing tells the process of an edit.
    settings.CONSENT_POLICY_MAX_AGE = 0


@pytest.fixture
def policy() -> Policy:
    return small_site()


@pytest.fixture
def implied() -> Policy:
    return small_site(implied=True)


def visitor(cookie: str = "") -> Consent:
    return consent_in(page_request(cookie))


def allowed_tools(consent: Consent) -> set[str]:
    return {key for key in TOOLS if consent.allows(key)}


def cookie_after(consent: Consent) -> str | None:
    """Return the preference cookie that the response to this visitor sets, if it sets one."""
    response = HttpResponse()
    consent.finish(response)
    cookie = response.cookies.get("consent")
    return None if cookie is None else cookie.value


# What is allowed


def test_undecided_visitor_is_allowed_only_what_is_essential(policy):
    consent = visitor()

    assert allowed_tools(consent) == ESSENTIAL_TOOLS
    assert consent.allows("essential")
    assert not any(consent.allows(category) for category in OPTIONAL)


@pytest.mark.parametrize("cookie", ["marketing=zzzz", "1.999.1.functional_0", "1"])
def test_cookie_that_is_not_clear_allows_only_what_is_essential_under_any_regime(implied, cookie):
    consent = visitor(cookie)

    assert allowed_tools(consent) == ESSENTIAL_TOOLS
    assert consent.must_ask


def test_undecided_visitor_under_the_implied_regime_is_allowed_everything(implied):
    consent = visitor()

    assert allowed_tools(consent) == set(TOOLS)
    assert all(consent.allows(category) for category in OPTIONAL)


@pytest.mark.parametrize("regime", list(LEGAL_BASES))
def test_granted_category_allows_itself_and_its_tools_and_no_other(regime):
    small_site(regime=regime)
    consent = visitor(grant("marketing-analytics"))

    assert allowed_tools(consent) == {ANALYTICS, *ESSENTIAL_TOOLS}
    assert consent.allows("marketing-analytics")
    assert not consent.allows("advertising")


@pytest.mark.parametrize("regime", list(LEGAL_BASES))
def test_refusal_allows_only_what_is_essential(regime):
    small_site(regime=regime)

    assert allowed_tools(visitor(grant())) == ESSENTIAL_TOOLS


def test_unknown_key_is_not_allowed(policy):
    consent = visitor(grant(*OPTIONAL))

    assert not consent.allows("no-such-tool")
    assert not consent.allows("")


def test_tool_added_after_the_grant_stays_off_while_the_older_ones_go_on(policy):
    cookie = grant("functional")
    ToolFactory(category=Category.objects.get(key="functional"), key="newcomer")

    consent = visitor(cookie)

    assert consent.allows(CHAT)
    assert consent.allows("functional")
    assert not consent.allows("newcomer")


def test_new_purpose_stops_the_whole_category_until_it_is_granted_again(policy):
    cookie = grant("functional", "advertising")
    category = Category.objects.get(key="functional")
    category.purpose = "To sell what you do here."
    category.save()

    consent = visitor(cookie)

    assert not consent.allows("functional")
    assert not consent.allows(CHAT)
    assert consent.allows(PIXEL)


def test_disabled_tool_is_not_allowed_and_comes_back_for_who_agreed_to_it(policy):
    cookie = grant("functional")
    Tool.objects.filter(key=CHAT).switch_off()
    assert not visitor(cookie).allows(CHAT)

    Tool.objects.filter(key=CHAT).switch_on()
    assert visitor(cookie).allows(CHAT)


def test_disabled_tool_that_comes_back_with_another_vendor_is_new(policy):
    cookie = grant("functional")
    Tool.objects.filter(key=CHAT).switch_off()
    chat = Tool.objects.get(key=CHAT)
    chat.vendor = "Another Ltd"
    chat.save()

    Tool.objects.filter(key=CHAT).switch_on()
    assert not visitor(cookie).allows(CHAT)


def test_grant_of_a_category_that_has_become_essential_does_not_matter(policy):
    cookie = grant()
    category = Category.objects.get(key="functional")
    category.essential = True
    category.save()

    assert visitor(cookie).allows(CHAT)


def test_category_that_is_no_longer_essential_needs_a_grant(policy):
    cookie = grant(*OPTIONAL)
    category = Category.objects.get(key="essential")
    category.essential = False
    category.save()

    consent = visitor(cookie)

    assert not consent.allows(GUARD)
    assert consent.must_ask


@pytest.mark.parametrize(
    "cookie",
    [
        "yes",
        "1",
        "1.99.20000.functional_99",
        "2.{revision}.{today}.functional_{revision}",
        "1.{revision}.{today}.functional_{revision}.functional_0",
        "1.{revision}.{today}.functional_-1",
        "1.{revision}.{today}.functional_{revision} ",
        "1.{revision}.{today}.functional_0{revision}",
        "1.{revision}.{today}.functional_{above}",
        "1.{revision}.{expired}.functional_{revision}",
        "1.{revision}.{tomorrow_but_one}.functional_{revision}",
        '"1.{revision}.{today}.functional_{revision}"',
    ],
)
@pytest.mark.parametrize("regime", list(LEGAL_BASES))
def test_unclear_cookie_is_no_decision_and_allows_only_what_is_essential(regime, cookie):
    policy = small_site(regime=regime)
    text = cookie.format(
        revision=policy.revision,
        above=policy.revision + 1,
        today=days_ago(0),
        expired=days_ago(policy.lifetime_days),
        tomorrow_but_one=days_ago(-2),
    )
    consent = visitor(text)

    assert consent.decision is None
    assert allowed_tools(consent) == ESSENTIAL_TOOLS
    assert set(consent.choices.values()) == {None}


@pytest.mark.parametrize("regime", list(LEGAL_BASES))
def test_grant_at_a_revision_that_was_never_issued_is_void_and_a_refusal_stays(regime):
    above = small_site(regime=regime).revision + 1
    consent = visitor(
        chosen({"functional": above, "marketing-analytics": 0, "advertising": 2}, revision=above)
    )

    assert allowed_tools(consent) == {*ESSENTIAL_TOOLS, PIXEL}
    assert consent.choices == {
        "functional": None,
        "marketing-analytics": False,
        "advertising": True,
    }
    assert consent.must_ask


def test_cookie_of_unknown_categories_grants_nothing(policy):
    cookie = chosen({"everything": 1, "essential": 1}, revision=1)

    assert allowed_tools(visitor(cookie)) == ESSENTIAL_TOOLS


def test_decision_holds_on_its_last_day(policy):
    cookie = grant("functional", day=days_ago(policy.lifetime_days - 1))

    assert visitor(cookie).allows(CHAT)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strategies.text(max_size=600))
def test_no_invented_cookie_allows_anything_optional(policy, text):
    assert allowed_tools(visitor(text)) == ESSENTIAL_TOOLS


def test_without_a_policy_nothing_is_allowed_or_asked(policy):
    cookie = grant(*OPTIONAL)
    no_policy()
    consent = visitor(cookie)

    assert not any(consent.allows(key) for key in (*TOOLS, *OPTIONAL, "essential"))
    assert not consent.must_ask
    assert consent.choices == {}


def test_choices_say_what_was_granted_refused_and_never_asked(policy):
    consent = visitor(chosen({"functional": 1, "advertising": 0}, revision=1))

    assert consent.choices == {
        "functional": True,
        "marketing-analytics": None,
        "advertising": False,
    }


# Who is asked, and about what


@pytest.mark.parametrize("regime", list(LEGAL_BASES))
def test_undecided_visitor_is_asked_and_nothing_is_news(regime):
    small_site(regime=regime)
    consent = visitor()

    assert consent.must_ask
    assert consent.additions == ()


@pytest.mark.parametrize("granted", [(), OPTIONAL, ("functional",)])
def test_decided_visitor_is_not_asked(policy, granted):
    consent = visitor(grant(*granted))

    assert not consent.must_ask
    assert consent.additions == ()


def test_expired_decision_is_asked_for_again(policy):
    consent = visitor(grant(day=days_ago(policy.lifetime_days)))

    assert consent.must_ask
    assert consent.additions == ()


def test_new_tool_in_a_granted_category_is_asked_about_by_name(policy):
    cookie = grant("functional")
    ToolFactory(category=Category.objects.get(key="functional"), name="Newcomer")

    consent = visitor(cookie)

    assert consent.must_ask
    assert consent.additions == (Addition("Newcomer", "Functional"),)


def test_new_tool_in_a_refused_category_asks_nobody(policy):
    cookie = grant("functional")
    ToolFactory(category=Category.objects.get(key="advertising"))

    assert not visitor(cookie).must_ask


def test_new_essential_tool_asks_nobody(policy):
    cookie = grant("functional")
    ToolFactory(category=Category.objects.get(key="essential"))

    assert not visitor(cookie).must_ask


def test_new_purpose_is_asked_about_as_a_whole_category(policy):
    cookie = grant("functional")
    category = Category.objects.get(key="functional")
    category.purpose = "Something else."
    category.save()

    assert visitor(cookie).additions == (Addition(None, "Functional"),)


def test_category_never_seen_is_asked_about_once_it_has_a_tool(policy):
    cookie = grant()
    category = CategoryFactory(key="surveys", name="Surveys")
    assert not visitor(cookie).must_ask

    ToolFactory(category=category)
    assert visitor(cookie).additions == (Addition(None, "Surveys"),)


def test_policy_without_optional_tools_asks_nobody_and_reads_no_cookie():
    ToolFactory(category=CategoryFactory(essential=True))
    CategoryFactory()
    consent = visitor()
    response = HttpResponse()

    assert not consent.must_ask
    consent.finish(response)
    assert vary(response) == set()


# Deciding


def test_decision_takes_effect_at_once(policy):
    consent = visitor()
    assert consent.must_ask

    consent.decide({"functional": True, "marketing-analytics": False, "advertising": False})

    assert allowed_tools(consent) == {CHAT, *ESSENTIAL_TOOLS}
    assert not consent.must_ask
    assert cookie_after(consent) == grant("functional")


def test_decision_is_made_of_the_policys_present_revision_and_day(policy):
    consent = visitor(grant("functional", at=1, day=days_ago(100)))

    consent.decide({"functional": True, "marketing-analytics": True, "advertising": False})

    assert cookie_after(consent) == chosen(
        {
            "functional": policy.revision,
            "marketing-analytics": policy.revision,
            "advertising": 0,
        },
        revision=policy.revision,
    )


def test_accepting_all_grants_every_optional_category(policy):
    consent = visitor()
    consent.accept_all()

    assert allowed_tools(consent) == set(TOOLS)
    assert cookie_after(consent) == grant(*OPTIONAL)


@pytest.mark.parametrize("method", ["reject_all", "withdraw"])
def test_rejecting_and_withdrawing_refuse_every_optional_category(policy, method):
    consent = visitor(grant(*OPTIONAL))
    getattr(consent, method)()

    assert allowed_tools(consent) == ESSENTIAL_TOOLS
    assert cookie_after(consent) == grant()


def test_essential_category_may_be_granted_and_is_not_stored(policy):
    consent = visitor()
    consent.decide({**dict.fromkeys(OPTIONAL, False), "essential": True})

    assert cookie_after(consent) == grant()


def test_longest_decision_fits_the_cookie():
    for n in range(10):
        CategoryFactory(key=f"{n}-{'x' * 30}")
    consent = visitor()
    consent.accept_all()
    text = cookie_after(consent)

    assert text is not None
    assert len(text) <= 512
    assert parse(text) is not None


@pytest.mark.parametrize(
    ("choices", "partial", "wrong"),
    [
        ({"functional": True}, False, {"marketing-analytics", "advertising"}),
        ({}, False, set(OPTIONAL)),
        ({"surveys": True}, True, {"surveys"}),
        ({"surveys": False}, True, {"surveys"}),
        ({"essential": False}, True, {"essential"}),
        ({**dict.fromkeys(OPTIONAL, True), "essential": False}, False, {"essential"}),
        ({CHAT: True}, True, {CHAT}),
    ],
)
def test_choice_that_is_none_of_the_policys_changes_nothing(policy, choices, partial, wrong):
    consent = visitor(grant("functional"))

    with pytest.raises(InvalidChoicesError) as caught:
        consent.decide(choices, partial=partial)

    assert set(caught.value.errors) == wrong
    assert allowed_tools(consent) == {CHAT, *ESSENTIAL_TOOLS}
    assert cookie_after(consent) is None


def test_grant_covers_only_what_the_visitors_page_showed(policy):
    shown = policies.current().revision
    ToolFactory(category=Category.objects.get(key="advertising"), key="newcomer")
    consent = visitor()

    consent.accept_all(shown=shown)

    assert consent.allows(PIXEL)
    assert not consent.allows("newcomer")
    assert [item.name for item in consent.additions] == [Tool.objects.get(key="newcomer").name]


def test_category_that_the_visitors_page_did_not_show_need_not_be_chosen_and_is_asked_about(policy):
    shown = policies.current().revision
    ToolFactory(category=CategoryFactory(key="surveys"), key="newcomer")
    consent = visitor()

    consent.decide(dict.fromkeys(OPTIONAL, False), shown=shown)

    assert consent.choices["surveys"] is None
    assert consent.must_ask


def test_older_page_takes_back_nothing_that_was_granted_since(policy):
    shown = policies.current().revision
    ToolFactory(category=Category.objects.get(key="advertising"), key="newcomer")
    policies.forget()
    consent = visitor(grant(*OPTIONAL))

    consent.accept_all(shown=shown)

    assert consent.allows("newcomer")


@pytest.mark.parametrize("shown", [7, 10**15])
def test_page_of_a_revision_that_was_never_issued_grants_nothing(policy, shown):
    consent = visitor()

    with pytest.raises(InvalidChoicesError) as raised:
        consent.accept_all(shown=shown)

    assert raised.value.errors.keys() == {"revision"}
    assert allowed_tools(consent) == ESSENTIAL_TOOLS


def test_partial_decision_leaves_the_other_categories_as_they_were(policy):
    consent = visitor(grant("functional"))
    consent.decide({"advertising": True}, partial=True)

    assert consent.choices == {
        "functional": True,
        "marketing-analytics": False,
        "advertising": True,
    }


def test_partial_decision_keeps_the_revision_and_the_day_of_older_grants(policy):
    then = policy.revision
    cookie = grant("functional", day=days_ago(100))
    ToolFactory(category=Category.objects.get(key="functional"), key="newcomer")
    consent = visitor(cookie)

    consent.decide({"advertising": True}, partial=True)

    assert cookie_after(consent) == chosen(
        {"functional": then, "marketing-analytics": 0, "advertising": then + 1},
        revision=then + 1,
        day=days_ago(100),
    )
    assert consent.allows(PIXEL)
    assert not consent.allows("newcomer")


def test_partial_decision_that_leaves_no_older_grant_is_of_today(policy):
    consent = visitor(grant("functional", day=days_ago(100)))
    consent.decide({"functional": False}, partial=True)

    assert cookie_after(consent) == chosen(
        {"marketing-analytics": 0, "advertising": 0, "functional": 0}, revision=policy.revision
    )


@pytest.mark.parametrize("regime", list(LEGAL_BASES))
def test_partial_decision_of_an_undecided_visitor_leaves_the_rest_unasked_and_off(regime):
    small_site(regime=regime)
    consent = visitor()
    consent.decide({"advertising": True}, partial=True)

    assert allowed_tools(consent) == {PIXEL, *ESSENTIAL_TOOLS}
    assert consent.choices["functional"] is None
    assert consent.must_ask


def test_partial_decision_does_not_revive_an_expired_grant(policy):
    consent = visitor(grant(*OPTIONAL, day=days_ago(policy.lifetime_days)))
    consent.decide({"advertising": False}, partial=True)

    assert allowed_tools(consent) == ESSENTIAL_TOOLS


def test_without_a_policy_a_grant_is_refused_and_changes_nothing():
    consent = visitor()

    with pytest.raises(PolicyUnavailableError):
        consent.accept_all()
    with pytest.raises(PolicyUnavailableError):
        consent.decide({"functional": True, "advertising": False})
    assert cookie_after(consent) is None


def test_without_a_policy_a_refusal_is_taken_and_holds_when_it_is_back(policy):
    cookie = grant("functional", "advertising")
    no_policy()
    consent = visitor(cookie)
    consent.withdraw()
    after = cookie_after(consent)
    small_site()

    assert after == chosen(dict.fromkeys(OPTIONAL, 0), revision=0)
    returning = visitor(after)
    assert allowed_tools(returning) == ESSENTIAL_TOOLS
    assert not returning.must_ask


def test_without_a_policy_a_named_refusal_is_kept_by_its_name():
    consent = visitor()
    consent.decide({"advertising": False}, partial=True)

    assert cookie_after(consent) == chosen({"advertising": 0}, revision=0)


def test_without_a_policy_no_name_can_damage_the_cookie():
    consent = visitor()
    consent.decide(dict.fromkeys(["A", "a.b", "x" * 33, ";", *(f"k{n}" for n in range(99))], False))
    after = cookie_after(consent)

    assert after is not None
    assert parse(after) is not None


def test_unseen_refusal_of_nothing_in_particular_lets_nothing_run_under_the_implied_regime():
    consent = visitor()
    consent.reject_all()
    after = cookie_after(consent)
    small_site(implied=True)

    assert after is not None
    assert allowed_tools(visitor(after)) == ESSENTIAL_TOOLS


def test_blind_consent_allows_only_what_is_essential_and_never_asks(implied):
    consent = Consent(None)

    assert consent.is_blind
    assert allowed_tools(consent) == ESSENTIAL_TOOLS
    assert not consent.must_ask


def test_blind_consent_takes_no_decision(policy):
    consent = Consent(None)

    for decide in (consent.accept_all, consent.reject_all, consent.withdraw):
        with pytest.raises(PolicyUnavailableError):
            decide()


# What is to be cleaned up


def test_clean_up_names_what_stopped_tools_declared_for_this_website(policy):
    assert visitor(grant("marketing-analytics")).clean_up == CleanUp(
        tools=(CHAT, PIXEL),
        cookies=("_px_*",),
        storage=("px_state",),
        keep=(*OWN_COOKIES, "_ga", "_ga_*"),
    )


def test_nothing_is_to_be_cleaned_up_where_all_is_allowed(policy):
    clean_up = visitor(grant(*OPTIONAL)).clean_up

    assert (clean_up.tools, clean_up.cookies, clean_up.storage) == ((), (), ())


@pytest.mark.parametrize(
    ("name", "patterns", "matching"),
    [
        ("_ga", ("_ga",), True),
        ("_ga_X1", ("_ga",), False),
        ("_ga_X1", ("_ga_*",), True),
        ("_ga_", ("_ga_*",), True),
        ("x_ga_1", ("_ga_*",), False),
        ("aXb", ("a.b",), False),
        ("ab\ncd", ("ab*",), True),
        ("b", ("a", "b"), True),
        ("", (), False),
        ("a", (), False),
    ],
)
def test_pattern_matches_whole_names(name, patterns, matching):
    assert matches(name, patterns) is matching


# Cookies that the server deletes


def deletions(
    cookies: dict[str, str], choice: str = "reject_all", host: str = "testserver", referer: str = ""
) -> list[tuple[str, str, str]]:
    """Return name, path and domain of each cookie that a decision deletes."""
    request = RequestFactory(headers={"Host": host, "Referer": referer}).post("/")
    request.COOKIES.update(cookies)
    return [
        (morsel.key, morsel["path"], morsel["domain"])
        for morsel in response_to(request, choice).cookies.values()
        if morsel["max-age"] == 0
    ]


def response_to(request: HttpRequest, choice: str) -> HttpResponse:
    consent = Consent(request)
    getattr(consent, choice)()
    response = HttpResponse()
    consent.finish(response)
    return response


@pytest.fixture
def any_host(settings, policy) -> None:
    settings.ALLOWED_HOSTS = ["*"]


def test_refusing_deletes_the_declared_cookies_that_the_browser_sent(any_host):
    found = deletions({"_ga": "1", "_ga_ABC": "2", "other": "3"})

    assert found == [("_ga", "/", ""), ("_ga_ABC", "/", "")]


def test_deletion_expires_the_cookie_in_every_way(any_host):
    request = RequestFactory().post("/")
    request.COOKIES["_ga"] = "1"

    header = response_to(request, "reject_all").cookies["_ga / "].OutputString()

    assert header == "_ga=; Max-Age=0; Path=/"


def test_accepting_deletes_nothing(any_host):
    assert deletions({"_ga": "1", "_px_1": "2"}, "accept_all") == []


def test_cookie_that_the_browser_does_not_have_is_not_deleted(any_host):
    assert deletions({}) == []


@pytest.mark.parametrize(
    ("host", "domains"),
    [
        ("www.example.com", ["", "example.com", "www.example.com"]),
        ("www.example.com:8443", ["", "example.com", "www.example.com"]),
        ("a.b.example.com", ["", "example.com", "b.example.com", "a.b.example.com"]),
        ("localhost", [""]),
        ("localhost:8000", [""]),
        ("192.0.2.10", [""]),
        ("192.0.2.10:8000", [""]),
        ("[2001:db8::1]", [""]),
        ("[2001:db8::1]:8000", [""]),
    ],
)
def test_one_name_is_deleted_for_the_host_and_every_parent_domain(any_host, host, domains):
    found = deletions({"_ga": "1"}, host=host)

    assert found == [("_ga", "/", domain) for domain in domains]


@pytest.mark.parametrize(
    ("referer", "paths"),
    [
        ("https://testserver/shop/shoes/red", ["/", "/shop", "/shop/shoes"]),
        ("https://testserver/shop/shoes/", ["/", "/shop", "/shop/shoes"]),
        ("https://testserver/shop", ["/"]),
        ("https://testserver/a/b/c/d/e/f", ["/", "/a", "/a/b", "/a/b/c"]),
        ("https://testserver/a;Domain=evil.example/b/c", ["/"]),
        ("https://testserver/a/%22/%C3%A9/c", ["/", "/a", "/a/%22", "/a/%22/%C3%A9"]),
        ("https://elsewhere.example/shop/shoes", ["/"]),
        ("https://testserver:8000/shop/shoes", ["/"]),
        ("https://testserver@elsewhere.example/shop/shoes", ["/"]),
        ("https://[broken/shop/shoes", ["/"]),
        ("not an address", ["/"]),
        ("", ["/"]),
    ],
)
def test_cookie_is_deleted_on_the_paths_above_the_page_of_this_host(any_host, referer, paths):
    found = deletions({"_ga": "1"}, referer=referer)

    assert found == [("_ga", path, "") for path in paths]


def test_deletions_fit_into_headers_and_every_name_gets_the_likeliest_place_first(any_host):
    names = [f"_ga_{n}" for n in range(14)]

    found = deletions(
        dict.fromkeys(names, "1"),
        host="www.example.com",
        referer="https://www.example.com/a/b/c/d",
    )

    headers = "".join(
        f"Set-Cookie: {name}=; Domain={domain}; Max-Age=0; Path={path}\r\n"
        for name, path, domain in found
    )
    assert 2_000 < len(headers) < DELETIONS_LENGTH + 20 * len(found)
    for domain in ("", "www.example.com", "example.com"):
        assert {(name, "/", domain) for name in names} <= set(found)


@pytest.mark.parametrize("own", OWN_COOKIES)
def test_own_cookie_is_never_deleted_whatever_a_tool_declares(any_host, own):
    CookieFactory(tool=Tool.objects.get(key=PIXEL), name=f"{own[:4]}*")

    found = deletions({own: "1", f"{own[:4]}-x": "1"})

    assert found == [(f"{own[:4]}-x", "/", "")]


def test_own_cookie_is_never_deleted_under_another_name(any_host, settings):
    settings.SESSION_COOKIE_NAME = "_px_session"
    settings.CSRF_COOKIE_NAME = "_px_csrf"
    settings.LANGUAGE_COOKIE_NAME = "_px_language"

    assert deletions(dict.fromkeys(["_px_session", "_px_csrf", "_px_language"], "1")) == []


def test_cookie_that_an_allowed_tool_declares_too_is_kept(any_host):
    CookieFactory(tool=Tool.objects.get(key=CAPTCHA), name="_ga")

    assert deletions({"_ga": "1", "_ga_2": "1"}) == [("_ga_2", "/", "")]


def test_storage_keys_and_third_party_cookies_are_not_the_servers_to_delete(any_host):
    assert deletions({"px_state": "1", "ad_id": "2"}) == []


@pytest.mark.parametrize("name", ["_px_;x", "_px_ x", "_px_é", "_px_\r\nSet-Cookie: a=b"])
def test_cookie_name_that_no_header_can_hold_is_passed_over(any_host, name):
    assert deletions({name: "1"}) == []


@pytest.mark.parametrize("prefix", ["__Secure-", "__Host-"])
def test_cookie_with_a_prefix_is_deleted_the_way_that_browsers_accept(any_host, prefix):
    CookieFactory(tool=Tool.objects.get(key=PIXEL), name=f"{prefix}px")
    request = RequestFactory().post("/")
    request.COOKIES[f"{prefix}px"] = "1"

    (morsel,) = (
        morsel
        for morsel in response_to(request, "reject_all").cookies.values()
        if morsel.key == f"{prefix}px"
    )

    assert morsel["secure"] is True


@pytest.mark.parametrize("name", ["version", "path", "Domain", "httponly"])
def test_cookie_that_is_called_as_an_attribute_is_passed_over(any_host, name):
    CookieFactory(tool=Tool.objects.get(key=PIXEL), name=name)

    assert deletions({name: "1"}) == []


def test_without_a_policy_nothing_is_deleted(policy):
    no_policy()

    assert deletions({"_ga": "1"}) == []
    assert not policies.current()
