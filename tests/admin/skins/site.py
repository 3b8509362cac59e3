"""Render all pages of the admin in a skin: ``python -m tests.admin.skins.site``.

With a port as its argument, it serves the site instead. Either way it prints JSON.
"""

from __future__ import annotations

import json
import sys
from io import StringIO
from typing import Any, NamedTuple
from uuid import uuid4

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import run  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.urls import resolve, reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from consent.events.models import Delivery  # noqa: E402
from consent.findings.models import Finding  # noqa: E402
from consent.models import Category, Policy, PolicyVersion, Record, Tool  # noqa: E402
from tests.admin.helpers import fields  # noqa: E402
from tests.factories import PolicyFactory, ToolFactory  # noqa: E402
from tests.helpers import OPTIONAL, SAME_ORIGIN  # noqa: E402

API = "/consent/api/preferences/"


# Of a vendor that has a recipe, and of one that has none.
PASTED = """
<script src="https://js.hs-scripts.com/1234567.js"></script>
<script src="https://cdn.acme.example/w.js" onload="go()"></script>
<script>document.write(document.cookie = "acme=1")</script>
"""


class Visit(NamedTuple):
    """A page to look at. ``data``: what is sent, after what the page's own form contains."""

    address: str
    data: dict[str, Any] | None = None


def fill() -> None:
    """Fill the database as that of the demo is, with decisions, events and a history."""
    call_command("migrate", verbosity=0)
    with override_settings(DEBUG=True):
        call_command("demo_seed", stdout=StringIO())
    PolicyFactory.create(spare=True, key="spare")
    ToolFactory.create(key="survey", name="Survey", category=Category.objects.get(key="functional"))
    for number in range(4):
        choices = {key: bool(number % 2) for key in OPTIONAL}
        sent = {"content_type": "application/json", "headers": SAME_ORIGIN}
        assert Client().put(API, {"choices": choices}, **sent).status_code == 200
    _deliver(Tool.objects.get(key="webhooks"))
    _find()


def _deliver(tool: Tool) -> None:
    now = timezone.now()
    for state in Delivery.State.values:
        waits = state == Delivery.State.WAITING
        Delivery.objects.create(
            event=uuid4(),
            tool=tool,
            tool_name=tool.name,
            name="Signed Up",
            policy=tool.policy.key,
            regime="opt_in",
            gpc=False,
            state=state,
            created_at=now,
            due_at=now if waits else None,
            ended_at=None if waits else now,
        )


def _find() -> None:
    day = timezone.now().date()
    for severity, name in enumerate(("_fbp", "mystery")):
        Finding.objects.create(
            kind="cookie",
            name=name,
            problem="undeclared",
            source="set",
            severity=severity,
            place="/journal/",
            first_seen=day,
            last_seen=day,
        )


