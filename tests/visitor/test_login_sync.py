"""Login sync: a signed-in user's choice follows them, and the browser's own stays as it is."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from consent.models import Policy, Record
from consent.policy.decision import parse
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site

pytestmark = pytest.mark.django_db

API = "/consent/api/preferences/"
ALL = dict.fromkeys(OPTIONAL, True)
NONE = dict.fromkeys(OPTIONAL, False)
SOME = {**NONE, "functional": True}


@pytest.fixture(autouse=True)
def site(settings) -> Policy:
    settings.CONSENT_LOGIN_SYNC = settings.CONSENT_RECORD_USER = True
    return small_site()


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_superuser("ada", password="secret")


@pytest.fixture
def bob() -> Any:
    return get_user_model().objects.create_superuser("bob", password="secret")


def no_records(execute: Any, sql: str, *rest: Any) -> Any:
    if "consent_record" in sql:
        raise OperationalError("no records")
    return execute(sql, *rest)


def no_sessions(execute: Any, sql: str, *rest: Any) -> Any:
    if "django_session" in sql:
        raise OperationalError("no sessions")
    return execute(sql, *rest)


def browser() -> Client:
    return Client(headers=SAME_ORIGIN)


def decide(at: Client, choices: dict[str, bool], *, ago: timedelta | None = None) -> None:
    """Make a choice at this browser, now or so long ago."""
    response = at.put(API, {"choices": choices}, content_type="application/json")
    assert response.status_code == 200
    if ago is None:
        return
    # There is no way to change a record but the database's own.
    record = Record.objects.order_by("pk").last()
    moment = timezone.now() - ago
    row = Record.objects.filter(pk=record.pk)
    super(type(row), row)._update([(Record._meta.get_field("decided_at"), None, moment)])


def sign_in(at: Client, user: Any) -> None:
    response = at.post("/admin/login/", {"username": user.username, "password": "secret"})
    assert response.status_code == 302


def sign_out(at: Client) -> None:
    assert at.post("/admin/logout/").status_code == 200


def allowed(at: Client) -> set[str]:
    """Return the optional categories that the browser's next request allows."""
    choices = at.get(API).json()["choices"]
    return {key for key, granted in choices.items() if granted}


def asked(at: Client) -> bool:
    return bool(at.get(API).json()["ask"])


def text(at: Client, name: str) -> str:
    """Return the text of a cookie; "" where the browser has none."""
    return at.cookies[name].value if name in at.cookies else ""


def test_choice_follows_the_user_to_another_device(ada):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, SOME)

    sign_in(laptop, ada)

    assert allowed(laptop) == {"functional"}
    assert not asked(laptop)
    # Its record is the one of the phone.
    assert Record.objects.get().user == str(ada.pk)


def test_choice_of_an_account_leaves_no_identifier(ada):
    phone = browser()
    sign_in(phone, ada)
    decide(phone, ALL)

    assert "consent_subject" not in phone.cookies
    assert Record.objects.get().subject is None


def test_what_was_chosen_before_signing_in_is_not_the_accounts(ada):
    phone, laptop = browser(), browser()
    decide(phone, ALL)
    sign_in(phone, ada)
    assert allowed(phone) == set(OPTIONAL)

    sign_in(laptop, ada)

    assert allowed(laptop) == set()
    assert asked(laptop)
    assert [record.user for record in Record.objects.all()] == [""]


def test_part_of_a_choice_does_not_take_the_rest_to_the_account(ada):
    phone, laptop = browser(), browser()
    decide(phone, {**ALL, "advertising": False})
    sign_in(phone, ada)
    changed = {"choices": {"functional": True}}
    assert phone.patch(API, changed, content_type="application/json").status_code == 200

    sign_in(laptop, ada)

    assert allowed(phone) == allowed(laptop) == {"functional"}
    assert laptop.get(API).json()["choices"]["advertising"] is False


def test_choice_made_signed_in_leaves_the_browsers_own_alone(ada):
    laptop = browser()
    decide(laptop, SOME)
    own, subject = text(laptop, "consent"), text(laptop, "consent_subject")
    sign_in(laptop, ada)

    decide(laptop, ALL)

    assert allowed(laptop) == set(OPTIONAL)
    assert (text(laptop, "consent"), text(laptop, "consent_subject")) == (own, subject)
    sign_out(laptop)
    assert allowed(laptop) == {"functional"}
    assert text(laptop, "consent") == own


def test_latest_choice_of_the_account_counts(ada):
    phone, laptop, tablet = browser(), browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL, ago=timedelta(minutes=2))
    sign_in(laptop, ada)
    decide(laptop, NONE, ago=timedelta(minutes=1))

    sign_in(tablet, ada)

    assert allowed(tablet) == set()
    assert not asked(tablet)


