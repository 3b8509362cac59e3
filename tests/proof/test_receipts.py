"""Receipts: a visitor's own copy of what was recorded, and nobody else's."""

from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.html import escape

from consent.models import Policy, Record
from consent.models.signing import Verdict
from consent.policy import policies
from consent.proof import receipts
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site, vary

pytestmark = pytest.mark.django_db

PREFERENCES = "/consent/api/preferences/"
LIST = "/consent/api/receipts/"
PAGE = "/consent/receipts/"
CHOICES = {"functional": True, "marketing-analytics": False, "advertising": False}


@pytest.fixture(autouse=True)
def site() -> Policy:
    return small_site()


def visitor(choices: dict[str, bool] | None = None) -> Client:
    """Return a browser whose visitor has decided."""
    browser = Client(headers=SAME_ORIGIN)
    browser.put(PREFERENCES, {"choices": choices or CHOICES}, content_type="application/json")
    return browser


def last() -> Record:
    return Record.objects.order_by("pk").last()


def one(browser: Client, receipt: UUID | None = None) -> Any:
    return browser.get(f"{LIST}{receipt or last().receipt}/")


def test_visitor_reads_their_own_receipts_newest_first():
    browser = visitor()
    browser.delete(PREFERENCES)
    visitor()

    found = browser.get(LIST).json()

    own = Record.objects.order_by("pk")[:2]
    assert [item["receipt_id"] for item in found] == [str(r.receipt) for r in reversed(own)]
    assert found[0] == browser.get(f"{LIST}{own[1].receipt}/").json()


def test_receipt_says_what_was_decided_for_which_purpose_and_on_which_text():
    receipt = one(visitor()).json()

    record = last()
    assert receipt["schema_version"] == "ISO/IEC TS 27560:2023"
    assert receipt["record_id"] == receipt["receipt_id"] == str(record.receipt)
    assert receipt["pii_principal_id"] == str(record.subject)
    processing = receipt["pii_processing"]
    assert processing["language"] == "en"
    assert processing["privacy_notice"] == "http://testserver/consent/policy/"
    assert [p["purpose_type"] for p in processing["purposes"]] == list(OPTIONAL)
    assert processing["purposes"][0]["recipient_third_parties"] == ["chat"]
    assert processing["purposes"][0]["withdrawal_method"].startswith("http://testserver/consent/")
    states = {event["purpose_type"]: event["event_state"] for event in receipt["event"]}
    assert states == {
        "functional": "consent given",
        "marketing-analytics": "consent refused",
        "advertising": "consent refused",
    }
    assert receipt["event"][0]["validity_duration"] == "P182D"
    assert receipt["policy_version"]["digest"] == record.version.digest
    assert receipt["policy_version"]["content"] == record.version.shown
    assert receipt["record"]["choices"] == record.choices


def test_withdrawal_is_told_as_that():
    browser = visitor()
    browser.delete(PREFERENCES)

    assert {event["event_state"] for event in one(browser).json()["event"]} == {"consent withdrawn"}


def test_site_knows_its_own_receipts(settings):
    receipt = one(visitor()).json()
    assert receipts.verify(receipt) is Verdict.GENUINE

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "rotated"
    assert receipts.verify(receipt) is Verdict.GENUINE


@pytest.mark.parametrize(
    "forge",
    [
        lambda r: r["event"][1].update(event_state="consent given"),
        lambda r: r["policy_version"]["content"]["policy"].update(notice_text="We sell it all."),
        lambda r: r.update(receipt_id=str(uuid4())),
        lambda r: r.update(extra=1),
        lambda r: r.pop("event"),
    ],
)
def test_forged_receipt_is_found_out(forge):
    receipt = one(visitor()).json()
    forge(receipt)

    assert receipts.verify(receipt) is Verdict.ALTERED


@pytest.mark.parametrize("signature", ["", ":", "nonsense", "0000:00", None, 7])
def test_receipt_with_a_signature_that_is_none_is_no_receipt(signature):
    receipt = {**one(visitor()).json(), "signature": signature}

    assert receipts.verify(receipt) is not Verdict.GENUINE


def test_signature_of_a_record_is_none_of_a_receipt():
    receipt = one(visitor()).json()
    record = receipt["record"]

    assert receipts.verify(record) is Verdict.ALTERED


def command(path: Path) -> str:
    out = StringIO()
    call_command("consent_verify", receipt=str(path), stdout=out)
    return out.getvalue()


