"""What decides is read from the database that is written to, however far behind a replica is.

The router of these tests reads from a database without tables, so that each such read fails.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections, models
from django.test import Client

from consent.models import Policy, Record, Tool
from consent.policy import policies
from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]

API = "/consent/api/preferences/"


class ReadsFromReplica:
    """A router that reads this app's models elsewhere than it writes them."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == "consent" else None

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str:
        return "default"


@pytest.fixture(autouse=True)
def site(settings, monkeypatch) -> Iterator[Policy]:
    policy = small_site()
    replica = {**connection.settings_dict, "NAME": ":memory:", "OPTIONS": {}}
    replica["ENGINE"] = "django.db.backends.sqlite3"
    monkeypatch.setitem(connections.databases, "replica", replica)
    settings.CONSENT_LOGIN_SYNC = settings.CONSENT_RECORD_USER = True
    settings.DATABASE_ROUTERS = [f"{__name__}.ReadsFromReplica"]
    policies.forget()
    yield policy
    connections["replica"].close()
    del connections["replica"]


def put(client: Client, *granted: str, **more: object) -> Any:
    choices = {key: key in granted for key in OPTIONAL}
    body = {"choices": choices, **more}
    return client.put(API, body, content_type="application/json", headers=SAME_ORIGIN)


def test_pages_and_decisions_read_no_replica():
    client = Client()

    assert client.get("/").status_code == 200
    assert put(client, "functional").status_code == 200
    assert Record.objects.using("default").count() == 1


def test_own_receipts_are_there_at_once():
    client = Client()
    put(client, "functional")

    assert len(client.get("/consent/api/receipts/").json()) == 1


def test_text_of_a_page_that_is_stored_is_found():
    client = Client()

    assert put(client, version="0" * 16).status_code == 200


def test_signing_in_takes_the_users_latest_decision():
    user = get_user_model().objects.create_superuser("ada", password="secret")
    phone, laptop = Client(), Client()
    phone.force_login(user)
    put(phone, "functional")

    laptop.post("/admin/login/", {"username": "ada", "password": "secret"})

    assert "functional" in laptop.cookies["consent.account"].value


def test_change_of_a_vendor_is_stamped():
    tool = Tool.objects.using("default").select_related("category__policy").first()
    tool.vendor = "Another"
    tool.save()
    stamped = tool.since

    tool.name = "Renamed"
    tool.save()

    assert Tool.objects.using("default").get(pk=tool.pk).since == stamped > 2
