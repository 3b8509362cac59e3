"""What one client may have stored within a time, by whatever way it writes."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache.backends.base import BaseCache
from django.test import Client, RequestFactory
from django.urls import reverse

from consent.models import Record
from consent.proof import storing
from consent.visitor import write_limit
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]

GRANT, REFUSAL = dict.fromkeys(OPTIONAL, True), dict.fromkeys(OPTIONAL, False)


@pytest.fixture(autouse=True)
def two_an_hour(settings) -> None:
    small_site()
    settings.CONSENT_THROTTLE_RATE = "2/hour"


def send(method: str, choices: dict[str, bool] | None = None, **options: Any) -> Any:
    """Send a request to the API as a page does, of a visitor without cookies or of ``client``."""
    headers = {**SAME_ORIGIN, **options.pop("headers", {})}
    body = "" if choices is None else json.dumps({"choices": choices})
    options = {"content_type": "application/json", **options}
    client: Client = options.pop("client", None) or Client()
    return client.generic(
        method, reverse("consent:api-preferences"), body, headers=headers, **options
    )


def post(action: str) -> Any:
    fields = {"action": action, "next": "/"}
    return Client().post(reverse("consent:preferences"), fields, headers=SAME_ORIGIN)


def use_up() -> None:
    """Decide as often as the rate allows, by different ways."""
    assert send("PUT", GRANT).status_code == 200
    assert post("accept-all").status_code == 303


def test_grant_beyond_the_rate_is_refused_until_later():
    use_up()

    response = send("PATCH", GRANT)

    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 3600
    assert "throttled" in response.json()["detail"]
    assert not response.cookies


def test_form_beyond_the_rate_says_what_happened():
    use_up()

    response = post("accept-all")

    assert response.status_code == 429
    assert "You have chosen very often" in response.content.decode()
    assert "consent" not in response.cookies


@pytest.mark.parametrize(
    "refuse",
    [lambda: send("PUT", REFUSAL), lambda: send("DELETE"), lambda: post("reject-all")],
    ids=["put", "delete", "form"],
)
def test_refusal_beyond_the_rate_counts_and_stores_nothing(refuse):
    use_up()

    response = refuse()

    assert response.status_code in (200, 303)
    assert "_0" in response.cookies["consent"].value
    assert Record.objects.count() == 2
    assert not storing.waiting


@pytest.mark.parametrize(
    "refusal",
    [REFUSAL, {**GRANT, "advertising": False}, {"advertising": False}],
    ids=["all", "one", "one, patched"],
)
def test_what_takes_back_a_recorded_grant_is_recorded_once_beyond_the_rate(refusal):
    visitor = Client()
    assert send("PUT", GRANT, client=visitor).status_code == 200
    assert send("PUT", GRANT).status_code == 200
    method = "PATCH" if len(refusal) == 1 else "PUT"

    answers = [send(method, refusal, client=visitor).json() for _ in range(3)]

    latest, *others = Record.objects.all()
    assert len(others) == 2
    assert latest.choices["advertising"] == 0
    assert others[0].subject != others[1].subject
    assert latest.subject in {each.subject for each in others}
    assert answers[0]["recorded"] is True


def test_who_refuses_again_beyond_the_rate_stores_nothing():
    visitor = Client()
    assert send("PUT", GRANT, client=visitor).status_code == 200
    granted = dict(visitor.cookies.items())
    assert send("DELETE", client=visitor).status_code == 200

    for _ in range(3):
        visitor.cookies.update(granted)
        assert send("DELETE", client=visitor).json()["recorded"] is False

    assert Record.objects.count() == 2


def test_account_whose_grant_is_taken_back_beyond_the_rate_has_a_record_of_it(
    settings, django_user_model
):
    settings.CONSENT_RECORD_USER = settings.CONSENT_LOGIN_SYNC = True
    visitor = Client()
    visitor.force_login(django_user_model.objects.create_user("ada"))
    assert send("PUT", GRANT, client=visitor).status_code == 200
    assert send("PUT", GRANT).status_code == 200
    assert send("PUT", REFUSAL, client=visitor).status_code == 200

    assert Record.objects.first().choices == dict.fromkeys(OPTIONAL, 0)
    assert Record.objects.count() == 3


def test_refusal_of_a_user_elsewhere_does_not_hide_what_this_browser_was_granted(
    settings, django_user_model
):
    settings.CONSENT_RECORD_USER = True
    ada = django_user_model.objects.create_user("ada")
    here, elsewhere = Client(), Client()
    here.force_login(ada)
    elsewhere.force_login(ada)
    assert send("PUT", GRANT, client=here).status_code == 200
    assert send("PUT", REFUSAL, client=elsewhere).status_code == 200

    answers = [send("DELETE", client=here).json()["recorded"] for _ in range(2)]

    subject = Record.objects.get(action="accept_all").subject
    assert Record.objects.filter(subject=subject).first().action == "withdrawn"
    assert answers[0] is True
    assert Record.objects.count() == 3


def test_answer_says_that_a_refusal_beyond_the_rate_is_not_recorded():
    use_up()

    assert send("PUT", REFUSAL).json()["recorded"] is False


def test_what_a_mixed_choice_refuses_counts_beyond_the_rate():
    use_up()

    response = send("PUT", {**GRANT, "advertising": False})

    assert response.status_code == 429
    assert "advertising_0" in response.cookies["consent"].value
    assert "functional" not in response.cookies["consent"].value


def test_requests_that_are_refused_anyway_use_up_nobodys_rate():
    for _ in range(3):
        send("PUT", GRANT, headers={"Sec-Fetch-Site": "cross-site"})
        send("PUT", {"surveys": True})

    assert send("PUT", GRANT).status_code == 200


def test_each_client_has_a_rate_of_its_own():
    use_up()

    assert send("PUT", GRANT, REMOTE_ADDR="192.0.2.8").status_code == 200


def test_no_rate_limits_nobody(settings):
    settings.CONSENT_THROTTLE_RATE = None

    assert {send("PUT", GRANT).status_code for _ in range(5)} == {200}


def test_period_ends():
    write_limit.forget()
    request = RequestFactory().get("/")
    assert [write_limit.seconds_to_wait(request) for _ in range(2)] == [0, 0]
    client = write_limit.client_of(request)

    assert write_limit.seconds_to_wait(request) > 0
    write_limit._clients[client] = (0.0, 9)

    assert write_limit.seconds_to_wait(request) == 0


def test_clients_that_wrote_long_ago_are_forgotten(monkeypatch):
    monkeypatch.setattr(write_limit, "MOST_CLIENTS", 3)
    for n in range(9):
        write_limit.seconds_to_wait(RequestFactory().get("/", REMOTE_ADDR=f"192.0.2.{n}"))

    assert list(write_limit._clients) == ["192.0.2.6", "192.0.2.7", "192.0.2.8"]


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "client"),
    [
        ("203.0.113.9", "", None, "203.0.113.9"),
        # Whoever connects directly can write any header.
        ("8.8.8.8", "1.1.1.1", None, "8.8.8.8"),
        # A proxy of the same network appends whom it saw.
        ("10.0.0.2", "1.1.1.1, 9.9.9.9", None, "9.9.9.9"),
        ("", "1.1.1.1, 9.9.9.9", None, "9.9.9.9"),
        ("8.8.8.8", "1.1.1.1, 9.9.9.9, 8.8.4.4", 2, "9.9.9.9"),
        ("8.8.8.8", "9.9.9.9", 2, "9.9.9.9"),
        ("8.8.8.8", "9.9.9.9", 0, "8.8.8.8"),
        ("8.8.8.8", "", 2, "8.8.8.8"),
        # One client has as many addresses of IPv6 as it likes.
        ("2001:4860:0:8888:1:2:3:4", "", None, "2001:4860:0:8888::/64"),
        ("2001:4860:0:8888:9::1", "", None, "2001:4860:0:8888::/64"),
        ("::ffff:8.8.8.8", "", None, "8.8.8.8"),
        # Some proxies write the port, another one for each connection.
        ("10.0.0.2", "1.1.1.1, 9.9.9.9:51234", None, "9.9.9.9"),
        ("10.0.0.2", "[2001:4860::1]:51234", None, "2001:4860::/64"),
        ("10.0.0.2", "nonsense", None, "nonsense"),
    ],
)
def test_client_is_whom_no_stranger_can_name(settings, remote, forwarded, proxies, client):
    settings.REST_FRAMEWORK = {"NUM_PROXIES": proxies}
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR=remote, headers=headers)

    assert write_limit.client_of(request) == client


class HangingCache(BaseCache):
    """Fails the test that asks it."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        pytest.fail("A cache was asked.")

    def clear(self) -> None:
        """Keep nothing, as ever."""

    set = add = touch = delete = get


@pytest.mark.parametrize("choices", [GRANT, REFUSAL], ids=["grant", "refusal"])
def test_decision_asks_no_cache(settings, choices):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.HangingCache"}}

    assert send("PUT", choices).status_code == 200


def test_same_decision_within_a_minute_is_stored_once():
    client = Client()
    for _ in range(2):
        client.put(
            reverse("consent:api-preferences"),
            json.dumps({"choices": REFUSAL, "key": str(uuid4())}),
            content_type="application/json",
            headers=SAME_ORIGIN,
        )

    assert Record.objects.count() == 1