def test_command_knows_a_genuine_receipt(tmp_path):
    file = tmp_path / "receipt.json"
    file.write_bytes(one(visitor()).content)

    assert f"Genuine: this website issued receipt {last().receipt}" in command(file)
    assert "keeps its record" in command(file)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"7", b'"x"', b"{}", b"\xff", b"[" * 100_000, b'{"signature": {}}']
)
def test_command_knows_what_is_no_receipt(tmp_path, content):
    file = tmp_path / "receipt.json"
    file.write_bytes(content)

    with pytest.raises(CommandError, match="receipt"):
        command(file)


def test_command_finds_a_forged_receipt_out(tmp_path):
    file = tmp_path / "receipt.json"
    file.write_bytes(one(visitor()).content.replace(b"consent refused", b"consent given"))

    with pytest.raises(CommandError, match="altered"):
        command(file)
    with pytest.raises(CommandError, match="Cannot read"):
        command(tmp_path / "nowhere.json")


# Nobody else's


@pytest.mark.parametrize("address", [LIST, PAGE])
def test_without_the_cookie_there_are_no_receipts(address):
    visitor()

    response = Client().get(address)

    assert response.status_code == 200
    assert str(last().receipt) not in response.content.decode()
    assert not response.cookies


@pytest.mark.parametrize("address", [LIST, PAGE])
def test_other_visitors_receipt_is_not_found(address):
    mine, other = visitor(), visitor()
    theirs = last().receipt

    assert other.get(f"{address}{theirs}/").status_code == 200
    for stranger in (mine, Client()):
        response = stranger.get(f"{address}{theirs}/")
        assert response.status_code == 404
        assert "consent given" not in response.content.decode()
    assert mine.get(f"{address}{uuid4()}/").status_code == 404


def test_what_is_stored_opens_nothing():
    visitor()
    thief = Client()
    for stolen in (str(last().subject), last().subject.hex, str(last().receipt)):
        thief.cookies["consent_subject"] = stolen
        assert thief.get(LIST).json() == []


@pytest.mark.parametrize("address", [LIST, PAGE])
def test_receipts_are_for_no_cache_and_no_other_website(address):
    browser = visitor()

    for path in (address, f"{address}{last().receipt}/"):
        response = browser.get(path)
        assert "no-store" in response["Cache-Control"]
        assert "Cookie" in vary(response)


def test_nothing_is_kept_where_records_are_off(settings):
    browser = visitor()
    settings.CONSENT_RECORDS = False

    assert browser.get(LIST).json() == []
    assert browser.get(PAGE).status_code == 404


def test_at_most_a_hundred_come_at_once(django_assert_max_num_queries):
    browser = visitor()
    row = last()
    for number in range(2, 130):
        row.pk, row._state.adding = None, True
        row.receipt, row.number, row.sequence = uuid4(), number, 20
        row.save()

    with django_assert_max_num_queries(2):
        assert len(browser.get(LIST).json()) == 100


# The pages


def test_page_lists_what_was_chosen_and_links_each_receipt():
    browser = visitor()

    page = browser.get(PAGE).content.decode()

    assert "You allow: Functional. You do not allow: Marketing analytics, Advertising." in page
    assert f'href="{LIST}{last().receipt}/"' in page
    assert f'href="{PAGE}{last().receipt}/"' in page


def test_page_shows_the_text_of_then_word_for_word(site):
    browser = visitor()
    then = escape(last().version.shown["policy"]["notice_text"])
    site.notice_text = "Something quite different."
    site.save()
    policies.forget()

    page = browser.get(f"{PAGE}{last().receipt}/").content.decode()

    assert then in page
    assert "_ga" in page
    assert '<div lang="en" dir="ltr">' in page


def test_text_of_then_cannot_bring_markup_into_the_page(site):
    site.notice_text = "<img src=x onerror=alert(1)>"
    site.save()
    policies.forget()
    browser = visitor()

    page = browser.get(f"{PAGE}{last().receipt}/").content.decode()

    assert "<img" not in page
    assert "&lt;img" in page


def test_visitor_can_withdraw_and_be_forgotten():
    browser = visitor()

    response = browser.post(
        "/consent/preferences/", {"action": "withdraw", "forget": "true", "next": PAGE}
    )

    assert response.status_code == 303
    assert browser.cookies["consent_subject"].value == ""
    assert last().action == "withdrawn"
    assert "There are no records" in browser.get(PAGE).content.decode()


def test_preferences_link_the_receipts_where_there_are_any(settings):
    assert f'href="{PAGE}"' in Client().get("/consent/preferences/").content.decode()

    settings.CONSENT_RECORDS = False
    policies.forget()
    assert f'href="{PAGE}"' not in Client().get("/consent/preferences/").content.decode()
