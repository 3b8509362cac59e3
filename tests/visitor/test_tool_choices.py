"""Tools that a visitor refuses one by one, in a category that they allow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from consent.models import Category, Policy, Record, Tool
from consent.pages import script_bundles
from consent.policy import policies
from consent.policy.decision import Decision, parse, today
from consent.recipes.keys import MAX_COOKIE_LENGTH
from consent.signals import DecisionMade, consent_withdrawn, decision_made
from consent.visitor import InvalidChoicesError, NotRecordedError
from tests.factories import ToolFactory, store_as_is
from tests.helpers import (
    ANALYTICS,
    CHAT,
    GUARD,
    OPTIONAL,
    PIXEL,
    SAME_ORIGIN,
    consent_in,
    grant,
    no_ledger,
    page_request,
    small_site,
    tool_scripts,
)

pytestmark = pytest.mark.django_db

API = "/consent/api/preferences/"
FORM = "/consent/preferences/"
ALL = dict.fromkeys(OPTIONAL, True)
NONE = dict.fromkeys(OPTIONAL, False)
BEACON = "beacon"


@pytest.fixture
def site() -> Policy:
    """A policy that lets visitors refuse single tools; marketing has two."""
    policy = small_site(tool_choices=True)
    category = Category.objects.get(key="marketing-analytics")
    store_as_is([ToolFactory.build(policy=policy, category=category, key=BEACON, since=2, order=9)])
    policies.forget()
    return policy


@pytest.fixture
def without(site) -> Policy:
    """The same site, where that is over: single tools that were refused stay so."""
    Policy.objects.update(tool_choices=False)
    policies.forget()
    return site


def visitor(cookie: str = "", **headers: str) -> Client:
    client = Client(headers={**SAME_ORIGIN, **headers})
    if cookie:
        client.cookies["consent"] = cookie
    return client


def refusing(*tools: str, at: int = 2) -> str:
    """Return the cookie of who granted everything but these tools."""
    choices = {**dict.fromkeys(OPTIONAL, at), **dict.fromkeys(tools, 0)}
    return Decision(at, today(), choices).text


def send(client: Client, method: str, choices: dict[str, Any], **more: Any) -> Any:
    body = {"choices": choices, **more}
    return getattr(client, method)(API, body, content_type="application/json")


def choices(client: Client) -> dict[str, int]:
    decision = parse(client.cookies["consent"].value)
    assert decision is not None
    return dict(decision.choices)


def running(client: Client) -> set[str]:
    return tool_scripts(client.get("/").content.decode(), {CHAT, ANALYTICS, PIXEL, BEACON, GUARD})


@contextmanager
def heard() -> Iterator[list[DecisionMade]]:
    found: list[DecisionMade] = []

    def hear(event: DecisionMade, **kwargs: Any) -> None:
        found.append(event)

    decision_made.connect(hear)
    consent_withdrawn.connect(hear)
    try:
        yield found
    finally:
        decision_made.disconnect(hear)
        consent_withdrawn.disconnect(hear)


# The form


def save(client: Client, granted: tuple[str, ...], tools: tuple[str, ...], **more: Any) -> Any:
    data = {"action": "save", "choices": granted, "tool_choices": "1", "tools": tools, **more}
    return client.post(FORM, data)


def test_form_refuses_the_tools_whose_boxes_are_not_ticked(site):
    client = visitor()

    response = save(client, OPTIONAL, (CHAT, BEACON, PIXEL))

    assert response.status_code == 303
    assert choices(client) == {**dict.fromkeys(OPTIONAL, 2), ANALYTICS: 0}
    assert running(client) == {CHAT, BEACON, PIXEL, GUARD}


def test_form_lets_a_tool_run_again(site):
    client = visitor(refusing(ANALYTICS, PIXEL))

    save(client, OPTIONAL, (CHAT, ANALYTICS, BEACON))

    assert choices(client) == {**dict.fromkeys(OPTIONAL, 2), PIXEL: 0}


def test_form_without_boxes_leaves_tools_as_they_were(site):
    client = visitor(refusing(ANALYTICS))

    client.post(FORM, {"action": "save", "choices": ["functional", "marketing-analytics"]})

    assert choices(client)[ANALYTICS] == 0
    assert running(client) == {CHAT, BEACON, GUARD}


def test_category_that_is_refused_takes_its_tools_with_it(site):
    client = visitor(refusing(ANALYTICS))

    save(client, ("functional",), (CHAT,))

    assert choices(client) == {**dict.fromkeys(OPTIONAL, 0), "functional": 2}


@pytest.mark.parametrize("tool", [GUARD, "nonsense", "functional", "<b>", "x" * 300])
def test_ticked_boxes_that_nobody_offered_mean_nothing(site, tool):
    client = visitor()

    response = save(client, OPTIONAL, (CHAT, ANALYTICS, BEACON, PIXEL, tool))

    assert response.status_code == 303
    assert choices(client) == dict.fromkeys(OPTIONAL, 2)


def test_page_that_did_not_show_a_tool_neither_grants_nor_refuses_it(site):
    policy = Policy.objects.get()
    category = Category.objects.get(key="functional")
    ToolFactory(policy=policy, category=category, key="news", name="News")
    policies.forget()
    client = visitor()

    save(client, OPTIONAL, (CHAT, ANALYTICS, BEACON, PIXEL), revision=2)

    assert choices(client) == dict.fromkeys(OPTIONAL, 2)
    assert not tool_scripts(client.get("/").content.decode(), {"news"})


def test_boxes_are_ticked_but_for_what_was_refused(site):
    page = visitor(refusing(ANALYTICS)).get(FORM).content.decode()

    def box(tool: str) -> str:
        return page.partition(f'name="tools" value="{tool}"')[2].partition(">")[0]

    assert "checked" not in box(ANALYTICS)
    assert all("checked" in box(tool) for tool in (CHAT, BEACON, PIXEL))
    assert f'value="{GUARD}"' not in page
    assert 'name="tool_choices"' in page


def test_page_without_tool_choices_has_no_boxes(without):
    page = visitor().get(FORM).content.decode()

    assert 'name="tools"' not in page
    assert 'name="tool_choices"' not in page


# The API


def test_put_refuses_a_tool_in_a_category_that_it_grants(site):
    client = visitor()

    answer = send(client, "put", {**ALL, ANALYTICS: False}).json()

    assert answer["choices"] == ALL
    assert answer["refused_tools"] == [ANALYTICS]
    assert set(answer["allowed"]) == {CHAT, BEACON, PIXEL, GUARD, "captcha"}
    assert ANALYTICS in answer["stop"]["tools"]
    assert "_ga" in answer["stop"]["cookies"]
    assert not any(item["tool"] == ANALYTICS for item in answer["start"])
    assert client.get(API).json()["refused_tools"] == [ANALYTICS]


def test_put_keeps_tools_that_it_does_not_name(site):
    client = visitor(refusing(ANALYTICS, PIXEL))

    answer = send(client, "put", {**ALL, PIXEL: True}).json()

    assert answer["refused_tools"] == [ANALYTICS]


def test_patch_of_a_tool_alone_changes_nothing_else(site):
    before = Decision(2, today() - 30, {**dict.fromkeys(OPTIONAL, 2), "advertising": 0})
    client = visitor(before.text)

    send(client, "patch", {ANALYTICS: False})

    after = parse(client.cookies["consent"].value)
    assert after.choices == {**before.choices, ANALYTICS: 0}
    # What was granted then does not live longer by it.
    assert after.day == before.day

    send(client, "patch", {ANALYTICS: True})
    assert parse(client.cookies["consent"].value).choices == before.choices


def test_patch_of_a_category_keeps_its_refused_tool(site):
    client = visitor(refusing(ANALYTICS))

    answer = send(client, "patch", {"marketing-analytics": True}).json()

    assert answer["refused_tools"] == [ANALYTICS]


@pytest.mark.parametrize("choice", [True, False])
@pytest.mark.parametrize("cookie", ["", "nonsense", "refused"])
def test_patch_of_a_tool_grants_nothing_by_itself(site, cookie, choice):
    client = visitor(grant() if cookie == "refused" else cookie)

    answer = send(client, "patch", {CHAT: choice})

    assert answer.status_code == 200
    assert set(answer.json()["allowed"]) == {GUARD, "captcha"}
    assert running(client) == {GUARD}


def test_tool_is_no_choice_about_its_category(site):
    answer = send(visitor(), "put", {CHAT: True})

    assert answer.status_code == 400
    assert set(answer.json()["choices"]) == set(OPTIONAL)


@pytest.mark.parametrize("key", [GUARD, "captcha", "nonsense"])
def test_tool_that_cannot_be_refused_is_named(site, key):
    answer = send(visitor(), "put", {**ALL, key: False})

    assert answer.status_code == 400
    assert set(answer.json()["choices"]) == {key}


def test_older_page_that_does_not_know_a_category_keeps_its_refused_tool_out_of_it(site):
    """What came after the page is not granted by it, and nothing fails."""
    client = visitor(refusing(ANALYTICS))
    Category.objects.get(key="marketing-analytics").save()
    category = Category.objects.get(key="marketing-analytics")
    category.purpose = "To sell it."
    category.save()
    policies.forget()
    others = {"functional": True, "advertising": True}

    answer = send(client, "put", others, revision=2)

    assert answer.status_code == 200
    assert not set(answer.json()["allowed"]) & {ANALYTICS, BEACON}


def test_too_many_tools_get_a_clear_refusal(site):
    category = Category.objects.get(key="functional")
    many = [f"tool-with-quite-a-long-name-{n}" for n in range(30)]
    store_as_is(ToolFactory.build(policy=site, category=category, key=key, since=2) for key in many)
    policies.forget()
    client = visitor()

    answer = send(client, "put", {**ALL, **dict.fromkeys(many, False)})
    assert answer.status_code == 400
    assert "too many" in str(answer.json()["choices"])
    form = save(client, OPTIONAL, ())
    assert form.status_code == 400
    assert "too many single tools" in form.content.decode()
    assert "consent" not in client.cookies

    # A few of them are no problem, and a refusal never is.
    assert send(client, "put", {**ALL, **dict.fromkeys(many[:9], False)}).status_code == 200
    assert len(client.cookies["consent"].value) <= MAX_COOKIE_LENGTH
    assert send(client, "put", {**NONE, **dict.fromkeys(many, False)}).status_code == 200


def test_more_choices_than_any_page_has_get_a_clear_refusal(site):
    answer = send(visitor(), "put", {**ALL, **{f"tool-{n}": False for n in range(60)}})

    assert answer.status_code == 400


# All or nothing


def test_accepting_all_takes_back_what_was_refused_singly(site):
    client = visitor(refusing(ANALYTICS, CHAT))

    client.post(FORM, {"action": "accept-all"})

    assert choices(client) == dict.fromkeys(OPTIONAL, 2)


@pytest.mark.parametrize("action", ["reject-all", "withdraw"])
def test_rejecting_all_leaves_no_tool_in_the_cookie(site, action):
    client = visitor(refusing(ANALYTICS))

    client.post(FORM, {"action": action})

    assert choices(client) == dict.fromkeys(OPTIONAL, 0)
    assert running(client) == {GUARD}


def test_withdrawal_by_the_api_refuses_all(site):
    client = visitor(refusing(ANALYTICS))

    client.delete(API)

    assert choices(client) == dict.fromkeys(OPTIONAL, 0)


# A policy without


def test_policy_without_tool_choices_takes_none(without):
    answer = send(visitor(), "put", {**ALL, ANALYTICS: False})

    assert answer.status_code == 400
    assert set(answer.json()["choices"]) == {ANALYTICS}
    assert save(visitor(), OPTIONAL, (CHAT,)).status_code == 400


def test_policy_without_tool_choices_honours_those_that_were_made(without):
    client = visitor(refusing(ANALYTICS))

    assert running(client) == {CHAT, BEACON, PIXEL, GUARD}
    assert client.get(API).json()["refused_tools"] == [ANALYTICS]
    send(client, "put", ALL)
    assert choices(client)[ANALYTICS] == 0


def test_policy_without_tool_choices_lets_a_visitor_take_one_back(without):
    client = visitor(refusing(ANALYTICS, PIXEL))

    assert send(client, "patch", {ANALYTICS: True}).status_code == 200
    assert choices(client) == {**dict.fromkeys(OPTIONAL, 2), PIXEL: 0}
    client.post(FORM, {"action": "accept-all"})
    assert choices(client) == dict.fromkeys(OPTIONAL, 2)


# What a tool's key in a cookie can do


def test_refused_tool_stays_refused_in_another_category(site):
    Tool.objects.filter(key=ANALYTICS).update(category=Category.objects.get(key="functional"))
    policies.forget()

    assert running(visitor(refusing(ANALYTICS))) == {CHAT, BEACON, PIXEL, GUARD}


def test_refused_tool_that_became_essential_runs(site):
    Tool.objects.filter(key=CHAT).update(category=Category.objects.get(key="essential"))
    policies.forget()

    assert CHAT in running(visitor(refusing(CHAT)))


def test_tool_that_is_granted_by_its_own_key_is_not(site):
    text = Decision(2, today(), {**dict.fromkeys(OPTIONAL, 0), CHAT: 2, GUARD: 0}).text

    assert running(visitor(text)) == {GUARD}


# Cacheable delivery


def test_files_are_named_after_what_was_refused(site, settings):
    settings.CONSENT_DELIVERY = "cacheable"
    policy = policies.current()
    selection = policy.grant(parse(refusing(ANALYTICS)).choices)

    name = script_bundles.bundle_name(selection)

    expected = f"functional_2.marketing-analytics_2.{ANALYTICS}_0.advertising_2"
    assert name == expected
    file = Client().get(script_bundles.bundle_url(policy, name))
    assert file.status_code == 200
    assert "immutable" in file["Cache-Control"]
    assert ANALYTICS not in file.content.decode()
    assert BEACON in file.content.decode()


@pytest.mark.parametrize(
    "name",
    [
        # A category has its own tools, in the policy's order, each once; only what says something.
        f"marketing-analytics_2.{CHAT}_0",
        f"functional_2.{ANALYTICS}_0",
        f"{ANALYTICS}_0.marketing-analytics_2",
        f"marketing-analytics_2.{ANALYTICS}_0.{ANALYTICS}_0",
        f"marketing-analytics_2.{BEACON}_0.{ANALYTICS}_0",
        f"marketing-analytics_2.{ANALYTICS}_2",
        f"functional_2.{GUARD}_0",
        f"{CHAT}_0",
        "functional_2.nonsense_0",
    ],
)
def test_no_other_name_is_a_file(site, settings, name):
    settings.CONSENT_DELIVERY = "cacheable"

    assert Client().get(script_bundles.bundle_url(policies.current(), name)).status_code == 404


# The record, and who hears of it


def test_receipt_and_record_name_the_tool(site):
    client = visitor()
    send(client, "put", {**ALL, ANALYTICS: False})

    record = Record.objects.get()
    assert record.choices == {**dict.fromkeys(OPTIONAL, 2), ANALYTICS: 0}
    assert record.action == Record.Action.CHOSEN
    assert record.granted.split() == sorted(OPTIONAL)
    (receipt,) = client.get("/consent/api/receipts/").json()
    states = {each["purpose_type"]: each["event_state"] for each in receipt["event"]}
    assert states == {**dict.fromkeys(OPTIONAL, "consent given"), ANALYTICS: "consent refused"}
    parties = {each["party_id"] for each in receipt["party_identification"]}
    assert ANALYTICS not in parties
    assert {CHAT, BEACON, PIXEL} <= parties
    page = client.get(f"/consent/receipts/{record.receipt}/")
    assert page.status_code == 200
    assert "You do not allow: Google analytics." in page.content.decode()


EVENTS = [
    # before, sent, newly allowed, no longer allowed
    ("", {**ALL, ANALYTICS: False}, set(OPTIONAL), set()),
    ("all", {**ALL, ANALYTICS: False}, set(), {ANALYTICS}),
    ("but one", {**ALL, ANALYTICS: True}, {ANALYTICS}, set()),
    ("but one", {**ALL, ANALYTICS: True, CHAT: False}, {ANALYTICS}, {CHAT}),
    ("but one", NONE, set(), set(OPTIONAL)),
    ("but one", ALL, set(), set()),
    ("none", {**ALL, CHAT: False}, set(OPTIONAL), set()),
]


@pytest.mark.parametrize(("before", "sent", "granted", "withdrawn"), EVENTS)
def test_others_hear_what_changed(
    site, before, sent, granted, withdrawn, django_capture_on_commit_callbacks
):
    cookies = {"all": grant(*OPTIONAL), "but one": refusing(ANALYTICS), "none": grant(), "": ""}
    client = visitor(cookies[before])

    with heard() as found, django_capture_on_commit_callbacks(execute=True):
        send(client, "put", sent)

    event = found[0]
    assert (event.granted, event.withdrawn) == (granted, withdrawn)
    assert len(found) == (2 if withdrawn else 1)


# Without the ledger


@pytest.mark.django_db(transaction=True)
def test_tool_is_refused_without_the_ledger(site):
    client = visitor(grant(*OPTIONAL))

    with no_ledger():
        answer = send(client, "patch", {ANALYTICS: False})

    assert answer.status_code == 200
    assert answer.json()["recorded"] is False
    assert running(client) == {CHAT, BEACON, PIXEL, GUARD}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_refused_tool_does_not_run_again_without_a_record(site, method):
    client = visitor(refusing(ANALYTICS))

    with no_ledger():
        answer = send(client, method, {**ALL, ANALYTICS: True})

    assert answer.status_code == 503
    assert running(client) == {CHAT, BEACON, PIXEL, GUARD}


@pytest.mark.django_db(transaction=True)
def test_what_is_refused_beside_holds_without_a_record(site):
    consent = consent_in(page_request(refusing(ANALYTICS)))

    with no_ledger(), pytest.raises(NotRecordedError):
        consent.decide({**ALL, ANALYTICS: True, PIXEL: False})

    assert consent.refused_tools == {ANALYTICS, PIXEL}


@pytest.mark.django_db(transaction=True)
def test_category_is_refused_with_its_tool_without_the_ledger(site):
    client = visitor(refusing(ANALYTICS))

    with no_ledger():
        answer = send(client, "put", {**ALL, "marketing-analytics": False})

    assert answer.status_code == 200
    assert running(client) == {CHAT, PIXEL, GUARD}


# In code, and by login sync


def test_decide_names_what_it_does_not_know(site):
    consent = consent_in(page_request())

    with pytest.raises(InvalidChoicesError) as caught:
        consent.decide({**ALL, "nonsense": False, GUARD: False})

    assert set(caught.value.errors) == {"nonsense", GUARD}


def test_refused_tools_follow_the_user(site, settings):
    settings.CONSENT_LOGIN_SYNC = settings.CONSENT_RECORD_USER = True
    ada = get_user_model().objects.create_superuser("ada", password="secret")
    phone, laptop = visitor(), visitor()
    for device in (phone, laptop):
        sign_in(device, ada)
        if device is phone:
            send(phone, "put", {**ALL, ANALYTICS: False})

    chosen = parse(laptop.cookies["consent.account"].value)
    assert chosen is not None
    assert chosen.choices == {**dict.fromkeys(OPTIONAL, 2), ANALYTICS: 0}
    assert running(laptop) == {CHAT, BEACON, PIXEL, GUARD}


def test_tool_that_was_refused_in_this_browser_stays_refused_at_sign_in(site, settings):
    settings.CONSENT_LOGIN_SYNC = settings.CONSENT_RECORD_USER = True
    ada = get_user_model().objects.create_superuser("ada", password="secret")
    phone, laptop = visitor(), visitor()
    sign_in(phone, ada)
    send(phone, "put", ALL)
    send(laptop, "put", {**ALL, ANALYTICS: False})

    assert sign_in(laptop, ada) == 302

    assert running(laptop) == {CHAT, BEACON, PIXEL, GUARD}


def sign_in(client: Client, user: Any) -> int:
    data = {"username": user.username, "password": "secret"}
    status: int = client.post("/admin/login/", data).status_code
    return status


def test_choice_of_an_account_leaves_out_what_the_policy_does_not_have(site, settings):
    settings.CONSENT_LOGIN_SYNC = settings.CONSENT_RECORD_USER = True
    ada = get_user_model().objects.create_superuser("ada", password="secret")
    phone, laptop = visitor(), visitor()
    sign_in(phone, ada)
    send(phone, "put", {**ALL, ANALYTICS: False})
    Tool.objects.get(key=ANALYTICS).delete()
    policies.forget()

    assert sign_in(laptop, ada) == 302

    chosen = parse(laptop.cookies["consent.account"].value)
    assert chosen is not None
    assert set(chosen.choices) == set(OPTIONAL)
