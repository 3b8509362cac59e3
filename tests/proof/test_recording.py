"""Records: every decision is proven, once, with what was shown; and nothing is pretended."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, OperationalError, connection, models, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from django.utils import timezone

from consent.models import (
    AppendOnlyError,
    Category,
    Counter,
    Policy,
    PolicyVersion,
    Record,
    Sequence,
    Tool,
)
from consent.models.signing import Verdict
from consent.policy import policies, versions
from consent.policy.decision import parse
from consent.proof import ledger, storing
from consent.proof.identifiers import subject_of
from consent.signals import DecisionMade, consent_withdrawn, decision_made
from consent.visitor import NotRecordedError
from tests.helpers import (
    ESSENTIAL_TOOLS,
    OPTIONAL,
    SAME_ORIGIN,
    consent_in,
    days_ago,
    grant,
    no_ledger,
    no_policy,
    small_site,
)

API = "/consent/api/preferences/"
FORM = "/consent/preferences/"
ALL = dict.fromkeys(OPTIONAL, True)
NONE = dict.fromkeys(OPTIONAL, False)
SOME = {**NONE, "functional": True}


# Views of a website's own, which decide in a transaction.


def accepts(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        consent_in(request).accept_all()
    return HttpResponse()


def changes_its_mind(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        consent_in(request).decide({key: key in request.GET for key in OPTIONAL})
        transaction.set_rollback(True)
    return HttpResponse()


def insists(request: HttpRequest) -> HttpResponse:
    try:
        consent_in(request).accept_all()
    except NotRecordedError:
        return HttpResponse(",".join(tool.key for tool in consent_in(request).selection.tools))
    return HttpResponse()


urlpatterns = [
    path("accepts/", accepts),
    path("changes-its-mind/", changes_its_mind),
    path("insists/", insists),
    path("consent/", include("consent.urls")),
]


@pytest.fixture(autouse=True)
def site(transactional_db) -> Policy:
    return small_site()


@pytest.fixture
def browser() -> Client:
    return Client(headers=SAME_ORIGIN)


@contextmanager
def heard(*signals: Any) -> Iterator[list[tuple[Any, DecisionMade, int]]]:
    """Collect what the signals say, and how many records there were when they did."""
    found: list[tuple[Any, DecisionMade, int]] = []

    def hear(signal: Any, event: DecisionMade, **kwargs: Any) -> None:
        found.append((signal, event, Record.objects.count()))

    for signal in signals:
        signal.connect(hear, weak=False, dispatch_uid="heard")
    try:
        yield found
    finally:
        for signal in signals:
            signal.disconnect(dispatch_uid="heard")


def put(browser: Client, choices: dict[str, bool], **body: Any) -> Any:
    return browser.put(API, {"choices": choices, **body}, content_type="application/json")


def cookie(browser: Client, name: str = "consent") -> str:
    return browser.cookies[name].value if name in browser.cookies else ""


def actions() -> list[str]:
    return list(Record.objects.order_by("pk").values_list("action", flat=True))


# What a record says


def test_record_says_who_chose_what_when_where_and_on_which_text(browser):
    before = timezone.now()

    put(browser, SOME, source="notice")

    record = Record.objects.get()
    assert record.choices == {"functional": 2, "marketing-analytics": 0, "advertising": 0}
    assert record.granted == "functional"
    assert (record.action, record.source) == ("chosen", "notice")
    assert (record.language, record.regime, record.gpc) == ("en", "opt_in", False)
    assert (record.revision, record.user) == (2, "")
    assert before <= record.decided_at <= timezone.now()
    assert record.subject == subject_of(cookie(browser, "consent_subject"))
    assert record.version.revision == 2
    shown = record.version.shown
    assert shown["policy"]["notice_text"].startswith("Some tools on this site")
    assert [category["key"] for category in shown["categories"]] == [*OPTIONAL, "essential"]
    assert shown["categories"][1]["tools"][0]["cookies"][0]["name"] == "_ga"


def test_nothing_stored_tells_the_browser_or_its_address(browser):
    browser.put(
        API,
        {"choices": ALL},
        content_type="application/json",
        headers={"User-Agent": "Odd/7.1"},
        REMOTE_ADDR="203.0.113.9",
    )

    stored = str([*Record.objects.values(), *Counter.objects.values()])
    assert "203.0.113.9" not in stored
    assert "Odd/7.1" not in stored
    assert cookie(browser, "consent_subject") not in stored


@pytest.mark.parametrize(
    ("send", "source"),
    [
        (lambda browser: put(browser, ALL), "api"),
        (lambda browser: put(browser, ALL, source="api"), "api"),
        (lambda browser: put(browser, ALL, source=""), "api"),
        (lambda browser: put(browser, ALL, source="notice"), "notice"),
        (lambda browser: put(browser, ALL, source="preferences"), "preferences"),
        (lambda browser: browser.delete(API), "api"),
        (lambda browser: browser.post(FORM, {"action": "accept-all"}), "form"),
    ],
)
def test_record_says_where(browser, send, source):
    assert send(browser).status_code in (200, 303)

    assert Record.objects.get().source == source


@pytest.mark.urls("tests.proof.test_recording")
def test_decision_of_the_websites_code_is_recorded_as_that(browser):
    browser.get("/accepts/")

    assert Record.objects.get().source == "code"


def test_nobody_may_claim_to_be_the_websites_code(browser):
    response = put(browser, ALL, source="code")

    assert response.status_code == 400
    assert "source" in response.json()
    assert not Record.objects.exists()


@pytest.mark.parametrize(
    ("before", "choices", "action"),
    [
        ("", ALL, "accept_all"),
        ("", NONE, "reject_all"),
        ("", SOME, "chosen"),
        (NONE, ALL, "accept_all"),
        (ALL, SOME, "chosen"),
        (SOME, NONE, "withdrawn"),
        (SOME, SOME, "renewed"),
        (NONE, NONE, "renewed"),
    ],
)
def test_record_says_what_was_done(browser, before, choices, action):
    if before:
        browser.cookies["consent"] = grant(*(key for key in before if before[key]), day=days_ago(3))

    put(browser, choices)

    assert actions() == [action]


@pytest.mark.parametrize("granted", [True, False])
def test_answer_about_one_category_is_not_an_answer_about_all(browser, granted):
    browser.patch(API, {"choices": {"functional": granted}}, content_type="application/json")

    assert actions() == ["chosen"]


def test_decision_that_has_expired_is_renewed(browser):
    browser.cookies["consent"] = grant("functional", day=days_ago(400))

    put(browser, SOME)

    assert actions() == ["renewed"]


def test_withdrawing_is_recorded_as_that_even_where_nothing_was_allowed(browser):
    browser.delete(API)

    assert actions() == ["withdrawn"]


def test_record_says_whether_the_browser_asked_not_to_sell(browser):
    browser.put(API, {"choices": NONE}, content_type="application/json", headers={"Sec-GPC": "1"})

    assert Record.objects.get().gpc


def test_record_names_the_user_only_where_the_setting_allows(browser, settings):
    user = get_user_model().objects.create_user("ada")
    browser.force_login(user)

    put(browser, ALL)
    settings.CONSENT_RECORD_USER = True
    put(browser, NONE)

    assert list(Record.objects.order_by("pk").values_list("user", flat=True)) == ["", str(user.pk)]


def test_deleting_the_user_and_the_policy_changes_no_record(browser, settings, site):
    settings.CONSENT_RECORD_USER = True
    user = get_user_model().objects.create_user("ada")
    browser.force_login(user)
    put(browser, ALL)
    before = Record.objects.values().get()

    user.delete()
    Policy.objects.all().delete()

    assert Record.objects.values().get() == before
    assert Record.objects.get().verdict() is Verdict.GENUINE
    assert PolicyVersion.objects.get().is_genuine


# What was shown


def test_versions_are_stored_once_for_all_who_were_shown_the_same():
    for _ in range(3):
        put(Client(headers=SAME_ORIGIN), ALL)

    assert PolicyVersion.objects.count() == 1
    assert Record.objects.values("version").distinct().count() == 1


def test_version_is_stored_only_with_a_decision(browser):
    browser.get(FORM)

    assert not PolicyVersion.objects.exists()


def test_version_is_in_the_language_of_the_page(browser):
    browser.put(
        API, {"choices": ALL}, content_type="application/json", headers={"Accept-Language": "de"}
    )

    version = PolicyVersion.objects.get()
    assert version.language == Record.objects.get().language == "de"
    assert "Werbung" in version.content.encode().decode("unicode_escape")


def digest_in(name: str) -> str:
    """Return the beginning of the digest in what a page calls its version."""
    return name.partition(".")[0]


def test_record_refers_to_the_text_that_the_page_showed_before_an_edit(browser, site):
    page = browser.get(FORM).context["version"]
    Category.objects.filter(key="functional").get().save()
    site.notice_text = "Quite another text."
    site.save()
    policies.forget()

    put(browser, ALL, version=page)

    version = Record.objects.get().version
    assert version.digest.startswith(digest_in(page))
    assert "Quite another text." not in version.content


def test_text_of_a_page_in_another_language_is_found(browser):
    german = browser.get(FORM, headers={"Accept-Language": "de"}).context["version"]
    # As in another process: this one has written none of its texts.
    policies.forget()

    browser.put(
        API,
        {"choices": ALL, "version": german},
        content_type="application/json",
        headers={"Accept-Language": "fr"},
    )

    record = Record.objects.get()
    assert record.version.digest.startswith(digest_in(german))
    assert record.language == record.version.language == "de"


@pytest.mark.parametrize(
    "name",
    [
        "{digest}.{revision}.fr.opt_in",
        "{digest}.7.fr.opt_in",
        "{digest}.{revision}.xx.opt_in",
        "{digest}.{revision}.fr.implied",
        "{digest}",
    ],
)
def test_unknown_name_has_the_texts_of_one_language_written(browser, site, monkeypatch, name):
    current = browser.get(FORM).context["version"]
    written = []
    disclosure = versions.disclosure
    monkeypatch.setattr(
        versions, "disclosure", lambda *shown: written.append(shown) or disclosure(*shown)
    )
    unknown = name.format(digest="0" * 16, revision=current.split(".")[1])

    assert put(browser, ALL, version=unknown).status_code == 200

    # One for each edit that the process remembers, however many languages there are.
    assert len(written) <= len([*policies.recent()])
    assert Record.objects.get().version.digest.startswith(digest_in(current))


def test_text_of_long_ago_is_found_where_it_is_stored(browser):
    put(Client(headers=SAME_ORIGIN), ALL)
    stored = PolicyVersion.objects.get()
    name = "0123456789abcdef"
    PolicyVersion.objects.bulk_create(
        [
            PolicyVersion(
                digest=name * 4,
                policy="default",
                language="fr",
                revision=1,
                content=stored.content,
            )
        ]
    )

    put(browser, ALL, version=name)

    record = Record.objects.order_by("pk").last()
    assert record.version.digest == name * 4
    assert record.language == "fr"


@pytest.mark.parametrize("unknown", ["f" * 16, ""])
def test_version_that_nobody_knows_is_taken_for_the_one_of_now(browser, unknown):
    body = {"action": "accept-all", "version": unknown}
    browser.post(FORM, body)

    assert Record.objects.get().version.revision == 2


def test_version_that_cannot_be_one_is_refused(browser):
    assert put(browser, ALL, version="../../etc").status_code == 400
    assert not Record.objects.exists()


def test_record_says_the_revision_that_was_shown(browser, site):
    Category.objects.filter(key="functional").get().save()
    site.raise_revision()
    policies.forget()

    put(browser, ALL, revision=2)

    assert Record.objects.get().revision == 2


# Written once


@pytest.fixture
def record(browser) -> Record:
    put(browser, ALL)
    return Record.objects.select_related("version").get()


def test_record_cannot_be_saved_again(record):
    record.granted = ""

    for change in (record.save, lambda: record.save(force_update=True), record.version.save):
        with pytest.raises(AppendOnlyError):
            change()

    assert Record.objects.get().granted != ""


def test_copy_cannot_replace_a_record(record):
    copy = Record(
        **{field.attname: getattr(record, field.attname) for field in Record._meta.fields}
    )
    copy.granted = ""

    with pytest.raises(IntegrityError):
        copy.save()

    assert Record.objects.get().granted != ""


@pytest.mark.parametrize(
    "change",
    [
        lambda rows, row: row.delete(),
        lambda rows, row: rows.delete(),
        lambda rows, row: rows.all().delete(),
        lambda rows, row: rows.filter(pk=row.pk).update(language="xx"),
        lambda rows, row: rows.bulk_update([row], ["language"]),
        lambda rows, row: rows.update_or_create({"language": "xx"}, pk=row.pk),
        lambda rows, row: rows.bulk_create(
            [row], update_conflicts=True, update_fields=["language"], unique_fields=["id"]
        ),
    ],
)
@pytest.mark.parametrize("model", [Record, PolicyVersion])
def test_neither_record_nor_version_can_be_changed_or_deleted(record, model, change):
    row = model.objects.get()
    row.language = "xx"

    with pytest.raises((AppendOnlyError, models.ProtectedError)):
        change(model.objects, row)

    assert model.objects.get().language == "en"


def test_records_are_numbered_without_a_gap_and_signed(record):
    for _ in range(40):
        put(Client(headers=SAME_ORIGIN), NONE)

    for sequence in Sequence.objects.all():
        assert sequence.verdict() is Verdict.GENUINE
        numbers = Record.objects.filter(sequence=sequence.number).order_by("number")
        expected = range(sequence.first, sequence.last + 1)
        assert list(numbers.values_list("number", flat=True)) == list(expected)
    assert Sequence.objects.aggregate(n=models.Sum("last"))["n"] == 41
    assert {row.verdict() for row in Record.objects.all()} == {Verdict.GENUINE}


SIGNED = {field.name for field in Record._meta.fields} - {"id", "signature"}


def test_signature_covers_every_column(record):
    assert set(record.signed("")) == SIGNED


@pytest.mark.parametrize("field", sorted(SIGNED - {"version"}))
def test_signature_tells_of_each_change(record, field):
    value = getattr(record, field)
    others = {
        str: "x",
        int: 7 if value != 7 else 8,
        bool: value is False,
        dict: {"functional": 0},
        UUID: uuid4(),
        datetime: timezone.now(),
        type(None): timezone.now(),
    }
    setattr(record, field, others[type(value)])

    assert record.verdict() is Verdict.ALTERED


def test_signature_tells_of_another_text(record):
    other = PolicyVersion(digest="0" * 64, language="en", revision=2, content="{}")
    other.save()
    record.version = other

    assert record.verdict() is Verdict.ALTERED


def test_signature_outlives_the_rotation_of_keys_while_the_old_one_is_known(record, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"
    assert record.verdict() is Verdict.GENUINE

    settings.SECRET_KEY_FALLBACKS = []
    assert record.verdict() is Verdict.UNKNOWN_KEY

    settings.CONSENT_SIGNING_KEYS = ["one of their own", "a new one"]
    assert record.verdict() is Verdict.UNKNOWN_KEY


@pytest.mark.parametrize("number", range(20))
def test_every_name_is_a_uuid_that_every_database_stores(browser, number):
    put(browser, ALL, key=str(UUID(int=number, version=4)))

    record = Record.objects.get()
    assert record.subject.version == record.receipt.version == 4


# The subject


def test_cookie_of_the_subject_comes_with_the_first_recorded_grant_and_never_before(browser):
    for address in ("/", FORM, API, "/policy/", "/consent/api/policy/"):
        assert not browser.get(address).cookies
    assert put(browser, {"unheard-of": True}).status_code == 400
    assert "consent_subject" not in browser.cookies

    put(browser, SOME)

    morsel = browser.cookies["consent_subject"]
    assert morsel["httponly"]
    assert (morsel["path"], morsel["samesite"]) == ("/consent/", "Lax")
    assert morsel["max-age"] == browser.cookies["consent"]["max-age"] == 182 * 86_400
    assert len(morsel.value) == 32


def test_visitor_keeps_one_subject(browser):
    put(browser, ALL)
    secret = cookie(browser, "consent_subject")
    put(browser, NONE)

    assert cookie(browser, "consent_subject") == secret
    assert Record.objects.values("subject").distinct().count() == 1


@pytest.mark.parametrize(
    "forged", ["", "short", "x" * 31 + "é", "x" * 33, "x" * 31 + "%", "x" * 32]
)
def test_cookie_that_cannot_be_one_of_ours_is_replaced(browser, forged):
    browser.cookies["consent_subject"] = forged

    put(browser, ALL)

    assert cookie(browser, "consent_subject") != forged
    assert Record.objects.get().subject == subject_of(cookie(browser, "consent_subject"))


def test_subject_stays_the_same_while_keys_are_rotated(browser, settings):
    settings.CONSENT_SIGNING_KEYS = ["old" * 12]
    put(browser, ALL)
    secret = cookie(browser, "consent_subject")

    settings.CONSENT_SIGNING_KEYS = ["new" * 12, "old" * 12]
    put(browser, NONE)
    assert cookie(browser, "consent_subject") == secret

    settings.CONSENT_SIGNING_KEYS = ["new" * 12]
    put(browser, ALL)
    assert cookie(browser, "consent_subject") != secret


def test_withdrawing_can_drop_the_subject(browser):
    put(browser, ALL)

    browser.delete(API + "?forget=true")

    assert cookie(browser, "consent_subject") == ""
    assert actions() == ["accept_all", "withdrawn"]
    assert Record.objects.values("subject").distinct().count() == 1


def test_without_records_there_is_no_subject(browser, settings):
    settings.CONSENT_RECORDS = False

    assert put(browser, ALL).status_code == 200
    browser.post(FORM, {"action": "reject-all"})

    assert set(browser.cookies) == {"consent"}
    for model in (Record, PolicyVersion, Counter, Sequence):
        assert not model.objects.exists()


def test_subject_of_former_records_is_dropped_once_there_are_none(browser, settings):
    put(browser, ALL)
    settings.CONSENT_RECORDS = False

    put(browser, NONE)

    assert cookie(browser, "consent_subject") == ""


# Nothing lost, nothing pretended


def test_grant_that_cannot_be_recorded_is_none(browser):
    with no_ledger():
        response = put(browser, ALL)

    assert response.status_code == 503
    assert "recorded" in response.json()["detail"]
    assert not response.cookies
    assert not Record.objects.exists()
    assert not storing.waiting


def test_form_says_that_a_grant_was_not_saved(browser):
    with no_ledger():
        response = browser.post(FORM, {"action": "accept-all", "next": "/"})

    assert response.status_code == 503
    assert "could not be recorded" in response.content.decode()
    assert not response.cookies


@pytest.mark.urls("tests.proof.test_recording")
def test_nothing_is_allowed_by_a_grant_that_cannot_be_recorded(browser):
    with no_ledger():
        runs = browser.get("/insists/").content.decode()

    assert set(runs.split(",")) == ESSENTIAL_TOOLS


@pytest.mark.parametrize(
    "refuse",
    [
        lambda browser: put(browser, NONE),
        lambda browser: browser.delete(API),
        lambda browser: browser.post(FORM, {"action": "reject-all"}),
        lambda browser: browser.post(FORM, {"action": "save"}),
    ],
)
@pytest.mark.parametrize("before", ["", *OPTIONAL])
def test_refusal_holds_without_the_ledger_and_is_recorded_once_it_is_back(browser, refuse, before):
    if before:
        browser.cookies["consent"] = grant(before, day=days_ago(9))
    started = timezone.now()

    with no_ledger():
        response = refuse(browser)
    assert response.status_code in (200, 303)
    assert parse(cookie(browser)).choices == dict.fromkeys(OPTIONAL, 0)
    assert "consent_subject" not in browser.cookies
    happened = timezone.now()

    put(Client(headers=SAME_ORIGIN), ALL)

    waited = Record.objects.get(granted="")
    assert started < waited.decided_at < happened
    assert waited.verdict() is Verdict.GENUINE
    assert not storing.waiting
    assert Counter.objects.per("granted")[("",)] == 1


def test_refusal_that_waits_refers_to_the_text_that_its_page_showed(browser, site):
    page = browser.get(FORM).context["version"]
    site.notice_text = "Quite another text."
    site.save()
    policies.forget()

    with no_ledger():
        put(browser, NONE, version=page)
    storing.store_waiting()

    assert Record.objects.get().version.digest.startswith(digest_in(page))


def test_answer_says_whether_a_refusal_is_recorded(browser):
    assert put(browser, NONE).json()["recorded"] is True
    with no_ledger():
        assert put(Client(headers=SAME_ORIGIN), NONE).json()["recorded"] is False


def test_refusal_that_waited_and_came_again_is_recorded_once(browser):
    key = str(uuid4())
    with no_ledger():
        put(browser, NONE, key=key)

    assert put(browser, NONE, key=key).json()["recorded"] is True

    assert actions() == ["reject_all"]
    assert not storing.waiting


def test_refusal_that_waits_is_stored_without_another_decision(browser):
    with no_ledger():
        put(browser, NONE)
        storing.store_waiting()
        assert len(storing.waiting) == 1

    storing.store_waiting()

    assert actions() == ["reject_all"]


def test_part_of_a_choice_that_refuses_holds_without_the_ledger(browser):
    browser.cookies["consent"] = grant("advertising", day=days_ago(9))

    with no_ledger():
        response = put(browser, {**NONE, "functional": True})

    assert response.status_code == 503
    held = parse(cookie(browser))
    assert held.choices == {"functional": 0, "marketing-analytics": 0, "advertising": 0}
    storing.store_waiting()
    assert Record.objects.get().granted == ""


def test_what_was_allowed_before_stays_where_more_cannot_be_recorded(browser):
    before = grant("advertising", day=days_ago(9))
    browser.cookies["consent"] = before

    with no_ledger():
        assert put(browser, {**NONE, "functional": True, "advertising": True}).status_code == 503

    assert cookie(browser) == before


def test_new_part_of_a_category_is_not_allowed_without_its_record(browser, site):
    browser.cookies["consent"] = grant("advertising", at=2)
    category = Category.objects.get(key="advertising")
    category.purpose = "Something else altogether."
    category.save()
    policies.forget()

    with no_ledger():
        assert put(browser, {**NONE, "advertising": True}).status_code == 503

    assert parse(cookie(browser)).granted("advertising") == 2


@pytest.mark.urls("tests.proof.test_recording")
def test_grant_in_a_transaction_that_is_rolled_back_is_none(browser):
    query = "&".join(OPTIONAL)
    response = browser.get(f"/changes-its-mind/?{query}")

    assert not response.cookies
    assert not Record.objects.exists()


@pytest.mark.urls("tests.proof.test_recording")
def test_refusal_in_a_transaction_that_is_rolled_back_holds(browser):
    browser.cookies["consent"] = grant("advertising", day=days_ago(9))

    browser.get("/changes-its-mind/")
    storing.store_waiting()

    assert not parse(cookie(browser)).granted("advertising")
    assert actions() == ["withdrawn"]


# Once


def test_decision_that_comes_twice_is_recorded_once(browser):
    key = str(uuid4())

    first = put(browser, ALL, key=key)
    # The first answer was lost, and its cookies with it.
    again = Client(headers=SAME_ORIGIN)
    second = put(again, ALL, key=key)

    assert actions() == ["accept_all"]
    assert Counter.objects.per("event") == {("accept_all",): 1}
    assert first.json() == second.json()


def test_same_key_with_other_choices_is_another_decision(browser):
    key = str(uuid4())

    put(browser, ALL, key=key)
    put(browser, NONE, key=key)

    assert actions() == ["accept_all", "withdrawn"]


def test_same_key_of_somebody_else_is_another_decision(browser):
    key, other = str(uuid4()), Client(headers=SAME_ORIGIN)
    put(other, SOME)
    put(browser, ALL, key=key)

    for _ in range(2):
        put(other, ALL, key=key)

    assert actions() == ["chosen", "accept_all", "accept_all"]
    assert Record.objects.filter(action="accept_all").values("subject").distinct().count() == 2


def test_same_key_leads_nobody_to_a_visitors_records(browser):
    key, other = str(uuid4()), Client(headers=SAME_ORIGIN)
    put(browser, ALL, key=key)

    assert put(other, ALL, key=key).status_code == 200

    assert cookie(other, "consent_subject") not in ("", cookie(browser, "consent_subject"))
    assert other.get("/consent/api/receipts/").json() == []
    assert actions() == ["accept_all"]


def test_choice_that_is_taken_back_and_made_again_is_recorded_each_time(browser):
    key = str(uuid4())

    for choices in (ALL, NONE, ALL, ALL):
        put(browser, choices, key=key)

    assert actions() == ["accept_all", "withdrawn", "accept_all"]


def test_same_choice_of_another_revision_is_another_decision(browser, site):
    """Without a revision, what is sent again is an answer to the policy of now."""
    key = str(uuid4())
    put(browser, ALL, key=key)
    before = Record.objects.get().revision
    for tool in Tool.objects.all():
        tool.vendor = f"Another than {tool.vendor}"
        tool.save()

    put(browser, ALL, key=key)

    first, second = Record.objects.order_by("pk")
    assert (first.revision, second.revision > before) == (before, True)


def test_users_refusal_is_recorded_where_their_browser_has_refused_before(
    browser, settings, django_user_model
):
    settings.CONSENT_RECORD_USER = True
    ada = django_user_model.objects.create_user("ada")
    elsewhere = Client(headers=SAME_ORIGIN)
    elsewhere.force_login(ada)
    put(elsewhere, ALL)
    put(browser, NONE)
    browser.force_login(ada)

    for _ in range(2):
        put(browser, NONE)

    assert Record.objects.filter(user=ada.pk).first().granted == ""
    assert Record.objects.count() == 3


def test_form_that_is_sent_twice_is_recorded_once(browser):
    for _ in range(2):
        browser.post(FORM, {"action": "accept-all"})

    assert actions() == ["accept_all"]


def test_preferences_page_has_a_key_of_its_own_each_time(browser):
    first, second = (browser.get(FORM).context["key"] for _ in range(2))
    assert first != second

    for visitor in (browser, Client(headers=SAME_ORIGIN)):
        visitor.post(FORM, {"action": "accept-all", "key": str(first)})

    assert actions() == ["accept_all"]


def test_refusal_leaves_no_identifier_and_its_receipt_opens_to_who_kept_it(browser):
    receipt = put(browser, NONE).json()["receipt"]

    assert set(browser.cookies) == {"consent"}
    assert Record.objects.get().subject is None
    assert Record.objects.get().verdict() is Verdict.GENUINE
    assert browser.get("/consent/api/receipts/").json() == []
    document = browser.get(f"/consent/api/receipts/{receipt}/").json()
    assert document["receipt_id"] == receipt
    assert document["pii_principal_id"] == ""
    assert browser.get(f"/consent/receipts/{receipt}/").status_code == 200
    assert browser.get(f"/consent/api/receipts/{uuid4()}/").status_code == 404


def test_withdrawal_goes_on_under_the_subject_that_had_granted(browser):
    put(browser, ALL)
    put(browser, NONE)

    assert Record.objects.values("subject").distinct().count() == 1
    assert len(browser.get("/consent/api/receipts/").json()) == 2


@pytest.mark.parametrize("granted", [ALL, SOME, NONE])
def test_receipt_of_somebody_else_opens_to_nobody_who_knows_its_number(browser, granted, settings):
    settings.CONSENT_RECORD_USER = True
    browser.force_login(get_user_model().objects.create_user("ada"))
    receipt = put(browser, granted).json()["receipt"]

    other = Client(headers=SAME_ORIGIN)
    assert other.get(f"/consent/api/receipts/{receipt}/").status_code == 404
    assert other.get(f"/consent/receipts/{receipt}/").status_code == 404


def test_refusal_that_waits_has_its_receipt(browser):
    with no_ledger():
        answer = put(browser, NONE).json()

    assert answer["recorded"] is False
    storing.store_waiting()
    assert str(Record.objects.get().receipt) == answer["receipt"]
    assert browser.get(f"/consent/api/receipts/{answer['receipt']}/").status_code == 200


def test_same_refusal_again_on_the_same_day_writes_nothing(browser):
    answers = [put(browser, NONE, key=str(uuid4())).json() for _ in range(3)]

    assert [answer["recorded"] for answer in answers] == [True] * 3
    assert actions() == ["reject_all"]


# What uuid.uuid1() once returned: another machine may come upon it, too.
TIME_BASED = "780e44d6-e7ce-11f1-ac1d-02fc00000001"


@pytest.mark.parametrize("key", ["1", TIME_BASED, str(UUID(int=0)), "x" * 500, 7, None, {}])
def test_key_that_others_may_have_too_is_refused(browser, key):
    response = put(browser, ALL, key=key)

    assert response.status_code == 400
    assert list(response.json()) == ["key"]
    assert not Record.objects.exists()


def test_key_that_is_none_does_not_keep_a_form_from_being_saved(browser):
    browser.post(FORM, {"action": "reject-all", "key": "junk"})

    assert actions() == ["reject_all"]


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite's in-memory database has one user"
)
def test_same_decision_at_the_same_time_is_recorded_once():
    key, answers = str(uuid4()), []

    def send() -> None:
        answers.append(put(Client(headers=SAME_ORIGIN), ALL, key=key).status_code)
        connection.close()

    threads = [Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert answers == [200] * 8
    assert actions() == ["accept_all"]
    assert Counter.objects.per("event") == {("accept_all",): 1}


# Counters


def test_counters_say_how_many_decided_how(browser, site):
    for choices, source in ((ALL, "notice"), (ALL, "preferences"), (SOME, "notice"), (NONE, "api")):
        put(Client(headers=SAME_ORIGIN), choices, source=source)

    count = Counter.objects.per
    assert count("event") == {("accept_all",): 2, ("chosen",): 1, ("reject_all",): 1}
    assert count("source") == {("notice",): 2, ("preferences",): 1, ("api",): 1}
    assert count("regime") == {("opt_in",): 4}
    assert count("granted", "day") == {
        ("advertising functional marketing-analytics", timezone.now().date()): 2,
        ("functional", timezone.now().date()): 1,
        ("", timezone.now().date()): 1,
    }


def test_records_are_found_by_what_they_allow():
    for choices in (ALL, SOME, NONE):
        put(Client(headers=SAME_ORIGIN), choices)

    assert Record.objects.granting("functional").count() == 2
    assert Record.objects.granting("advertising").count() == 1
    assert Record.objects.refusing("advertising").count() == 2
    assert not Record.objects.granting("function").exists()


# Signals


def test_signals_say_what_was_decided_once_it_is_stored(browser):
    with heard(decision_made, consent_withdrawn) as found:
        put(browser, ALL)
        put(browser, SOME)

    (first, made, stored), (second, changed, _), (third, withdrawn, _) = found
    assert (first, second, third) == (decision_made, decision_made, consent_withdrawn)
    assert stored == 1
    assert made.choices == ALL
    assert (made.granted, made.withdrawn) == (frozenset(OPTIONAL), frozenset())
    assert (made.action, made.source, made.revision) == ("accept_all", "api", 2)
    assert made.receipt == Record.objects.order_by("pk").first().receipt
    assert changed == withdrawn
    assert withdrawn.withdrawn == {"marketing-analytics", "advertising"}


def test_signals_are_sent_for_refusals_without_the_ledger_too(browser):
    browser.cookies["consent"] = grant("functional", day=days_ago(2))
    with heard(consent_withdrawn) as found, no_ledger():
        browser.delete(API)

    ((_, event, _),) = found
    assert event.withdrawn == {"functional"}
    assert event.receipt == storing.waiting[0][0].receipt


def test_signals_are_sent_without_records(browser, settings):
    settings.CONSENT_RECORDS = False
    with heard(decision_made) as found:
        put(browser, ALL)

    assert [event.receipt for _, event, _ in found] == [None]


@pytest.mark.urls("tests.proof.test_recording")
def test_no_signal_tells_of_what_was_rolled_back(browser):
    with heard(decision_made) as found:
        browser.get("/changes-its-mind/?" + "&".join(OPTIONAL))

    assert not found


def test_repeat_sends_no_signal(browser):
    key = str(uuid4())
    with heard(decision_made) as found:
        for _ in range(2):
            put(browser, ALL, key=key)

    assert len(found) == 1


def test_receiver_that_fails_fails_nobody_else(browser):
    def fail(**kwargs: Any) -> None:
        raise RuntimeError("a receiver of the website's own")

    decision_made.connect(fail, weak=False, dispatch_uid="fails")
    try:
        with heard(decision_made) as found:
            assert put(browser, ALL).status_code == 200
    finally:
        decision_made.disconnect(dispatch_uid="fails")

    assert len(found) == 1
    assert actions() == ["accept_all"]


@pytest.mark.parametrize("method", ["put", "delete"])
def test_refusal_without_a_policy_does_not_claim_to_be_recorded(browser, method):
    no_policy()

    answer = put(browser, NONE) if method == "put" else browser.delete(API)

    assert answer.json()["recorded"] is False
    assert cookie(browser)
    assert not Record.objects.exists()


# When a record cannot be stored, or not yet


def test_failing_refusal_holds_up_no_other(browser, monkeypatch):
    with no_ledger():
        put(browser, NONE)
        put(Client(headers=SAME_ORIGIN), NONE)
    failing, append = storing.waiting[0][0].receipt, ledger.append

    def fail_for_one(record, version, using):
        if record.receipt == failing:
            raise OperationalError("This row is locked, always.")
        return append(record, version, using)

    monkeypatch.setattr(ledger, "append", fail_for_one)
    storing.store_waiting()
    storing.store_waiting()

    assert Record.objects.count() == 1
    assert [record.receipt for record, _ in storing.waiting] == [failing]


def test_log_says_why_a_refusal_waits(browser, caplog):
    with no_ledger():
        put(browser, NONE)

    assert "Reason: " in caplog.text
    assert "its transaction was rolled back" not in caplog.text


def test_log_says_that_a_record_is_lost_where_too_many_wait(browser, monkeypatch, caplog):
    monkeypatch.setattr(storing, "waiting", deque(maxlen=1))
    with no_ledger():
        for _ in range(2):
            put(Client(headers=SAME_ORIGIN), NONE)

    assert "the record of the oldest is lost" in caplog.text


def test_what_waits_is_stored_as_the_process_ends(browser, caplog):
    with no_ledger():
        put(browser, NONE)
        storing.store_at_exit()
        assert "1 refusals could not be recorded before the process ended." in caplog.text

    storing.store_at_exit()

    assert Record.objects.count() == 1


def test_repeated_request_is_stored_once_also_after_a_rotation_of_keys(settings):
    settings.CONSENT_SIGNING_KEYS = ["first"]
    key = str(uuid4())
    assert put(Client(headers=SAME_ORIGIN), ALL, key=key).status_code == 200

    settings.CONSENT_SIGNING_KEYS = ["second", "first"]
    assert put(Client(headers=SAME_ORIGIN), ALL, key=key).status_code == 200

    assert Record.objects.count() == 1


@pytest.mark.parametrize("shown", [1, 3], ids=["older", "newer"])
def test_refusal_of_a_category_of_another_revision_is_kept(browser, shown):
    """Processes that have seen different edits run side by side."""
    answer = put(browser, {**NONE, "newcomer": False}, revision=shown)

    assert answer.status_code == 200
    assert parse(answer.cookies["consent"].value).choice("newcomer") is False


@pytest.mark.parametrize(("granted", "shown"), [(True, 1), (True, 3), (False, 2), (False, None)])
def test_other_choices_of_an_unknown_category_are_wrong(browser, granted, shown):
    more = {} if shown is None else {"revision": shown}

    assert put(browser, {**NONE, "newcomer": granted}, **more).status_code == 400
