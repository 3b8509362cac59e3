"""Global Privacy Control: what is sold or shared is off, until the visitor says otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import include, path

from consent import views
from consent.models import Category, Policy, Record
from consent.policy import policies
from consent.policy.decision import parse
from consent.signals import DecisionMade, consent_withdrawn, decision_made
from tests.helpers import (
    ANALYTICS,
    CHAT,
    GUARD,
    OPTIONAL,
    PIXEL,
    SAME_ORIGIN,
    grant,
    small_site,
    tool_scripts,
    vary,
)

pytestmark = pytest.mark.django_db

urlpatterns = [
    path(".well-known/gpc.json", views.gpc),
    path("", include("demo_site.urls")),
]

API = "/consent/api/preferences/"
FORM = "/consent/preferences/"
SIGNAL = {"Sec-GPC": "1"}
ALL = dict.fromkeys(OPTIONAL, True)
HONOURED = "Opt-out request honoured."


@pytest.fixture
def site() -> Policy:
    """A policy whose advertising is a sale; tools run unless refused."""
    policy = small_site(regime="implied")
    Category.objects.filter(key="advertising").update(sale=True)
    policies.forget()
    return policy


@contextmanager
def heard() -> Iterator[list[tuple[str, DecisionMade]]]:
    found: list[tuple[str, DecisionMade]] = []

    def made(event: DecisionMade, **kwargs: Any) -> None:
        found.append(("made", event))

    def withdrawn(event: DecisionMade, **kwargs: Any) -> None:
        found.append(("withdrawn", event))

    decision_made.connect(made)
    consent_withdrawn.connect(withdrawn)
    try:
        yield found
    finally:
        decision_made.disconnect(made)
        consent_withdrawn.disconnect(withdrawn)


def visitor(cookie: str = "", **headers: str) -> Client:
    client = Client(headers={**SAME_ORIGIN, **headers})
    if cookie:
        client.cookies["consent"] = cookie
    return client


def tools(client: Client) -> set[str]:
    return tool_scripts(client.get("/").content.decode())


def put(client: Client, choices: dict[str, bool], method: str = "put") -> Any:
    return getattr(client, method)(API, {"choices": choices}, content_type="application/json")


def lines(response: Any) -> list[str]:
    """Return the lines of a page that say so to this visitor; the dialog's waits for its script."""
    found = response.content.decode().split('<p class="dcp-gpc"')[1:]
    return [line.partition("</p>")[0] for line in found if not line.lstrip().startswith("hidden")]


# What runs


def test_signal_turns_off_what_is_sold_from_the_first_page_on(site):
    assert tools(visitor()) == {CHAT, ANALYTICS, PIXEL, GUARD}
    assert tools(visitor(**SIGNAL)) == {CHAT, ANALYTICS, GUARD}


@pytest.mark.parametrize("value", ["0", "", "true", "2", "11", "1, 1", "yes"])
def test_only_1_is_the_signal(site, value):
    assert PIXEL in tools(visitor(**{"Sec-GPC": value}))


def test_signal_counts_for_more_than_a_decision_made_without_it(site):
    client = visitor(grant(*OPTIONAL), **SIGNAL)

    assert tools(client) == {CHAT, ANALYTICS, GUARD}
    state = client.get(API).json()
    assert state["choices"] == {**ALL, "advertising": False}
    assert state["opted_out"] is True
    assert state["ask"] is False


def test_decision_made_under_the_signal_counts_for_more(site):
    client = visitor(**SIGNAL)

    put(client, ALL)

    assert client.cookies["consent"].value.startswith("1g.")
    assert tools(client) == {CHAT, ANALYTICS, PIXEL, GUARD}
    assert client.get(API).json()["opted_out"] is False
    assert lines(client.get(FORM)) == []


def test_accept_all_by_the_form_overrides_it_as_well(site):
    client = visitor(**SIGNAL)

    client.post(FORM, {"action": "accept-all"})

    assert client.cookies["consent"].value.startswith("1g.")
    assert PIXEL in tools(client)


def test_decision_about_something_else_overrides_nothing(site):
    client = visitor(grant(*OPTIONAL), **SIGNAL)

    put(client, {"functional": True}, "patch")

    assert PIXEL not in tools(client)
    assert parse(client.cookies["consent"].value).choice("advertising") is False