@pytest.mark.parametrize("refused", [NONE, {**ALL, "advertising": False}], ids=["all", "one"])
def test_refusal_made_in_this_browser_is_not_taken_over_by_an_account(ada, refused):
    """Somebody else may sign in at a shared computer, and a page may sign a visitor in."""
    phone, shared = browser(), browser()
    decide(shared, refused)
    sign_in(phone, ada)
    decide(phone, ALL)

    sign_in(shared, ada)

    assert allowed(shared) == {key for key, granted in refused.items() if granted}


def test_user_can_choose_otherwise_after_signing_in(ada):
    phone, laptop = browser(), browser()
    decide(laptop, NONE)
    sign_in(phone, ada)
    decide(phone, ALL)
    sign_in(laptop, ada)

    decide(laptop, SOME)

    assert allowed(laptop) == {"functional"}
    sign_in(phone, ada)
    assert allowed(phone) == {"functional"}


def test_nothing_is_covered_that_was_not_shown(ada, site):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL)
    covered = parse(text(phone, "consent.account")).choices
    site.raise_revision()

    sign_in(laptop, ada)

    assert parse(text(laptop, "consent.account")).choices == covered


def test_choice_that_has_expired_follows_nobody(ada):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL, ago=timedelta(days=400))

    sign_in(laptop, ada)

    assert allowed(laptop) == set()
    assert asked(laptop)


def test_signing_out_leaves_nothing_of_the_account(ada):
    shared = browser()
    sign_in(shared, ada)
    decide(shared, ALL)

    sign_out(shared)

    assert allowed(shared) == set()
    assert text(shared, "consent") == text(shared, "consent.account") == ""
    assert shared.get("/consent/api/receipts/").json() == []


def test_signing_out_deletes_what_the_accounts_tools_have_stored(ada):
    shared = browser()
    sign_in(shared, ada)
    decide(shared, ALL)
    shared.cookies["_ga"] = "1"

    response = shared.post("/admin/logout/")

    assert "_ga" in {morsel.key for morsel in response.cookies.values()}


def test_next_user_gets_nothing_of_the_one_before(ada, bob):
    shared = browser()
    sign_in(shared, ada)
    decide(shared, ALL)
    # Ada's session ends without her signing out.
    shared.cookies.pop("sessionid")

    sign_in(shared, bob)

    assert allowed(shared) == set()
    assert not Record.objects.filter(user=str(bob.pk)).exists()


def test_next_user_gets_their_own(ada, bob):
    phone, shared = browser(), browser()
    sign_in(phone, bob)
    decide(phone, SOME)
    sign_in(shared, ada)
    decide(shared, ALL)
    shared.cookies.pop("sessionid")

    sign_in(shared, bob)

    assert allowed(shared) == {"functional"}


def test_choice_after_the_session_has_ended_is_the_browsers_own(ada):
    shared, phone = browser(), browser()
    sign_in(shared, ada)
    decide(shared, ALL)
    shared.cookies.pop("sessionid")

    decide(shared, NONE)

    assert allowed(shared) == set()
    sign_in(phone, ada)
    assert allowed(phone) == set(OPTIONAL)


def test_choice_of_an_account_ends_with_its_session(ada):
    shared = browser()
    sign_in(shared, ada)
    decide(shared, ALL)
    del shared.cookies["sessionid"]

    assert allowed(shared) == set()
    assert asked(shared)
    assert not text(shared, "consent.account")


def test_part_of_a_choice_takes_nothing_over_from_an_account_whose_session_has_ended(ada):
    shared = browser()
    sign_in(shared, ada)
    decide(shared, ALL)
    Session.objects.all().delete()

    answer = shared.patch(API, {"choices": {"functional": True}}, content_type="application/json")

    assert answer.status_code == 200
    assert allowed(shared) == {"functional"}
    assert set(parse(text(shared, "consent")).choices) == {"functional"}
    assert set(Record.objects.get(user="").choices) == {"functional"}


def test_account_is_not_taken_over_while_its_session_cannot_be_read(ada):
    laptop = browser()
    sign_in(laptop, ada)
    decide(laptop, ALL)

    with connection.execute_wrapper(no_sessions):
        changed = {"choices": {"functional": False}}
        answer = laptop.patch(API, changed, content_type="application/json")

    assert answer.status_code == 200
    assert parse(text(laptop, "consent")).allowed == set()
    assert allowed(laptop) == set()


def test_accounts_cookie_ends_with_the_browser_if_the_session_does(ada, settings):
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = True
    laptop = browser()
    sign_in(laptop, ada)

    decide(laptop, ALL)

    assert laptop.cookies["sessionid"]["max-age"] == ""
    assert laptop.cookies["consent.account"]["max-age"] == ""
    assert laptop.cookies["consent.account"]["expires"] == ""


