"""`manage.py consent_subject`: one person's records, found, exported and erased."""

import csv
import json
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from consent.models import Record
from consent.models.signing import Verdict
from consent.proof import receipts, record_files
from tests.helpers import small_site
from tests.proof.helpers import findings
from tests.proof.test_erasure import put, record_of, stored

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site() -> None:
    small_site()


def run(*arguments: Any) -> str:
    """Run the command, which must have nothing to warn of, and return its output."""
    out, errors = StringIO(), StringIO()
    call_command("consent_subject", *map(str, arguments), stdout=out, stderr=errors)
    assert errors.getvalue() == ""
    return out.getvalue()


def warnings(*arguments: Any) -> str:
    out, errors = StringIO(), StringIO()
    call_command("consent_subject", *map(str, arguments), stdout=out, stderr=errors)
    return errors.getvalue()


@pytest.fixture
def browser() -> UUID:
    """A browser with two records, beside another one."""
    name = uuid4()
    for subject in (name, uuid4(), name):
        record_of(subject)
    return name


def test_receipts_of_the_person_are_exported_with_the_text_and_are_genuine(browser):
    receipt = Record.objects.filter(subject=browser).latest("pk").receipt

    found = json.loads(run("export", "--receipt", receipt, "--site", "https://a.example/"))

    assert {each["pii_principal_id"] for each in found} == {str(browser)}
    assert len(found) == 2
    assert [receipts.verify(each) for each in found] == [Verdict.GENUINE] * 2
    assert found[0]["policy_version"]["content"]["categories"]
    assert found[0]["party_identification"][0]["party_url"] == "https://a.example"


def test_columns_of_the_records_export_are_exported(browser):
    rows = list(csv.reader(StringIO(run("export", "--subject", browser, "--format", "csv"))))

    assert rows[0] == list(record_files.COLUMNS)
    assert [row[1] for row in rows[1:]] == [str(browser)] * 2


def test_person_is_erased_and_nothing_else(browser):
    assert run("erase", "--subject", browser) == (
        "2 records erased: they no longer name the person.\n"
    )

    assert Record.objects.filter(subject=None).count() == 2
    assert findings() == ""


@pytest.mark.parametrize("action", ["export", "erase"])
def test_dry_run_counts_and_does_nothing(browser, action):
    said = run(action, "--subject", browser, "--dry-run")

    assert said.startswith("2 records, of which 2 name the person.")
    assert "Dry run" in said
    assert Record.objects.filter(subject=browser).count() == 2


@pytest.mark.parametrize("way", ["name", "key", "explicit"])
def test_account_is_named_by_username_or_primary_key(way):
    user = User.objects.create_user("jane")
    record_of(None, str(user.pk))

    run("erase", "--user", {"name": "jane", "key": user.pk, "explicit": f"pk={user.pk}"}[way])

    assert Record.objects.get().user == ""


def test_account_that_was_deleted_is_named_by_its_primary_key():
    record_of(None, "812")

    assert run("erase", "--user", "812").startswith("1 records")


def test_username_that_is_the_primary_key_of_another_is_not_guessed():
    jane = User.objects.create_user("jane")
    odd = User.objects.create_user(str(jane.pk))
    record_of(None, str(jane.pk))

    with pytest.raises(CommandError, match=f"pk={odd.pk} for the first, or --user pk={jane.pk}"):
        run("erase", "--user", jane.pk)

    assert Record.objects.get().user == str(jane.pk)


@pytest.mark.parametrize("whose", [("--subject", uuid4()), ("--user", "nobody"), ("--user", "")])
@pytest.mark.parametrize("action", ["export", "erase"])
def test_person_without_records_is_an_error(action, whose):
    with pytest.raises(CommandError, match="No record belongs to that person"):
        run(action, *whose)


def test_unknown_receipt_is_an_error():
    receipt = uuid4()

    with pytest.raises(CommandError, match=f"No record has the receipt {receipt}"):
        run("export", "--receipt", receipt)


@pytest.mark.parametrize(
    "arguments", [("erase",), ("erase", "--receipt", "x"), ("look", "--user", "7")]
)
def test_invalid_arguments_are_errors(arguments):
    with pytest.raises(CommandError):
        run(*arguments)


def test_other_names_in_the_records_are_printed(browser):
    record = record_of(browser, "7")

    assert f"--subject {browser}" in warnings("export", "--user", "7")
    assert "--user pk=7" in warnings("erase", "--receipt", record.receipt)


def test_record_that_was_altered_before_is_reported(browser):
    record = Record.objects.filter(subject=browser).latest("pk")
    put(record, granted="functional")

    assert "1 records among them were not genuine" in warnings("erase", "--subject", browser)
    assert stored(record).subject is None
