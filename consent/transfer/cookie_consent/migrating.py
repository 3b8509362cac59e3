"""The migration: all of it in one transaction, and a report that a person reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.db import transaction

from consent.models import Policy
from consent.recipes.keys import MAX_CATEGORIES
from consent.transfer.cookie_consent.carried import setting_for
from consent.transfer.cookie_consent.document import Document
from consent.transfer.cookie_consent.groups import OldGroup, count_log_items, read_groups
from consent.transfer.files import FORMAT, export_policy
from consent.transfer.importing import import_policy
from consent.transfer.report import Report
from consent.transfer.serializers import PolicySerializer
from consent.transfer.wording import TransferError, printable


@dataclass
class Migration:
    """What was made, or, as a dry run, would be made.

    ``groups``: a line for each group. ``lost``: what cannot be carried over. ``report``: what
    changed in the policy. ``setting``: how visitors keep their choices; nothing in a dry run.
    """

    report: Report
    groups: list[str]
    lost: list[str]
    setting: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """All of it as a terminal shows it."""
        lines = ["Groups of django-cookie-consent:", *(f"  {line}" for line in self.groups)]
        lines += ["Cannot be carried over:", *(f"  {line}" for line in self.lost or ["nothing"])]
        lines += self.report.lines
        return [*lines, "", *self.setting] if self.setting else lines


def migrate(*, key: str, dry_run: bool = False) -> Migration:
    """Make the policy ``key`` of what django-cookie-consent has stored, or add what is missing.

    ``dry_run``: do all of it, and roll it back. Raises TransferError, and changes nothing, where
    that app is not installed or has no groups, or where the policy would be invalid.
    """
    with transaction.atomic():
        groups, top = read_groups(), _document(key)
        document = Document(top["categories"])
        document.add(groups)
        _refuse_too_many(document)
        lost = [*_general_losses(), *document.lost]
        report = _imported(top, key, dry_run=dry_run)
        document.lost.clear()
        setting = [] if dry_run else _setting(key, groups, document)
    lines = [_described(group, document) for group in groups]
    return Migration(report, lines, [*lost, *document.lost], setting)


def _document(key: str) -> dict[str, Any]:
    """Return the document of the stored policy, or one of a new policy without categories."""
    if Policy.objects.filter(key=key).exists():
        stored: dict[str, Any] = json.loads(export_policy(key).text)
        return stored
    in_use = Policy.objects.default()
    # Without tools nobody was asked about anything yet, so that it can be replaced.
    is_default = in_use is None or not in_use.tools.exists()
    policy = PolicySerializer(Policy(key=key, is_default=is_default)).data
    return {"format": FORMAT, "policy": policy, "region_rules": [], "categories": []}


def _imported(top: dict[str, Any], key: str, *, dry_run: bool) -> Report:
    is_first = top["policy"]["is_default"] and not Policy.objects.filter(key=key).exists()
    report = import_policy(json.dumps(top), key=key, dry_run=dry_run)
    # Nobody was asked by this app yet, and in the other one they may have chosen.
    asked = ("visitors whose choice in django-cookie-consent is not carried over",)
    return replace(report, asked=asked) if is_first else report


def _setting(key: str, groups: list[OldGroup], document: Document) -> list[str]:
    if Policy.objects.followed().filter(key=key).exists():
        paste = "To carry visitors' choices over, add this to your settings:"
        return [paste, "", *setting_for(key, groups, document)]
    # To activate it asks everybody who was asked by the other one, so its revisions rise.
    return [
        f"The policy {key} is not active, as the active one has tools. Activate it in the admin, "
        "and run this command again: it then prints the setting that carries choices over."
    ]


def _refuse_too_many(document: Document) -> None:
    optional = [row for row in document.categories if not row["essential"]]
    if len(optional) > MAX_CATEGORIES:
        names = {key: varname for varname, key in document.keys.items()}
        listed = ", ".join(printable(names.get(row["key"], "") or row["key"]) for row in optional)
        raise TransferError(
            [
                f"{len(optional)} groups are not required, and a policy has at most "
                f"{MAX_CATEGORIES} optional categories: {listed}. Merge some of them in the admin "
                "of django-cookie-consent, and run this command again."
            ]
        )


def _general_losses() -> list[str]:
    lost = ["how long cookies are kept: it is not stored there; enter it in the admin"]
    if count := count_log_items():
        lost.append(f"log items ({count}): they name nobody, so they cannot become records")
    if getattr(settings, "COOKIE_CONSENT_OPT_OUT", False):
        lost.append(
            "COOKIE_CONSENT_OPT_OUT: the new policy asks first; where the law allows another legal "
            "basis, choose it in the admin"
        )
    return lost


def _described(group: OldGroup, document: Document) -> str:
    what = "essential" if group.is_required else "optional"
    count = len(group.cookies)
    cookies = f"{count} cookie{'' if count == 1 else 's'}"
    tools = ", ".join(document.vendors[group.varname])
    key = document.keys[group.varname]
    return f"{printable(group.varname)} → category {key} ({what}); {cookies} → {tools}"
