"""The step of an import that stores tools and the cookies that they declare."""

from __future__ import annotations

from consent.models import Category, Cookie, Tool
from consent.transfer import report, tools
from consent.transfer.report import assign
from consent.transfer.tools import Row
from consent.transfer.translations import with_stored
from consent.transfer.work import Work


def store_tools(work: Work) -> None:
    """Store the tools of the file; delete or keep those that it does not have."""
    in_file = work.keys_of_tools
    absent = [tool for key, tool in work.tools.items() if key not in in_file]
    if not work.options.delete:
        work.kept += [f"tool {tool.key}" for tool in absent]
    for category in work.data["categories"]:
        for data in sorted(category["tools"], key=tools.order):
            _store_tool(work, work.categories[category["key"]], data)
    if work.options.delete:
        lines = (f"- {report.described(row, len(row.cookies.all()))}" for row in absent)
        work.differences += lines
        Tool.objects.filter(pk__in=[row.pk for row in absent]).delete()


def _store_tool(work: Work, category: Category, data: Row) -> None:
    row = work.tools.get(data["key"], Tool(policy=work.policy))
    is_new = row._state.adding
    fields = _fields(work, row, data)
    changed = assign(row, {**fields, "category": category})
    if tools.changes_code(row, changed, is_new=is_new):
        work.code.append(
            f"tool {row.key}: this changes which scripts run, or for whom; import it without "
            "--no-code, or leave that out."
        )
    if is_new:
        work.differences += report.added_tool(row, len(data["cookies"]))
    else:
        work.differences += report.changes(f"tool {row.key}", changed, recipe=row.recipe)
    work.reasons[row.key] = report.why_tool(changed, is_new=is_new)
    if changed:
        row.save(cosmetic=work.options.cosmetic)
    _store_cookies(work, row, data["cookies"], is_new=is_new)


def _fields(work: Work, row: Tool, data: Row) -> Row:
    """Return the file's values of the tool's fields; it stays off where a secret is missing."""
    row.parameters = tools.filled(row)
    parameters = tools.completed(row, data)
    enabled = data["enabled"]
    if lacking := tools.lacking(row, data, parameters):
        work.notes.append(report.lacking(data["key"], lacking))
        enabled = False
    fields = {**with_stored(work, row, data), "parameters": parameters, "enabled": enabled}
    del fields["cookies"], fields["left_out"]
    return fields


def _store_cookies(work: Work, tool: Tool, wanted: list[Row], *, is_new: bool) -> None:
    rows = {} if is_new else {(row.kind, row.name): row for row in tool.cookies.all()}
    for data in sorted(wanted, key=tools.cookie_identity):
        row = rows.pop(tools.cookie_identity(data), Cookie(tool=tool))
        what = f"{data['kind']} {data['name']} of {tool.key}"
        is_added = row._state.adding
        changed = assign(row, with_stored(work, row, data))
        if changed:
            row.save()
        if is_added and not is_new:
            work.differences.append(f"+ {what}")
        elif not is_added:
            work.differences += report.changes(what, changed)
    for kind, name in sorted(rows):
        if work.options.delete:
            work.differences.append(f"- {kind} {name} of {tool.key}")
            rows[kind, name].delete()
        else:
            work.kept.append(f"{kind} {name} of {tool.key}")
