"""A website that does not list ``consent.events``: nothing of it is there, and the rest works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
SETTINGS = "tests.events.site_without_events"
SETUP = """
import django
django.setup()
from io import StringIO
from django.core.management import call_command
from django.test.utils import setup_test_environment
setup_test_environment()
"""
MIGRATED = f'{SETUP}\ncall_command("migrate", verbosity=0)\n'

pytestmark = pytest.mark.once


def on_site(code: str) -> list[str]:
    """Run `code` in a process of the website, and return the lines that it prints."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=TOP,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_it_has_no_tables_of_events():
    lines = on_site(f"""{MIGRATED}
from django.db import connection
print(*connection.introspection.table_names(), sep="\\n")
""")

    assert "consent_tool" in lines
    assert not [name for name in lines if "delivery" in name or "signing" in name]


def test_its_migrations_are_complete():
    on_site(f'{SETUP}\ncall_command("makemigrations", check_changes=True, dry_run=True)')


def test_its_checks_are_silent_about_events():
    lines = on_site(f"""{MIGRATED}
from django.conf import settings
from django.core.checks import run_checks
settings.CONSENT_EVENTS_TIMEOUT = "none of these settings is looked at"
settings.CONSENT_EVENTS_TASKS = "nowhere"
call_command("consent_init", verbosity=0, stdout=StringIO())
for message in run_checks(databases=["default"]):
    print(message.id, message.msg)
""")

    assert not [line for line in lines if "event" in line.lower()]


def test_its_catalogue_has_no_server_side_tool():
    lines = on_site(f"""{SETUP}
from consent.recipes import catalogue
print(*sorted({{recipe.kind for recipe in catalogue().values()}}))
print("zapier" in catalogue(), "webhooks" in catalogue())
""")

    assert lines == ["browser embed", "False False"]


@pytest.mark.parametrize("name", ["track", "atrack", "track_for", "atrack_for", "EventError"])
def test_track_says_what_to_add(name):
    (line,) = on_site(f"""{SETUP}
from django.core.exceptions import ImproperlyConfigured
try:
    from consent import {name}
except ImproperlyConfigured as error:
    print(error)
""")

    assert line.startswith(f"consent.{name} ")
    assert "add 'consent.events' to INSTALLED_APPS" in line


def test_name_that_is_nowhere_is_still_an_attribute_error():
    (line,) = on_site(f'{SETUP}\nimport consent\nprint(hasattr(consent, "send"))')

    assert line == "False"


def test_none_of_it_is_imported():
    lines = on_site(f"""{MIGRATED}
import sys
from django.urls import get_resolver
get_resolver().url_patterns
print([name for name in sys.modules if name.startswith("consent.events")])
""")

    assert lines == ["[]"]


def test_its_admin_has_no_page_of_events():
    lines = on_site(f"""{MIGRATED}
from django.contrib.auth import get_user_model
from django.test import Client
from consent.models import Category, Policy, Tool
call_command("consent_init", verbosity=0, stdout=StringIO())
category = Category.objects.first()
# As a backup has it that was made with the app.
tool = Tool(category=category, policy=category.policy, key="zapier", name="Zapier",
    recipe="zapier", parameters={{"hook_url": "x"}})
Tool.objects.bulk_create([tool])
client = Client()
client.force_login(get_user_model().objects.create_superuser("admin"))
index = client.get("/admin/").content.decode()
page = client.get(f"/admin/consent/tool/{{tool.pk}}/change/").content.decode()
print("Deliveries" in index, "Policies" in index)
print("/events/" in page, client.get(f"/admin/consent/tool/{{tool.pk}}/events/").status_code)
print(client.get("/admin/consent/tool/add/").status_code)
""")

    # What Django's admin does with an address that it does not know is to redirect it.
    assert lines == ["False True", "False 302", "200"]


def test_visitors_decide_and_pages_follow():
    lines = on_site(f"""{MIGRATED}
from django.test import Client
from consent.models import Category, Policy, Record, Tool
call_command("consent_init", verbosity=0, stdout=StringIO())
category = Category.objects.get(key="marketing-analytics")
Tool.objects.create(category=category, policy=category.policy, key="chat", name="Chat",
    snippet="<script>chat()</script>")
client = Client(headers={{"Sec-Fetch-Site": "same-origin"}})
choices = {{"functional": False, "marketing-analytics": True, "advertising": False}}
def put(choices):
    return client.put("/consent/api/preferences/", {{"choices": choices}},
        content_type="application/json").status_code
print(client.get("/consent/preferences/").status_code)
print(put(choices), put(dict.fromkeys(choices, False)))
print(*Record.objects.order_by("pk").values_list("action", flat=True))
call_command("consent_purge")
""")

    assert lines[:3] == ["200", "200 200", "chosen withdrawn"]
    assert not [line for line in lines if "events" in line]