def test_grant_made_under_the_signal_is_lost_by_a_choice_without_it(site):
    client = visitor(**SIGNAL)
    put(client, ALL)
    silent = visitor(client.cookies["consent"].value)

    put(silent, {"functional": True}, "patch")

    assert tools(silent) == {CHAT, ANALYTICS, PIXEL, GUARD}
    assert PIXEL not in tools(visitor(silent.cookies["consent"].value, **SIGNAL))


def test_refusal_under_the_signal_refuses_all(site):
    client = visitor(**SIGNAL)

    client.post(FORM, {"action": "reject-all"})

    assert tools(client) == {GUARD}


@pytest.mark.parametrize("cookie", ["nonsense", "1g.2", "g.2.20000", "1G.2.20000", "1gg.2.20000"])
def test_cookie_that_is_not_clear_allows_nothing(site, cookie):
    assert tools(visitor(cookie, **SIGNAL)) == {GUARD}


def test_essential_category_is_no_sale(site):
    Category.objects.filter(key="essential").update(sale=True)
    policies.forget()

    assert GUARD in tools(visitor(**SIGNAL))


# What is said


@pytest.mark.parametrize("address", ["/", FORM])
def test_page_says_that_the_request_is_honoured_and_for_what(site, address):
    found = lines(visitor(**SIGNAL).get(address))

    assert found
    for line in found:
        assert HONOURED in line
        assert "Advertising" in line
        assert "Functional" not in line


@pytest.mark.parametrize("address", ["/", FORM])
def test_page_says_nothing_of_it_without_the_signal(site, address):
    assert lines(visitor().get(address)) == []


@pytest.mark.parametrize("address", ["/", FORM])
def test_where_nothing_is_sold_nothing_is_said(address):
    small_site(regime="implied")

    assert HONOURED not in visitor(**SIGNAL).get(address).content.decode()


def test_decided_visitor_is_told_on_the_preferences_page(site):
    page = visitor(grant(*OPTIONAL), **SIGNAL).get(FORM).content.decode()

    assert HONOURED in page.partition("</form>")[0]
    box = page.partition('id="dcp-page-advertising"')[2].partition(">")[0]
    assert "checked" not in box


# Caches


@pytest.mark.parametrize("cookie", ["", "nonsense", "granted"])
def test_response_says_that_it_depends_on_the_signal(site, cookie):
    text = grant(*OPTIONAL) if cookie == "granted" else cookie

    response = visitor(text).get("/")

    assert {"Sec-GPC", "Cookie"} <= vary(response)
    assert "DNT" not in vary(response)


def test_response_says_so_only_where_something_is_sold():
    small_site()
    # A sale of nothing is none.
    policy = Policy.objects.get()
    Category.objects.create(policy=policy, key="empty", name="Empty", purpose="None.", sale=True)
    policies.forget()

    for cookie in ("", grant(*OPTIONAL)):
        assert "Sec-GPC" not in vary(visitor(cookie, **SIGNAL).get("/"))


def test_page_for_everybody_is_the_same_with_and_without_the_signal(site, settings):
    settings.CONSENT_DELIVERY = "cacheable"
    cookies = ("", grant(*OPTIONAL))

    pages = [visitor(c, **signal).get("/journal/") for c in cookies for signal in ({}, SIGNAL)]

    assert len({page.content for page in pages}) == 1
    assert not any("Sec-GPC" in vary(page) for page in pages)
    (page,) = {page.content.decode() for page in pages}
    # What the page's script needs to see to it.
    assert page.count("data-sale") == 1
    row = page.partition('data-category="advertising"')[2].partition(">")[0]
    assert "data-sale" in row


@pytest.mark.parametrize(
    ("cookie", "headers", "shows"),
    [
        ("", {}, False),
        ("", SIGNAL, True),
        ("granted", SIGNAL, True),
        ("granted", {}, False),
        ("override", SIGNAL, False),
    ],
)
def test_stylesheet_shows_the_line_without_javascript(site, settings, cookie, headers, shows):
    settings.CONSENT_DELIVERY = "cacheable"
    text = grant(*OPTIONAL) if cookie else ""
    if cookie == "override":
        text = text.replace("1.", "1g.", 1)

    response = visitor(text, **headers).get("/consent/notice.css")

    assert (".dcp-gpc[hidden]" in response.content.decode()) == shows
    assert "no-store" in response["Cache-Control"]


