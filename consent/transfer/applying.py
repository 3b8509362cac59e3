"""Stores what a file holds: all of it or nothing, through the models' own save."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.db import DataError, IntegrityError, transaction
from django.db.models import F

from consent.models import Category, Cookie, Policy, RegionRule, Tool
from consent.transfer.asking import asked_again, has_something_to_ask
from consent.transfer.comparing import differences
from consent.transfer.document import CategoryData, Document, ToolData, in_order, secrets, values
from consent.transfer.merging import merge
from consent.transfer.problems import TransferError
from consent.transfer.reading import read_text
from consent.transfer.report import Report
from consent.transfer.rules import problems
from consent.transfer.showing import printable
from consent.transfer.stored import read_stored

NOT_IN_USE = "nobody: the policy is not in use"
NOTHING_TO_ASK = "nobody: no optional tool is enabled"
FIRST = "nobody: no policy was in use; visitors are asked when they first come"
EVERYBODY = "everybody: another policy comes into use"


def import_policy(
    text: str,
    *,
    key: str | None = None,
    delete: bool = False,
    cosmetic: bool = False,
    dry_run: bool = False,
) -> Report:
    """Make a stored policy what ``text`` (a file's) holds, and return what that changed.

    ``key``: the policy to change or create, instead of the one that the file names. ``delete``:
    remove its categories, tools and cookies that the file does not have. ``cosmetic``: new wording
    means the same, so nobody is asked again for it. ``dry_run``: do all of it, and take it back.

    A second run changes nothing. Raises TransferError, and changes nothing, where anything in the
    file or in its going together with what is stored is not right.
    """
    # First: where the catalogue is broken, no tool can be judged.
    secrets("")
    document = read_text(text)
    if key is not None:
        document = replace(document, policy=replace(document.policy, key=key))
    if found := problems(document):
        raise TransferError(found)
    document = replace(document, categories=in_order(document.categories))
    try:
        with transaction.atomic():
            report = _Import(document, delete=delete, cosmetic=cosmetic).run(dry_run=dry_run)
            if dry_run:
                transaction.set_rollback(True)
    except (DataError, IntegrityError) as error:
        reason = printable(str(error))
        raise TransferError([f"The database refuses the file: {reason}"]) from error
    return report


class _Import:
    """One import, in a transaction that its caller opens."""

    def __init__(self, file: Document, *, delete: bool, cosmetic: bool) -> None:
        self._file = file
        self._delete = delete
        self._cosmetic = cosmetic
        self._policy = _locked(file.policy.key)
        self._before = read_stored(self._policy) if self._policy else None
        self._revision = self._policy.revision if self._policy else 0
        in_use = Policy.objects.in_use().values_list("key", flat=True)
        self._others = [key for key in in_use if key != file.policy.key]
        self._was_in_use = self._policy is not None and self._policy.is_default

    def run(self, *, dry_run: bool) -> Report:
        """Store what differs, and return the report."""
        if self._was_in_use and not self._others and not self._file.policy.is_default:
            raise TransferError(
                [
                    "policy.is_default: false would leave the website without a policy in use; "
                    "write true, or bring another policy into use first."
                ]
            )
        merged = merge(self._before, self._file, delete=self._delete)
        told = [*differences(self._before, merged.document), *self._taken_over()]
        policy = self._store(merged.document) if told else self._policy
        return Report(
            key=self._file.policy.key,
            differences=tuple(told),
            kept=merged.kept,
            notes=merged.notes,
            asked=tuple(self._asked(policy)) if told and policy else (),
            dry_run=dry_run,
        )

    def _taken_over(self) -> Iterator[str]:
        if self._file.policy.is_default:
            yield from (f"~ policy {key}: is_default: true → false" for key in self._others)

    def _asked(self, policy: Policy) -> Iterator[str]:
        if not policy.is_default:
            yield NOT_IN_USE
        elif not has_something_to_ask(policy):
            yield NOTHING_TO_ASK
        elif self._others:
            yield EVERYBODY
        elif self._before is None or not self._was_in_use:
            yield FIRST
        else:
            yield from asked_again(policy, self._before, self._revision)

    def _store(self, after: Document) -> Policy:
        policy = self._policy or Policy()
        before = self._before
        is_changed = before is None or before.policy != after.policy
        if is_changed or (self._others and after.policy.is_default):
            _assign(policy, after.policy)
            policy.save()
        if (before.region_rules if before else ()) != after.region_rules:
            _store_region_rules(policy, after)
        with policy.one_revision():
            _Rows(policy, before, cosmetic=self._cosmetic).store(after)
        return policy


class _Rows:
    """The categories, tools and cookies of a policy."""

    def __init__(self, policy: Policy, before: Document | None, *, cosmetic: bool) -> None:
        self._policy = policy
        self._before = before.by_category if before else {}
        self._tools_before = before.by_tool if before else {}
        self._cosmetic = cosmetic
        # Through the policy, so that all of them share this instance of it.
        self._categories = {category.key: category for category in policy.categories.all()}
        self._tools = {tool.key: tool for tool in policy.tools.all()}

    def store(self, after: Document) -> None:
        """Make the rows what ``after`` says.

        Tools go first and categories last: a category cannot go while a tool is in it.
        """
        gone = self._tools.keys() - after.by_tool.keys()
        Tool.objects.filter(policy=self._policy, key__in=gone).delete()
        orders = {key: category.order for key, category in self._before.items()}
        is_reordered = orders != {c.key: c.order for c in after.categories}
        for category in after.categories:
            self._store_category(category, is_reordered=is_reordered)
        for category, tool in after.placed():
            self._store_tool(category, tool)
        unused = self._categories.keys() - after.by_category.keys()
        Category.objects.filter(policy=self._policy, key__in=unused).delete()

    def _store_category(self, data: CategoryData, *, is_reordered: bool) -> None:
        before = self._before.get(data.key)
        is_changed = before is None or values(before) != values(data)
        row = self._categories.setdefault(data.key, Category(policy=self._policy))
        # Equal numbers in the database are told apart in a document: then all are written.
        if is_changed or (is_reordered and row.order != data.order):
            order = data.order if is_reordered else row.order
            _assign(row, data)
            row.order = order
            row.save(cosmetic=self._cosmetic)

    def _store_tool(self, category: CategoryData, data: ToolData) -> None:
        before_category, before = self._tools_before.get(data.key, (None, None))
        row = self._tools.setdefault(data.key, Tool())
        row.category = self._categories[category.key]
        row.policy = self._policy
        is_moved = before_category is None or before_category.key != category.key
        if before is None or is_moved or _without_cookies(before) != _without_cookies(data):
            _assign(row, data)
            row.parameters = dict(data.parameters)
            row.save(cosmetic=self._cosmetic)
        if before is None or before.cookies != data.cookies:
            _store_cookies(row, data)


def _locked(key: str) -> Policy | None:
    """Return the policy ``key`` with its row locked until the transaction ends.

    A write that changes nothing locks on every database, and leaves ``changed_at`` alone.
    """
    rows = Policy.objects.filter(key=key)
    rows.update(revision=F("revision"))
    return rows.first()


def _store_region_rules(policy: Policy, data: Document) -> None:
    """Replace the rules: what one of them means depends on those before it."""
    policy.region_rules.all().delete()
    for order, rule in enumerate(data.region_rules, start=1):
        row = RegionRule(policy=policy, order=order)
        _assign(row, rule)
        row.save()


def _assign(row: Any, data: object) -> None:
    for name, value in values(data).items():
        setattr(row, name, value)


def _without_cookies(tool: ToolData) -> ToolData:
    return replace(tool, cookies=())


def _store_cookies(tool: Tool, data: ToolData) -> None:
    rows = {(cookie.kind, cookie.name): cookie for cookie in tool.cookies.all()}
    wanted = data.by_cookie
    for key, row in rows.items():
        if key not in wanted:
            row.delete()
    for key, cookie in wanted.items():
        row = rows.get(key, Cookie(tool=tool))
        if any(getattr(row, name) != value for name, value in values(cookie).items()):
            _assign(row, cookie)
            row.save()
