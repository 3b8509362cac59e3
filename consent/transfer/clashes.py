"""What prevents that a file's categories and tools join those of the policy that stay."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from consent.models import Category
from consent.recipes.keys import MAX_CATEGORIES
from consent.transfer.serializers import keys_in
from consent.transfer.tools import Row
from consent.transfer.wording import shown


def repeated_keys(
    categories: list[Row], kept: Collection[str], tools_kept: Collection[str]
) -> Iterator[str]:
    """Find keys in the file that something of the other kind has, which stays."""
    in_file = {category["key"] for category in categories}
    for path, key in keys_in(categories):
        if key in (tools_kept if key in in_file else kept):
            what = "tool" if key in in_file else "category"
            yield (
                f"{path}.key: {shown(key)} is the key of a {what} that is here and not in the "
                "file; choose another key, or remove it with --delete."
            )


def too_many(categories: list[Row], kept: Collection[Category]) -> Iterator[str]:
    """Find more optional categories than a cookie has room for."""
    optional = sum(not row["essential"] for row in categories)
    count = optional + sum(not row.essential for row in kept)
    if count > MAX_CATEGORIES:
        names = ", ".join(sorted(row.key for row in kept))
        more = f" with those that are kept: {names}" if kept else ""
        yield (
            f"categories: {count} are not essential{more}; "
            f"a policy has at most {MAX_CATEGORIES} of them. Merge some."
        )