# Do Not Track


@pytest.mark.parametrize("counts", [False, True])
def test_do_not_track_counts_where_the_site_says_so(site, settings, counts):
    settings.CONSENT_DNT = counts
    client = visitor(DNT="1")

    response = client.get("/")

    assert (PIXEL in tools(client)) != counts
    assert ("DNT" in vary(response)) == counts
    assert ('data-dnt="1"' in response.content.decode()) == counts
    assert PIXEL in tools(visitor(DNT="0"))


def test_under_do_not_track_a_choice_counts_as_under_the_signal(site, settings):
    settings.CONSENT_DNT = True
    client = visitor(DNT="1")

    put(client, ALL)

    assert client.cookies["consent"].value.startswith("1g.")
    assert Record.objects.get().gpc is True


# What is stored and told


@pytest.mark.parametrize("signal", [False, True])
def test_record_says_what_the_browser_asked_and_what_held(site, signal):
    put(visitor(**(SIGNAL if signal else {})), ALL)

    record = Record.objects.get()
    assert (record.gpc, record.regime) == (signal, "implied")


def test_signals_tell_what_changed_for_this_visitor(site, django_capture_on_commit_callbacks):
    client = visitor(grant(*OPTIONAL), **SIGNAL)

    with heard() as found, django_capture_on_commit_callbacks(execute=True):
        put(client, {**ALL, "functional": False})

    made, withdrawn = found
    assert (made[0], withdrawn[0]) == ("made", "withdrawn")
    # Advertising was off by the signal, whatever was granted before.
    assert made[1].granted == {"advertising"}
    assert made[1].withdrawn == {"functional"}


def test_signal_alone_is_no_decision(site):
    with heard() as found:
        visitor(grant(*OPTIONAL), **SIGNAL).get("/")

    assert found == []
    assert not Record.objects.exists()


# /.well-known/gpc.json


def test_well_known_resource_says_that_the_site_honours_it(site, settings):
    settings.ROOT_URLCONF = __name__

    response = Client().get("/.well-known/gpc.json")

    day = Policy.objects.get().changed_at.date().isoformat()
    assert response.json() == {"gpc": True, "lastUpdate": day}
    assert response["Content-Type"] == "application/json"
    assert "public" in response["Cache-Control"]
    assert vary(response) <= {"Accept-Language"}
    assert not response.cookies


def test_well_known_resource_without_a_policy(settings):
    settings.ROOT_URLCONF = __name__

    assert Client().get("/.well-known/gpc.json").json() == {"gpc": True}


def test_well_known_resource_takes_only_safe_methods(site, settings):
    settings.ROOT_URLCONF = __name__

    assert Client().post("/.well-known/gpc.json").status_code == 405
    assert Client().head("/.well-known/gpc.json").status_code == 200


# Login sync


@pytest.fixture
def ada(settings: Any) -> Any:
    settings.CONSENT_LOGIN_SYNC = settings.CONSENT_RECORD_USER = True
    return get_user_model().objects.create_superuser("ada", password="secret")


def sign_in(client: Client, user: Any) -> None:
    client.post("/admin/login/", {"username": user.username, "password": "secret"})


def test_decision_made_without_the_signal_overrides_it_on_no_other_device(site, ada):
    desktop, phone, tablet = visitor(), visitor(**SIGNAL), visitor(**SIGNAL)
    sign_in(desktop, ada)
    put(desktop, ALL)

    # The phone's record must not make the tablet believe that it was decided under the signal.
    for device in (phone, tablet):
        sign_in(device, ada)
        assert tools(device) == {CHAT, ANALYTICS, GUARD}
        assert not device.cookies["consent.account"].value.startswith("1g")


def test_decision_made_under_the_signal_follows_as_such(site, ada):
    desktop, phone = visitor(**SIGNAL), visitor(**SIGNAL)
    sign_in(desktop, ada)
    put(desktop, ALL)

    sign_in(phone, ada)

    assert tools(phone) == {CHAT, ANALYTICS, PIXEL, GUARD}
    assert phone.cookies["consent.account"].value.startswith("1g.")
