"""The groups and cookies that django-cookie-consent has stored, as plain data.

Fields and their meaning: https://github.com/jazzband/django-cookie-consent (``models.py``), the
same in 0.6 and 1.0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import DatabaseError, models

from consent.transfer.tools import Row
from consent.transfer.wording import TransferError, printable

APP = "cookie_consent"
_GROUP = ("pk", "varname", "name", "description", "is_required", "is_deletable")
_COOKIE = ("cookiegroup_id", "name", "description", "path", "domain", "created")


@dataclass(frozen=True)
class OldCookie:
    """A cookie of a group; ``domain`` is "" where it belongs to the website itself."""

    name: str
    description: str
    path: str
    domain: str

    @property
    def vendor(self) -> str:
        """The domain in small letters, without the dot that stands for its subdomains."""
        return self.domain.lower().strip().lstrip(".")

    def __str__(self) -> str:
        return f"cookie “{printable(self.name)}”" + (f" ({self.domain})" if self.domain else "")


@dataclass(frozen=True)
class OldGroup:
    """A group of cookies. ``version``: when its newest cookie was added, "" without cookies.

    A visitor who accepted the group has that in their cookie, as the group had it then.
    """

    pk: int
    varname: str
    name: str
    description: str
    is_required: bool
    is_deletable: bool
    version: str
    cookies: tuple[OldCookie, ...]

    @property
    def title(self) -> str:
        """Its name, which may be blank, or else its variable name."""
        return self.name.strip() or self.varname

    @property
    def purpose(self) -> str:
        """Its description, or else its name."""
        return self.description.strip() or self.title


def read_groups() -> list[OldGroup]:
    """Return all groups in their order. Raises TransferError where there is nothing to read."""
    try:
        rows = list(_model("CookieGroup").order_by("ordering", "pk").values(*_GROUP))
        cookies = _cookies_by_group()
    except DatabaseError as error:
        raise TransferError(
            [f"The tables of django-cookie-consent cannot be read: {error} Run manage.py migrate."]
        ) from error
    if not rows:
        raise TransferError(["django-cookie-consent has no groups, so there is nothing to do."])
    return [_group(row, cookies[row["pk"]]) for row in rows]


def count_log_items() -> int:
    """Return how many entries its log has."""
    return _model("LogItem").count()


def _model(name: str) -> models.QuerySet[Any]:
    try:
        rows: models.QuerySet[Any] = apps.get_model(APP, name)._default_manager.all()
    except LookupError as error:
        raise TransferError(
            [
                "The app django-cookie-consent is not installed here: “cookie_consent” is not in "
                "INSTALLED_APPS. Leave it there until this command has run."
            ]
        ) from error
    return rows


def _cookies_by_group() -> Mapping[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in _model("Cookie").order_by("pk").values(*_COOKIE):
        found[row["cookiegroup_id"]].append(row)
    return found


def _group(row: Row, cookies: list[Row]) -> OldGroup:
    created: list[datetime] = [cookie["created"] for cookie in cookies]
    return OldGroup(
        **{**row, "name": row["name"] or "", "description": row["description"] or ""},
        version=max(created).isoformat() if created else "",
        cookies=tuple(
            OldCookie(*(cookie[name] or "" for name in ("name", "description", "path", "domain")))
            for cookie in cookies
        ),
    )
