"""Which choices the visitors of django-cookie-consent can keep, as a setting to paste."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils import timezone

from consent.models import Category, Policy, Tool
from consent.transfer.cookie_consent.document import Document
from consent.transfer.cookie_consent.groups import OldGroup


def setting_for(policy: str, groups: Iterable[OldGroup], document: Document) -> list[str]:
    """Return the lines of the setting CONSENT_CARRY_OVER for the stored ``policy`` (its key).

    A group is left out, with the reason among ``document.lost``, if its category means something
    else by now than what visitors accepted.
    """
    found = Policy.objects.get(key=policy).categories.prefetch_related("tools")
    categories = {category.key: category for category in found}
    lines = []
    for group in groups:
        category = categories[document.keys[group.varname]]
        revision = _covered(group, category, document.vendors[group.varname])
        if revision:
            lines.append(f"{group.varname!r}: {(category.key, group.version, revision)!r},")
        elif not group.is_required:
            document.lost.append(
                f"choices about group {group.varname}: the category {category.key} has another "
                "purpose or other tools than the group, so visitors are asked about it"
            )
    return [
        "CONSENT_CARRY_OVER = {",
        f'    "on": "{timezone.now().date().isoformat()}",',
        '    "groups": {',
        *(f"        {line}" for line in lines),
        "    },",
        "}",
    ]


def _covered(group: OldGroup, category: Category, vendors: Mapping[str, str]) -> int:
    """Return the revision at which a grant covers what the group contained, and nothing else.

    0 if there is none: the category means something else than what visitors accepted.
    """
    is_same = category.purpose == group.purpose and not category.sale
    if group.is_required or category.essential or not is_same:
        return 0
    tools = list(category.tools.all())
    others = [tool.since for tool in tools if not _is_of_group(tool, vendors)]
    end = min(others, default=None)
    meant = [category.since, *(t.since for t in tools if _is_of_group(t, vendors))]
    fitting = [since for since in meant if end is None or since < end]
    return max(fitting) if category.since in fitting else 0


def _is_of_group(tool: Tool, vendors: Mapping[str, str]) -> bool:
    """Say whether it still is what was made of the group's cookies, with no other receiver."""
    is_plain = tool.is_only_declared and not tool.sources.strip()
    return is_plain and vendors.get(tool.key) == tool.vendor
