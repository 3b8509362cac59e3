"""Login sync: a signed-in user's decision follows them, and stays with nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from consent.models import Policy, Record
from consent.models.signing import Verdict
from consent.policy.decision import parse
from tests.helpers import OPTIONAL, SAME_ORIGIN, days_ago, grant, small_site

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


def browser() -> Client:
    return Client(headers=SAME_ORIGIN)


def decide(at: Client, choices: dict[str, bool], *, ago: timedelta | None = None) -> None:
    """Make a choice at this browser, now or so long ago."""
    at.put(API, {"choices": choices}, content_type="application/json")
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


def allowed(at: Client) -> set[str] | None:
    """Return what the browser's cookie allows; None where it holds no decision."""
    morsel = at.cookies.get("consent")
    decision = parse(morsel.value) if morsel else None
    return set(decision.allowed) if decision else None


def test_decision_follows_the_user_to_another_device(ada):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, SOME)

    sign_in(laptop, ada)

    assert allowed(laptop) == {"functional"}
    record = Record.objects.order_by("pk").last()
    assert (record.source, record.user, record.action) == ("sign_in", str(ada.pk), "chosen")
    assert record.decided_at == Record.objects.order_by("pk").first().decided_at
    assert record.verdict() is Verdict.GENUINE


def test_what_was_decided_before_signing_in_becomes_the_users(ada):
    phone, laptop = browser(), browser()
    decide(phone, SOME)
    sign_in(phone, ada)

    sign_in(laptop, ada)

    assert allowed(phone) == allowed(laptop) == {"functional"}


def test_newer_decision_wins_wherever_it_was_made(ada):
    phone, laptop, tablet = browser(), browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL, ago=timedelta(minutes=2))
    decide(laptop, NONE, ago=timedelta(minutes=1))

    sign_in(laptop, ada)
    assert allowed(laptop) == set()

    sign_in(tablet, ada)
    assert allowed(tablet) == set()


def test_older_decision_of_the_device_gives_way(ada):
    phone, laptop = browser(), browser()
    decide(laptop, ALL, ago=timedelta(minutes=2))
    sign_in(phone, ada)
    decide(phone, SOME, ago=timedelta(minutes=1))

    sign_in(laptop, ada)

    assert allowed(laptop) == {"functional"}


def test_refusal_beats_a_grant_of_the_same_moment(ada):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, {**ALL, "advertising": False})
    decide(laptop, {**ALL, "functional": False})
    moment = timezone.now()
    rows = Record.objects.all()
    super(type(rows), rows)._update([(Record._meta.get_field("decided_at"), None, moment)])

    sign_in(laptop, ada)

    assert allowed(laptop) == {"marketing-analytics"}


def test_adopting_does_not_make_a_decision_newer(ada):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, NONE, ago=timedelta(minutes=3))
    sign_in(laptop, ada)
    tablet = browser()
    decide(tablet, ALL, ago=timedelta(minutes=2))

    sign_in(tablet, ada)

    assert allowed(tablet) == set(OPTIONAL)


def test_nothing_is_covered_that_was_not_shown(ada, site):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL)
    covered = parse(phone.cookies["consent"].value).choices
    site.raise_revision()

    sign_in(laptop, ada)

    assert parse(laptop.cookies["consent"].value).choices == covered


def test_decision_that_has_expired_follows_nobody(ada):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL, ago=timedelta(days=400))

    sign_in(laptop, ada)

    assert allowed(laptop) is None


def test_signing_out_leaves_nothing_to_the_next_person(ada):
    shared = browser()
    sign_in(shared, ada)
    decide(shared, ALL)

    sign_out(shared)

    assert shared.cookies["consent"].value == shared.cookies["consent_subject"].value == ""
    assert shared.get("/consent/api/receipts/").json() == []


def test_next_user_gets_nothing_of_the_one_before(ada, bob):
    shared = browser()
    sign_in(shared, ada)
    decide(shared, ALL)
    # Ada's session ends without her signing out.
    shared.cookies.pop("sessionid")

    sign_in(shared, bob)

    assert allowed(shared) is None
    assert shared.cookies["consent_subject"].value == ""
    assert not Record.objects.filter(user=str(bob.pk)).exists()


def test_next_user_gets_their_own(ada, bob):
    phone, shared = browser(), browser()
    sign_in(phone, bob)
    decide(phone, SOME)
    sign_in(shared, ada)
    decide(shared, ALL)
    subject = shared.cookies["consent_subject"].value
    shared.cookies.pop("sessionid")

    sign_in(shared, bob)

    assert allowed(shared) == {"functional"}
    assert shared.cookies["consent_subject"].value not in ("", subject)


def test_what_a_device_adopted_is_no_decision_of_the_next_user(ada, bob):
    phone, shared = browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL)
    sign_in(shared, ada)
    assert allowed(shared) == set(OPTIONAL)
    shared.cookies.pop("sessionid")

    sign_in(shared, bob)

    assert allowed(shared) is None


def test_cookies_of_a_user_live_no_longer_than_the_session(ada, settings):
    settings.SESSION_COOKIE_AGE = 3600
    shared = browser()
    sign_in(shared, ada)

    decide(shared, ALL)

    assert shared.cookies["consent"]["max-age"] == 3600
    assert shared.cookies["consent_subject"]["max-age"] == 3600
    assert shared.cookies["consent_subject"]["path"] == "/"


def test_day_alone_counts_where_there_is_no_record(ada):
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, NONE, ago=timedelta(days=2))
    laptop.cookies["consent"] = grant("functional", day=days_ago(1))

    sign_in(laptop, ada)
    assert allowed(laptop) == {"functional"}

    tablet = browser()
    tablet.cookies["consent"] = grant(*OPTIONAL, day=days_ago(5))
    sign_in(tablet, ada)
    assert allowed(tablet) == {"functional"}


def test_nothing_follows_anybody_where_it_is_off(ada, settings):
    settings.CONSENT_LOGIN_SYNC = False
    phone, laptop = browser(), browser()
    sign_in(phone, ada)
    decide(phone, ALL)

    sign_in(laptop, ada)
    sign_out(phone)

    assert allowed(laptop) is None
    assert allowed(phone) == set(OPTIONAL)


@pytest.mark.parametrize("refused", [NONE, {**ALL, "advertising": False}], ids=["all", "one"])
def test_refusal_made_in_this_browser_is_not_taken_over_by_an_account(ada, refused):
    """Somebody else may sign in at a shared computer, and a page may sign a visitor in."""
    phone, shared = browser(), browser()
    decide(shared, refused, ago=timedelta(days=2))
    sign_in(phone, ada)
    decide(phone, ALL)

    sign_in(shared, ada)

    assert allowed(shared) == {key for key, granted in refused.items() if granted}


def test_user_can_choose_otherwise_after_signing_in(ada):
    phone, laptop = browser(), browser()
    decide(laptop, NONE, ago=timedelta(days=2))
    sign_in(phone, ada)
    decide(phone, ALL)
    sign_in(laptop, ada)

    decide(laptop, SOME)
    sign_in(laptop, ada)

    assert allowed(laptop) == {"functional"}


def test_users_later_decision_replaces_what_they_refused_here_themselves(ada):
    phone, laptop = browser(), browser()
    sign_in(laptop, ada)
    decide(laptop, NONE, ago=timedelta(days=2))
    sign_in(phone, ada)
    decide(phone, ALL)

    sign_in(laptop, ada)

    assert allowed(laptop) == set(OPTIONAL)
