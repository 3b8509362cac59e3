"""Import of a policy: all of a file or nothing, through the models' own save."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DataError, IntegrityError, transaction
from django.db.models import F

from consent.models import Category, Cookie, Policy, RegionRule, Tool
from consent.transfer import report, tools
from consent.transfer.clashes import repeated_keys, too_many
from consent.transfer.files import read, rising, rules_of
from consent.transfer.report import Report, asked_again, assign
from consent.transfer.tools import Row
from consent.transfer.wording import TransferError, change, printable, shown


def import_policy(
    text: str,
    *,
    key: str | None = None,
    delete: bool = False,
    cosmetic: bool = False,
    may_edit_code: bool = True,
    dry_run: bool = False,
) -> Report:
    """Make a stored policy equal to ``text`` (a file's), and return what that changed.

    ``key``: the policy to change or create, instead of the one that the file names. ``delete``:
    remove its categories, tools and cookies that the file does not have. ``cosmetic``: new wording
    means the same, so nobody is asked again for it. Without ``may_edit_code``, a file that would
    let other scripts run is refused. ``dry_run``: do all of it, and roll it back.

    A second run changes nothing. Raises TransferError, and changes nothing, where anything in the
    file is invalid or does not fit what is stored.
    """
    # First: while the catalogue is invalid, no tool can be checked.
    tools.secret_parameters("")
    data = read(text)
    if key is not None:
        data["policy"]["key"] = key
    try:
        with transaction.atomic():
            result = _Import(
                data, delete=delete, cosmetic=cosmetic, may_edit_code=may_edit_code
            ).run(dry_run=dry_run)
            if dry_run:
                transaction.set_rollback(True)
    except (DataError, IntegrityError) as error:
        reason = printable(str(error))
        raise TransferError([f"The database refuses the file: {reason}"]) from error
    return result


class _Import:
    """One import, in a transaction that its caller opens."""

    def __init__(self, data: Row, *, delete: bool, cosmetic: bool, may_edit_code: bool) -> None:
        self._data = data
        self._delete = delete
        self._cosmetic = cosmetic
        self._may_edit_code = may_edit_code
        self._code: list[str] = []
        stored = _locked(data["policy"]["key"])
        self._policy = stored or Policy()
        self._revision = self._policy.revision
        self._lifetime = self._policy.lifetime_days
        self._was_in_use = stored is not None and stored.is_default
        in_use = Policy.objects.in_use().values_list("key", flat=True)
        self._others = [key for key in in_use if key != data["policy"]["key"]]
        # Through the policy, so that all of them share this instance of it.
        categories = list(stored.categories.order_by("order", "pk")) if stored else []
        self._categories = {row.key: row for row in categories}
        self._tools = {t.key: t for t in stored.tools.prefetch_related("cookies")} if stored else {}
        by_pk = {row.pk: row for row in self._categories.values()}
        for tool in self._tools.values():
            tool.category = by_pk[tool.category_id]
        self._in_file = {tool["key"] for each in data["categories"] for tool in each["tools"]}
        self._differences: list[str] = []
        self._kept: list[str] = []
        self._notes: list[str] = []
        # Of categories and tools by key: what is new about them, for who is asked again.
        self._reasons: dict[str, str] = {}

    def run(self, *, dry_run: bool) -> Report:
        """Store what differs, and return the report."""
        if problems := [*self._problems()]:
            raise TransferError(problems)
        self._store_policy()
        with self._policy.one_revision():
            gone = self._store_categories()
            self._store_tools()
            Category.objects.filter(pk__in=[category.pk for category in gone]).delete()
        if self._code and not self._may_edit_code:
            raise TransferError(self._code)
        return Report(
            key=self._policy.key,
            differences=tuple(self._differences),
            kept=tuple(self._kept),
            notes=tuple(self._notes),
            asked=tuple(self._asked()) if self._differences else (),
            dry_run=dry_run,
        )

    def _problems(self) -> Iterator[str]:
        if self._was_in_use and not self._others and not self._data["policy"]["is_default"]:
            yield (
                "policy.is_default: false would leave the website without a policy in use; "
                "write true, or bring another policy into use first."
            )
        in_file = {category["key"] for category in self._data["categories"]}
        kept = {key: row for key, row in self._categories.items() if key not in in_file}
        tools_kept = self._tools.keys() - self._in_file
        if self._delete:
            kept, tools_kept = {}, set()
        yield from repeated_keys(self._data["categories"], kept, tools_kept)
        yield from too_many(self._data["categories"], kept.values())

    def _store_policy(self) -> None:
        policy, rules = self._policy, self._data["region_rules"]
        is_new = policy._state.adding
        changed = assign(policy, self._data["policy"])
        if is_new:
            self._differences.append(f"+ policy {policy.key} {shown(policy.name)}")
        else:
            self._differences += report.changes(f"policy {policy.key}", changed)
        if changed or (self._others and policy.is_default):
            policy.save()
        stored = rules_of(policy)
        if stored != rules:
            what = change(report.rules(stored), report.rules(rules))
            self._differences.append(f"~ policy {policy.key}: region_rules: {what}")
            # All of them: the meaning of one depends on those before it.
            policy.region_rules.all().delete()
            for order, rule in enumerate(rules, start=1):
                RegionRule(policy=policy, order=order, **rule).save()

    def _store_categories(self) -> list[Category]:
        """Return those that are to be deleted, once they have no tools any more."""
        stored = list(self._categories.values())
        orders = rising([row.order for row in stored])
        is_renumbered = orders != [row.order for row in stored]
        for row, order in zip(stored, orders, strict=True):
            row.order = order
        wanted = [(data["key"], data) for data in self._data["categories"]]
        absent = [row for row in stored if row.key not in dict(wanted)]
        if not self._delete:
            self._kept += [f"category {row.key}" for row in absent]
            wanted += [(row.key, {"order": order}) for row, order in self._free_orders(absent)]
        changed = {key for key, data in wanted if self._has_changed(key, data)}
        for key, _data in wanted:
            if key in changed or (changed and is_renumbered):
                self._categories[key].save(cosmetic=self._cosmetic)
        if not self._delete:
            return []
        self._differences += [f"- category {row.key} {shown(row.name)}" for row in absent]
        return absent

    def _free_orders(self, kept: list[Category]) -> Iterator[tuple[Category, int]]:
        """Return for categories that stay an ``order`` that no other category has."""
        taken = {category["order"] for category in self._data["categories"]}
        for row in kept:
            order = row.order
            while order in taken:
                order += 1
            taken.add(order)
            yield row, order

    def _has_changed(self, key: str, data: Row) -> bool:
        row = self._categories.setdefault(key, Category(policy=self._policy))
        is_new = row._state.adding
        data = {name: value for name, value in data.items() if name != "tools"}
        changed = assign(row, data)
        if is_new:
            what = "essential" if row.essential else "optional"
            line = f"+ category {key} {shown(row.name)} ({what}): {shown(row.purpose)}"
            self._differences.append(line)
        else:
            self._differences += report.changes(f"category {key}", changed)
        self._reasons[key] = report.why_category(changed, is_new=is_new)
        return bool(changed)

    def _store_tools(self) -> None:
        absent = [tool for key, tool in self._tools.items() if key not in self._in_file]
        if not self._delete:
            self._kept += [f"tool {tool.key}" for tool in absent]
        for category in self._data["categories"]:
            for data in sorted(category["tools"], key=tools.order):
                self._store_tool(self._categories[category["key"]], data)
        if self._delete:
            lines = (f"- {report.described(row, len(row.cookies.all()))}" for row in absent)
            self._differences += lines
            Tool.objects.filter(pk__in=[row.pk for row in absent]).delete()
        if self._policy.is_default:
            self._differences += (
                f"~ policy {key}: is_default: true → false" for key in self._others
            )

    def _store_tool(self, category: Category, data: Row) -> None:
        row = self._tools.get(data["key"], Tool(policy=self._policy))
        is_new = row._state.adding
        row.parameters = tools.filled(row)
        parameters = tools.completed(row, data)
        enabled = data["enabled"]
        if lacking := tools.lacking(row, data, parameters):
            self._notes.append(report.lacking(data["key"], lacking))
            enabled = False
        fields = {"category": category, **data, "parameters": parameters, "enabled": enabled}
        cookies = fields.pop("cookies")
        del fields["left_out"]
        changed = assign(row, fields)
        if tools.changes_code(row, changed, is_new=is_new):
            self._code.append(
                f"tool {row.key}: this changes which scripts run, or for whom; import it without "
                "--no-code, or leave that out."
            )
        if is_new:
            self._differences += report.added_tool(row, len(cookies))
        else:
            self._differences += report.changes(f"tool {row.key}", changed, recipe=row.recipe)
        self._reasons[row.key] = report.why_tool(changed, is_new=is_new)
        if changed:
            row.save(cosmetic=self._cosmetic)
        self._store_cookies(row, cookies, is_new=is_new)

    def _store_cookies(self, tool: Tool, wanted: list[Row], *, is_new: bool) -> None:
        rows = {} if is_new else {(row.kind, row.name): row for row in tool.cookies.all()}
        for data in sorted(wanted, key=tools.cookie_identity):
            row = rows.pop(tools.cookie_identity(data), Cookie(tool=tool))
            what = f"{data['kind']} {data['name']} of {tool.key}"
            is_added = row._state.adding
            changed = assign(row, data)
            if changed:
                row.save()
            if is_added and not is_new:
                self._differences.append(f"+ {what}")
            elif not is_added:
                self._differences += report.changes(what, changed)
        for kind, name in sorted(rows):
            if self._delete:
                self._differences.append(f"- {kind} {name} of {tool.key}")
                rows[kind, name].delete()
            else:
                self._kept.append(f"{kind} {name} of {tool.key}")

    def _asked(self) -> Iterator[str]:
        policy = self._policy
        if not policy.is_default:
            yield "nobody: the policy is not in use"
        elif not policy.tools.filter(enabled=True, category__essential=False).exists():
            yield "nobody: no optional tool is enabled"
        elif self._others:
            yield "everybody: another policy comes into use"
        elif not self._was_in_use:
            yield "nobody: no policy was in use; visitors are asked when they first come"
        else:
            yield from asked_again(policy, self._reasons, self._revision, self._lifetime)


def _locked(key: str) -> Policy | None:
    """Return the policy ``key`` with its row locked until the transaction ends.

    A write that changes nothing locks on every database, and leaves ``changed_at`` alone.
    """
    rows = Policy.objects.filter(key=key)
    rows.update(changed_at=F("changed_at"))
    return rows.first()