def editor() -> Client:
    """Return a client that is logged in as the admin."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username="admin"))
    return client


def visits() -> dict[str, Visit]:
    """Return the pages by name. Those of other apps are named “foreign”."""
    record, version = Record.objects.latest("pk"), PolicyVersion.objects.latest("pk")
    delivery, finding = Delivery.objects.latest("pk"), Finding.objects.latest("pk")
    return {
        **_foreign(),
        **_lists(record),
        **_policies_and_categories(),
        **_tools(),
        "record": _of("consent_record_change", record),
        "record history": _of("consent_record_history", record),
        **_people(record),
        "version": _of("consent_policyversion_change", version),
        "version history": _of("consent_policyversion_history", version),
        "delivery": _of("consent_events_delivery_change", delivery),
        "delivery history": _of("consent_events_delivery_history", delivery),
        "findings": _of("consent_findings_finding_changelist"),
        "finding": _of("consent_findings_finding_change", finding),
        "finding history": _of("consent_findings_finding_history", finding),
    }


def _foreign() -> dict[str, Visit]:
    user = User.objects.get(username="admin")
    return {
        "foreign index": _of("index"),
        "foreign list": _of("auth_user_changelist"),
        "foreign add": _of("auth_user_add"),
        "foreign form": _of("auth_user_change", user),
        "foreign history": _of("auth_user_history", user),
        "foreign delete": _of("auth_user_delete", user),
    }


def _lists(record: Record) -> dict[str, Visit]:
    records = reverse("admin:consent_record_changelist")
    deliveries = reverse("admin:consent_events_delivery_changelist")
    return {
        "app": Visit(reverse("admin:app_list", args=["consent"])),
        "tools": _of("consent_tool_changelist"),
        "tools searched": _of("consent_tool_changelist", query="?q=google"),
        "tools filtered": _of("consent_tool_changelist", query="?enabled__exact=0"),
        "categories": _of("consent_category_changelist"),
        "policies": _of("consent_policy_changelist"),
        "versions": _of("consent_policyversion_changelist"),
        "records": Visit(records),
        "records filtered": Visit(f"{records}?from=2026-01-01&category=-functional"),
        "records by receipt": Visit(f"{records}?q={record.receipt}"),
        "records by no receipt": Visit(f"{records}?q=mine"),
        "statistics": _of("consent_counter_changelist"),
        "statistics of a year": _of("consent_counter_changelist", query="?days=365"),
        "deliveries": Visit(deliveries),
        "deliveries searched": Visit(f"{deliveries}?q=Signed&state__exact=dead"),
    }


def _people(record: Record) -> dict[str, Visit]:
    whose = f"?subject={record.subject}" if record.subject else f"?receipt={record.receipt}"
    on = f"{whose}&on={timezone.localdate().isoformat()}"
    return {
        "person": _of("consent_record_subject", query=whose),
        "person on a day": _of("consent_record_subject", query=on),
        "erase person": _of("consent_record_subject_erase", query=whose),
    }


def _policies_and_categories() -> dict[str, Visit]:
    found = {}
    for name, thing in {
        "policy": Policy.objects.get(is_default=True),
        "spare policy": Policy.objects.get(is_default=False),
        "category": Category.objects.get(key="functional"),
        "policy category": Category.objects.get(key="essential"),
    }.items():
        model = thing._meta.model_name
        found[f"add {model}"] = _of(f"consent_{model}_add")
        found[f"add {model} with errors"] = Visit(
            reverse(f"admin:consent_{model}_add"), {"name": ""}
        )
        found[name] = _of(f"consent_{model}_change", thing)
        found[f"{name} with errors"] = Visit(found[name].address, {"name": ""})
        found[f"{name} history"] = _of(f"consent_{model}_history", thing)
        if name != "policy":
            found[f"delete {name}"] = _of(f"consent_{model}_delete", thing)
    policy = Policy.objects.get(is_default=True)
    german = _of("consent_policy_translations", policy, "?language=de")
    found["translations"] = german
    found["translations, no language"] = _of("consent_policy_translations", policy)
    typed = {f"policy-{policy.pk}-notice_text": "Kurz"}
    found["translations with errors"] = Visit(german.address, typed)
    chosen = {"action": "delete_selected", "index": "0"}
    listed = reverse("admin:consent_category_changelist")
    for key in ("functional", "advertising"):
        pk = Category.objects.get(key=key).pk
        found[f"delete selected, {key}"] = Visit(listed, {**chosen, "_selected_action": [pk]})
    return found


def _tools() -> dict[str, Visit]:
    add = reverse("admin:consent_tool_add")
    tools = {key: Tool.objects.get(key=key) for key in ("google-analytics", "survey", "webhooks")}
    found = {
        "catalogue": Visit(add),
        "catalogue searched": Visit(f"{add}?q=google"),
        "catalogue without result": Visit(f"{add}?q=nothing+like+this"),
        "what was pasted": Visit(add, {"pasted": PASTED}),
        "pasted words": Visit(add, {"pasted": "Please add the chat."}),
        "events": _of("consent_tool_events", tools["webhooks"]),
        "events with secret": Visit(
            _of("consent_tool_events", tools["webhooks"]).address, {"_show": "1"}
        ),
    }
    for recipe in ("google-analytics", "custom", "webhooks", "youtube"):
        address = f"{add}?recipe={recipe}"
        found[f"add {recipe}"] = Visit(address)
        found[f"add {recipe} with errors"] = Visit(address, {"name": "", "_save": "1"})
        found[f"add {recipe} with what was found"] = Visit(address, {"_fill_in": "1"})
        found[f"preview of new {recipe}"] = Visit(address, {"_preview": "1"})
    for key, tool in tools.items():
        form = _of("consent_tool_change", tool)
        found[key] = form
        found[f"{key} with errors"] = Visit(form.address, {"name": ""})
        found[f"preview of {key}"] = Visit(form.address, {"_preview": "1"})
        found[f"{key} history"] = _of("consent_tool_history", tool)
        found[f"delete {key}"] = _of("consent_tool_delete", tool)
    chosen = {"action": "delete_selected", "index": "0", "_selected_action": [tool.pk]}
    return {
        **found,
        "delete selected tools": Visit(reverse("admin:consent_tool_changelist"), chosen),
    }


def _of(name: str, thing: Any = None, query: str = "") -> Visit:
    return Visit(reverse(f"admin:{name}", args=[thing.pk] if thing else []) + query)


def look(client: Client, visit: Visit) -> tuple[int, str, str]:
    """Return status and HTML of the page, and the name of its URL."""
    name = resolve(visit.address.partition("?")[0]).url_name or ""
    try:
        page: Any = client.get(visit.address)
        if visit.data is not None and page.status_code == 200:
            page = client.post(visit.address, {**fields(page), **visit.data})
    except Exception as error:  # What the page says of it is what the test reports.
        return 500, f"{type(error).__name__}: {error}", name
    return page.status_code, page.content.decode(), name


if __name__ == "__main__":
    fill()
    client = editor()
    pages = visits()
    if sys.argv[1:]:
        addresses = {name: visit.address for name, visit in pages.items() if visit.data is None}
        session = client.cookies["sessionid"].value
        print(json.dumps({"session": session, "addresses": addresses}), flush=True)  # noqa: T201
        run(
            "127.0.0.1",
            int(sys.argv[1]),
            StaticFilesHandler(get_wsgi_application()),
            threading=True,
        )
    else:
        print(json.dumps({name: look(client, visit) for name, visit in pages.items()}))  # noqa: T201