def test_accounts_cookie_lives_no_longer_than_the_session(ada, settings):
    settings.SESSION_COOKIE_AGE = 3600
    shared = browser()
    decide(shared, SOME)
    sign_in(shared, ada)

    decide(shared, ALL)

    assert shared.cookies["consent.account"]["max-age"] == 3600
    assert shared.cookies["consent"]["max-age"] == 182 * 86_400


def test_receipts_of_the_account_are_those_of_all_its_devices(ada, bob):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL)
    sign_in(laptop, ada)

    (receipt,) = laptop.get("/consent/api/receipts/").json()

    address = f"/consent/receipts/{receipt['receipt_id']}/"
    assert laptop.get(address).status_code == 200
    assert "What you were shown" in laptop.get("/consent/receipts/").content.decode()
    sign_in(phone, bob)
    assert phone.get(address).status_code == 404
    assert browser().get(address).status_code == 404


def test_same_choice_of_the_account_within_a_minute_is_recorded_once(ada):
    phone = browser()
    sign_in(phone, ada)

    for _ in range(3):
        decide(phone, ALL)

    assert Record.objects.count() == 1


def send(at: Client, choices: dict[str, bool], key: UUID) -> dict[str, Any]:
    """Make a choice with the key that a page has as long as it is open."""
    body = {"choices": choices, "key": str(key)}
    answer = at.put(API, body, content_type="application/json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_account_that_chooses_on_one_page_to_and_fro_has_a_record_of_each(ada):
    phone, laptop, key = browser(), browser(), uuid4()
    sign_in(phone, ada)
    receipts = {send(phone, choices, key)["receipt"] for choices in (NONE, ALL, NONE)}

    sign_in(laptop, ada)

    assert len(receipts) == 3
    assert [record.action for record in Record.objects.order_by("pk")] == [
        "reject_all",
        "accept_all",
        "withdrawn",
    ]
    assert allowed(laptop) == set()


def test_submission_of_an_account_that_comes_twice_is_recorded_once(ada):
    phone, key = browser(), uuid4()
    sign_in(phone, ada)
    first = send(phone, ALL, key)
    # The answer was lost, and with it the cookie.
    del phone.cookies["consent.account"]

    assert send(phone, ALL, key)["receipt"] == first["receipt"]
    assert Record.objects.count() == 1


@pytest.mark.parametrize("choices", [ALL, NONE], ids=["grant", "refusal"])
def test_key_of_another_account_or_of_nobody_leads_to_no_record_of_theirs(ada, bob, choices):
    key, phone, laptop = uuid4(), browser(), browser()
    send(browser(), choices, key)
    sign_in(phone, ada)
    sign_in(laptop, bob)

    send(phone, choices, key)
    send(laptop, choices, key)

    users = [record.user for record in Record.objects.order_by("pk")]
    assert users == ["", str(ada.pk), str(bob.pk)]


def test_withdrawal_beyond_the_write_limit_is_recorded_for_an_account(ada, settings):
    """The browser's own refusal must not hide what the account has granted."""
    settings.CONSENT_THROTTLE_RATE = "2/min"
    laptop = browser()
    decide(laptop, NONE)
    sign_in(laptop, ada)
    decide(laptop, ALL)

    assert laptop.delete(API).json()["recorded"] is True
    assert Record.objects.filter(user=ada.pk).first().action == "withdrawn"


def test_copies_of_the_accounts_cookie_that_differ_allow_nothing(ada):
    phone = browser()
    sign_in(phone, ada)
    decide(phone, ALL)
    text_of_account = text(phone, "consent.account")
    session = text(phone, "sessionid")
    refused = text_of_account.replace(f"_{parse(text_of_account).revision}", "_0")

    answer = browser().get(
        API,
        headers={
            "Cookie": f"sessionid={session}; consent.account={text_of_account}; "
            f"consent.account={refused}"
        },
    )

    assert answer.json()["allowed"] == browser().get(API).json()["allowed"]
    assert answer.json()["overridden"] is True


def test_who_signs_in_while_the_records_cannot_be_read_keeps_the_browsers_own_choice(ada):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL)
    decide(laptop, SOME)

    with connection.execute_wrapper(no_records):
        sign_in(laptop, ada)

    assert allowed(laptop) == {"functional"}


def test_nothing_follows_anybody_where_it_is_off(ada, settings):
    settings.CONSENT_LOGIN_SYNC = False
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL)

    sign_in(laptop, ada)
    sign_out(phone)

    assert allowed(laptop) == set()
    assert allowed(phone) == set(OPTIONAL)


def test_account_cookie_counts_for_nothing_where_it_is_off(ada, settings):
    phone = browser()
    sign_in(phone, ada)
    decide(phone, ALL)

    settings.CONSENT_LOGIN_SYNC = False

    assert allowed(phone) == set()
