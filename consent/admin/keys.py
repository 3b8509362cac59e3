"""Keys that the admin makes of names."""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import chain, count

from django.utils.text import slugify

from consent.models import Category, Policy, Tool


def keys_in(policy: Policy | None) -> set[str]:
    """Return the keys that the categories and tools of ``policy`` have."""
    return {
        *Category.objects.filter(policy=policy).values_list("key", flat=True),
        *Tool.objects.filter(policy=policy).values_list("key", flat=True),
    }


def free_key(wanted: str, taken: Container[str], *, longest: int = 40) -> str:
    """Return ``wanted`` as a key of at most ``longest`` characters that is not taken."""
    words = "-".join(re.findall("[a-z0-9]+", slugify(wanted)))
    stem = words[: longest - len("-999")].strip("-") or "custom"
    candidates = chain([stem], (f"{stem}-{number}" for number in count(2)))
    return next(candidate for candidate in candidates if candidate not in taken)
