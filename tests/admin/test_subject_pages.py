"""One person in the admin: their decisions, what held on a day, the export, and the erasure."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from consent.models import Category, Record
from consent.models.signing import Verdict
from consent.models.times import local_today
from consent.policy import policies
from consent.proof import receipts
from tests.admin.helpers import editor, history, said
from tests.helpers import small_site
from tests.proof.helpers import findings
from tests.proof.test_erasure import put, record_of, stored

pytestmark = pytest.mark.django_db

SUBJECT = "admin:consent_record_subject"
EXPORT = "admin:consent_record_subject_export"
ERASE = "admin:consent_record_subject_erase"
RIGHTS = ("view_record", "export_record", "erase_record")


@pytest.fixture(autouse=True)
def _site() -> None:
    small_site()


@pytest.fixture
def browser() -> UUID:
    """A browser with two records, beside another one."""
    name = uuid4()
    for subject in (name, uuid4(), name):
        record_of(subject)
    return name


def page(client: Client, name: str, **query: Any) -> Any:
    return client.get(reverse(name), query)


def receipts_on(found: Any) -> list[UUID]:
    return [record.receipt for record, *_ in found.context["rows"]]


@pytest.mark.parametrize(
    ("name", "permissions"),
    [(SUBJECT, ()), (EXPORT, ("view_record",)), (ERASE, ("view_record", "export_record"))],
)
def test_pages_need_their_permissions(browser, name, permissions):
    query = {"subject": browser, "format": "csv"}

    assert page(editor(*permissions), name, **query).status_code == 403
    assert page(editor(*RIGHTS), name, **query).status_code == 200
    assert page(Client(), name, **query).status_code == 302


def test_who_may_only_look_gets_no_other_links(browser):
    links = page(editor("view_record"), SUBJECT, subject=browser).content.decode()

    assert reverse(EXPORT) not in links
    assert reverse(ERASE) not in links


def test_all_decisions_of_the_person_are_listed_newest_first(admin_client, browser):
    expected = list(Record.objects.filter(subject=browser).order_by("-pk"))

    for whose in ({"subject": browser}, {"receipt": expected[0].receipt}):
        assert receipts_on(page(admin_client, SUBJECT, **whose)) == [
            record.receipt for record in expected
        ]


def test_record_and_filtered_list_link_the_person(admin_client, browser):
    record = Record.objects.filter(subject=browser).latest("pk")
    address = f"{reverse(SUBJECT)}?subject={browser}"

    for found in (
        admin_client.get(reverse("admin:consent_record_change", args=[record.pk])),
        admin_client.get(reverse("admin:consent_record_changelist"), {"subject": str(browser)}),
    ):
        assert address in found.content.decode()


def test_accounts_of_the_browser_are_linked(admin_client, browser):
    record_of(browser, "7")

    assert (
        f"{reverse(SUBJECT)}?user=7"
        in page(admin_client, SUBJECT, subject=browser).content.decode()
    )


# What held on a day


@pytest.fixture
def two_texts() -> UUID:
    """A browser that decided on 1 and 5 March, before and after a purpose was changed."""
    browser = uuid4()
    for day in (1, 5):
        record = record_of(browser)
        put(record, decided_at=datetime(2026, 3, day, 22, 30, tzinfo=UTC))
        category = Category.objects.get(key="functional")
        category.purpose = "The purpose from the 3rd of March on."
        category.save()
        policies.forget()
    return browser


def held(client: Client, browser: UUID, on: str) -> Any:
    return page(client, SUBJECT, subject=browser, on=on).context["held"]


@pytest.mark.parametrize(
    ("on", "decided"),
    [
        ("2026-02-28", None),
        ("2026-03-01", 1),
        ("2026-03-03", 1),
        ("2026-03-04", 1),
        ("2026-03-05", 5),
        ("2026-05-01", 5),
    ],
)
def test_decision_that_was_in_force_is_shown(settings, admin_client, two_texts, on, decided):
    settings.TIME_ZONE = "UTC"

    record = held(admin_client, two_texts, on).record

    assert (record.decided_at.day if record else None) == decided


def test_day_is_one_of_the_websites_time_zone(settings, admin_client, two_texts):
    settings.TIME_ZONE = "Europe/Berlin"
    assert held(admin_client, two_texts, "2026-03-05").record.decided_at.day == 5

    settings.TIME_ZONE = "Asia/Tokyo"
    assert held(admin_client, two_texts, "2026-03-05").record.decided_at.day == 1


def test_text_is_the_one_of_then(admin_client, two_texts):
    new = "The purpose from the 3rd of March on."

    for on, is_new in (("2026-03-03", False), ("2026-03-06", True)):
        parts = held(admin_client, two_texts, on).parts
        assert [part.key for part in parts] == ["notice", "preferences", "policy"]
        assert (new in parts[2].document) is is_new


def test_choice_that_was_too_old_is_said_to_be_over(admin_client, two_texts):
    assert not held(admin_client, two_texts, "2026-09-03").is_over
    assert held(admin_client, two_texts, "2026-09-04").is_over
    found = page(admin_client, SUBJECT, subject=two_texts, on="2026-09-04")
    assert "had to be asked again" in found.content.decode()


# Export


def test_receipts_are_exported_with_their_texts(browser):
    found = page(editor(*RIGHTS), EXPORT, subject=browser, format="json")

    documents = json.loads(found.content)
    assert len(documents) == 2
    assert {receipts.verify(each) for each in documents} == {Verdict.GENUINE}
    assert documents[0]["policy_version"]["content"]["categories"]


def test_records_are_exported_as_csv(browser):
    found = page(editor(*RIGHTS), EXPORT, subject=browser, format="csv")

    text = b"".join(found.streaming_content).decode()
    assert text.count(str(browser)) == 2
    assert text.count("\r\n") == 3


# Erasure


def test_page_says_how_many_records_and_erases_none(browser):
    found = page(editor(*RIGHTS), ERASE, subject=browser).content.decode()

    assert "removed from 2 records. This cannot be undone." in " ".join(found.split())
    assert Record.objects.filter(subject=browser).count() == 2


def test_button_erases_the_person_and_the_history_says_so(browser):
    client = editor(*RIGHTS)
    records = list(Record.objects.filter(subject=browser))

    answer = client.post(f"{reverse(ERASE)}?subject={browser}", follow=True)

    assert said(answer) == ["2 records no longer name this person."]
    for record in records:
        assert stored(record).subject is None
        assert history(record) == ["Changed subject and user, which were erased."]
    assert Record.objects.exclude(subject=None).count() == 1
    assert findings() == ""


def test_form_of_another_website_erases_nobody(browser):
    client = Client(enforce_csrf_checks=True)
    client.cookies = editor(*RIGHTS).cookies

    assert client.post(f"{reverse(ERASE)}?subject={browser}").status_code == 403
    assert Record.objects.filter(subject=browser).count() == 2


def test_erased_record_says_when_and_offers_no_erasure(browser):
    client = editor(*RIGHTS, "view_policyversion")
    record = Record.objects.filter(subject=browser).latest("pk")
    client.post(f"{reverse(ERASE)}?subject={browser}")

    shown = client.get(reverse("admin:consent_record_change", args=[record.pk]))
    assert "Erased at" in shown.content.decode()
    log = reverse("admin:consent_record_history", args=[record.pk])
    assert log in shown.content.decode()
    assert "which were erased" in client.get(log).content.decode()
    found = page(client, SUBJECT, receipt=record.receipt)
    assert receipts_on(found) == [record.receipt]
    assert reverse(ERASE) not in found.content.decode()


def test_record_that_was_altered_is_reported(browser):
    put(Record.objects.filter(subject=browser).latest("pk"), granted="functional")

    answer = editor(*RIGHTS).post(f"{reverse(ERASE)}?subject={browser}", follow=True)

    assert said(answer)[1].startswith("Records that were not genuine before: 1.")


# Bad input


@pytest.mark.parametrize("name", [SUBJECT, EXPORT, ERASE])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"subject": "x"}, 400),
        ({"receipt": "x"}, 400),
        ({"user": "a\x00b"}, 400),
        ({"receipt": uuid4()}, 404),
    ],
)
def test_address_that_names_nobody_is_refused(admin_client, name, query, status):
    assert page(admin_client, name, format="csv", **query).status_code == status


@pytest.mark.parametrize("on", ["x", "2026-02-30", "2026-03-03\x00"])
def test_day_that_is_none_is_refused(admin_client, browser, on):
    assert page(admin_client, SUBJECT, subject=browser, on=on).status_code == 400


def test_day_to_come_is_today(admin_client, browser):
    assert held(admin_client, browser, "9999-12-31").day == local_today()


def test_first_of_all_days_has_no_decision(admin_client, browser):
    assert held(admin_client, browser, "0001-01-01").record is None


def test_unknown_format_is_refused(admin_client, browser):
    assert page(admin_client, EXPORT, subject=browser, format="xml").status_code == 400


@pytest.mark.parametrize("name", [SUBJECT, ERASE])
def test_person_without_records_is_not_found(admin_client, name):
    assert page(admin_client, name, subject=uuid4()).status_code == 404
