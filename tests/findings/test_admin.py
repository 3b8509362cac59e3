"""The inbox of findings, and what can be done there."""

from datetime import date
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from consent.findings.checks import OURS, check_findings, check_middleware
from consent.findings.models import Finding, Sighting
from consent.models import Cookie, Tool
from tests.admin.helpers import editor, errors, fields, send
from tests.factories import ToolFactory
from tests.helpers import ANALYTICS, CHAT, no_table, small_site

pytestmark = pytest.mark.django_db

FINDINGS = "admin:consent_findings_finding_changelist"
FINDING = "admin:consent_findings_finding_change"


@pytest.fixture(autouse=True)
def _site() -> None:
    small_site()


def make(name: str = "mystery", **fields: Any) -> Finding:
    day = date(2026, 5, 4)
    row = {"kind": "cookie", "problem": "undeclared", "source": "brought", **fields}
    severity = Finding.severity_of(row["problem"], row["source"])
    return Finding.objects.create(
        name=name, severity=severity, first_seen=day, last_seen=day, **row
    )


def changing(finding: Finding) -> str:
    return reverse(FINDING, args=[finding.pk])


def text(page: Any) -> str:
    content: str = page.content.decode()
    return content


def test_inbox_shows_open_findings_the_most_serious_first(admin_client: Client):
    make("forged", problem="refused")
    make("plain", source="set")
    make("worst", problem="refused", source="set")
    make("done", state="own")

    page = admin_client.get(reverse(FINDINGS))

    assert [row.name for row in page.context["cl"].result_list] == ["worst", "plain", "forged"]
    assert "Runs after Reject all" in text(page)
    everything = admin_client.get(reverse(FINDINGS), {"state": "all"})
    assert len(everything.context["cl"].result_list) == 4


def test_known_name_says_what_it_is_and_leads_to_the_recipe(admin_client: Client):
    make("_fbp")
    make("unknown")

    page = text(admin_client.get(reverse(FINDINGS)))

    assert "Meta Platforms" in page
    assert f"{reverse('admin:consent_tool_add')}?recipe=facebook-pixel" in page
    assert f"{reverse('admin:consent_tool_add')}?recipe=declared" in page


def test_list_of_sections_counts_what_is_open(admin_client: Client):
    assert "Findings (" not in text(admin_client.get(reverse("admin:index")))
    make("one")
    make("two")
    make("done", state="own")
    assert "Findings (2)" in text(admin_client.get(reverse("admin:index")))


def test_it_is_declared_at_a_tool(admin_client: Client):
    finding = make()
    tool = Tool.objects.get(key=CHAT)

    send(admin_client, changing(finding), {"tool": tool.pk})

    assert Cookie.objects.get(tool=tool).name == "mystery"
    finding.refresh_from_db()
    assert finding.state == "declared"


def test_name_that_no_tool_can_declare_changes_nothing(admin_client: Client):
    finding = make("*")

    page = send(admin_client, changing(finding), {"tool": Tool.objects.get(key=CHAT).pk})

    assert "is not a valid cookie name" in errors(page)["tool"][0]
    finding.refresh_from_db()
    assert finding.state == "open"


def test_declaring_needs_a_tool_and_ignoring_a_reason(admin_client: Client):
    finding = make()

    assert errors(send(admin_client, changing(finding), {"state": "declared"})).keys() == {"state"}
    assert errors(send(admin_client, changing(finding), {"state": "ignored"})).keys() == {"reason"}
    send(admin_client, changing(finding), {"state": "ignored", "reason": "A test."})

    finding.refresh_from_db()
    assert (finding.state, finding.reason) == ("ignored", "A test.")


def test_host_is_added_to_a_tool_by_whoever_may_change_code(admin_client: Client):
    finding = make("cdn.example", kind="host", directive="img-src", source="reported")
    bundled = ToolFactory.create(snippet="", category=Tool.objects.get(key=CHAT).category)
    client = editor("view_finding", "change_finding", "change_tool")
    assert "tool" not in fields(client.get(changing(finding)))

    send(admin_client, changing(finding), {"tool": bundled.pk})

    bundled.refresh_from_db()
    assert bundled.sources == "img-src https://cdn.example"


def test_several_are_called_ours_at_once(admin_client: Client):
    rows = [make("one"), make("two")]

    data = {"action": "is_ours", "_selected_action": [row.pk for row in rows]}
    admin_client.post(reverse(FINDINGS), data)

    assert set(Finding.objects.values_list("state", flat=True)) == {"own"}


def test_inbox_names_tools_that_nobody_seems_to_use(admin_client: Client, today):
    Tool.objects.update(since=1)
    Sighting.objects.create(kind="cookie", name="_px_*", since=today(-100), last_seen=today(0))

    page = admin_client.get(reverse(FINDINGS))

    (said,) = [str(message) for message in page.context["messages"]]
    assert said.startswith("Declared but never seen in 90 days: ")
    assert Tool.objects.get(key=ANALYTICS).name in said


def test_check_counts_only_what_nobody_can_forge():
    make("forged", problem="refused")
    make("done", source="set", state="own")
    assert check_findings(databases=["default"]) == []

    make("ours", source="set")
    (warning,) = check_findings(databases=["default"])
    assert (warning.id, "ours" in warning.msg) == ("consent.W041", True)


def test_middleware_that_is_missing_is_said(settings):
    assert check_middleware() == []
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if path != OURS]
    assert [message.id for message in check_middleware()] == ["consent.W040"]


@pytest.mark.django_db(transaction=True)
def test_check_says_that_the_tables_are_missing():
    with no_table(Finding):
        (warning,) = check_findings(databases=["default"])

    assert warning.id == "consent.W024"
    assert "manage.py migrate" in warning.hint


def test_purge_deletes_open_findings_that_are_seen_no_more(today):
    make("old")
    make("old-and-ours", state="own")
    Finding.objects.create(
        **{"kind": "cookie", "name": "new", "problem": "undeclared", "source": "set"},
        **{"severity": 2, "first_seen": today(-300), "last_seen": today(-1)},
    )
    Finding.objects.filter(name__startswith="old").update(last_seen=today(-181))

    call_command("consent_purge", verbosity=0)

    assert set(Finding.objects.values_list("name", flat=True)) == {"old-and-ours", "new"}
