"""Import of a policy: all of a file or nothing, through the models' own save."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DataError, IntegrityError, transaction
from django.db.models import F

from consent.models import Category, Policy, RegionRule
from consent.transfer import report, tools
from consent.transfer.clashes import repeated_keys, too_many
from consent.transfer.files import read, rules_of
from consent.transfer.importing_categories import store_categories
from consent.transfer.importing_tools import store_tools
from consent.transfer.report import Report, asked_again, assign
from consent.transfer.tools import Row
from consent.transfer.translations import kept, with_stored
from consent.transfer.wording import TransferError, change, printable, shown
from consent.transfer.work import Options, Work, begin


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
            options = Options(delete=delete, cosmetic=cosmetic, may_edit_code=may_edit_code)
            result = _Import(data, options).run(dry_run=dry_run)
            if dry_run:
                transaction.set_rollback(True)
    except (DataError, IntegrityError) as error:
        reason = printable(str(error))
        raise TransferError([f"The database refuses the file: {reason}"]) from error
    return result


class _Import:
    """One import, in a transaction that its caller opens."""

    def __init__(self, data: Row, options: Options) -> None:
        stored = _locked(data["policy"]["key"])
        self._work = work = begin(data, stored, options)
        self._revision = work.policy.revision
        self._lifetime = work.policy.lifetime_days
        self._controller = work.policy.controller_name
        self._was_in_use = stored is not None and stored.is_default
        in_use = Policy.objects.in_use().values_list("key", flat=True)
        self._others = [key for key in in_use if key != data["policy"]["key"]]

    def run(self, *, dry_run: bool) -> Report:
        """Store what differs, and return the report."""
        work = self._work
        if problems := [*self._problems()]:
            raise TransferError(problems)
        self._store_policy()
        with work.policy.one_revision():
            gone = store_categories(work)
            store_tools(work)
            Category.objects.filter(pk__in=[category.pk for category in gone]).delete()
        if work.code and not work.options.may_edit_code:
            raise TransferError(work.code)
        if work.policy.is_default:
            work.differences += (
                f"~ policy {key}: is_default: true → false" for key in self._others
            )
        return Report(
            key=work.policy.key,
            differences=tuple(work.differences),
            kept=(*work.kept, *kept(work)),
            notes=tuple(work.notes),
            asked=tuple(self._asked()) if work.differences else (),
            dry_run=dry_run,
        )

    def _problems(self) -> Iterator[str]:
        work = self._work
        if self._was_in_use and not self._others and not work.data["policy"]["is_default"]:
            yield (
                "policy.is_default: false would leave the website without a policy in use; "
                "write true, or bring another policy into use first."
            )
        in_file = {category["key"] for category in work.data["categories"]}
        kept = {key: row for key, row in work.categories.items() if key not in in_file}
        tools_kept = work.tools.keys() - work.keys_of_tools
        if work.options.delete:
            kept, tools_kept = {}, set()
        yield from repeated_keys(work.data["categories"], kept, tools_kept)
        yield from too_many(work.data["categories"], kept.values())

    def _store_policy(self) -> None:
        work, policy = self._work, self._work.policy
        is_new = policy._state.adding
        changed = assign(policy, with_stored(work, policy, work.data["policy"]))
        if is_new:
            work.differences.append(f"+ policy {policy.key} {shown(policy.name)}")
        else:
            work.differences += report.changes(f"policy {policy.key}", changed)
        if changed or (self._others and policy.is_default):
            policy.save()
        _store_rules(work)

    def _asked(self) -> Iterator[str]:
        policy = self._work.policy
        if not policy.is_default:
            yield "nobody: the policy is not in use"
        elif not policy.tools.filter(enabled=True, category__essential=False).exists():
            yield "nobody: no optional tool is enabled"
        elif self._others:
            yield "everybody: another policy comes into use"
        elif not self._was_in_use:
            yield "nobody: no policy was in use; visitors are asked when they first come"
        elif self._controller and policy.controller_name != self._controller:
            yield "everybody: another controller receives their data"
        else:
            yield from asked_again(policy, self._work.reasons, self._revision, self._lifetime)


def _store_rules(work: Work) -> None:
    policy, rules = work.policy, work.data["region_rules"]
    stored = rules_of(policy)
    if stored == rules:
        return
    what = change(report.rules(stored), report.rules(rules))
    work.differences.append(f"~ policy {policy.key}: region_rules: {what}")
    # All of them: the meaning of one depends on those before it.
    policy.region_rules.all().delete()
    for order, rule in enumerate(rules, start=1):
        RegionRule(policy=policy, order=order, **rule).save()


def _locked(key: str) -> Policy | None:
    """Return the policy ``key`` with its row locked until the transaction ends.

    A write that changes nothing locks on every database, and leaves ``changed_at`` alone.
    """
    rows = Policy.objects.filter(key=key)
    rows.update(changed_at=F("changed_at"))
    return rows.first()
