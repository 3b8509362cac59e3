"""Helpers for the admin's tests: editors with few permissions, and the forms of a page."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from consent.models import Policy

TOOLS = "admin:consent_tool_changelist"
TOOL = "admin:consent_tool_change"
ADD_TOOL = "admin:consent_tool_add"
CATEGORIES = "admin:consent_category_changelist"
CATEGORY = "admin:consent_category_change"
POLICIES = "admin:consent_policy_changelist"
POLICY = "admin:consent_policy_change"

# Fields of which several boxes may be ticked.
BOXES = {"consent_types"}


def editor(*permissions: str) -> Client:
    """Return a client that is logged in as staff with just these permissions."""
    name = f"editor-{User.objects.count()}"
    user = User.objects.create_user(name, password="secret", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    assert user.user_permissions.count() == len(permissions)
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, address: str, changes: Mapping[str, Any], press: str = "_save") -> Any:
    """Open the page, change fields of its form, press a button, and return the page that comes.

    A change to None leaves the field out, as an unticked box is.
    """
    page = client.get(address)
    assert page.status_code == 200
    data: dict[str, Any] = {**fields(page), **changes, press: "1"}
    sent = {name: value for name, value in data.items() if value is not None}
    return client.post(address, sent, follow=press != "_preview")


def asked(page: Any) -> list[str]:
    """Return the values of the boxes by which the editor confirms what the page warns of."""
    return re.findall(r'name="confirmed" value="(\w+)"', page.content.decode())


def confirm(client: Client, address: str, changes: Mapping[str, Any], *reasons: str) -> Any:
    """Save, expect to be asked with these reasons, tick the box, and save again."""
    page = send(client, address, changes)
    content = page.content.decode()
    assert [reason for reason in reasons if escape(reason) not in content] == []
    assert len(asked(page)) == 1
    return send(client, address, {**changes, "confirmed": asked(page)})


def fields(page: Any) -> dict[str, Any]:
    """Return what a browser would send of the page's form if nobody touched it."""
    parser = _Form()
    parser.feed(page.content.decode())
    return parser.values


def said(page: Any) -> list[str]:
    """Return the messages that the page shows the editor."""
    return [str(message) for message in page.context["messages"]]


def errors(page: Any) -> dict[str, list[str]]:
    """Return the form's errors by field."""
    return dict(page.context["adminform"].form.errors)


def history(thing: models.Model) -> list[str]:
    """Return the history of an object, newest first."""
    entries = LogEntry.objects.filter(object_id=str(thing.pk)).order_by("-pk")
    return [entry.get_change_message() for entry in entries if entry.is_change()]


def live_policy() -> str:
    """Return the policy page as a visitor gets it now."""
    return Client().get(reverse("consent:policy")).content.decode()


def live_page() -> str:
    """Return a page as a visitor who has not decided gets it now."""
    return Client().get(reverse("home")).content.decode()


def revision() -> int:
    """Return the revision of the policy in use."""
    return Policy.objects.get(is_default=True).revision


class _Form(HTMLParser):
    """Reads the fields of the admin's main form: the one with the buttons to save."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self._inside = False
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            identifier = given.get("id") or ""
            self._inside = identifier.endswith(("_form", "changelist-form"))
        elif not self._inside or "__prefix__" in name:
            return
        elif tag == "input":
            self._input(name, given)
        elif tag == "textarea":
            self._textarea, self.values[name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and (self._select not in self.values or "selected" in given):
            self.values[self._select] = given.get("value") or ""

    def _input(self, name: str, given: dict[str, str | None]) -> None:
        kind = given.get("type")
        if kind in ("submit", "search") or name in ("_selected_action", ""):
            return
        if kind == "checkbox" and "checked" not in given:
            return
        value = given.get("value") or ("on" if kind == "checkbox" else "")
        # Boxes of one name are a list.
        self.values[name] = [*self.values.get(name, []), value] if name in BOXES else value

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            # A browser drops the line break that Django writes first.
            text = self.values.get(self._textarea, "")
            self.values[self._textarea] = text.removeprefix("\r\n").removeprefix("\n")
            self._textarea = ""
