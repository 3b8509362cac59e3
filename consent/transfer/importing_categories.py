"""The step of an import that stores categories."""

from __future__ import annotations

from collections.abc import Iterator

from consent.models import Category
from consent.transfer import report
from consent.transfer.files import rising
from consent.transfer.report import assign
from consent.transfer.tools import Row
from consent.transfer.translations import with_stored
from consent.transfer.wording import shown
from consent.transfer.work import Work


def store_categories(work: Work) -> list[Category]:
    """Return those that are to be deleted, once they have no tools any more."""
    stored = list(work.categories.values())
    is_renumbered = _renumber(stored)
    wanted = [(data["key"], data) for data in work.data["categories"]]
    absent = [row for row in stored if row.key not in dict(wanted)]
    if not work.options.delete:
        work.kept += [f"category {row.key}" for row in absent]
        wanted += [(row.key, {"order": order}) for row, order in _free_orders(work, absent)]
    changed = {key for key, data in wanted if _has_changed(work, key, data)}
    for key, _data in wanted:
        if key in changed or (changed and is_renumbered):
            work.categories[key].save(cosmetic=work.options.cosmetic)
    if not work.options.delete:
        return []
    work.differences += [f"- category {row.key} {shown(row.name)}" for row in absent]
    return absent


def _renumber(stored: list[Category]) -> bool:
    """Give the rows orders that rise, and return whether any was changed."""
    orders = rising([row.order for row in stored])
    is_renumbered = orders != [row.order for row in stored]
    for row, order in zip(stored, orders, strict=True):
        row.order = order
    return is_renumbered


def _free_orders(work: Work, kept: list[Category]) -> Iterator[tuple[Category, int]]:
    """Return for categories that stay an ``order`` that no other category has."""
    taken = {category["order"] for category in work.data["categories"]}
    for row in kept:
        order = row.order
        while order in taken:
            order += 1
        taken.add(order)
        yield row, order


def _has_changed(work: Work, key: str, data: Row) -> bool:
    row = work.categories.setdefault(key, Category(policy=work.policy))
    is_new = row._state.adding
    fields = {name: value for name, value in data.items() if name != "tools"}
    changed = assign(row, with_stored(work, row, fields))
    if is_new:
        what = "essential" if row.essential else "optional"
        line = f"+ category {key} {shown(row.name)} ({what}): {shown(row.purpose)}"
        work.differences.append(line)
    else:
        work.differences += report.changes(f"category {key}", changed)
        if "essential" in changed and row.essential:
            work.code.append(
                f"category {key}: this lets its tools run for everybody; import it without "
                "--no-code, or leave that out."
            )
    work.reasons[key] = report.why_category(changed, is_new=is_new)
    return bool(changed)
